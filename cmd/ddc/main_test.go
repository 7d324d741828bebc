package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/proc"
)

// TestMain is also what the plugins of the tests are: they start this very
// binary, as a build starts ddc.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "plugin" && os.Getenv(envMischief) != "" {
		misbehave(os.Args[2])
	}
	if len(os.Args) > 2 && os.Args[1] == ownRole {
		beOwnPlugin(os.Args[2])
	}
	if folder := os.Getenv(envStall); folder != "" && len(os.Args) > 1 && os.Args[1] == "build" {
		os.Exit(program(os.Args[1:], os.Stdout, &stalling{Writer: os.Stderr, folder: folder}))
	}
	if told := os.Getenv(envReach); told != "" && len(os.Args) > 2 && !slices.Contains(pluginNames(), os.Args[2]) {
		go interruptOnceWithin(told)
	}
	// Tests count calls, and wait for them: what one build remembers is the
	// matter of those that say so.
	if _, set := os.LookupEnv(rememberVariable); !set {
		if err := os.Setenv(rememberVariable, "off"); err != nil {
			panic(err)
		}
	}
	if len(os.Args) > 1 && filepath.Base(os.Args[0]) != onscreenProgram && slices.Contains([]string{"build", "check", "init", "inspect", "plugin", "serve", "wake", "worker"}, os.Args[1]) {
		main()
	}
	testscript.Main(leakless{m}, map[string]func(){"ddc": main, onscreenProgram: beOnscreen})
}

// leakless are the tests, and after them a look for goroutines that they left.
type leakless struct{ *testing.M }

func (l leakless) Run() int {
	if code := l.M.Run(); code != 0 {
		return code
	}
	// In one process with the plugins, the highlighter's clock goes on for a
	// while after its last use, and then ends by itself.
	if err := goleak.Find(goleak.IgnoreAnyFunction("github.com/dlclark/regexp2/v2.runClock")); err != nil {
		fmt.Fprintln(os.Stderr, "goroutines are left:", err)
		return exitMachinery
	}
	return exitOK
}

// outcome is what one run of the program left.
type outcome struct {
	code           int
	stdout, stderr string
}

// ddc runs the program within the test.
func ddc(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, &stdout, &stderr)
	// No run here is meant to hang: where the watchdog speaks, it is wrong, or
	// a wake-up was lost.
	assert.NotContains(t, stderr.String(), "hangs: ")
	return outcome{code, stdout.String(), stderr.String()}
}

// write makes a site of files, given as path and content in turn.
func write(t *testing.T, folder string, files ...string) {
	t.Helper()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(folder, files[i])
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, []byte(files[i+1]), 0o666))
	}
}

// smallSite is a site that builds.
func smallSite(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "site")
	require.Zero(t, ddc(t, "init", folder).code)
	return folder
}

// tree is the content of a folder: hash by path.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		sum := sha256.Sum256(content)
		files[strings.TrimPrefix(path, folder+"/")] = hex.EncodeToString(sum[:8])
		return err
	}))
	return files
}

// nothingLeft fails if a build left a process, a descriptor, or anything in the
// temporary folder or beside the output.
func nothingLeft(t *testing.T, beside string) {
	t.Helper()
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	before := openFiles(t)
	t.Cleanup(func() {
		assert.Empty(t, proc.Descendants(os.Getpid())[1:], "processes")
		assert.Empty(t, beyond(openFiles(t), before), "descriptors")
		for _, folder := range []string{temporary, beside} {
			entries, err := os.ReadDir(folder)
			require.NoError(t, err)
			for _, e := range entries {
				assert.NotContains(t, e.Name(), "ddc-", "left in %s", folder)
			}
		}
	})
}

// beyond is what is in after and not in before, each as often as it is. What
// was there before may go: sockets of a test that has ended.
func beyond(after, before []string) (more []string) {
	before = slices.Clone(before)
	for _, file := range after {
		if i := slices.Index(before, file); i >= 0 {
			before = slices.Delete(before, i, i+1)
		} else {
			more = append(more, file)
		}
	}
	return more
}

func openFiles(t *testing.T) []string {
	t.Helper()
	r, w, err := os.Pipe() // the poller has descriptors of its own from the first pipe on
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	var open []string
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open = append(open, target)
		}
	}
	return open
}

func decodeReport(t *testing.T, o outcome) buildReport {
	t.Helper()
	var r buildReport
	decoder := json.NewDecoder(strings.NewReader(o.stdout))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&r), o.stdout)
	assert.False(t, decoder.More(), "one object")
	assert.Empty(t, r.Hangs, "the watchdog found something in a run without a fault")
	return r
}

// inOtherProcesses leaves a test out of the short run, which is for the race
// detector: what the test looks at happens in processes that it only slows
// down.
func inOtherProcesses(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("what is looked at happens in other processes, and the whole run has looked at it")
	}
}

func TestWhatTakesLongToEndSaysThatItHasHeard(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	said, words := io.Pipe()
	ended := sayIfLong(ctx, 0, words)
	interrupt()
	line := make([]byte, len(heard)+1)
	_, err := io.ReadFull(said, line) // waits until it is said
	require.NoError(t, err)
	assert.Equal(t, heard+"\n", string(line))
	ended()

	var nothing bytes.Buffer
	sayIfLong(t.Context(), 0, &nothing)()
	assert.Empty(t, nothing.String())
}
