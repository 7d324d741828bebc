//go:build explore

package explore

import (
	"fmt"
	"math/bits"
	"time"
)

// Options say how to search.
type Options struct {
	// Bound is the number of preemptions up to which all schedules are run; a
	// negative one runs all there are, with partial-order reduction.
	Bound int
	// Delays makes Bound a bound on delays instead. A delay lets another task
	// go on than the one that would go on without the explorer: that is the one
	// that ran before, or, if it cannot go on, the next one that can. With many
	// tasks there are fewer schedules with so many delays than with as many
	// preemptions.
	Delays bool
	// Races runs, within Bound, only schedules that reverse a race of one that
	// was run. It is tested, though not proven, that this loses no end of a
	// program (TestReductionWithinABoundLosesNoEnd).
	Races bool
	// Full runs all there are without reduction: for tests of the reduction.
	Full bool
	// Schedules and Duration end a search that takes too long: it is then not
	// exhausted. 0 is no limit.
	Schedules int
	Duration  time.Duration
	// Steps is the most that a schedule may have, or 0 for 5000.
	Steps int
	// Shorten is how many schedules more to run for a shorter one where one has
	// shown a defect.
	Shorten int
	// ended is called at the end of each run, for tests: the search then goes
	// on whatever the run has shown.
	ended func(*run)
}

// Result is what a search has found.
type Result struct {
	// Schedules were run to their end, Pruned begun and found to be like
	// another.
	Schedules, Pruned int
	// Steps is the number of steps made in all of them, Longest that of the
	// longest.
	Steps, Longest int
	// Exhausted says that nothing within Bound is left to run.
	Exhausted bool
	Bound     int
	// Delays says that Bound counts delays, not preemptions.
	Delays bool
	Took   time.Duration
	// Finding is the first one, or nil.
	Finding *Finding
}

// node is a state on the way of the schedule at hand, and what was, and is to
// be, tried there.
type node struct {
	pending [maxTasks]pending
	tasks   int
	// enabled are those who can go on, able those of them who need nothing rare
	// for it.
	enabled, able set
	settling      bool

	backtrack, done, sleep set
	chosen                 int
	// tried are the alternatives of chosen that were tried, or are being.
	tried       uint8
	alternative int

	// before is the task that made the step before, preemptions how many there
	// were.
	before, preemptions int

	// made and order are those of the step that was made from here, prior what
	// came before the task that made it otherwise than by this step.
	made         uint32
	prior, order clock
}

type search struct {
	scenario Scenario
	options  Options
	stack    []*node
	depth    int // nodes in use
	result   Result
	err      error
	// shown is the number of the schedule that first showed a defect.
	shown int
	// last is the run before, for its memory.
	last *run
}

// Explore runs every schedule of a scenario, until one shows a defect.
func Explore(s Scenario, o Options) (Result, error) {
	if o.Steps == 0 {
		o.Steps = 5000
	}
	x := &search{scenario: s, options: o, result: Result{Bound: o.Bound, Delays: o.Delays}}
	start := time.Now()
	for {
		x.schedule(nil)
		x.result.Took = time.Since(start)
		if x.err != nil {
			return x.result, fmt.Errorf("explore %s: %w", s.Name, x.err)
		}
		if x.result.Finding != nil && x.result.Schedules >= x.shown+o.Shorten {
			return x.result, nil
		}
		if !x.back() {
			x.result.Exhausted = true
			return x.result, nil
		}
		if o.Schedules > 0 && x.result.Schedules >= o.Schedules || o.Duration > 0 && x.result.Took > o.Duration {
			return x.result, nil
		}
	}
}

// Replay runs the one schedule that a token stands for.
func Replay(s Scenario, token string) (*Finding, error) {
	choices, err := parseToken(token)
	if err != nil {
		return nil, err
	}
	x := &search{scenario: s, options: Options{Bound: -1, Steps: len(choices) + 1}}
	x.schedule(choices)
	if x.err != nil {
		return nil, fmt.Errorf("replay %s: %w", s.Name, x.err)
	}
	return x.result.Finding, nil
}

// schedule runs one: along the stack as far as that goes, and beyond it by
// choice.
func (x *search) schedule(forced []choice) {
	r := newRun(x.scenario, x.last, nil)
	x.last = r
	defer r.end()
	var now [maxTasks]pending
	preemptions := 0
	for i, t := range r.tasks {
		r.pending(t, &now[i])
	}
	last := -1
	for at := 0; ; at++ {
		if r.err != nil {
			x.err = r.err
			return
		}
		if r.finding != "" {
			break
		}
		if at == x.options.Steps {
			if forced == nil {
				r.find(Endless, fmt.Sprintf("after %d steps the end is not in sight", at))
			}
			break
		}
		replayed := at < x.depth
		if !replayed {
			x.push(r, &now, last)
		}
		r.world.settling = x.stack[at].settling
		if r.world.settling {
			r.settled = at + 1
		}
		n := x.stack[at]
		if replayed && (n.tasks != len(r.tasks) || n.pending != now) {
			x.err = fmt.Errorf("step %d of a schedule differs when run again: the scenario is not deterministic", at)
			return
		}
		if !replayed {
			if !r.progress(&now) {
				x.depth--
				r.judge()
				break
			}
			if forced != nil && at == len(forced) {
				x.depth--
				break
			}
			if forced != nil {
				if x.err = n.force(forced[at], at); x.err != nil {
					return
				}
			} else if !x.choose(n) {
				x.depth--
				x.result.Pruned++
				return
			}
		}
		t := r.tasks[n.chosen]
		n.prior = t.order
		n.order = r.step(t, n.alternative, &now[n.chosen])
		n.made = t.steps
		preemptions = n.preemptions + x.cost(n, n.chosen)
		last = n.chosen
		r.lookAgain(&now, last)
	}
	x.reckon(r, preemptions)
}

