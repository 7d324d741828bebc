package longcall_test

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
	"ddc/internal/longcall"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

// onProcessors sets GOMAXPROCS for one test.
func onProcessors(t *testing.T, n int) {
	t.Helper()
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// collector reads GOGC, which can only be read by setting it.
func collector() int {
	percent := debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	return percent
}

func TestLoneProcessorGetsCompanyAndNoCollections(t *testing.T) {
	onProcessors(t, 1)
	percent, limit := collector(), debug.SetMemoryLimit(-1)
	limiter := longcall.New()
	defer limiter.Close()
	require.NoError(t, limiter.Do(t.Context(), func() error {
		assert.Equal(t, 2, runtime.GOMAXPROCS(0))
		assert.Equal(t, -1, collector())
		assert.Less(t, debug.SetMemoryLimit(-1), int64(2<<30))
		return nil
	}))
	assert.Equal(t, 1, runtime.GOMAXPROCS(0))
	assert.Equal(t, percent, collector())
	assert.Equal(t, limit, debug.SetMemoryLimit(-1))
}

func TestManyProcessorsAreLeftAlone(t *testing.T) {
	onProcessors(t, 3)
	percent := collector()
	limiter := longcall.New()
	defer limiter.Close()
	require.NoError(t, limiter.Do(t.Context(), func() error {
		assert.Equal(t, 3, runtime.GOMAXPROCS(0))
		assert.Equal(t, percent, collector())
		return nil
	}))
}

// Two limiters in one process each save and restore the settings; overlapping,
// they would restore each other's.
func TestTwoGatesRestoreTheSettings(t *testing.T) {
	onProcessors(t, 1)
	percent := collector()
	first, second := longcall.New(), longcall.New()
	var calls sync.WaitGroup
	for range 50 {
		for _, limiter := range []*longcall.Limiter{first, second} {
			calls.Go(func() { assert.NoError(t, limiter.Do(t.Context(), func() error { return nil })) })
		}
	}
	calls.Wait()
	first.Close()
	second.Close()
	assert.Equal(t, 1, runtime.GOMAXPROCS(0))
	assert.Equal(t, percent, collector())
}

func TestNoMoreCallsAtOnceThanProcessors(t *testing.T) {
	for _, processors := range []int{1, 2} {
		onProcessors(t, processors)
		limiter := longcall.New()
		var now, most atomic.Int64
		var calls sync.WaitGroup
		for range 20 {
			calls.Go(func() {
				assert.NoError(t, limiter.Do(t.Context(), func() error {
					n := now.Add(1)
					defer now.Add(-1)
					for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
					}
					runtime.Gosched()
					return nil
				}))
			})
		}
		calls.Wait()
		limiter.Close()
		assert.LessOrEqual(t, most.Load(), int64(processors))
	}
}

func TestCancelledCallerReturnsWhileItsCallGoesOn(t *testing.T) {
	onProcessors(t, 1)
	limiter := longcall.New()
	ctx, cancel := context.WithCancel(t.Context())
	begun, finish := make(chan struct{}), make(chan struct{})
	var finished atomic.Bool
	go func() { <-begun; cancel() }()
	err := limiter.Do(ctx, func() error {
		close(begun)
		<-finish
		finished.Store(true)
		return nil
	})
	assert.ErrorIs(t, err, context.Canceled)

	// Its place is still taken: who waits for it can be cancelled too.
	waiting, giveUp := context.WithCancel(t.Context())
	giveUp()
	assert.ErrorIs(t, limiter.Do(waiting, func() error { return errors.New("must not run") }), context.Canceled)

	close(finish)
	limiter.Close()
	assert.True(t, finished.Load(), "Close waits for the call")
}

func TestErrorsAndPanicsReachTheCaller(t *testing.T) {
	limiter := longcall.New()
	defer limiter.Close()
	bad := errors.New("bad picture")
	assert.ErrorIs(t, limiter.Do(t.Context(), func() error { return bad }), bad)
	assert.ErrorContains(t, limiter.Do(t.Context(), func() error { panic("out of cheese") }), "panic: out of cheese")
	assert.NoError(t, limiter.Do(t.Context(), func() error { return nil }), "the limiter is free again")
}
