package host

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/internal/subject"
	"ddc/plugin"
	"ddc/rpc/rpctestpb"
	"ddc/wake/strategy"
)

func TestStoppedPluginIsFoundByTheCallsTimeAndReplaced(t *testing.T) {
	of := map[string]string{}
	for _, name := range strategy.Names() {
		of[name] = name
	}
	h := newHost(t, Options{WakeOf: of, CallTimeout: 10 * time.Second})
	var calls sync.WaitGroup
	for name := range of {
		first, err := echo(t, h, name, &rpctestpb.Packet{Text: "pid"})
		require.NoError(t, err)
		await.Freeze(t, int(first.Number))
		calls.Go(func() {
			second, err := echo(t, h, name, &rpctestpb.Packet{Text: "pid"})
			if assert.NoError(t, err, name) {
				assert.NotEqual(t, first.Number, second.Number, name)
				assert.Equal(t, 1, h.Plugin(name).Stats().Restarts, name)
			}
		})
	}
	calls.Wait()
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

// A call without a limit waits for ever, and one whose end says nothing but "timed
// out" is looked for in 63 pages.
func TestHangIsToldWithCallPageAndWhatThePluginWaitsFor(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		o.CallTimeout = 2 * time.Second
		h := newHost(t, o)
		ctx := subject.With(t.Context(), "content/guide/quick-start.md:14")
		_, err := rpctestpb.NewTestClient(h.Conn("runner")).Echo(ctx, &rpctestpb.Packet{Text: "process"})
		require.Equal(t, codes.Unavailable, status.Code(err))
		assert.ErrorContains(t, err, "/ddc.rpctest.Test/Echo for content/guide/quick-start.md:14 was not answered within 2s; the plugin waits for process ")
		assert.ErrorContains(t, err, " (sleep)")
	})
}

func TestHandlerThatNeverReturnsIsGivenUpWithItsName(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		o.CallTimeout = 5 * time.Second
		h := newHost(t, o)
		_, err := echo(t, h, "stuck", &rpctestpb.Packet{Text: "block"})
		require.Equal(t, codes.Unavailable, status.Code(err))
		assert.ErrorContains(t, err, "/ddc.rpctest.Test/Echo: given up after 2 attempts: plugin stuck was killed: /ddc.rpctest.Test/Echo was not answered within 5s")
		_, err = echo(t, h, "stuck", &rpctestpb.Packet{Text: "and other calls go on"})
		assert.NoError(t, err)
	})
}

func TestHandlerOfThisProcessThatNeverReturnsHoldsUpNeitherItsCallerNorStop(t *testing.T) {
	blocked := make(chan struct{})
	s := stubborn{until: blocked}
	h, err := New(Options{Local: func(string) (plugin.Service, error) { return s, nil }, CallTimeout: time.Millisecond})
	require.NoError(t, err)
	_, err = rpctestpb.NewTestClient(h.Conn("stuck")).Echo(t.Context(), &rpctestpb.Packet{Text: "stubborn"})
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
	assert.ErrorContains(t, err, "plugin stuck: /ddc.rpctest.Test/Echo was not answered within 1ms")
	now, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorContains(t, h.Stop(now), "a handler does not return")
	close(blocked)
}

// stubborn does not listen to its context.
type stubborn struct {
	testService
	until chan struct{}
}

func (s stubborn) Register(r grpc.ServiceRegistrar) { rpctestpb.RegisterTestServer(r, s) }

func (s stubborn) Echo(context.Context, *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	<-s.until
	return &rpctestpb.Packet{}, nil
}

// Ten calls are under way when one more kills the plugin, each time it is made:
// it alone is given up.
func TestCallThatKillsItsPluginTakesNoOthersAlong(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		gate := filepath.Join(t.TempDir(), "gate")
		require.NoError(t, syscall.Mkfifo(gate, 0o600))
		var calls sync.WaitGroup
		for range 10 {
			calls.Go(func() {
				_, err := echo(t, h, "mortal", &rpctestpb.Packet{Text: "pass " + gate})
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
		open, err := os.OpenFile(gate, os.O_RDWR, 0)
		require.NoError(t, err)
		calls.Wait()
		assert.NoError(t, open.Close())
		assert.Equal(t, uint64(1), h.Plugin("mortal").Stats().Errors)
	})
}
