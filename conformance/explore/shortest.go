//go:build explore

package explore

import "time"

// Shortest looks for a schedule that shows a defect with as few preemptions as
// possible, and among those for a short one: all with none, then with one, and so
// on up to bound, and at the number that shows it for a while longer.
func Shortest(s Scenario, bound int, limit time.Duration) (Result, error) {
	var total Result
	for n := 0; n <= bound; n++ {
		r, err := Explore(s, Options{Bound: n, Duration: limit - total.Took, Shorten: 2000})
		total.Schedules += r.Schedules
		total.Steps += r.Steps
		total.Took += r.Took
		total.Longest = max(total.Longest, r.Longest)
		total.Bound, total.Exhausted, total.Finding = n, r.Exhausted, r.Finding
		if err != nil || r.Finding != nil || total.Took >= limit {
			return total, err
		}
	}
	return total, nil
}
