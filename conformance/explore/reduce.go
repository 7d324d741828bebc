//go:build explore

package explore

import "math/bits"

// races finds the steps that could have been made in another order than the
// schedule at hand has them, and notes at the state before the earlier one what
// to try there. It is called in a new state, after the step that led to it.
//
// A step races with an earlier one of another task that it depends on, where no
// third stands between the two by dependence. To reverse the two, the schedule
// up to the earlier one goes on with all that followed without depending on it,
// and then the later one: one of the tasks that can begin that sequence is
// tried, unless one of them was, or sleeps. (Any task that happens to be
// enabled, as in the original algorithm, is not enough where there are sleep
// sets: it may be asleep, with nothing that reverses the race awake. The choice
// is that of source sets: Abdulla, Aronis, Jonsson, Sagonas, Optimal dynamic
// partial order reduction, POPL 2014.)
//
// An operation that waits, such as a lock, may depend on another of its kind
// through what ended the wait (the unlock), with which it cannot change places.
// So for such operations every earlier step that they depend on is looked at,
// both when they are made and while they wait.
func (x *search) races(r *run, n *node) {
	top := x.depth - 1
	last := x.stack[top]
	made := &last.pending[last.chosen]
	x.racing(top-1, last.chosen, made, &last.prior, &last.order, made.waits)
	for p := range r.tasks {
		next := &n.pending[p]
		if next.alive && next.ready&^next.rare == 0 && (p == last.chosen || p >= last.tasks || made.dependent(next)) {
			order := r.tasks[p].order
			for _, u := range next.uses[:next.n] {
				order.join(&r.objects[u>>1].written)
				if u&1 != 0 {
					order.join(&r.objects[u>>1].read)
				}
			}
			x.racing(top, p, next, &r.tasks[p].order, &order, true)
		}
	}
}

// racing looks at the steps up to one for those that race with an operation of
// task p. prior is what comes before p otherwise than by the operation, order
// with it.
func (x *search) racing(from, p int, op *pending, prior, order *clock, every bool) {
	var later []int
	for i := from; i >= 0; i-- {
		at := x.stack[i]
		if at.chosen == p || !at.pending[at.chosen].dependent(op) || at.made <= prior[at.chosen] {
			continue
		}
		between := false
		for _, j := range later {
			between = between || at.made <= x.stack[j].order[at.chosen]
		}
		if every || !between {
			x.reverse(i, p, order)
		}
		later = append(later, i)
	}
}

// reverse notes at the state before step i to try what leads to the operation
// of task p without it.
func (x *search) reverse(i, p int, order *clock) {
	n := x.stack[i]
	// first are the tasks' first steps in the sequence, 0 for none.
	var first clock
	var initials set
	begins := func(task int, made uint32, order *clock) {
		if first[task] != 0 {
			return
		}
		first[task] = made
		for other, at := range first {
			if other != task && at != 0 && at <= order[other] {
				return
			}
		}
		initials = initials.with(task)
	}
	for j := i + 1; j < x.depth; j++ {
		if at := x.stack[j]; at.order[n.chosen] < n.made && !(at.chosen == p && at.order == *order) {
			begins(at.chosen, at.made, &at.order)
		}
	}
	begins(p, ^uint32(0), order)
	initials &= n.enabled
	if !x.options.Races {
		if initials == 0 || initials&(n.backtrack|n.sleep) != 0 {
			return
		}
		if initials.has(p) {
			initials = set(0).with(p)
		}
		n.backtrack = n.backtrack.with(bits.TrailingZeros32(uint32(initials)))
		return
	}
	// Within a bound, a task that may not interrupt here may have begun where
	// the one that runs here did (Coons, Musuvathi, McKinley, Bounded
	// partial-order reduction, OOPSLA 2013).
	n.backtrack |= initials
	for ; i > 0 && x.stack[i-1].chosen == n.chosen; i-- {
	}
	x.stack[i].backtrack |= initials & x.stack[i].enabled
}
