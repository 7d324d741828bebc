package verdict

import (
	"fmt"
	"slices"
	"strings"

	"ddc/conformance/matrix"
	"ddc/internal/fault"
)

// ruling is what the runs say of one suspicion, or one fault, on one strategy.
type ruling struct {
	// in: it shows there. out: it cannot. Neither: it could, and did not.
	in, out bool
	// text says so in a few words.
	text string
}

func (r ruling) String() string {
	switch {
	case r.in:
		return "**in**: " + r.text
	case r.out:
		return "out"
	}
	return "open: " + r.text
}

// standing are the faults that stand for a suspicion.
func standing(s fault.Suspicion) []fault.Entry {
	return slices.DeleteFunc(fault.Catalogue(), func(e fault.Entry) bool { return e.Stands != s })
}

// ruleFault rules on one fault.
func (in *Input) ruleFault(e fault.Entry, strategy string) ruling {
	c := in.Matrix.Cell(string(e.Name), strategy)
	found := in.found(string(e.Name), strategy)
	switch {
	case c != nil && c.Verdict != matrix.Immune:
		return ruling{in: true, text: fmt.Sprintf("%s %s", e.Name, c.Short())}
	case found != nil:
		return ruling{in: true, text: fmt.Sprintf("%s, found by the explorer", e.Name)}
	case !e.Bites(strategy):
		return ruling{out: true, text: e.Immune}
	case c == nil:
		return ruling{text: fmt.Sprintf("%s was not run", e.Name)}
	}
	return ruling{text: fmt.Sprintf("%s did not show in %d calls", e.Name, c.Answered)}
}

// rule rules on a suspicion: in, where one of its faults shows.
func (in *Input) rule(s fault.Suspicion, strategy string) ruling {
	var ins, opens []string
	why := ""
	for _, e := range standing(s) {
		r := in.ruleFault(e, strategy)
		switch {
		case r.in:
			ins = append(ins, r.text)
		case !r.out:
			opens = append(opens, r.text)
		default:
			why = r.text
		}
	}
	switch {
	case len(ins) > 0:
		return ruling{in: true, text: strings.Join(ins, ", ")}
	case len(opens) > 0:
		return ruling{text: strings.Join(opens, ", ")}
	}
	return ruling{out: true, text: why}
}

// found gives the search of the model checker that found a fault on a strategy, or nil.
func (in *Input) found(name, strategy string) *Exploration {
	for i := range in.Explore {
		if x := &in.Explore[i]; x.Fault == name && x.Finding != "" && (strategy == "" || x.Strategy == strategy) {
			return x
		}
	}
	return nil
}

// strategies are the columns that the verdict rules on: those that people can choose, and
// that of the report.
func (in *Input) strategies() []string {
	return slices.DeleteFunc(in.Matrix.Columns(), func(s string) bool {
		return s == matrix.Inproc || strings.HasSuffix(s, fault.EpollSuffix) && s != matrix.Reported
	})
}

// loops says whether a strategy sleeps as an event loop does.
func loops(strategy string) bool { return strings.HasSuffix(strategy, fault.EpollSuffix) }

// fewCalls is how many answers of one plugin are still "the first ten calls or
// so": what the report's reader would see before it hangs.
const fewCalls = 100

// match compares a cell that hung with the report's evidence, point by point.
type match struct {
	cell *matrix.Cell
	// run is the one of the cell's runs that shows most of it, exactly in how many of
	// all runs.
	run     *matrix.Outcome
	exactly int
	runs    int
	// first: some calls were answered, and not many. idle: the plugin sleeps over an unread
	// ring and does nothing else. space: the host waits for room in that ring, which is full.
	// epoll: its sleeping thread is in epoll_wait.
	first, idle, space, epoll bool
}

// points are the parts of the report's evidence, in its order.
var points = []string{"the first calls succeed", "plugin idle, its ring unread", "host waits for ring space", "plugin in epoll_wait"}

func (m match) points() []bool { return []bool{m.first, m.idle, m.space, m.epoll} }

// exact says that a run shows all of the evidence, alike that it does but for
// the system call that the plugin sleeps in.
func (m match) exact() bool { return m.alike() && m.epoll }
func (m match) alike() bool { return m.first && m.idle && m.space }

func compare(c *matrix.Cell) match {
	best := compareRun(c, &c.Outcome)
	exactly := 0
	runs := append([]matrix.Outcome{c.Outcome}, c.Again...)
	for i := range runs {
		m := compareRun(c, &runs[i])
		if m.exact() {
			exactly++
		}
		if count(m) > count(best) {
			best = m
		}
	}
	best.exactly, best.runs = exactly, len(runs)
	return best
}

func compareRun(c *matrix.Cell, o *matrix.Outcome) match {
	e := o.Evidence
	m := match{cell: c, run: o}
	if o.Verdict != matrix.Hung || e == nil {
		return m
	}
	l := e.Link
	idle := len(e.PluginWaits) > 0
	for what := range e.PluginWaits {
		idle = idle && what == "its doorbell"
	}
	m.first = o.AnsweredByPlugin >= 1 && o.AnsweredByPlugin <= fewCalls
	m.idle = l.ToPlugin && l.Asleep && l.Unread > 0 && idle
	m.space = l.ToPlugin && l.SenderWaitsForSpace && l.Unread >= uint64(l.Cells)
	m.epoll = e.PluginThreads["epoll_wait"] > 0 && e.PluginThreads["poll"] == 0 && e.PluginThreads["futex_wait on the doorbell"] == 0
	return m
}

// matches compares every cell that hung.
func (in *Input) matches() []match {
	var all []match
	for i := range in.Matrix.Cells {
		if c := &in.Matrix.Cells[i]; c.Verdict == matrix.Hung {
			all = append(all, compare(c))
		}
	}
	return all
}

// reported says that a cell that hung is of the report's strategy and shows
// exactly its evidence.
func reported(m match) bool { return m.exact() && m.cell.Strategy == matrix.Reported }

// names lists the faults of those cells that f chooses, once each.
func names(all []match, f func(match) bool) []string {
	var list []string
	for _, m := range all {
		if f(m) && !slices.Contains(list, m.cell.Fault) {
			list = append(list, m.cell.Fault)
		}
	}
	return list
}

// and joins words as people do.
func and(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

func quoted(words []string) []string {
	var all []string
	for _, w := range words {
		all = append(all, "`"+w+"`")
	}
	return all
}
