//go:build explore

package explore

import (
	"fmt"
	"iter"
	"runtime/debug"

	"ddc/internal/step"
)

// task is a goroutine of the run at hand. It is parked in front of its next
// operation, or has ended.
type task struct {
	id      int
	name    string
	process int
	// idle tasks may wait for ever, to no harm.
	idle bool

	op          step.Op
	alternative int
	next        func() (struct{}, bool)
	stop        func()
	yield       func(struct{}) bool
	over, dead  bool

	// steps counts the operations made. order is what came before the next one
	// as far as dependence goes, seen as far as synchronisation does.
	steps uint32
	order clock
	seen  clock
	// startsIdle says that the tasks it starts are idle.
	startsIdle bool
	// interrupts counts the system calls that a signal cut short.
	interrupts int
}

// limit is the panic that unwinds a task for which the explorer has no room.
type limit struct{ error }

// ended is the panic that unwinds a task whose run is over.
type ended struct{}

// spawn makes a task that is parked in front of first.
func (r *run) spawn(name string, process int, first step.Op, idle bool, f func()) *task {
	most := maxTasks
	if r.wide != nil {
		most = mostTasks
	}
	if len(r.tasks) == most {
		panic(limit{fmt.Errorf("a schedule has more than %d tasks", most)})
	}
	t := &task{id: len(r.tasks), name: name, process: process, idle: idle, op: first}
	if r.current != nil {
		if r.wide == nil {
			r.current.seen[r.current.id]++ // what it has done comes before all that t does
		}
		t.order, t.seen = r.current.order, r.current.seen
	}
	r.tasks = append(r.tasks, t)
	if r.wide != nil {
		r.wide.spawn(r.current)
	}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		defer func() {
			t.over = true
			switch p := recover().(type) {
			case nil, ended:
			case limit:
				r.err = p
			default:
				if !r.closing {
					r.find(Panic, fmt.Sprintf("%s: %v", t.name, p))
					r.detail = string(debug.Stack())
				}
			}
		}()
		if yield(struct{}{}) {
			f()
		}
	})
	t.next() // to the yield above
	return t
}

// Do parks the running task.
func (r *run) Do(op step.Op) int {
	t := r.current
	if r.isQuiet(op.Object) {
		r.touch(t, op)
		return 0
	}
	if t == nil {
		panic("explore: a goroutine that is no task made a step")
	}
	t.op = op
	// A task that goes on anyway is not parked: the switch is most of a step's
	// cost.
	if !r.goesOn(t) && !t.yield(struct{}{}) {
		panic(ended{})
	}
	r.touch(t, op)
	return t.alternative
}

// Go starts a task of the running task's process.
func (r *run) Go(name string, first step.Op, idle bool, f func()) {
	parent := r.current
	if name == "" {
		name = "go"
	}
	r.spawn(fmt.Sprintf("%s.%s%d", parent.name, name, len(r.tasks)), parent.process, first, idle || parent.startsIdle, f)
}

// Interrupts says whether a signal may cut the running task's next system call
// short.
func (r *run) Interrupts() bool { return r.current.interrupts < r.world.signals }

// Task is the running task.
func (r *run) Task() any { return r.current }

// Process names the running task's process.
func (r *run) Process() int { return r.current.process }

// Lives gives a question: whether the task that runs now has not been killed.
func (r *run) Lives() func() bool {
	t := r.current
	return func() bool { return !t.dead }
}

// unwind ends every task, wherever it is parked.
func (r *run) unwind() {
	r.closing = true
	step.Unwind(func() {
		for _, t := range r.tasks {
			t.stop()
		}
	})
}
