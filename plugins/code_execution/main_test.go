package code_execution

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	pb "ddc/plugins/code_execution/code_executionpb"
)

// playPlugin, if set, makes the test binary a process that runs the sample in it and then waits to be killed.
const playPlugin = "PLAY_PLUGIN_WITH_SAMPLE"

func TestMain(m *testing.M) {
	if sample := os.Getenv(playPlugin); sample != "" {
		res, err := New().Execute(context.Background(), &pb.ExecuteRequest{Sample: script(sample), Language: shell(), TimeoutMs: 600_000})
		fmt.Fprintln(os.Stderr, "the sample ended:", res, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func TestNoChildOutlivesAPluginThatIsKilled(t *testing.T) {
	folder := writable(t)
	plugin := exec.Command(os.Args[0])
	// The pipe is a named one: a child that held the plugin's standard output would be noticed by Wait only.
	pipe := filepath.Join(folder, "pids")
	require.NoError(t, exec.Command("mkfifo", pipe).Run())
	plugin.Env = append(os.Environ(), "TMPDIR="+folder, playPlugin+"=sleep 1000 & echo $$ $! > "+pipe+"; wait")
	plugin.Stderr = os.Stderr
	require.NoError(t, plugin.Start())
	opened, err := os.Open(pipe)
	require.NoError(t, err)
	pids, err := bufio.NewReader(opened).ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, opened.Close())
	require.Len(t, strings.Fields(pids), 2)

	require.NoError(t, plugin.Process.Kill())
	assert.Error(t, plugin.Wait())
	file := filepath.Join(folder, "seen")
	require.NoError(t, os.WriteFile(file, []byte(pids), 0o600))
	assertGone(t, file)
}
