package host

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/rpc/rpctestpb"
)

// busy makes a call that lasts until free is called.
func busy(t *testing.T, h *Host, name string) (free func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	begun := h.Plugin(name).replicas.under()
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = rpctestpb.NewTestClient(h.Conn(name)).Echo(ctx, &rpctestpb.Packet{Text: "wait"})
	}()
	await.Until(t, "the call to be under way", func() bool { return h.Plugin(name).replicas.under() > begun })
	return func() {
		cancel()
		await.Closed(t, "the end of the call", over)
	}
}

// under counts the calls under way.
func (r *replicas) under() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.all {
		n += p.busy
	}
	return n
}

func pidOf(t *testing.T, h *Host, name string) int64 {
	t.Helper()
	answer, err := echo(t, h, name, &rpctestpb.Packet{Text: "pid"})
	require.NoError(t, err)
	return answer.Number
}

func names(h *Host) (all []string) {
	for _, p := range h.Plugins() {
		all = append(all, p.Name())
	}
	return all
}

func TestCallThatFindsAllProcessesBusyGetsAnother(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		o.Calls.Replicas = Replicas{Of: map[string]int{"many": 2}, Extra: 8}
		h := newHost(t, o)
		first := pidOf(t, h, "many")
		assert.Equal(t, first, pidOf(t, h, "many"), "nobody is busy")
		free := busy(t, h, "many")
		second := pidOf(t, h, "many")
		assert.NotEqual(t, first, second)
		free2 := busy(t, h, "many")
		assert.Contains(t, []int64{first, second}, pidOf(t, h, "many"), "there may be two")
		free()
		free2()
		assert.Equal(t, []string{"many", "many#2"}, names(h))
		for _, p := range h.Plugins() {
			assert.NotZero(t, p.Stats().PID, p.Name())
			assert.Zero(t, p.replicas.under())
		}
	})
}

func TestCallIsMadeAgainOnAnotherProcess(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		o.Calls.Replicas = Replicas{Of: map[string]int{"many": 2}, Extra: 8}
		h := newHost(t, o)
		first := pidOf(t, h, "many")
		_, err := echo(t, h, "many", &rpctestpb.Packet{Text: "exit-once " + filepath.Join(t.TempDir(), "once")})
		require.NoError(t, err)
		second := h.Plugin("many#2").Stats()
		assert.NotZero(t, second.PID)
		assert.NotEqual(t, first, int64(second.PID))
		assert.Zero(t, second.Restarts)
	})
}

func TestProcessesBeyondTheFirstAreBounded(t *testing.T) {
	h := newHost(t, Options{Calls: Calls{Replicas: Replicas{Of: map[string]int{"many": 3, "others": 3}, Extra: 1}}})
	require.NoError(t, h.Start(t.Context(), "many"))
	require.NoError(t, h.Start(t.Context(), "others"))
	assert.Equal(t, []string{"many", "many#2", "others"}, names(h))
}

func TestPluginThatCallsWaitForGetsAnotherProcess(t *testing.T) {
	h := newHost(t, Options{Calls: Calls{Replicas: Replicas{Up: func(string) int { return 2 }, Extra: 8}}})
	free := busy(t, h, "slow")
	defer free()
	pidOf(t, h, "slow")
	assert.Equal(t, []string{"slow"}, names(h), "nobody has waited for long")
	r := h.Plugin("slow").replicas
	wait := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.waited = longWait
	}
	h.spare = func() bool { return false }
	wait()
	pidOf(t, h, "slow")
	assert.Equal(t, []string{"slow"}, names(h), "all processors are busy")
	h.spare = func() bool { return true }
	wait()
	pidOf(t, h, "slow")
	assert.Equal(t, []string{"slow", "slow#2"}, names(h))
	assert.Zero(t, r.waited, "the next must be waited for as long")
}

func TestWaitingCountsOnlyWhereAllAreBusy(t *testing.T) {
	h := localHost(t)
	defer h.Close() //nolint:errcheck // it has no plugins
	r := h.Plugin("slow").replicas
	alone := r.take(nil)
	beside := r.take(nil)
	beside.begun = beside.begun.Add(-time.Second)
	alone.begun = alone.begun.Add(-time.Second)
	r.done(alone, false)
	assert.Zero(t, r.waited)
	r.done(beside, false)
	assert.GreaterOrEqual(t, r.waited, time.Second)
}

// A stream that its plugin's death has ended is begun again by its caller, who
// must find the next run and not the one that is about to end.
func TestStreamThatIsBegunAgainGetsTheNextRun(t *testing.T) {
	everyProcess(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		for range 5 {
			first := pidOf(t, h, "mortal")
			stream, err := rpctestpb.NewTestClient(h.Conn("mortal")).Count(t.Context(), &rpctestpb.Packet{Text: "exit"})
			if err == nil {
				_, err = stream.Recv()
			}
			require.Error(t, err)
			stream, err = rpctestpb.NewTestClient(h.Conn("mortal")).Count(t.Context(), &rpctestpb.Packet{Text: "pid"})
			require.NoError(t, err)
			next, err := stream.Recv()
			require.NoError(t, err)
			assert.NotEqual(t, first, next.Number)
		}
	})
}

func TestManyCallersOfManyProcessesAreAllAnswered(t *testing.T) {
	everyProcess(t, func(t *testing.T, o Options) {
		o.Calls.Replicas = Replicas{Of: map[string]int{"many": 3}, Extra: 2}
		h := newHost(t, o)
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				for n := range 50 {
					answer, err := echo(t, h, "many", &rpctestpb.Packet{Number: int64(n)})
					if assert.NoError(t, err) {
						assert.EqualValues(t, n, answer.Number)
					}
				}
			})
		}
		await.All(t, "every caller to be answered", &callers)
		var calls uint64
		for _, p := range h.Plugins() {
			calls += p.Stats().Calls
		}
		assert.EqualValues(t, 400, calls)
	})
}
