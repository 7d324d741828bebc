package memory

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
)

func TestCollectorsLimitFollowsWhatIsAlive(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	live, _ := inUse(t)
	floor := live + 32<<20
	b := Follow(floor, math.MaxInt64)
	require.Equal(t, floor, debug.SetMemoryLimit(-1))
	held := make([]byte, 128<<20) // until KeepAlive
	await.Until(t, "the limit to be above what is alive", func() bool {
		runtime.GC()
		return debug.SetMemoryLimit(-1) >= 192<<20
	})
	runtime.KeepAlive(held)
	await.Until(t, "the limit to come back", func() bool {
		runtime.GC()
		return debug.SetMemoryLimit(-1) == floor
	})
	b.Stop()
	assert.Equal(t, before, debug.SetMemoryLimit(-1))
}

func TestCollectorsLimitIsNeverBelowWhatIsAlive(t *testing.T) {
	b := &Bound{floor: 100, ceiling: 1000}
	for alive, want := range map[int64]int64{0: 100, 40: 100, 60: 120, 80: 160, 600: 1000, 800: 1000, 880: 1000, 960: 1080, 8000: 9000} {
		assert.Equal(t, want, b.wanted(alive, 0), "%d alive", alive)
	}
	// A limit without what Go takes beside objects would leave the heap less
	// than an eighth, or nothing.
	for alive, want := range map[int64]int64{0: 100, 80: 260, 600: 1000, 800: 1000, 880: 1090, 8000: 9100} {
		assert.Equal(t, want, b.wanted(alive, 100), "%d alive, and 100 beside", alive)
	}
	// More than an ample growth is half of what is alive.
	b.ceiling = 16 << 30
	for alive, want := range map[int64]int64{300: 600, 384: 768, 400: 784, 768: 1152, 1000: 1500} {
		assert.Equal(t, want<<20, b.wanted(alive<<20, 0), "%d MiB alive", alive)
	}
}

// What the user has set in GOMEMLIMIT is not exceeded while it can be kept.
func TestCollectorsLimitKeepsBelowOneThatWasSet(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 30))
	b := Follow(2<<30, 4<<30)
	defer b.Stop()
	assert.Equal(t, int64(1<<30), debug.SetMemoryLimit(-1))
	assert.Equal(t, int64(1<<30), b.ceiling)
}

// A process that has little alive is not collected until its heap has 128 MiB.
func TestSmallHeapIsLetGrow(t *testing.T) {
	for alive, want := range map[int64]int{0: 3200, 4 << 20: 3100, 16 << 20: 700, 32 << 20: 300, 64 << 20: 100, 1 << 30: 100} {
		assert.Equal(t, want, growth{least, 100}.percentFor(alive), "%d alive", alive)
	}
	t.Setenv("GOGC", "")
	percent := debug.SetGCPercent(100)
	defer debug.SetGCPercent(percent)
	b := Follow(1<<30, 2<<30)
	b.mu.Lock()
	assert.Equal(t, b.percent, debug.SetGCPercent(b.percent), "as the bound has set it, before or after a collection")
	b.mu.Unlock()
	b.Stop()
	assert.Equal(t, 100, debug.SetGCPercent(100))

	t.Setenv("GOGC", "50")
	b = Follow(1<<30, 2<<30)
	assert.Equal(t, 100, debug.SetGCPercent(100), "that is for the user to say")
	b.Stop()
}

func TestHeapOfAPluginIsLetGrow(t *testing.T) {
	percent := debug.SetGCPercent(100)
	defer debug.SetGCPercent(percent)
	b := &Bound{growth: growth{32 << 20, 200}}
	b.loosen()
	assert.Equal(t, 800, debug.SetGCPercent(100), "32 MiB, where Go would take 4")
	assert.Equal(t, 200, b.growth.percentFor(16<<20), "what is alive may be tripled")
	t.Setenv("GOGC", "50")
	Loosen(32<<20, 200)
	assert.Equal(t, 100, debug.SetGCPercent(100), "that is for the user to say")
}
