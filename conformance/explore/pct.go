//go:build explore

package explore

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"time"
)

// walk is how one random schedule is drawn (PCT: Burckhardt, Kothari,
// Musuvathi, Nagarakatte, A randomized scheduler with probabilistic guarantees
// of finding bugs, ASPLOS 2010). Each task has a random priority, and of those
// that can go on the one with the highest does. At depth-1 steps, drawn among
// the first length, the task that would go on gets a priority below all others.
//
// A defect of depth d shows whenever d pairs of steps come in the order that it
// needs. A use that comes before what it must follow has depth 1; a step that
// falls between two others has depth 2. A walk of n tasks and k steps shows the
// defect with a probability of at least 1/(n k^(d-1)).
type walk struct {
	seed          uint64
	depth, length int
}

// Bound is a lower bound of the probability that at least one of so many walks
// shows a defect of a depth.
func Bound(walks, depth, tasks, steps int) float64 {
	one := 1 / (float64(tasks) * math.Pow(float64(steps), float64(depth-1)))
	return -math.Expm1(float64(walks) * math.Log1p(-one))
}

// Draw runs so many random schedules of a scenario, of depths 2 and 3 in turn,
// until one shows a defect.
func Draw(s Scenario, schedules int) (Result, error) {
	x := Result{}
	start := time.Now()
	last, err := follow(s, nil, mostSteps, newPriorities(walk{depth: 1}))
	if err != nil {
		return x, fmt.Errorf("draw %s: %w", s.Name, err)
	}
	length := len(last.log) - last.settled
	for seed := range uint64(schedules) {
		if last, err = follow(s, last, mostSteps, newPriorities(walk{seed: seed, depth: 2 + int(seed%2), length: length})); err != nil {
			return x, fmt.Errorf("draw %s: %w", s.Name, err)
		}
		x.Schedules++
		x.Steps += len(last.log)
		x.Longest = max(x.Longest, len(last.log))
		x.Took = time.Since(start)
		if x.Finding = last.found(); x.Finding != nil {
			return x, nil
		}
	}
	x.Exhausted = true
	return x, nil
}

// guide chooses the steps of a run, one after the other.
type guide interface {
	// next gives the task that goes on, and its alternative; none where nobody
	// can go on.
	next(r *run) (*task, int, error)
}

// errEnough is what a guide returns to end a run without a judgement.
var errEnough = errors.New("enough steps")

// follow runs a scenario as a guide says, for at most so many steps. It takes
// over the memory of a run that is over, if not nil.
func follow(s Scenario, old *run, most int, g guide) (*run, error) {
	r := newRun(s, old, newWideClocks())
	defer r.end()
	r.settle()
	r.guide, r.most = g, most
	for r.err == nil && r.finding == "" {
		if len(r.log) == most {
			r.find(Endless, fmt.Sprintf("after %d steps the end is not in sight", most))
			break
		}
		d := r.decided
		r.decided = nil
		if d == nil {
			d = r.decide()
		}
		if errors.Is(d.err, errEnough) {
			break
		}
		if d.err != nil {
			return r, d.err
		}
		if d.task == nil {
			r.judge()
			break
		}
		r.make(d.task, d.alternative)
	}
	return r, r.err
}

// decision is what a guide has chosen.
type decision struct {
	task        *task
	alternative int
	err         error
}

func (r *run) decide() *decision {
	r.latest.task, r.latest.alternative, r.latest.err = r.guide.next(r)
	return &r.latest
}

// goesOn asks the guide whether the running task makes the next step as well,
// and enters that step if so. Else what was chosen is kept for follow.
func (r *run) goesOn(t *task) bool {
	if r.guide == nil || r.closing || r.err != nil || r.finding != "" || len(r.log) == r.most {
		return false
	}
	d := r.decide()
	if d.err != nil || d.task != t {
		r.decided = d
		return false
	}
	r.note(t, d.alternative)
	return true
}

// settle runs what Setup has started until it waits.
func (r *run) settle() {
	for r.world.settling && r.err == nil && r.finding == "" {
		i := slices.IndexFunc(r.tasks, func(t *task) bool { return t.idle && t.sure() != 0 })
		if r.world.settling = i >= 0; i >= 0 {
			r.make(r.tasks[i], bits.TrailingZeros8(r.tasks[i].sure()))
			r.settled = len(r.log)
		}
	}
}

// ready are the alternatives that a task has now, sure those of them that are
// not rare.
func (t *task) ready() uint8 {
	switch {
	case t.over || t.dead:
		return 0
	case t.op.Ready != nil:
		return t.op.Ready()
	}
	return 1
}

