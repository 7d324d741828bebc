package strategy

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
	"ddc/shm"
	"ddc/wake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func TestUnknownStrategyIsRefusedWithTheNamesThereAre(t *testing.T) {
	_, err := ByName("carrier-pigeon")
	require.Error(t, err)
	assert.Contains(t, err.Error(), strings.Join(Names(), ", "))
}

// Every strategy carries a message to and fro through two doorbells, with the
// sleeper asleep each time.
func TestDoorbellsOfEveryStrategyWakeEachOther(t *testing.T) {
	for _, s := range All() {
		t.Run(s.Name(), func(t *testing.T) {
			ping, pong := newBell(t, s), newBell(t, s)
			var sent, answered atomic.Uint64
			const rounds = 2000
			var wg sync.WaitGroup
			wg.Go(func() {
				for n := uint64(1); n <= rounds; n++ {
					assert.NoError(t, ping.Await(context.Background(), func() bool { return sent.Load() == n }))
					answered.Store(n)
					assert.NoError(t, pong.Ring())
				}
			})
			for n := uint64(1); n <= rounds; n++ {
				sent.Store(n)
				require.NoError(t, ping.Ring())
				require.NoError(t, pong.Await(context.Background(), func() bool { return answered.Load() == n }))
			}
			wg.Wait()
			assert.Equal(t, uint64(rounds), ping.Stats().Rings)
		})
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	for _, s := range All() {
		t.Run(s.Name(), func(t *testing.T) {
			bell := newBell(t, s)
			ctx, cancel := context.WithCancel(context.Background())
			result := make(chan error)
			go func() { result <- bell.Await(ctx, func() bool { return false }) }()
			cancel()
			assert.ErrorIs(t, <-result, context.Canceled)
		})
	}
}

func newBell(t *testing.T, s wake.Strategy) *wake.Doorbell {
	t.Helper()
	words := new(wake.Words)
	files, err := s.Make()
	require.NoError(t, err)
	waker, err := s.Open(words.Tokens(gateFor(t)), files)
	require.NoError(t, err)
	for _, f := range files {
		require.NoError(t, f.Close())
	}
	bell := wake.NewDoorbell(words, waker, wake.SpinOff)
	t.Cleanup(func() { require.NoError(t, bell.Close()) })
	return bell
}

// One gate for each test: its doorbells belong to one process.
var gates sync.Map

func gateFor(t *testing.T) *shm.Word32 {
	gate, _ := gates.LoadOrStore(t.Name(), new(shm.Word32))
	return gate.(*shm.Word32)
}
