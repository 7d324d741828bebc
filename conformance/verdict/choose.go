package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"ddc/conformance/bench"
	"ddc/wake/strategy"
)

// recommend says which strategy to use by default, and which for special needs.
func (d *document) recommend(in *Input) {
	d.section("Which strategy to take")
	if len(in.Bench) == 0 {
		d.say("No benchmark was given, so nothing is said of latency and processor time. `ddc wake bench --json > bench.json`, then `--bench bench.json`.")
	} else {
		latency := least(in.Bench, func(r bench.Row) float64 { return float64(r.Parked.P50) })
		busy := least(in.Bench, func(r bench.Row) float64 { return float64(r.Busy.P99) })
		cpu := least(in.Bench, func(r bench.Row) float64 { return r.PerRoundTrip.CPU })
		d.list(
			fmt.Sprintf("**Latency: `%s`.** A parked round trip takes %s in the median, against %s of the slowest; with every processor busy, `%s` has the best 99th percentile, %s.",
				latency.Strategy, micro(latency.Parked.P50), micro(most(in.Bench, func(r bench.Row) float64 { return float64(r.Parked.P50) }).Parked.P50), busy.Strategy, micro(busy.Busy.P99)),
			fmt.Sprintf("**Processor time: `%s`.** A parked round trip costs %s of both processes together and %.1f system calls; the dearest costs %s.",
				cpu.Strategy, nano(cpu.PerRoundTrip.CPU), cpu.PerRoundTrip.SystemCalls, nano(most(in.Bench, func(r bench.Row) float64 { return r.PerRoundTrip.CPU }).PerRoundTrip.CPU)),
			in.portable(),
		)
		if in.Matrix != nil {
			d.list(fmt.Sprintf("**Safety: any.** By what can go wrong on them: %s.", in.exposure()))
		}
		d.table([]string{"strategy", "parked p50", "parked p99", "busy p50", "busy p99", "system calls", "CPU", "needs"}, in.benchRows())
		d.picture(benchPlot(in.Bench))
		d.say("Figures of one run compare with each other only; docs/BENCHMARKS.md says what decides them. The program's default is `%s`.", strategy.Default)
	}
}

func least(rows []bench.Row, of func(bench.Row) float64) bench.Row {
	return slices.MinFunc(rows, func(a, b bench.Row) int { return cmp.Compare(of(a), of(b)) })
}

func most(rows []bench.Row, of func(bench.Row) float64) bench.Row {
	return slices.MaxFunc(rows, func(a, b bench.Row) int { return cmp.Compare(of(a), of(b)) })
}

func (in *Input) benchRows() [][]string {
	var rows [][]string
	for _, r := range in.Bench {
		needs := ""
		for _, a := range in.Works {
			if a.Strategy == r.Strategy {
				needs = a.Needs
			}
		}
		rows = append(rows, []string{r.Strategy, micro(r.Parked.P50), micro(r.Parked.P99), micro(r.Busy.P50), micro(r.Busy.P99),
			fmt.Sprintf("%.1f", r.PerRoundTrip.SystemCalls), nano(r.PerRoundTrip.CPU), needs})
	}
	return rows
}

// posix are the strategies whose calls POSIX.1 has: pipe() and socketpair().
var posix = []string{"pipe", "socketpair"}

// portable chooses among the strategies that work, by what they need.
func (in *Input) portable() string {
	var best string
	for _, r := range in.Bench { // the faster of the two
		if slices.Contains(posix, r.Strategy) && in.works(r.Strategy) &&
			(best == "" || r.Parked.P50 < in.row(best).Parked.P50) {
			best = r.Strategy
		}
	}
	if best == "" {
		return "**Portability:** neither pipe nor socketpair, which POSIX has, works here."
	}
	return fmt.Sprintf("**Portability: `%s`** beyond Linux, being the faster of the two whose calls POSIX has (pipe, socketpair); the table says what each needs of Linux.", best)
}

func (in *Input) works(name string) bool {
	return !slices.ContainsFunc(in.Works, func(a bench.Availability) bool { return a.Strategy == name && a.Err != nil })
}

func (in *Input) row(name string) bench.Row {
	for _, r := range in.Bench {
		if r.Strategy == name {
			return r
		}
	}
	return bench.Row{}
}

// exposure counts, for each strategy, how many of the faults that were run
// there showed.
func (in *Input) exposure() string {
	var parts []string
	for _, s := range in.strategies() {
		shown, run := 0, 0
		for _, e := range in.faults() {
			r := in.ruleFault(e, s)
			if r.in {
				shown++
			}
			if !r.missing {
				run++
			}
		}
		parts = append(parts, fmt.Sprintf("%d of %d faults on %s", shown, run, s))
	}
	return and(parts)
}

func micro(d time.Duration) string { return fmt.Sprintf("%.1f µs", float64(d.Nanoseconds())/1000) }

func nano(ns float64) string { return micro(time.Duration(ns)) }
