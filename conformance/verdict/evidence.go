package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ddc/conformance/matrix"
	"ddc/internal/fault"
)

// fewCalls is how many answers of one plugin still count as "the first ten
// calls or so", as the report says.
const fewCalls = 100

// match compares a cell that hung with what the report has seen.
type match struct {
	cell *matrix.Cell
	// run is the cell's run that shows the most of it. seen says in how many of
	// all runs it showed.
	run  *matrix.Outcome
	seen int
	runs int
	// first says that some calls were answered, but not many. idle says that
	// the plugin's sleeping thread is in epoll_wait.
	first, idle bool
}

// exact says that a run shows all that was seen.
func (m match) exact() bool { return m.first && m.idle }

func compare(c *matrix.Cell) match {
	best := compareRun(c, &c.Outcome)
	seen := 0
	runs := append([]matrix.Outcome{c.Outcome}, c.Again...)
	for i := range runs {
		m := compareRun(c, &runs[i])
		if m.exact() {
			seen++
		}
		if m.exact() && !best.exact() {
			best = m
		}
	}
	best.seen, best.runs = seen, len(runs)
	return best
}

func compareRun(c *matrix.Cell, o *matrix.Outcome) match {
	m := match{cell: c, run: o}
	if e := o.Evidence; o.Verdict == matrix.Hung && e != nil {
		m.first = o.AnsweredByPlugin >= 1 && o.AnsweredByPlugin <= fewCalls
		m.idle = e.PluginThreads["epoll_wait"] > 0 && e.PluginThreads["poll"] == 0 && e.PluginThreads["futex_wait on the doorbell"] == 0
	}
	return m
}

// ring is what the words of the ring say. token is what the doorbell holds, and
// space says whether a sender waits for room. All are read from the link, never
// from a stack.
func (m match) ring() string {
	l := m.run.Evidence.Link
	switch {
	case !l.ToPlugin:
		return "to the host: " + fmt.Sprint(l.Unread) + " unread"
	case l.Unread == 0:
		return "empty"
	case l.Unread == uint64(l.Cells):
		return "full"
	case l.Unread > uint64(l.Cells):
		return "inverted"
	}
	return "unread"
}

func (m match) token() string {
	if m.run.Evidence.Link.Token {
		return "pending"
	}
	return "none"
}

func (m match) space() string {
	if m.run.Evidence.Link.SenderWaitsForSpace {
		return "yes"
	}
	return "no"
}

// values are what a run shows, as observations of a description.
func (m match) values() map[fault.Observation]string {
	v := map[fault.Observation]string{fault.TokenLeft: m.token(), fault.HubWaiters: "none"}
	if m.run.Evidence.Link.ToPlugin {
		v[fault.RingWords] = m.ring()
	}
	if m.run.Evidence.Link.SenderWaitsForSpace {
		v[fault.HubWaiters] = "one"
	}
	return v
}

// matches compares every cell that hung.
func (in *Input) matches() []match {
	var all []match
	for i := range in.Matrix.Cells {
		if c := &in.Matrix.Cells[i]; c.Verdict == matrix.Hung && c.Evidence != nil {
			all = append(all, compare(c))
		}
	}
	return all
}

// reported says that a cell that hung is of the report's strategy and shows
// all that was seen.
func reported(m match) bool { return m.exact() && m.cell.Strategy == matrix.Reported }

// evidence compares the hung cells with the report.
func (d *document) evidence(in *Input) {
	d.section("Which hangs look like the report's")
	d.say("The report has seen two things: the first calls succeed (here: the plugin at which it hung had answered 1 to %d), and the plugin's thread sleeps in `epoll_wait`. What the ring holds, whether a token lies in the doorbell and whether a sender waits for room is read from the shared words; the report has not seen it, and concluded it. Where there were several runs, the one that shows most is told.", fewCalls)
	all := in.matches()
	slices.SortStableFunc(all, func(a, b match) int {
		return cmp.Or(int(in.standing(a.cell.Fault))-int(in.standing(b.cell.Fault)), b.seen-a.seen)
	})
	head := []string{"fault", "hung at call", "of that plugin", "first calls succeed", "plugin in epoll_wait", "so in", "ring to the plugin", "token", "a sender waits for room"}
	if in.System != nil {
		head = append(head, "in "+in.System.Name)
	}
	var rows [][]string
	var shown []match
	for _, m := range all {
		if m.cell.Strategy == matrix.Reported {
			rows = append(rows, in.evidenceRow(m))
			shown = append(shown, m)
		}
	}
	d.say("On `%s`, as reported:", matrix.Reported)
	d.table(head, rows)
	if late := in.late(); len(late) > 0 {
		d.say("For %s the first says nothing: they are made to begin after ten events, because the report says that the first calls worked. Where a fault needs luck, its window is held open, so it shows earlier than in nature.", and(quoted(late)))
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
		d.say("No cell looked so.")
	}
}

// inARow tells which faults show within the calls that the report made. The one
// that it saw is among them.
func (d *document) inARow(in *Input) {
	cells := slices.DeleteFunc(slices.Clone(in.Matrix.InARow), func(c matrix.Cell) bool { return c.Fault == matrix.NoFault })
	if len(cells) == 0 {
		return
	}
	slices.SortStableFunc(cells, func(a, b matrix.Cell) int {
		return cmp.Or(int(in.standing(a.Fault))-int(in.standing(b.Fault)), b.Answered-a.Answered)
	})
	head := []string{"fault", "on", "came out as", "at call"}
	if in.System != nil {
		head = append(head, "in "+in.System.Name)
	}
	var rows [][]string
	var silent []string
	for _, c := range cells {
		if c.Verdict == matrix.Immune {
			silent = append(silent, c.Fault)
			continue
		}
		row := []string{"`" + c.Fault + "`", c.Strategy, string(c.Verdict), fmt.Sprint(c.Answered + 1)}
		if in.System != nil {
			row = append(row, in.standing(c.Fault).String())
		}
		rows = append(rows, row)
	}
	d.part(fmt.Sprintf("Calls one after the other, over rings of %d", matrix.ReportedCells))
	d.say("The calls that hung in the report came one after the other, and its rings hold %d frames. So each fault was run once more, with %d such calls to one plugin.", matrix.ReportedCells, matrix.CallsInARow)
	d.table(head, rows)
	if len(silent) > 0 {
		d.say("What shows nothing in so few needs a full ring, several senders at once, a large payload, a death, or luck: %s.", and(quoted(silent)))
	}
}

// late are the faults that were run and are designed to begin late.
func (in *Input) late() (list []string) {
	for _, e := range in.faults() {
		if e.After > 0 {
			list = append(list, string(e.Name))
		}
	}
	return list
}

// standing is the description's ruling on a fault. Without a description all
// are equal.
func (in *Input) standing(name string) Standing {
	if in.System == nil {
		return In
	}
	return in.System.Rule(fault.Name(name)).Standing
}

func (in *Input) evidenceRow(m match) []string {
	tick := map[bool]string{true: "✓", false: "–"}
	row := []string{
		"`" + m.cell.Fault + "`", fmt.Sprint(m.run.Answered + 1), fmt.Sprint(m.run.AnsweredByPlugin + 1), tick[m.first], tick[m.idle],
		fmt.Sprintf("%d of %d runs", m.seen, m.runs), m.ring(), m.token(), m.space(),
	}
	if in.System != nil {
		row = append(row, in.standing(m.cell.Fault).String())
	}
	return row
}
