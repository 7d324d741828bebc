package verdict

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"ddc/conformance/matrix"
	"ddc/conformance/scenario"
	"ddc/internal/fault"
	"ddc/internal/printable"
	"ddc/wake/strategy"
)

// ErrNothing says that there is nothing to base a verdict on.
var ErrNothing = errors.New("nothing to rule by: neither a matrix (ddc wake matrix --json) nor a description of a system")

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
	runs := in.Matrix != nil && len(in.Matrix.Cells) > 0
	d := &document{}
	switch {
	case in.System != nil:
		d.title = "Verdict: why " + in.System.Name + " hangs"
		d.report(in)
	case runs:
		d.title = "Verdict: which wake strategy, or which rule of using one, is the fix"
		d.say("%s", in.opening())
		d.say("%s", in.spreadOfSuspects())
	default:
		return nil, ErrNothing
	}
	if runs {
		if why := in.partial(); why != "" {
			d.title = "PARTIAL " + lower(d.title) + " (" + why + ")"
		}
		if err := d.runs(in); err != nil {
			return nil, err
		}
	}
	if runs || len(in.Bench) > 0 {
		d.recommend(in)
	}
	if runs || len(in.Explore) > 0 {
		d.explorer(in)
	}
	d.method(in)
	return d, nil
}

// runs writes what the matrix shows. After a description it is the appendix.
func (d *document) runs(in *Input) error {
	table, err := in.Matrix.Fragment()
	if err != nil {
		return err
	}
	if in.System != nil {
		d.section("Appendix: each fault on each strategy, in runs of this transport")
		d.say("%s", in.opening())
	}
	d.suspicions(in)
	d.evidence(in)
	d.inARow(in)
	d.rules(in)
	if in.System == nil {
		d.questions(in)
	}
	d.section("The whole matrix")
	d.matrix(in, table)
	return nil
}

// partial says what a matrix has not run, or "".
func (in *Input) partial() string {
	m := in.Matrix
	if planned := m.Planned; planned > len(m.Cells) {
		return fmt.Sprintf("%d of %d cells were run", len(m.Cells), planned)
	}
	if missing := len(fault.Catalogue()) - len(in.faults()); missing > 0 {
		return fmt.Sprintf("%d of %d faults were not run", missing, len(fault.Catalogue()))
	}
	for _, s := range strategy.Names() {
		if !slices.Contains(m.Columns(), s) {
			return s + " was not run"
		}
	}
	return ""
}

// reason is why a suspicion is out, and on which strategies.
type reason struct {
	who, why string
	on       []string
}

// suspicions is the table of the report's seven suspicions, by strategy.
func (d *document) suspicions(in *Input) {
	d.section("The four suspects and the three earlier fixes, on each strategy")
	d.say("**in**: the defect that stands for it shows on that strategy, here or in the explorer. out: it cannot. `%s` is what the reported system has: a socket pair, and an event loop that sleeps in edge-triggered epoll. An earlier fix that is \"in\" would be a bug again if it were undone.", matrix.Reported)
	head := append([]string{"the report's"}, in.strategies()...)
	var rows [][]string
	var reasons []reason
	for i, s := range fault.Suspicions() {
		row := []string{string(s)}
		for _, strategy := range in.strategies() {
			r := in.rule(s, strategy)
			row = append(row, r.String())
			if !r.out || r.text == "" {
				continue
			}
			who := suspicionName(i)
			at := slices.IndexFunc(reasons, func(o reason) bool { return o.who == who && o.why == r.text })
			if at < 0 {
				at = len(reasons)
				reasons = append(reasons, reason{who: who, why: r.text})
			}
			reasons[at].on = append(reasons[at].on, strategy)
		}
		rows = append(rows, row)
	}
	d.table(head, rows)
	var items []string
	for _, r := range reasons {
		items = append(items, fmt.Sprintf("%s is out on %s: %s.", upper(r.who), and(r.on), r.why))
	}
	if len(items) > 0 {
		d.list(items...)
	}
}

