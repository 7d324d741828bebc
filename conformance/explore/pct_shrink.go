//go:build explore

package explore

import (
	"fmt"
	"time"
)

// shrinker makes what random schedules have found smaller, as long as it has
// time.
type shrinker struct {
	found Simulated
	until time.Time
	// patience is how long a smaller crowd is tried at most.
	patience time.Duration
}

// tries is how many schedules of a smaller crowd, or of a smaller depth, may
// show the finding.
const tries = 1000

// Shrink makes a finding of random schedules smaller: first the crowd, then the
// number of priority changes, and then the part of the schedule in which tasks
// do not simply go on until they wait.
func Shrink(found Simulated, budget time.Duration) (Simulated, error) {
	s := &shrinker{found: found, until: time.Now().Add(budget), patience: budget / 20}
	for smaller := true; smaller; {
		smaller = false
		for _, a := range amounts {
			for _, n := range []int{a.least, *a.of(&s.found.Crowd) / 2, *a.of(&s.found.Crowd) - 1} {
				c := s.found.Crowd
				if n < a.least || n >= *a.of(&c) {
					continue
				}
				*a.of(&c) = n
				ok, err := s.try(c, depthsTo(s.found.Depth))
				if err != nil {
					return s.found, err
				}
				if ok {
					smaller = true
					break
				}
			}
		}
	}
	for depth := 1; depth < s.found.Depth; depth++ {
		if ok, err := s.try(s.found.Crowd, []int{depth}); ok || err != nil {
			break
		}
	}
	return s.found, s.prefix()
}

// depthsTo are all depths up to one.
func depthsTo(most int) (all []int) {
	for d := 1; d <= most; d++ {
		all = append(all, d)
	}
	return all
}

// try says whether schedules of a crowd show a finding of that kind, which it
// then takes over.
func (s *shrinker) try(c Crowd, depths []int) (bool, error) {
	left := time.Until(s.until)
	if c.check() != nil || left <= 0 {
		return false, nil
	}
	r, err := Simulate(c, SimulateOptions{Depths: depths, Schedules: tries, Duration: min(left, s.patience)})
	if err != nil || r.Finding == nil || !alike(r.Finding.Kind, s.found.Finding.Kind) {
		return false, err
	}
	r.Schedules, r.Walks, r.Steps, r.Trace = s.found.Schedules, s.found.Walks, s.found.Steps, s.found.Trace
	r.Tasks, r.Longest = s.found.Tasks, s.found.Longest
	s.found = r
	return true, nil
}

// alike says whether two kinds may be of one defect: the task that hangs may be
// a sleeper or not.
func alike(a, b Kind) bool {
	hangs := func(k Kind) bool { return k == LostWakeup || k == Deadlock }
	return a == b || hangs(a) && hangs(b)
}

// prefix looks for a short beginning of the schedule after which the finding
// shows though everybody just goes on until they wait.
func (s *shrinker) prefix() error {
	all := s.found.shown
	least, shows := 0, len(all)
	for least < shows && time.Until(s.until) > 0 {
		n := (least + shows) / 2
		r, err := follow(s.found.Crowd.Scenario(), nil, mostSteps, &written{choices: all[:n], goesOn: true})
		if err != nil {
			return fmt.Errorf("shrink %s: %w", s.found.Crowd, err)
		}
		if r.finding == "" || !alike(r.finding, s.found.Finding.Kind) {
			least = n + 1
			continue
		}
		shows = n
		if len(r.log) > s.found.Finding.Steps {
			continue // all others went on for long before nobody could
		}
		s.found.Finding, s.found.shown = r.found(), r.choices()
		s.found.Finding.Replay = s.found.Crowd.String() + crowdEnds + s.found.Finding.Replay
	}
	return nil
}
