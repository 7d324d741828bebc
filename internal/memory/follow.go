package memory

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// Bound keeps the collector's soft limit above what is alive. A fixed limit that
// the live heap comes near makes Go collect without end, for next to nothing.
type Bound struct {
	floor, ceiling int64

	mu     sync.Mutex
	limit  int64 // as it was set
	before int64 // as it was when the bound began
	ended  bool
}

// Follow sets the soft limit of this process's heap to floor, and after each
// collection to half as much again as is alive, but to no more than ceiling as
// long as an eighth more than what is alive fits below that. It takes no time
// between collections. A limit that was lower already is the floor and ceiling.
func Follow(floor, ceiling int64) *Bound {
	b := &Bound{before: debug.SetMemoryLimit(-1)}
	b.floor, b.ceiling = min(floor, b.before), min(max(ceiling, floor), b.before)
	b.set(b.floor)
	b.await()
	return b
}

// await has look called after the next collection.
func (b *Bound) await() {
	// A finalizer runs once its object was found dead, which is what a collection
	// does. The object has a pointer, so that it shares its block of memory with
	// nothing else.
	runtime.SetFinalizer(&sentinel{b}, func(s *sentinel) { s.bound.look() })
}

type sentinel struct{ bound *Bound }

func (b *Bound) look() {
	samples := []metrics.Sample{{Name: liveMetric}}
	metrics.Read(samples)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return
	}
	b.set(b.wanted(int64(samples[0].Value.Uint64())))
	b.await()
}

// wanted is the limit for so much that is alive.
func (b *Bound) wanted(alive int64) int64 {
	return max(b.floor, alive+alive/8, min(alive+alive/2, b.ceiling))
}

func (b *Bound) set(limit int64) {
	if limit != b.limit {
		b.limit = limit
		debug.SetMemoryLimit(limit)
	}
}

// Stop puts the limit back to what it was.
func (b *Bound) Stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	debug.SetMemoryLimit(b.before)
}