// suspects is how many of the suspicions are suspects; the others are earlier
// fixes.
const suspects = 4

func suspicionName(i int) string {
	if i < suspects {
		return fmt.Sprintf("suspect %d", i+1)
	}
	return fmt.Sprintf("earlier fix %d", i+1-suspects)
}

func defect(name string) string {
	e, _ := fault.ByName(name)
	return e.Defect
}

// rulesOfWaking is one more than the last rule.
const rulesOfWaking = 15

// rules is the table of the protocol's rules, and of what breaking each does.
func (d *document) rules(in *Input) {
	d.section("The rules, and what breaking each does")
	var rows [][]string
	for n := range rulesOfWaking {
		for _, e := range in.faults() {
			if e.Rule != n {
				continue
			}
			rows = append(rows, []string{scenario.Rule(n).String(), "`" + string(e.Name) + "`: " + e.Defect, in.outcomes(e)})
		}
	}
	for i := len(rows) - 1; i > 0; i-- { // a rule's sentence once
		if rows[i][0] == rows[i-1][0] {
			rows[i][0] = ""
		}
	}
	d.table([]string{"rule", "fault", "came out as"}, rows)
}

// outcomes says how a fault came out: "hung on a and b; slow on c".
func (in *Input) outcomes(e fault.Entry) string {
	var order []string
	by := map[string][]string{}
	for _, s := range in.strategies() {
		how := ""
		switch r := in.ruleFault(e, s); {
		case r.in:
			how = "explorer"
			if c := in.Matrix.Cell(string(e.Name), s); c != nil && c.Verdict != matrix.Immune {
				how = string(c.Verdict)
			}
		case r.missing:
			how = "not run"
		case !r.out:
			how = "not seen"
		}
		if how == "" {
			continue
		}
		if by[how] == nil {
			order = append(order, how)
		}
		by[how] = append(by[how], s)
	}
	var parts []string
	for _, how := range order {
		parts = append(parts, how+" on "+and(by[how]))
	}
	if len(parts) == 0 {
		return "immune everywhere"
	}
	return strings.Join(parts, "; ")
}

// method says what was run, and how to run it again.
func (d *document) method(in *Input) {
	d.section("How this was made")
	if in.System != nil {
		d.say("From a description of the system, `ddc wake verdict --system FILE`. `ddc wake verdict --example` prints one to begin with. The mechanisms and the signs of each fault are in internal/fault.")
	}
	m := in.Matrix
	if m == nil {
		d.say("No fault was run for it. `ddc wake verdict --system FILE --run` runs each fault on each strategy, and adds what came of it.")
		return
	}
	d.say("%d cells on %s (%d processors, Linux %s, %s), in %v; %d of them differ from what the catalogue of faults expects. A cell is a host process with eighty workers and sixteen plugin processes with one processor each, over one hub with rings of four descriptors; it is called hung when calls are under way, no shared word changes and nobody uses a processor for 0.8 seconds. Faults that need luck have their windows held open for half a millisecond, as a busy machine would sooner or later.",
		len(m.Cells), m.Begun.Format("2006-01-02"), m.Machine.Processors, m.Machine.Kernel, m.Machine.Go, m.Took.Round(time.Second), len(m.Disagreements()))
	if n := len(m.InARow); n > 0 {
		d.say("Besides, %s of %d calls one after the other, over rings of %d.", printable.Count(n, "cell"), matrix.CallsInARow, matrix.ReportedCells)
	}
	if list := m.Disagreements(); len(list) > 0 {
		var items []string
		for _, c := range list {
			items = append(items, fmt.Sprintf("`%s` on %s: %s", c.Fault, c.Strategy, c.Difference()))
		}
		d.list(items...)
	}
	d.say("To make it again: `make verdict`. docs/FAULTS.md tells of each fault and of the real system that had it.")
}
