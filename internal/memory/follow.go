package memory

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// Bound keeps the collector's soft limit above what is alive. A fixed limit
// that the live heap comes near makes Go collect without end, for next to
// nothing.
type Bound struct {
	floor, ceiling int64

	mu     sync.Mutex
	limit  int64 // as it was set
	before int64 // as it was when the bound began
	ended  bool
	growth growth
	// percent is the collector's, or 0 if it is not the bound's to set.
	percent, percentBefore int
}

// growth is how large a heap may be before it is collected: so many bytes, or
// by so many hundredths more than what is alive.
type growth struct {
	least int64
	own   int
}

// least is the heap below which nothing is collected. A short process so ends
// without a collection, or with one; by itself Go would begin with the fourth
// megabyte, and mark all that is alive again each time the heap has doubled.
const least = 128 << 20

// ample is what a large heap may grow by before it is collected. Half as much
// again as is alive costs a site of 10,000 pages an eighth of its processor
// time; twice as much would take more memory than it saves time.
const ample = 384 << 20

// Follow lets this process's heap grow to 128 MiB before it is collected,
// unless GOGC says otherwise. It sets the heap's soft limit to floor, and after
// each collection to what is alive and its growth: as much again, but beyond
// 384 MiB only half of what is alive. The limit is above ceiling only if less
// than an eighth more than what is alive fits below that. What Go itself takes
// beside objects comes on top: its limit is for all together. It takes no time
// between collections. A limit that was lower already is the floor and ceiling.
func Follow(floor, ceiling int64) *Bound {
	b := &Bound{before: debug.SetMemoryLimit(-1)}
	b.floor, b.ceiling = min(floor, b.before), min(max(ceiling, floor), b.before)
	b.set(b.floor)
	b.growth = growth{least, 100}
	if os.Getenv("GOGC") == "" {
		b.loosen()
	}
	b.await()
	return b
}

// Loosen lets this process's heap grow to so many bytes before it is collected,
// and by so many hundredths of what is alive, unless GOGC says otherwise. The
// heap's soft limit stays as it is.
func Loosen(bytes int64, percent int) {
	if os.Getenv("GOGC") == "" {
		b := &Bound{growth: growth{bytes, percent}}
		b.loosen()
		b.await()
	}
}

func (b *Bound) loosen() {
	b.percent = b.growth.percentFor(0)
	b.percentBefore = debug.SetGCPercent(b.percent)
}

// await has look called after the next collection.
func (b *Bound) await() {
	// A finalizer runs once its object was found dead, which is what a
	// collection does. The object has a pointer, so that it shares its block of
	// memory with nothing else.
	runtime.SetFinalizer(&sentinel{b}, func(s *sentinel) { s.bound.look() })
}

type sentinel struct{ bound *Bound }

func (b *Bound) look() {
	samples := []metrics.Sample{{Name: liveMetric}, {Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/heap/free:bytes"}, {Name: objectsMetric}}
	metrics.Read(samples)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return
	}
	alive, beside := int64(samples[0].Value.Uint64()), int64(samples[1].Value.Uint64())
	for _, s := range samples[2:] {
		beside -= int64(s.Value.Uint64())
	}
	if b.limit != 0 {
		b.set(b.wanted(alive, max(beside, 0)))
	}
	if wanted := b.growth.percentFor(alive); b.percent != 0 && b.percent != wanted {
		b.percent = wanted
		debug.SetGCPercent(wanted)
	}
	b.await()
}

// percentFor is its own, or more while so much alive would be collected before
// the heap has its least.
func (g growth) percentFor(alive int64) int {
	const smallest = 4 << 20 // Go takes a heap below for one of 4 MiB
	return max(g.own, int(100*(g.least-alive)/max(alive, smallest)))
}

// wanted is the limit for so much that is alive, and so much that Go takes
// beside objects: stacks, the collector's own, and what is free in pages that
// are in use. If that were not counted, a heap with an eighth to grow could be
// one with nothing, which is collected without end.
func (b *Bound) wanted(alive, beside int64) int64 {
	growth := max(alive/2, min(alive, ample))
	return max(b.floor, alive+alive/8+beside, min(alive+growth+beside, b.ceiling))
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
	if b.percent != 0 {
		debug.SetGCPercent(b.percentBefore)
	}
}
