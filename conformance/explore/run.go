//go:build explore

package explore

import (
	"fmt"

	"ddc/internal/step"
	"ddc/internal/sys"
	"ddc/wake"
)

// run is one schedule being run.
type run struct {
	world   *World
	tasks   []*task
	current *task
	closing bool

	ids     map[any]int32
	objects []object
	hush
	shadows map[uintptr]*shadow
	// wide takes the place of the clocks where there are more tasks than those
	// have room for.
	wide *wideClocks

	// guide chooses the steps, up to most of them, where the run is not a
	// search's. What it has chosen beforehand is in decided, until it is made.
	guide   guide
	most    int
	latest  decision
	decided *decision // latest, or nil

	// turns counts the steps after which one who waits may go on.
	turns int

	log []entry
	// settled is how many steps were made before the tasks that Setup started
	// went to sleep.
	settled int

	// err says why the search cannot go on.
	err     error
	finding Kind
	text    string
	detail  string
}

// hush knows of which objects no step is to be made.
type hush struct {
	quiet map[any]bool
	// asked is the object of which isQuiet has spoken last, and answer what it
	// said: an operation asks three times.
	asked  any
	answer bool
}

// object is what a run knows of one.
type object struct {
	// written and read are what comes before the next read, and besides that
	// before the next write, as far as dependence goes.
	written, read clock
	// released is what acquirers are behind.
	released clock
}

// entry is a step that was made.
type entry struct {
	task          int
	verb          string
	object        any
	before, after uint64
	did           bool
	alternative   int
	rare          bool
}

// newRun sets a scenario up. It takes over the memory of a run that is over, if
// not nil.
func newRun(s Scenario, old *run, wide *wideClocks) *run {
	r := &run{wide: wide, ids: map[any]int32{}, hush: hush{quiet: map[any]bool{}}, shadows: map[uintptr]*shadow{}}
	if old != nil {
		clear(old.ids)
		clear(old.quiet)
		clear(old.shadows)
		clear(old.log) // it holds on to objects
		wide.inherit(old.wide)
		r.ids, r.quiet, r.shadows, r.log, r.objects = old.ids, old.quiet, old.shadows, old.log[:0], old.objects[:0]
	}
	r.world = &World{run: r, names: map[any]string{}}
	installed.Lock()
	sys.NewKernel(&sys.RealLimits)
	step.Install(setup{r})
	s.Setup(r.world)
	step.Install(r)
	return r
}

// end gives everything back.
func (r *run) end() {
	r.unwind()
	for i := len(r.world.after) - 1; i >= 0; i-- {
		r.world.after[i]()
	}
	sys.NewKernel(nil)
	installed.Unlock()
}

func (r *run) id(o any) int32 {
	id, ok := r.ids[o]
	if !ok {
		id = int32(len(r.objects))
		r.ids[o] = id
		r.objects = append(r.objects, object{})
	}
	return id
}

func (r *run) object(o any) *object { return &r.objects[r.id(o)] }

// pending is what the search knows of a task's next operation.
type pending struct {
	uses [6]use
	n    uint8
	// ready are the alternatives that are possible, rare those of them that may
	// never be.
	ready, rare uint8
	alive       bool
	// waits says that the operation may have to wait for others.
	waits bool
	steps uint32
}

// use is an object's id, twice, plus one where the object may be changed.
type use int32

func (r *run) pending(t *task, p *pending) {
	*p = pending{}
	if t.over {
		return
	}
	p.alive, p.steps, p.waits = true, t.steps, t.op.Ready != nil
	add := func(o any, write bool) {
		u := use(r.id(o) << 1)
		if write {
			u |= 1
		}
		p.uses[p.n] = u
		p.n++
	}
	if t.op.Object != nil {
		add(t.op.Object, t.op.Write)
	}
	for _, u := range t.op.Also {
		add(u.Object, u.Write)
	}
	if v := viewOf(t, t.op); v != nil {
		add(v, false)
	}
	if r.world.mortal.has(t.process) {
		add(life{r.world, t.process}, false)
	}
	r.renew(t, p)
}

// renew asks again what a task may do.
func (r *run) renew(t *task, p *pending) {
	switch p.ready, p.rare = 1, t.op.Rare; {
	case t.dead:
		p.ready = 0
	case t.op.Ready != nil:
		p.ready = t.op.Ready()
	}
}

// dependent says whether the order of two operations may make a difference.
func (p *pending) dependent(q *pending) bool {
	for _, a := range p.uses[:p.n] {
		for _, b := range q.uses[:q.n] {
			if a>>1 == b>>1 && (a|b)&1 != 0 {
				return true
			}
		}
	}
	return false
}

// step lets a task make its next operation, and go on to the one after.
func (r *run) step(t *task, alternative int, p *pending) (order clock) {
	// The steps that came before, by dependence.
	t.steps++
	t.order[t.id] = t.steps
	for _, u := range p.uses[:p.n] {
		o := &r.objects[u>>1]
		t.order.join(&o.written)
		if u&1 != 0 {
			t.order.join(&o.read)
		}
	}
	for _, u := range p.uses[:p.n] {
		o := &r.objects[u>>1]
		if u&1 != 0 {
			o.written, o.read = t.order, clock{}
		} else {
			o.read.join(&t.order)
		}
	}
	order = t.order
	r.make(t, alternative)
	return order
}

// isQuiet says whether operations on an object do not count as steps.
func (h *hush) isQuiet(object any) bool {
	if object != h.asked {
		h.asked, h.answer = object, h.quiet[object]
	}
	return h.answer
}

// make lets a task make its next operation.
func (r *run) make(t *task, alternative int) {
	r.note(t, alternative)
	r.current = t
	t.next()
	r.current = nil
}

// note enters a task's next operation as one that is made.
func (r *run) note(t *task, alternative int) {
	rare := t.op.Rare>>alternative&1 != 0
	if rare {
		t.interrupts++
	}
	if !t.op.Word {
		r.turns++
	}
	r.log = append(r.log, entry{task: t.id, verb: t.op.Verb, object: t.op.Object, alternative: alternative, rare: rare})
	t.alternative = alternative
}

// Did notes what the step at hand has found and left.
func (r *run) Did(before, after uint64) {
	if n := len(r.log); n > 0 && r.log[n-1].task == r.current.id && !r.log[n-1].did {
		e := &r.log[n-1]
		e.before, e.after, e.did = before, after, true
	}
}

// find records the first finding of the run.
func (r *run) find(k Kind, text string) {
	if r.finding == "" && !r.closing {
		r.finding, r.text = k, text
	}
}

// judge is asked when nobody can go on.
func (r *run) judge() {
	if r.finding != "" {
		return
	}
	stuck := ""
	for _, t := range r.tasks {
		if !t.over && !t.dead && !t.idle {
			stuck += fmt.Sprintf("\n  %s waits in %s of %s", t.name, t.op.Verb, r.name(t.op.Object))
		}
	}
	step.Install(nil)
	defer step.Install(r)
	for _, s := range r.world.sleepers {
		if r.world.killed.has(s.process) {
			continue
		}
		look := wake.Sleeper{Parked: s.parked(), Due: s.ready(), Token: s.token()}
		if look.Lost() || look.Undelivered() {
			told := "no token is on its way"
			if look.Token {
				told = "its token does not wake it"
			}
			r.find(LostWakeup, fmt.Sprintf("%s sleeps, what it waits for is there, and %s%s", s.name, told, stuck))
			return
		}
	}
	if stuck != "" {
		r.find(Deadlock, "nobody can go on"+stuck)
		return
	}
	for _, check := range r.world.finally {
		check()
	}
}
