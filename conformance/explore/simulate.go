//go:build explore

package explore

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strings"
	"time"
)

// SimulateOptions say how many random schedules to run.
type SimulateOptions struct {
	// Depths are the depths of defects to look for, in turn.
	Depths []int
	// Schedules and Duration end it, whichever comes first. 0 is no limit.
	Schedules int
	Duration  time.Duration
}

// Simulated is what random schedules of a crowd have shown.
type Simulated struct {
	// Schedules is how many were run, Walks how many of them for each depth.
	Schedules int
	Walks     map[int]int
	// Tasks and Longest are the most tasks and steps that one had, Steps all
	// steps.
	Tasks, Longest, Steps int
	// Trace stands for every step of every schedule.
	Trace uint64
	Took  time.Duration
	// Depth and Crowd are those of the schedule that shows Finding, which is
	// nil where none does.
	Depth   int
	Crowd   Crowd
	Finding *Finding

	shown []choice
}

// Bound is the probability with which a defect of a depth would have shown.
func (s *Simulated) Bound(depth int) float64 {
	return Bound(s.Walks[depth], depth, s.Tasks, s.Longest)
}

// mostSteps is when a run of a crowd counts as endless.
const mostSteps = 400_000

// Simulate runs random schedules of a crowd until one shows a defect. The first
// has the crowd's seed, each later one the next: a seed stands for one program
// and one schedule.
func Simulate(c Crowd, o SimulateOptions) (Simulated, error) {
	s := Simulated{Walks: map[int]int{}}
	if err := c.check(); err != nil {
		return s, err
	}
	start := time.Now()
	trace := fnv.New64a()
	// How many steps there are to choose the change points from is measured
	// first, without any.
	first, err := follow(c.Scenario(), nil, mostSteps, newPriorities(walk{seed: c.Seed, depth: 1}))
	if err != nil {
		return s, fmt.Errorf("simulate %s: %w", c, err)
	}
	length := len(first.log) - first.settled
	last := first
	for ; ; c.Seed++ {
		w := walk{seed: c.Seed, depth: o.Depths[s.Schedules%len(o.Depths)], length: length}
		if last, err = follow(c.Scenario(), last, mostSteps, newPriorities(w)); err != nil {
			return s, fmt.Errorf("simulate %s: %w", c, err)
		}
		s.Schedules++
		s.Walks[w.depth]++
		s.Tasks, s.Longest = max(s.Tasks, len(last.tasks)), max(s.Longest, len(last.log)-last.settled)
		s.Steps += len(last.log)
		_ = binary.Write(trace, binary.LittleEndian, last.trace())
		s.Took, s.Trace = time.Since(start), trace.Sum64()
		if last.finding != "" {
			s.Depth, s.Crowd, s.Finding, s.shown = w.depth, c, last.found(), last.choices()
			s.Finding.Replay = c.String() + crowdEnds + s.Finding.Replay
			return s, nil
		}
		if o.Schedules > 0 && s.Schedules >= o.Schedules || o.Duration > 0 && s.Took >= o.Duration {
			return s, nil
		}
	}
}

// crowdEnds stands between a crowd and a schedule of it in a token.
const crowdEnds = ":"

// ReplayCrowd runs the one schedule of a crowd that a token stands for.
func ReplayCrowd(token string) (*Finding, error) {
	text, schedule, ok := strings.Cut(token, crowdEnds)
	if !ok {
		return nil, fmt.Errorf("replay token: no crowd stands before %q", crowdEnds)
	}
	c, err := ParseCrowd(text)
	if err != nil {
		return nil, err
	}
	choices, err := parseToken(schedule)
	if err != nil {
		return nil, err
	}
	r, err := follow(c.Scenario(), nil, mostSteps, &written{choices: choices})
	if err != nil {
		return nil, fmt.Errorf("replay %s: %w", c, err)
	}
	f := r.found()
	if f != nil {
		f.Replay = token
	}
	return f, nil
}

// trace stands for every step of a run.
func (r *run) trace() uint64 {
	// As FNV-1a does, but a word at a time.
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := range r.log {
		e := &r.log[i]
		h = (h ^ uint64(e.task)<<8 ^ uint64(e.alternative)) * prime
		for k := range len(e.verb) {
			h = (h ^ uint64(e.verb[k])) * prime
		}
		h = (h ^ e.before) * prime
		h = (h ^ e.after) * prime
	}
	return h
}

func (r *run) choices() []choice {
	all := make([]choice, len(r.log))
	for i, e := range r.log {
		all[i] = choice{e.task, e.alternative}
	}
	return all
}

// found is the finding of a run that is over, or nil.
func (r *run) found() *Finding {
	if r.finding == "" {
		return nil
	}
	f := &Finding{Kind: r.finding, Text: r.text, Columns: r.columns(), Replay: r.token(), Steps: len(r.log)}
	if r.detail != "" {
		f.Text += "\n" + r.detail
	}
	return f
}