// reckon adds a schedule that has ended to the result.
func (x *search) reckon(r *run, preemptions int) {
	x.result.Schedules++
	x.result.Steps += len(r.log)
	x.result.Longest = max(x.result.Longest, len(r.log))
	if x.options.ended != nil {
		x.options.ended(r)
	} else if best := x.result.Finding; r.finding != "" && (best == nil || len(r.log) < best.Steps) {
		if best == nil {
			x.shown = x.result.Schedules
		}
		x.result.Finding = &Finding{Kind: r.finding, Text: r.text, Columns: r.columns(), Replay: r.token(), Steps: len(r.log), Preemptions: preemptions}
		if r.detail != "" {
			x.result.Finding.Text += "\n" + r.detail
		}
	}
}

// lookAgain brings what each task is about to do up to date, after a step of
// the last.
func (r *run) lookAgain(now *[maxTasks]pending, last int) {
	for i, t := range r.tasks {
		if i == last || now[i] == (pending{}) {
			r.pending(t, &now[i])
		} else {
			r.renew(t, &now[i])
		}
	}
}

// force makes the choice of a token at a step, if it can be made there.
func (n *node) force(c choice, at int) error {
	if !n.enabled.has(c.task) || n.pending[c.task].ready>>c.alternative&1 == 0 {
		return fmt.Errorf("the token does not fit: at step %d task %d cannot go on", at, c.task)
	}
	n.chosen, n.alternative = c.task, c.alternative
	return nil
}

// progress says whether somebody can go on who need not be interrupted for it.
func (r *run) progress(now *[maxTasks]pending) bool {
	for i := range r.tasks {
		if now[i].ready&^now[i].rare != 0 {
			return true
		}
	}
	return false
}

// push makes the node of a state that the search is in for the first time.
func (x *search) push(r *run, now *[maxTasks]pending, last int) {
	if x.depth == len(x.stack) {
		x.stack = append(x.stack, new(node))
	}
	n := x.stack[x.depth]
	*n = node{pending: *now, tasks: len(r.tasks), before: last}
	for i, t := range r.tasks {
		if now[i].ready == 0 {
			continue
		}
		able := now[i].ready&^now[i].rare != 0
		if able && r.world.settling && t.idle {
			n.enabled = set(0).with(i)
			n.able = n.enabled
			break
		}
		n.enabled = n.enabled.with(i)
		if able {
			n.able = n.able.with(i)
		}
	}
	n.settling = r.world.settling && n.able != 0 && r.tasks[bits.TrailingZeros32(uint32(n.able))].idle
	if x.depth > 0 {
		parent := x.stack[x.depth-1]
		n.preemptions = parent.preemptions + x.cost(parent, parent.chosen)
		if x.sleeps() {
			for rest := parent.sleep | parent.done; rest != 0; rest &= rest - 1 {
				i := bits.TrailingZeros32(uint32(rest))
				if i != parent.chosen && !parent.pending[i].dependent(&parent.pending[parent.chosen]) {
					n.sleep = n.sleep.with(i)
				}
			}
		}
		if x.reduces() {
			x.races(r, n)
		}
	}
	x.depth++
}

// reduces says whether only races are reversed, sleeps whether there are sleep
// sets too.
func (x *search) reduces() bool { return x.options.Races || x.sleeps() }
func (x *search) sleeps() bool  { return x.options.Bound < 0 && !x.options.Full }

// cost is 1 where choosing a task is a preemption, or a delay.
func (x *search) cost(n *node, task int) int {
	runs := n.before >= 0 && n.able.has(n.before)
	if task != n.before && runs || x.options.Delays && !runs && task != n.next() {
		return 1
	}
	return 0
}

// next is the task that can go on, counting from the one that ran before. Rare
// events happen to the others.
func (n *node) next() int {
	for i := n.before + 1; ; i++ {
		if n.able.has(i % maxTasks) {
			return i % maxTasks
		}
	}
}

// choose picks the first task to try in a new state, and says whether there is
// one.
func (x *search) choose(n *node) bool {
	candidates := n.enabled &^ n.sleep
	if candidates == 0 {
		return false
	}
	task := n.before // no preemption
	if task < 0 || !candidates.has(task) || !n.able.has(task) {
		if task = n.next(); !candidates.has(task) {
			task = bits.TrailingZeros32(uint32(candidates))
		}
	}
	n.begin(task)
	if x.reduces() {
		// Nothing need race with what is rare.
		n.backtrack = n.backtrack.with(task) | n.enabled&^n.able
	} else {
		n.backtrack = n.enabled
	}
	return true
}

func (n *node) begin(task int) {
	n.chosen, n.tried = task, 0
	n.another()
}

// another goes on to the next alternative of the chosen task, and says whether
// there is one.
func (n *node) another() bool {
	left := n.pending[n.chosen].ready &^ n.tried
	if left == 0 {
		return false
	}
	n.alternative = bits.TrailingZeros8(left)
	n.tried |= 1 << n.alternative
	return true
}

// back goes to the deepest state at which something is left to try, and says
// whether there is one.
func (x *search) back() bool {
	for ; x.depth > 0; x.depth-- {
		n := x.stack[x.depth-1]
		if n.another() {
			return true
		}
		n.done = n.done.with(n.chosen)
		for left := n.backtrack &^ n.done &^ n.sleep; left != 0; left &= left - 1 {
			task := bits.TrailingZeros32(uint32(left))
			if x.options.Bound >= 0 && !x.options.Full && n.preemptions+x.cost(n, task) > x.options.Bound {
				continue
			}
			n.begin(task)
			return true
		}
	}
	return false
}
