//go:build explore

package explore

import (
	"fmt"
	"sync"

	"ddc/internal/step"
)

// installed keeps two explorations of one process apart.
var installed sync.Mutex

// setup is the explorer while a scenario is set up. Nothing runs beside it, so
// every operation is made at once. But goroutines are already tasks of the run:
// idle ones, in the process that [World.Within] names.
type setup struct{ *run }

func (setup) Do(op step.Op) int {
	if op.Ready != nil && op.Ready() == 0 {
		panic("explore: setting up waits for " + op.Verb)
	}
	return 0
}
func (setup) Did(uint64, uint64)  {}
func (setup) Acquire(any)         {}
func (setup) Release(any)         {}
func (setup) Publish(any)         {}
func (setup) Access([]byte, bool) {}
func (setup) Interrupts() bool    { return false }
func (setup) Task() any           { return nil }
func (setup) Lives() func() bool  { return func() bool { return true } }

// Process is the one that [World.Within] names.
func (s setup) Process() int { return s.run.world.within }

func (s setup) Go(name string, first step.Op, idle bool, f func()) {
	if name == "" {
		name = "pump"
	}
	w := s.run.world
	s.run.spawn(fmt.Sprintf("%s.%s%d", w.processes[w.within], name, len(s.run.tasks)), w.within, first, true, f)
}
