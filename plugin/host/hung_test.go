package host

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/inspect"
	"ddc/internal/await"
	"ddc/internal/proc"
	"ddc/internal/subject"
	"ddc/plugin"
	"ddc/rpc/rpctestpb"
	"ddc/wake/strategy"
)

// outlast has the calls and streams under way of a plugin last longer than they
// may, once ready says of its present process that they are where the test
// wants them: how long they take to come there depends on the machine. It
// returns the process, which is another than last.
func outlast(t *testing.T, p *Plugin, last int, what string, ready func(pid int) bool) (pid int) {
	t.Helper()
	await.Until(t, what, func() bool {
		pid = p.Stats().PID
		return pid != 0 && pid != last && ready(pid)
	})
	p.patience.mu.Lock()
	defer p.patience.mu.Unlock()
	for a := range p.patience.attempts {
		a.began = a.began.Add(-2 * p.patience.limit)
	}
	return pid
}

// isCalled says whether a call of the plugin is under way.
func isCalled(p *Plugin) func(int) bool {
	return func(int) bool { calls, ok := p.Calls(); return ok && len(calls) > 0 }
}

// waitsForSleep says whether a process waits for one that sleeps.
func waitsForSleep(pid int) bool { return strings.Contains(inspect.Awaited(pid), " (sleep)") }

func TestStoppedPluginIsFoundByTheCallsTimeAndReplaced(t *testing.T) {
	of := map[string]string{}
	for _, name := range strategy.Names() {
		of[name] = name
	}
	h := newHost(t, Options{WakeOf: of, CallTimeout: time.Hour})
	for name := range of {
		first, err := echo(t, h, name, &rpctestpb.Packet{Text: "pid"})
		require.NoError(t, err)
		await.Freeze(t, int(first.Number))
		p, answered := h.Plugin(name), make(chan *rpctestpb.Packet, 1)
		go func() {
			second, err := rpctestpb.NewTestClient(h.Conn(name)).Echo(t.Context(), &rpctestpb.Packet{Text: "pid"})
			assert.NoError(t, err, name)
			answered <- second
		}()
		outlast(t, p, 0, "the call to be under way", isCalled(p))
		second := await.Value(t, "another process to answer", answered)
		assert.NotEqual(t, first.Number, second.GetNumber(), name)
		assert.Equal(t, 1, p.Stats().Restarts, name)
	}
}

func TestPluginThatGoesOnAfterAStopIsNotReplaced(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		first, err := echo(t, h, "napper", &rpctestpb.Packet{Text: "pid"})
		require.NoError(t, err)
		pid := int(first.Number)
		await.Freeze(t, pid)
		answered := make(chan error, 1)
		go func() {
			_, err := rpctestpb.NewTestClient(h.Conn("napper")).Echo(t.Context(), &rpctestpb.Packet{})
			answered <- err
		}()
		await.Until(t, "the call to be under way", func() bool {
			calls, ok := h.Plugin("napper").Calls()
			return ok && len(calls) == 1
		})
		require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))
		require.NoError(t, <-answered)
		assert.Zero(t, h.Plugin("napper").Stats().Restarts)
	})
}

// A call without a limit waits for ever, and one whose end says nothing but
// "timed out" is looked for in 63 pages.
func TestHangIsToldWithCallPageAndWhatThePluginWaitsFor(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		o.CallTimeout = time.Hour
		h := newHost(t, o)
		ctx, answered := subject.With(t.Context(), "content/guide/quick-start.md:14"), make(chan error, 1)
		go func() {
			_, err := rpctestpb.NewTestClient(h.Conn("runner")).Echo(ctx, &rpctestpb.Packet{Text: "process"})
			answered <- err
		}()
		pid := 0
		for range hungAttempts {
			pid = outlast(t, h.Plugin("runner"), pid, "the plugin to wait for its process", waitsForSleep)
		}
		err := await.Value(t, "the call to be given up", answered)
		require.Equal(t, codes.Unavailable, status.Code(err))
		assert.ErrorContains(t, err, "/ddc.rpctest.Test/Echo for content/guide/quick-start.md:14 was not answered within 1h0m0s; the plugin waits for process ")
		assert.ErrorContains(t, err, " (sleep)")
	})
}

