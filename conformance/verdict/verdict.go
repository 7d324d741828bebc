package verdict

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"ddc/conformance/matrix"
	"ddc/conformance/scenario"
	"ddc/internal/fault"
)

// ErrNoMatrix is returned where there is no matrix to rule by.
var ErrNoMatrix = errors.New("no matrix: run ddc wake matrix --json")

// Write writes the verdict as Markdown.
func Write(w io.Writer, in Input) error {
	d, err := compose(&in)
	if err != nil {
		return err
	}
	return d.markdown(w)
}

// WriteHTML writes it as a page that needs nothing but itself, with plots.
func WriteHTML(w io.Writer, in Input) error {
	d, err := compose(&in)
	if err != nil {
		return err
	}
	return d.html(w)
}

func compose(in *Input) (*document, error) {
	if in.Matrix == nil || len(in.Matrix.Cells) == 0 {
		return nil, ErrNoMatrix
	}
	table, err := in.Matrix.Fragment()
	if err != nil {
		return nil, err
	}
	d := &document{title: "Verdict: which wake strategy, or which rule of using one, is the fix"}
	d.say("%s", in.opening())
	d.suspicions(in)
	d.evidence(in)
	d.rules(in)
	d.recommend(in)
	d.questions(in)
	d.section("The whole matrix")
	d.matrix(in, table)
	d.explorer(in)
	d.method(in)
	return d, nil
}

// suspicions is the table of the report's seven, by strategy.
func (d *document) suspicions(in *Input) {
	d.section("The four suspects and the three earlier fixes")
	d.say("**in**: the defect that stands for it shows on that strategy, here or in the explorer. out: it cannot. `%s` is what the reported system has: a socket pair, and an event loop that sleeps in edge-triggered epoll. An earlier fix that is \"in\" would be a bug again if it were undone.", matrix.Reported)
	head := append([]string{"the report's"}, in.strategies()...)
	var rows [][]string
	var reasons []string
	for _, s := range fault.Suspicions() {
		row := []string{string(s)}
		for _, strategy := range in.strategies() {
			r := in.rule(s, strategy)
			row = append(row, r.String())
			if reason := fmt.Sprintf("%s is out on %s because %s.", firstWords(s), strategy, r.text); r.out && r.text != "" {
				reasons = append(reasons, reason)
			}
		}
		rows = append(rows, row)
	}
	d.table(head, rows)
	if len(reasons) > 0 {
		d.list(merge(reasons)...)
	}
}

// firstWords is "suspect 1" of "suspect 1: ...".
func firstWords(s fault.Suspicion) string {
	words, _, _ := strings.Cut(string(s), ":")
	return words
}

// merge joins "x is out on a because y." and "x is out on b because y."
func merge(reasons []string) []string {
	type key struct{ who, why string }
	var order []key
	where := map[key][]string{}
	for _, r := range reasons {
		who, rest, _ := strings.Cut(r, " is out on ")
		strategy, why, _ := strings.Cut(rest, " because ")
		k := key{who, why}
		if where[k] == nil {
			order = append(order, k)
		}
		where[k] = append(where[k], strategy)
	}
	var merged []string
	for _, k := range order {
		merged = append(merged, fmt.Sprintf("%s is out on %s: %s", k.who, and(where[k]), k.why))
	}
	return merged
}

// evidence compares the hung cells with the report.
func (d *document) evidence(in *Input) {
	d.section("Which faults reproduce the report's evidence")
	d.say("The report has four pieces of it. A run shows the first if the plugin at which it hung had answered 1 to %d calls; the others are read from the link's shared words, the plugin's goroutines and its threads at the moment of the hang. Of several runs the one that shows most is told. ✓ is as in the report; – is not.", fewCalls)
	all := in.matches()
	slices.SortStableFunc(all, func(a, b match) int { return count(b) - count(a) })
	var rows [][]string
	var shown []match
	for _, m := range all {
		if m.cell.Strategy == matrix.Reported {
			rows = append(rows, evidenceRow(m))
			shown = append(shown, m)
		}
	}
	d.say("On `%s`, as reported:", matrix.Reported)
	d.table(append(append([]string{"fault", "hung at call", "of that plugin"}, points...), "exactly so"), rows)
	if counting := in.counting(); len(counting) > 0 {
		d.say("Of %s the first piece says nothing: they are made to begin after ten events, because the report says that the first calls worked. Where a fault needs luck, its window is held open, so it shows earlier than in nature.", and(quoted(counting)))
	}
	if alike := names(all, func(m match) bool { return m.alike() && !loops(m.cell.Strategy) }); len(alike) > 0 {
		d.say("The same picture, with the plugin asleep in `poll` or `futex_wait` instead of `epoll_wait`, came on the other strategies from %s.", and(quoted(alike)))
	}
	d.part("What it looks like in a dump")
	printed := 0
	for _, m := range shown {
		if m.exact() && printed < 3 {
			d.say("`%s` (%s):", m.cell.Fault, defect(m.cell.Fault))
			d.dump(strings.Join(m.run.Evidence.Words, "\n"))
			printed++
		}
	}
	if printed == 0 {
		d.say("No cell showed all four.")
	}
}

