package watch_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/plugin/host"
	"ddc/plugin/watch"
	"ddc/rpc/rpctestpb"
)

// sleepyLimit is the time of a call in hostThatIsStopped.
const sleepyLimit = 10 * time.Second

// hostThatIsStopped makes one call, which waits for a named pipe, and says what
// came of it.
func hostThatIsStopped() {
	if err := os.Setenv(envRole, "plugin"); err != nil {
		panic(err)
	}
	h, err := host.New(host.Options{Command: self, CallTimeout: sleepyLimit})
	if err != nil {
		panic(err)
	}
	w := watch.Start(h, watch.Options{Bound: time.Second, Say: func(s string) { fmt.Println("hang:", s) }, Abort: func(error) {}})
	answered := make(chan error, 1)
	go func() {
		client := rpctestpb.NewTestClient(h.Conn("sleepy"))
		_, err := client.Echo(context.Background(), &rpctestpb.Packet{Text: "pass " + os.Getenv(envFIFO)})
		answered <- err
	}()
	for {
		if look, ok := h.Plugin("sleepy").Look(); ok && len(look.Calls) == 1 {
			fmt.Println(look.PID)
			break
		}
		time.Sleep(time.Millisecond)
	}
	err = <-answered
	w.Stop()
	fmt.Println(err, h.Plugin("sleepy").Stats().Restarts, len(w.Hangs()))
	if err := h.Close(); err != nil {
		panic(err)
	}
	os.Exit(0)
}

// envFIFO names the pipe.
const envFIFO = "DDC_TEST_FIFO"

// As a laptop that sleeps in the middle of a call, in the eyes of its
// processes.
func TestWholeTreeThatWasStoppedLongerThanACallMayTakeHangsNobody(t *testing.T) {
	if testing.Short() {
		t.Skip("is stopped for longer than a call may take")
	}
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	path, err := os.Executable()
	require.NoError(t, err)
	sleeper := exec.CommandContext(t.Context(), path)
	sleeper.Env = append(os.Environ(), envRole+"=stopped host", envFIFO+"="+fifo)
	sleeper.Stderr = os.Stderr
	out, err := sleeper.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, sleeper.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	var plugin int
	_, err = fmt.Sscan(lines.Text(), &plugin)
	require.NoError(t, err)

	// The host first and last, so that it sees the plugin stopped for none of
	// the time.
	await.Freeze(t, sleeper.Process.Pid)
	await.Freeze(t, plugin)
	stopped := time.Now()
	await.Until(t, "the stop to outlast the call's time", func() bool { return time.Since(stopped) > sleepyLimit+sleepyLimit/2 })
	require.NoError(t, syscall.Kill(plugin, syscall.SIGCONT))
	require.NoError(t, sleeper.Process.Signal(syscall.SIGCONT))
	open, err := os.OpenFile(fifo, os.O_RDWR, 0)
	require.NoError(t, err)
	assert.True(t, lines.Scan())
	assert.Equal(t, "<nil> 0 0", lines.Text(), "error, restarts, hangs")
	assert.False(t, lines.Scan())
	assert.NoError(t, sleeper.Wait())
	assert.NoError(t, open.Close())
}
