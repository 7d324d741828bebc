//go:build explore

package explore

// Shortest looks for a schedule that shows a defect with as few preemptions as
// possible, and among those for a short one: all with none, then with one, and so
// on up to bound, and at the number that shows it for a while longer. Of those
// that no race tells apart it runs one ([Options.Races]); of each number
// at most so many.
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
