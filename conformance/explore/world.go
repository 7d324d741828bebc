//go:build explore

package explore

import (
	"fmt"
	"reflect"
	"slices"

	"ddc/internal/step"
)

// Scenario is a small program of several tasks, to be run in every order.
type Scenario struct {
	// Name is what the scenario is called in tables and tests.
	Name string
	// Setup makes everything anew for one run, and gives w its tasks. It must
	// do the same each time.
	Setup func(w *World)
}

// World is one run of a scenario, for its Setup and its tasks.
type World struct {
	run       *run
	processes []string
	within    int
	mortal    processSet
	killed    processSet
	names     map[any]string
	memory    []memory
	sleepers  []sleeper
	finally   []func()
	after     []func()
	signals   int
	settling  bool
}

type memory struct {
	name     string
	at, size uintptr
}

type sleeper struct {
	process              int
	name                 string
	parked, ready, token func() bool
}

// Go adds a task to a process. Tasks of one process share a column.
func (w *World) Go(process, name string, f func()) {
	w.run.spawn(process+"."+name, w.process(process), step.Op{Verb: "start"}, false, f)
}

func (w *World) process(name string) int {
	n := slices.Index(w.processes, name)
	if n < 0 {
		n = len(w.processes)
		w.processes = append(w.processes, name)
	}
	return n
}

// Within sets something up in a process.
func (w *World) Within(process string, f func()) {
	before := w.within
	w.within = w.process(process)
	f()
	w.within = before
}

// Idly runs f, which is part of a task: what it starts, such as pumps, may wait
// for ever.
func (w *World) Idly(f func()) {
	t := w.run.current
	t.startsIdle = true
	f()
	t.startsIdle = false
}

// Mortal says that a process may be killed: every step of its tasks is one
// before which [World.Kill] may come.
func (w *World) Mortal(process string) { w.mortal = w.mortal.with(w.process(process)) }

// Kill stops every task of a mortal process for ever. A task of another process
// calls it.
func (w *World) Kill(process string) {
	victim := w.process(process)
	w.run.Do(step.Op{Verb: "kill", Object: life{w, victim}, Write: true})
	w.killed = w.killed.with(victim)
	for _, t := range w.run.tasks {
		if t.process == victim && t != w.run.current && !t.dead {
			t.dead = true
			w.run.outlives(t)
		}
	}
}

// life is the object that death changes.
type life struct {
	w       *World
	process int
}

// Name gives an object, such as a word in shared memory, its name in what
// people read.
func (w *World) Name(object any, name string) { w.names[object] = name }

// Quiet keeps operations on objects from counting as steps. It is for words on
// which no decision rests: counters that are only read from outside.
func (w *World) Quiet(objects ...any) {
	for _, o := range objects {
		w.run.quiet[o] = true
	}
	w.run.asked = nil
}

// Memory names bytes that tasks access plainly.
func (w *World) Memory(name string, b []byte) {
	w.memory = append(w.memory, memory{name, reflect.ValueOf(b).Pointer(), uintptr(len(b))})
}

// Sleeper is someone in a process who sleeps until ready is true and token
// tells so. It is asked when nobody can go on.
func (w *World) Sleeper(process, name string, parked, ready, token func() bool) {
	w.sleepers = append(w.sleepers, sleeper{w.process(process), name, parked, ready, token})
}

// Settle lets what Setup has started, such as pumps, run until it waits before
// anything else does, in one order only.
func (w *World) Settle() { w.settling = true }

// Signals lets up to n system calls of each task be interrupted by a signal.
func (w *World) Signals(n int) { w.signals = n }

// Finally adds a check of how a run has ended, in good order or with processes
// killed.
func (w *World) Finally(check func()) { w.finally = append(w.finally, check) }

// After adds a function that frees what Setup took. It is called after every
// run.
func (w *World) After(f func()) { w.after = append(w.after, f) }

// Failf reports a finding of a kind, such as "frame", and ends the run.
func (w *World) Failf(kind Kind, format string, args ...any) {
	w.run.find(kind, fmt.Sprintf(format, args...))
	if w.run.current != nil {
		panic(ended{})
	}
}

// Must fails the run on an error that nothing in the scenario explains.
func (w *World) Must(err error) {
	if err != nil {
		w.Failf(Failure, "%v", err)
	}
}

// Choose lets the explorer try each of the numbers 0 to n-1, n up to 8.
func (w *World) Choose(n int) int {
	return w.run.Do(step.Op{Verb: "choose", Object: w.run.current, Ready: func() uint8 { return uint8(1<<n - 1) }})
}