// One that sleeps is another matter: its plugin is to blame.
func TestCallThatKeepsItsPluginAtWorkIsAFaultOfWhatWasAsked(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		o.CallTimeout = time.Hour
		h := newHost(t, o)
		p, answered := h.Plugin("busy"), make(chan error, 1)
		go func() {
			_, err := rpctestpb.NewTestClient(h.Conn("busy")).Echo(t.Context(), &rpctestpb.Packet{Text: "spin"})
			answered <- err
		}()
		pid := 0
		for range hungAttempts {
			last := pid
			await.Until(t, "the plugin to be seen at work", func() bool {
				pid = p.Stats().PID
				p.patience.mu.Lock()
				defer p.patience.mu.Unlock()
				for a := range p.patience.attempts {
					if pid != 0 && pid != last && workOf(a.victim) > 3*proc.Tick {
						a.seen, a.work = true, workOf(a.victim)-p.patience.limit/2
						return true
					}
				}
				return false
			})
			outlast(t, p, last, "the call to be under way", isCalled(p))
		}
		err := await.Value(t, "the call to be given up", answered)
		assert.Equal(t, codes.InvalidArgument, status.Code(err))
		assert.ErrorContains(t, err, "takes more than 1h0m0s in plugin busy, which was busy for 30m")
	})
}

func TestWorkIsASignOfNoHang(t *testing.T) {
	assert.False(t, errHung{after: time.Minute}.busy())
	assert.False(t, errHung{after: time.Minute, worked: time.Second}.busy())
	assert.True(t, errHung{after: time.Minute, worked: 20 * time.Second}.busy(), "it waited for a disk")
}

func TestHandlerThatNeverReturnsIsGivenUpWithItsName(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		o.CallTimeout = time.Hour
		h := newHost(t, o)
		p, answered := h.Plugin("stuck"), make(chan error, 1)
		go func() {
			_, err := rpctestpb.NewTestClient(h.Conn("stuck")).Echo(t.Context(), &rpctestpb.Packet{Text: "block"})
			answered <- err
		}()
		pid := 0
		for range hungAttempts {
			pid = outlast(t, p, pid, "the call to be under way", isCalled(p))
		}
		err := await.Value(t, "the call to be given up", answered)
		require.Equal(t, codes.Unavailable, status.Code(err))
		assert.ErrorContains(t, err, "/ddc.rpctest.Test/Echo: given up after 2 attempts: plugin stuck was killed: /ddc.rpctest.Test/Echo was not answered within 1h0m0s")
		_, err = echo(t, h, "stuck", &rpctestpb.Packet{Text: "and other calls go on"})
		assert.NoError(t, err)
	})
}

func TestHandlerOfThisProcessThatNeverReturnsHoldsUpNeitherItsCallerNorStop(t *testing.T) {
	blocked := make(chan struct{})
	s := stubborn{begun: make(chan struct{}, 1), until: blocked}
	h, err := New(Options{Local: func(string) (plugin.Service, error) { return s, nil }, CallTimeout: time.Millisecond})
	require.NoError(t, err)
	// A call whose time is over before it comes to its handler has none.
	for len(s.begun) == 0 {
		_, err = rpctestpb.NewTestClient(h.Conn("stuck")).Echo(t.Context(), &rpctestpb.Packet{Text: "stubborn"})
		assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
		assert.ErrorContains(t, err, "plugin stuck: /ddc.rpctest.Test/Echo was not answered within 1ms")
	}
	now, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorContains(t, h.Stop(now), "a handler does not return")
	close(blocked)
}

// stubborn does not listen to its context.
type stubborn struct {
	testService
	begun, until chan struct{}
}

func (s stubborn) Register(r grpc.ServiceRegistrar) { rpctestpb.RegisterTestServer(r, s) }

func (s stubborn) Echo(context.Context, *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	select {
	case s.begun <- struct{}{}:
	default: // another handler has
	}
	<-s.until
	return &rpctestpb.Packet{}, nil
}

// Ten calls are under way when one more kills the plugin, each time it is made:
// it alone is given up.
func TestCallThatKillsItsPluginTakesNoOthersAlong(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		fifo := filepath.Join(t.TempDir(), "fifo")
		require.NoError(t, syscall.Mkfifo(fifo, 0o600))
		var calls sync.WaitGroup
		for range 10 {
			calls.Go(func() {
				_, err := echo(t, h, "mortal", &rpctestpb.Packet{Text: "pass " + fifo})
				assert.NoError(t, err)
			})
		}
		await.Until(t, "ten calls to be under way", func() bool {
			calls, ok := h.Plugin("mortal").Calls()
			return ok && len(calls) == 10
		})
		calls.Go(func() {
			_, err := echo(t, h, "mortal", &rpctestpb.Packet{Text: "exit"})
			assert.ErrorContains(t, err, "given up after 3 attempts: plugin mortal died")
		})
		await.Until(t, "the second restart", func() bool { return h.Plugin("mortal").Stats().Restarts == 2 })
		open, err := os.OpenFile(fifo, os.O_RDWR, 0)
		require.NoError(t, err)
		await.All(t, "every call to end", &calls)
		assert.NoError(t, open.Close())
		assert.Equal(t, uint64(1), h.Plugin("mortal").Stats().Errors)
	})
}
