package memory

import (
	"runtime/metrics"
	"sync"
	"time"

	"ddc/internal/activity"
)

// A Guard looks the sooner the less room there is. A look takes a microsecond,
// but wakes a thread, and a build has a dozen processes that look.
const (
	soonest, latest = 5 * time.Millisecond, 100 * time.Millisecond
	// fastest is more than a process can fill in the soonest time, in bytes: it
	// would be 13 GB a second.
	fastest = 64 << 20
)

// pause is the time until the next look, if there is room for so many bytes.
func pause(room int64) time.Duration {
	return min(max(soonest, time.Duration(room/fastest)*soonest), latest)
}

// The metrics that a Guard reads: what the last collection found alive, and
// what is there now, garbage too.
const (
	liveMetric    = "/gc/heap/live:bytes"
	objectsMetric = "/memory/classes/heap/objects:bytes"
	stacksMetric  = "/memory/classes/heap/stacks:bytes"
)

// Guard watches this process's heap and stacks, and says once that more is
// alive than may be.
//
//	g := memory.NewGuard(live, all, func(bytes int64) { cancel(...) })
//	defer g.Stop()
//
// What is alive is known from the last collection. Memory can be filled faster
// than the collector comes round, so everything on the heap has a bound too,
// garbage or not. Stacks are alive.
type Guard struct {
	stop    chan struct{}
	stopped sync.WaitGroup
}

// NewGuard starts to look. over is called at most once, with the bytes that
// were too many, on the guard's own goroutine.
func NewGuard(live, all int64, over func(bytes int64)) *Guard {
	return NewGuardDuring(nil, live, all, over)
}

// NewGuardDuring is NewGuard, but looks only while somebody is at work.
func NewGuardDuring(a *activity.Activity, live, all int64, over func(bytes int64)) *Guard {
	g := &Guard{stop: make(chan struct{})}
	g.stopped.Go(func() {
		samples := []metrics.Sample{{Name: liveMetric}, {Name: objectsMetric}, {Name: stacksMetric}}
		timer := time.NewTimer(soonest)
		defer timer.Stop()
		for {
			select {
			case <-timer.C:
			case <-g.stop:
				return
			}
			if !a.Await(g.stop) {
				return
			}
			metrics.Read(samples)
			stacks := int64(samples[2].Value.Uint64())
			alive, objects := int64(samples[0].Value.Uint64())+stacks, int64(samples[1].Value.Uint64())+stacks
			switch {
			case alive > live:
				over(alive)
				return
			case objects > all:
				over(objects)
				return
			}
			timer.Reset(pause(min(live, all) - max(alive, objects)))
		}
	})
	return g
}

// Stop ends the looking. over is not called after it has returned.
func (g *Guard) Stop() {
	if g == nil {
		return
	}
	close(g.stop)
	g.stopped.Wait()
}
