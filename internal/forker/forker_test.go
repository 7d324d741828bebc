package forker

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
	"ddc/internal/proc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func endedBy(t *testing.T, err error) syscall.Signal {
	t.Helper()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	return exit.Sys().(syscall.WaitStatus).Signal()
}

// The thread's end stands for the process's: the kernel knows no difference.
func TestProcessEndsWithItsThread(t *testing.T) {
	thread := New(nil)
	cmd := exec.Command("sleep", "1000")
	require.NoError(t, thread.Start(cmd))
	thread.Close()
	assert.Equal(t, syscall.SIGKILL, endedBy(t, cmd.Wait()))
}

func TestSignalOfTheCallerIsKept(t *testing.T) {
	thread := New(nil)
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	require.NoError(t, thread.Start(cmd))
	thread.Close()
	assert.Equal(t, syscall.SIGTERM, endedBy(t, cmd.Wait()))
}

// Go ends a thread whose goroutine ends while it is locked to it, and parks
// others for good: neither may reach a process that a Thread has started.
func TestProcessOutlivesOtherThreads(t *testing.T) {
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- Run(cmd) }()
	var others sync.WaitGroup
	for range 50 {
		others.Go(func() { runtime.LockOSThread() })
	}
	others.Wait()
	require.NoError(t, in.Close())
	assert.NoError(t, <-ended, "cat ends in good order when its input does")
}

func TestEverythingRunsOnOneThreadThatIsNotTheFirst(t *testing.T) {
	var first, second, third int
	thread := New(func() { first = syscall.Gettid() })
	defer thread.Close()
	thread.Do(func() { second = syscall.Gettid() })
	thread.Do(func() { third = syscall.Gettid() })
	assert.Equal(t, first, second)
	assert.Equal(t, first, third)
	assert.NotEqual(t, os.Getpid(), first)
}

func TestThreadEndsWithClose(t *testing.T) {
	thread := New(nil)
	var id int
	thread.Do(func() { id = syscall.Gettid() })
	thread.Close()
	// Close returns when the goroutine is about to end; the thread follows it.
	for {
		if _, err := proc.Thread(proc.Self, id); err != nil {
			assert.ErrorIs(t, err, os.ErrNotExist)
			return
		}
		runtime.Gosched()
	}
}

func TestWhatCannotStartLeavesNothing(t *testing.T) {
	assert.ErrorIs(t, Run(exec.Command("/no such program")), os.ErrNotExist)
}
