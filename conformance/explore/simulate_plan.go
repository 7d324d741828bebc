//go:build explore

package explore

import (
	"fmt"
	"strings"
)

// Simulation is a crowd, and its part of the schedules that are run in all.
type Simulation struct {
	Name string
	Crowd
	// Weight is how many of a thousand schedules are its, Fast how many it has
	// in make test.
	Weight, Fast int
}

// depths are those that schedules are drawn for, in turn. A few of depth 1 are
// enough.
var depths = []int{1, 2, 3, 2, 3}

// Simulations are the crowds of one strategy. The probability that a schedule
// shows a defect falls with the number of tasks and steps, so most are of the
// small crowds; the large one is for what needs many.
func Simulations(strategy string) []Simulation {
	mixed := func(peers, callers, calls, cells, slots int) Crowd {
		return Crowd{
			Strategy: strategy, Seed: 1, Peers: peers, Callers: callers, Calls: calls, Cells: cells, Slots: slots,
			Streams: 30, Leases: 30, Cancels: 20, Signals: 1,
		}
	}
	pair, few, many := mixed(1, 3, 1, 1, 1), mixed(5, 16, 2, 1, 2), mixed(16, 80, 2, 2, 4)
	dying, closing := pair, pair
	dying.Deaths, dying.Restarts, closing.Closes = 1, 1, 1
	few.Closes, few.Lies, few.Deaths, few.Restarts = 1, 1, 2, 1
	many.Closes, many.Lies, many.Deaths, many.Restarts = 3, 1, 4, 3
	return []Simulation{
		{"a pair", pair, 300, 400},
		{"a pair that closes", closing, 300, 1000},
		{"a pair that dies and returns", dying, 300, 600},
		{"few peers", few, 90, 150},
		{"many peers", many, 10, 12},
	}
}

// Reached says how many schedules were run, and with which probability each of
// the depths would have shown.
func (s *Simulated) Reached() string {
	var reached []string
	for _, depth := range depthsTo(3) {
		reached = append(reached, fmt.Sprintf("depth %d: %d, p >= %.2g", depth, s.Walks[depth], s.Bound(depth)))
	}
	return fmt.Sprintf("%d schedules of up to %d tasks and %d steps in %.1fs (%s)", s.Schedules, s.Tasks, s.Longest, s.Took.Seconds(), strings.Join(reached, "; "))
}
