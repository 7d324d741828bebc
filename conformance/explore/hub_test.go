//go:build explore

package explore

import (
	"testing"
	"time"
)

func TestHubs(t *testing.T) {
	for _, s := range []string{"futex", "eventfd"} {
		for _, p := range []Scenario{
			hubOneWay("one way 1", s, 1, small), hubOneWay("one way 2", s, 2, small), hubOneWay("slot", s, 1, slotted), hubOneWay("pieces", s, 1, large),
			hubBothWays("both", s, 2), hubReplies("replies", s, 2), hubAborts("aborts", s), hubNeighbours("neighbours", s, 3), hubSenders("senders", s, 1),
			hubSlots("slots", s, slotted), hubSlots("pieces", s, large), hubClosing("closing", s), hubDying("dying", s), hubCaller("caller", s),
		} {
			t.Run(s+"/"+p.Name, func(t *testing.T) {
				for bound := 0; bound < 2; bound++ {
					r, err := Explore(p, Options{Bound: bound, Delays: true, Duration: 5 * time.Second})
					t.Logf("%6d schedules %8d steps, longest %d, %v bound %d %v", r.Schedules, r.Steps, r.Longest, r.Exhausted, bound, r.Took)
					if err != nil {
						t.Fatal(err)
					}
					if r.Finding != nil {
						t.Fatal(r.Finding)
					}
				}
			})
		}
	}
}
