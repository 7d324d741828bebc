//go:build explore

package explore

// Shortest looks for a schedule that shows a defect with as few preemptions as
// possible, and among those for a short one. It runs the schedules without
// preemptions, then those with one, and so on up to bound. At the number that
// shows the defect it goes on for a while. It runs one of the schedules that no
// race tells apart ([Options.Races]), and at most schedules of each number.
func Shortest(s Scenario, bound, schedules int) (Result, error) {
	var total Result
	for n := 0; n <= bound; n++ {
		r, err := Explore(s, Options{Bound: n, Races: true, Schedules: schedules, Shorten: 300})
		total.Schedules += r.Schedules
		total.Steps += r.Steps
		total.Took += r.Took
		total.Longest = max(total.Longest, r.Longest)
		total.Bound, total.Exhausted, total.Finding = n, r.Exhausted, r.Finding
		if err != nil || r.Finding != nil {
			return total, err
		}
	}
	return total, nil
}