// ten is in the words of a fault that is made to begin late.
var ten = regexp.MustCompile(`\bten\b`)

// counting are the faults that were run and are made to begin late.
func (in *Input) counting() (list []string) {
	for _, e := range in.faults() {
		if ten.MatchString(e.Defect) {
			list = append(list, string(e.Name))
		}
	}
	return list
}

func count(m match) (n int) {
	for _, p := range m.points() {
		if p {
			n++
		}
	}
	return n
}

func evidenceRow(m match) []string {
	row := []string{"`" + m.cell.Fault + "`", fmt.Sprint(m.run.Answered + 1), fmt.Sprint(m.run.AnsweredByPlugin + 1)}
	if m.exact() {
		row[0] = "**`" + m.cell.Fault + "`**"
	}
	for _, p := range m.points() {
		row = append(row, map[bool]string{true: "✓", false: "–"}[p])
	}
	return append(row, fmt.Sprintf("%d of %d runs", m.exactly, m.runs))
}

func defect(name string) string {
	e, _ := fault.ByName(name)
	return e.Defect
}

// rules is the table of the protocol's rules, and what breaking each does.
func (d *document) rules(in *Input) {
	d.section("The rules, and what breaking each does")
	var rows [][]string
	for n := range 12 {
		for _, e := range in.faults() {
			if e.Rule != n {
				continue
			}
			var where []string
			for _, s := range in.strategies() {
				switch r := in.ruleFault(e, s); {
				case r.in:
					if c := in.Matrix.Cell(string(e.Name), s); c != nil && c.Verdict != matrix.Immune {
						where = append(where, fmt.Sprintf("%s on %s", c.Verdict, s))
					} else {
						where = append(where, "explorer on "+s)
					}
				case !r.out:
					where = append(where, "not seen on "+s)
				}
			}
			rows = append(rows, []string{scenario.Rule(n).String(), "`" + string(e.Name) + "`: " + e.Defect, group(where)})
		}
	}
	for i := len(rows) - 1; i > 0; i-- { // a rule's sentence once
		if rows[i][0] == rows[i-1][0] {
			rows[i][0] = ""
		}
	}
	d.table([]string{"rule", "fault", "came out as"}, rows)
}

// group writes "hung on a, hung on b" as "hung on a and b".
func group(where []string) string {
	var order []string
	by := map[string][]string{}
	for _, w := range where {
		what, s, _ := strings.Cut(w, " on ")
		if by[what] == nil {
			order = append(order, what)
		}
		by[what] = append(by[what], s)
	}
	var parts []string
	for _, what := range order {
		parts = append(parts, what+" on "+and(by[what]))
	}
	if len(parts) == 0 {
		return "immune everywhere"
	}
	return strings.Join(parts, "; ")
}

// method says what was run, and how to run it again.
func (d *document) method(in *Input) {
	m := in.Matrix
	d.section("How this was made")
	d.say("%d cells on %s (%d processors, Linux %s, %s), in %v; %d of them differ from what the catalogue of faults expects. A cell is a host process with eighty workers and sixteen plugin processes with one processor each, over one hub with rings of four descriptors; it is called hung when calls are under way, no shared word changes and nobody uses a processor for 0.8 seconds. Faults that need luck have their windows held open for half a millisecond, as a busy machine would sooner or later.",
		len(m.Cells), m.Begun.Format("2006-01-02"), m.Machine.Processors, m.Machine.Kernel, m.Machine.Go, m.Took.Round(time.Second), len(m.Disagreements()))
	if list := m.Disagreements(); len(list) > 0 {
		var items []string
		for _, c := range list {
			items = append(items, fmt.Sprintf("`%s` on %s: %s", c.Fault, c.Strategy, c.Difference()))
		}
		d.list(items...)
	}
	d.say("To make it again: `make build && bin/ddc wake verdict`. docs/FAULTS.md tells of each fault and of the real system that had it.")
}
