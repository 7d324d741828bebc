package memory

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/activity"
)

// inUse is what a guard would see now.
func inUse(t *testing.T) (live, objects int64) {
	t.Helper()
	runtime.GC()
	samples := []metrics.Sample{{Name: liveMetric}, {Name: objectsMetric}}
	metrics.Read(samples)
	require.Equal(t, metrics.KindUint64, samples[0].Value.Kind(), liveMetric)
	require.Equal(t, metrics.KindUint64, samples[1].Value.Kind(), objectsMetric)
	return int64(samples[0].Value.Uint64()), int64(samples[1].Value.Uint64())
}

func awaitOver(t *testing.T, over chan int64) int64 {
	t.Helper()
	select {
	case bytes := <-over:
		return bytes
	case <-time.After(time.Minute):
		require.FailNow(t, "the guard says nothing")
		return 0
	}
}

func TestGuardSaysOnceThatTooMuchIsAlive(t *testing.T) {
	live, _ := inUse(t)
	over := make(chan int64, 2)
	g := NewGuard(live+32<<20, 1<<60, func(bytes int64) { over <- bytes })
	held := make([]byte, 64<<20)
	runtime.GC() // so that it is known to be alive
	assert.Greater(t, awaitOver(t, over), live+32<<20)
	runtime.KeepAlive(held)
	g.Stop()
	assert.Empty(t, over)
}

func TestGuardDoesNotWaitForACollectionWhereMemoryIsFilledFaster(t *testing.T) {
	_, objects := inUse(t)
	over := make(chan int64, 2)
	g := NewGuard(1<<60, objects+32<<20, func(bytes int64) { over <- bytes })
	held := make([]byte, 64<<20)
	assert.Greater(t, awaitOver(t, over), objects+32<<20)
	runtime.KeepAlive(held)
	g.Stop()
}

func TestGuardIsQuietWithinItsBounds(t *testing.T) {
	live, objects := inUse(t)
	NewGuard(live+256<<20, objects+256<<20, func(bytes int64) { t.Errorf("%d bytes are too many", bytes) }).Stop()
}

// The more room there is, the later the next look, and never so late that it
// could be used up.
func TestGuardLooksMoreOftenTheLessRoomThereIs(t *testing.T) {
	for room, want := range map[int64]int64{-1 << 30: 5, 0: 5, 32 << 20: 5, 128 << 20: 10, 256 << 20: 20, 1 << 30: 80, 2 << 30: 100, 1 << 60: 100} {
		assert.Equal(t, want, pause(room).Milliseconds(), "%d bytes", room)
	}
}

func TestGuardAndMeterRestWhileNobodyWorks(t *testing.T) {
	a := activity.New()
	live, _ := inUse(t)
	over := make(chan int64, 1)
	g := NewGuardDuring(a, live+32<<20, 1<<60, func(bytes int64) { over <- bytes })
	m := NewMeter(nil, a)
	held := make([]byte, 64<<20)
	for i := range held {
		held[i] = 1
	}
	runtime.GC()
	assert.Empty(t, over, "nobody works, so nobody looks")
	a.Begin()
	assert.Greater(t, awaitOver(t, over), live+32<<20)
	runtime.KeepAlive(held)
	g.Stop()
	assert.Positive(t, m.Stop())
}
