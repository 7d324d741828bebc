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
	// in means that it shows there, out that it cannot. If neither is set, it
	// could show, but did not.
	in, out bool
	// missing says that it was not run.
	missing bool
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
	case c == nil:
		return ruling{missing: true, text: fmt.Sprintf("%s was not run", e.Name)}
	case !e.Bites(strategy):
		return ruling{out: true, text: e.Immune}
	}
	return ruling{text: fmt.Sprintf("%s did not show in %d calls", e.Name, c.Answered)}
}

// rule rules on a suspicion: it is in if one of its faults shows.
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

// found gives the model checker's search that found a fault on a strategy, or
// nil.
func (in *Input) found(name, strategy string) *Exploration {
	for i := range in.Explore {
		if x := &in.Explore[i]; x.Fault == name && x.Finding != "" && (strategy == "" || x.Strategy == strategy) {
			return x
		}
	}
	return nil
}

// strategies are the columns that the verdict rules on: those that people can
// choose, and that of the report.
func (in *Input) strategies() []string {
	return slices.DeleteFunc(in.Matrix.Columns(), func(s string) bool {
		return s == matrix.Inproc || strings.HasSuffix(s, fault.EpollSuffix) && s != matrix.Reported
	})
}

// loops says whether a strategy sleeps as an event loop does.
func loops(strategy string) bool { return strings.HasSuffix(strategy, fault.EpollSuffix) }

// names lists the faults of the cells that f chooses, once each.
func names(all []match, f func(match) bool) []string {
	var list []string
	for _, m := range all {
		if f(m) && !slices.Contains(list, m.cell.Fault) {
			list = append(list, m.cell.Fault)
		}
	}
	return list
}

// and joins words with commas and "and".
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
