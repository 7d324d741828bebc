package plugin

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/inspect"
	"ddc/internal/await"
	"ddc/rpc/rpctestpb"
)

// victim notes why it was killed.
type victim struct{ killed atomic.Pointer[error] }

func (v *victim) kill(cause error) { v.killed.Store(&cause) }

func (v *victim) cause() error {
	if cause := v.killed.Load(); cause != nil {
		return *cause
	}
	return nil
}

func TestTimeInWhichTheHostDidNotRunDoesNotCountForACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stopped atomic.Int64 // what the clock has gone on by while nothing ran
		p := newPatience(2 * time.Minute)
		p.now = func() time.Time { return time.Now().Add(time.Duration(stopped.Load())) }
		runs := func(d time.Duration) { time.Sleep(d); synctest.Wait() }

		var long victim
		a := p.begin(&long, "Long", "")
		runs(60 * time.Second)
		stopped.Add(int64(90 * time.Second))
		runs(40 * time.Second)
		stopped.Add(int64(time.Hour))
		var late victim
		b := p.begin(&late, "Late", "") // before anybody has noted the hour
		runs(15 * time.Second)
		assert.NoError(t, long.cause(), "115 s of the machine's time, and an hour and a half of the clock's")
		runs(10 * time.Second)
		assert.EqualError(t, long.cause(), "Long was not answered within 2m0s")
		assert.True(t, p.end(a))
		runs(90 * time.Second)
		assert.NoError(t, late.cause())
		runs(10 * time.Second)
		assert.EqualError(t, late.cause(), "Late was not answered within 2m0s")
		assert.True(t, p.end(b))
		runs(time.Minute)
		p.mu.Lock()
		defer p.mu.Unlock()
		assert.Nil(t, p.timer, "nobody is waited for")
	})
}

func TestLookThatIsABitLateIsNoAbsence(t *testing.T) {
	start := time.Now()
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	a := absences{every: 2 * time.Second}
	a.begin(at(0))
	for _, s := range []int{2, 5, 9, 11} {
		a.note(at(s))
	}
	assert.Zero(t, a.since(at(0), at(11)))
	a.note(at(23)) // ten late
	assert.Equal(t, 10*time.Second, a.since(at(0), at(24)))
	assert.Equal(t, 3*time.Second, a.since(at(20), at(24)), "of what began in the middle, the rest")
	assert.Zero(t, a.since(at(23), at(24)))
	assert.Equal(t, 10*time.Second+15*time.Second, a.since(at(0), at(40)), "one that is not noted yet counts")
	a.forget(at(23))
	assert.Zero(t, a.since(at(0), at(24)))
}

func TestWatchdogDoesNotTakeAStopOfTheHostForAStuckHandler(t *testing.T) {
	h := &Host{options: Options{CallTimeout: 2 * time.Minute}}
	w := &Watchdog{host: h}
	w.absences.every = time.Second
	start := time.Now()
	w.absences.begin(start)
	stuck := inspect.Diagnosis{Kind: inspect.HandlerStuck, Name: "slow", Since: 100 * time.Second}
	w.note(start.Add(91 * time.Second))
	assert.False(t, w.watched(stuck, start.Add(92*time.Second)), "ten seconds of it ran")
	for s := range 60 {
		w.note(start.Add(time.Duration(92+s) * time.Second))
	}
	stuck.Since = 155 * time.Second
	assert.True(t, w.watched(stuck, start.Add(152*time.Second)))
}

// sleepyLimit is the time of a call in hostThatIsStopped.
const sleepyLimit = 10 * time.Second

// hostThatIsStopped makes one call, which waits for a named pipe, and says what came of it.
func hostThatIsStopped() {
	if err := os.Setenv(envRole, "plugin"); err != nil {
		panic(err)
	}
	h, err := NewHost(Options{Command: self, CallTimeout: sleepyLimit})
	if err != nil {
		panic(err)
	}
	w := h.Watch(WatchdogOptions{Bound: time.Second, Say: func(s string) { fmt.Println("hang:", s) }, Abort: func(error) {}})
	answered := make(chan error, 1)
	go func() {
		client := rpctestpb.NewTestClient(h.Conn("sleepy"))
		_, err := client.Echo(context.Background(), &rpctestpb.Packet{Text: "pass " + os.Getenv(envGate)})
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

// envGate names the pipe.
const envGate = "DDC_TEST_GATE"

// As a laptop that sleeps in the middle of a call, in the eyes of its processes.
func TestWholeTreeThatWasStoppedLongerThanACallMayTakeHangsNobody(t *testing.T) {
	if testing.Short() {
		t.Skip("is stopped for longer than a call may take")
	}
	gate := filepath.Join(t.TempDir(), "gate")
	require.NoError(t, syscall.Mkfifo(gate, 0o600))
	path, err := os.Executable()
	require.NoError(t, err)
	host := exec.CommandContext(t.Context(), path)
	host.Env = append(os.Environ(), envRole+"=stopped host", envGate+"="+gate)
	host.Stderr = os.Stderr
	out, err := host.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, host.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	var plugin int
	_, err = fmt.Sscan(lines.Text(), &plugin)
	require.NoError(t, err)

	// The host first and last, so that it sees the plugin stopped for none of the time.
	freeze(t, host.Process.Pid)
	freeze(t, plugin)
	stopped := time.Now()
	await.Until(t, "the stop to outlast the call's time", func() bool { return time.Since(stopped) > sleepyLimit+sleepyLimit/2 })
	require.NoError(t, syscall.Kill(plugin, syscall.SIGCONT))
	require.NoError(t, host.Process.Signal(syscall.SIGCONT))
	open, err := os.OpenFile(gate, os.O_RDWR, 0)
	require.NoError(t, err)
	assert.True(t, lines.Scan())
	assert.Equal(t, "<nil> 0 0", lines.Text(), "error, restarts, hangs")
	assert.False(t, lines.Scan())
	assert.NoError(t, host.Wait())
	assert.NoError(t, open.Close())
}