func (t *task) sure() uint8 { return t.ready() &^ t.op.Rare }

// priorities is the guide of a walk.
type priorities struct {
	draw *rand.Rand
	// ranks are the tasks that are not over, the highest priority first.
	ranks []rank
	// known is how many tasks of the run have got a priority.
	known int
	// changes are the steps before which a priority is lowered, those that are
	// to come.
	changes []change
}

type rank struct {
	task     *task
	priority uint64
	// waits is one more than the run's turns when the task was last seen to
	// wait. While turns has not changed, the task still waits.
	waits int
}

// change is a step before which a priority is lowered.
type change struct {
	step     int
	priority uint64
}

// lowest is below every priority that a task begins with.
const lowest = 1 << 32

// Odds for rare events: a task that sleeps in an interruptible call is looked
// at once in so many steps, and one of so many calls is interrupted.
const (
	oddsAsleep = 64
	oddsAwake  = 8
)

func newPriorities(w walk) *priorities {
	p := &priorities{draw: rand.New(rand.NewPCG(w.seed, uint64(w.depth)))}
	for i := range w.depth - 1 {
		p.changes = append(p.changes, change{p.draw.IntN(max(w.length, 1)), uint64(i)})
	}
	slices.SortStableFunc(p.changes, func(a, b change) int { return a.step - b.step })
	return p
}

func (p *priorities) insert(r rank) {
	at, _ := slices.BinarySearchFunc(p.ranks, r, func(a, b rank) int {
		if a.priority > b.priority {
			return -1
		}
		return 1
	})
	p.ranks = slices.Insert(p.ranks, at, r)
}

func (p *priorities) next(r *run) (*task, int, error) {
	for ; p.known < len(r.tasks); p.known++ {
		p.insert(rank{task: r.tasks[p.known], priority: lowest + p.draw.Uint64N(math.MaxUint64-lowest)})
	}
	if p.draw.IntN(oddsAsleep) == 0 {
		t := r.tasks[p.draw.IntN(len(r.tasks))]
		if rare := t.ready() & t.op.Rare; rare != 0 {
			return t, p.oneOf(rare), nil
		}
	}
	for i := 0; i < len(p.ranks); {
		if p.ranks[i].waits == r.turns+1 {
			i++
			continue
		}
		t := p.ranks[i].task
		if t.over || t.dead {
			p.ranks = slices.Delete(p.ranks, i, i+1)
			continue
		}
		ready := t.ready()
		sure := ready &^ t.op.Rare
		if sure == 0 {
			p.ranks[i].waits = r.turns + 1
			i++
			continue
		}
		if len(p.changes) > 0 && p.changes[0].step <= len(r.log)-r.settled {
			p.ranks = slices.Delete(p.ranks, i, i+1)
			p.insert(rank{task: t, priority: p.changes[0].priority})
			p.changes = p.changes[1:]
			i = 0
			continue
		}
		if rare := ready & t.op.Rare; rare != 0 && p.draw.IntN(oddsAwake) == 0 {
			return t, p.oneOf(rare), nil
		}
		return t, p.oneOf(sure), nil
	}
	return nil, 0, nil
}

// oneOf draws one of a set of alternatives.
func (p *priorities) oneOf(alternatives uint8) int {
	for n := p.draw.IntN(bits.OnesCount8(alternatives)); n > 0; n-- {
		alternatives &= alternatives - 1
	}
	return bits.TrailingZeros8(alternatives)
}

// written is the guide of a schedule that is written down. Where it ends, the
// run does, or goes on without preemptions.
type written struct {
	choices []choice
	goesOn  bool
}

func (w *written) next(r *run) (*task, int, error) {
	at := len(r.log)
	if at < len(w.choices) {
		c := w.choices[at]
		if c.task >= len(r.tasks) || r.tasks[c.task].ready()>>c.alternative&1 == 0 {
			return nil, 0, fmt.Errorf("the token does not fit: at step %d task %d cannot go on", at, c.task)
		}
		return r.tasks[c.task], c.alternative, nil
	}
	last := 0
	if at > 0 {
		last = r.log[at-1].task
	}
	for i := range r.tasks {
		t := r.tasks[(last+i)%len(r.tasks)]
		if sure := t.sure(); sure != 0 {
			if !w.goesOn {
				return nil, 0, errEnough
			}
			return t, bits.TrailingZeros8(sure), nil
		}
	}
	return nil, 0, nil
}
