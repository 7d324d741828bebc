package verdict

import (
	"fmt"
	"slices"
	"strings"

	"ddc/conformance/matrix"
	"ddc/conformance/scenario"
	"ddc/internal/fault"
)

// opening is the answer in one paragraph.
func (in *Input) opening() string {
	var s []string
	clean, calls := in.controls()
	if len(clean) == len(in.controlCells()) {
		s = append(s, fmt.Sprintf("**The wake strategy is not the fault, and no strategy is the fix.** Without a fault all %d of them carried the whole workload (%d calls and %d site builds), so any of them can be used soundly.",
			len(clean)-1, calls, len(clean)))
	} else {
		s = append(s, fmt.Sprintf("**The control row is not clean**: only %s passed without a fault, so nothing below can be trusted until that is explained.", and(clean)))
	}
	everywhere, some := in.spread()
	s = append(s, fmt.Sprintf("What hangs is a broken rule of using one: %d of the %d faults show on every strategy that was run, %d on some only.", len(everywhere), len(in.faults()), len(some)))
	all := in.matches()
	if exact := names(all, reported); len(exact) > 0 {
		s = append(s, fmt.Sprintf("Exactly the evidence of the report (the first calls succeed, then the plugin lies idle in `epoll_wait` over an unread ring while the host waits for ring space) comes from %s.%s", and(quoted(exact)), apart(exact)))
	} else {
		s = append(s, "No fault showed exactly the evidence of the report.")
	}
	loopOnly, anywhere := in.suspects()
	if len(loopOnly) > 0 {
		s = append(s, fmt.Sprintf("Of the four suspects, %s can only happen to those who sleep in edge-triggered epoll, and %s out by sleeping in an ordinary system call.", and(loopOnly), areRuled(loopOnly)))
	}
	if len(anywhere) > 0 {
		s = append(s, fmt.Sprintf("With any strategy %s can happen, and only keeping to the rule prevents it.", and(anywhere)))
	}
	if r := in.brokenRules(names(all, reported)); len(r) > 0 {
		s = append(s, fmt.Sprintf("**The fix is to keep the %s that those faults break: %s.**", plural(len(r), "rule"), strings.Join(r, "; ")))
	}
	return strings.Join(s, " ")
}

// apart says that some evidence has several explanations.
func apart(exact []string) string {
	if len(exact) < 2 {
		return ""
	}
	return " The evidence does not tell these apart: each of them has to be looked for in the old system's code."
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func areRuled(list []string) string {
	if len(list) == 1 {
		return "is ruled"
	}
	return "are ruled"
}

// controlCells are the row without a fault.
func (in *Input) controlCells() []matrix.Cell {
	return slices.DeleteFunc(slices.Clone(in.Matrix.Cells), func(c matrix.Cell) bool { return c.Fault != matrix.NoFault })
}

// controls gives the strategies that were clean without a fault, and their calls.
func (in *Input) controls() (clean []string, calls int) {
	for _, c := range in.controlCells() {
		if c.Verdict == matrix.Immune {
			clean = append(clean, c.Strategy)
			calls += c.Answered
		}
	}
	return clean, calls
}

// faults are the entries of those that the matrix has run.
func (in *Input) faults() []fault.Entry {
	run := in.Matrix.Faults()
	return slices.DeleteFunc(fault.Catalogue(), func(e fault.Entry) bool { return !slices.Contains(run, string(e.Name)) })
}

// spread tells faults that showed on every strategy from those that showed on some.
func (in *Input) spread() (everywhere, some []string) {
	for _, e := range in.faults() {
		shown := 0
		for _, s := range in.strategies() {
			if in.ruleFault(e, s).in {
				shown++
			}
		}
		switch {
		case shown == len(in.strategies()):
			everywhere = append(everywhere, string(e.Name))
		case shown > 0 || in.inLoops(e):
			some = append(some, string(e.Name))
		}
	}
	return everywhere, some
}

// inLoops says whether a fault showed on any event loop.
func (in *Input) inLoops(e fault.Entry) bool {
	return slices.ContainsFunc(in.Matrix.Columns(), func(s string) bool { return loops(s) && in.ruleFault(e, s).in })
}

// suspects tells the suspects that only an event loop can have from those that every strategy has.
func (in *Input) suspects() (loopOnly, everywhere []string) {
	for i, s := range fault.Suspicions()[:4] {
		name := fmt.Sprintf("suspect %d", i+1)
		inLoop, plainIn, plain := false, 0, 0
		for _, e := range standing(s) {
			inLoop = inLoop || in.inLoops(e)
		}
		for _, strategy := range in.strategies() {
			if loops(strategy) {
				continue
			}
			plain++
			if in.rule(s, strategy).in {
				plainIn++
			}
		}
		switch {
		case inLoop && plainIn == 0:
			loopOnly = append(loopOnly, name)
		case plainIn == plain:
			everywhere = append(everywhere, name)
		}
	}
	return loopOnly, everywhere
}

// brokenRules are the rules that faults break, with their sentences.
func (in *Input) brokenRules(faults []string) []string {
	var rules []string
	for _, name := range faults {
		if e, ok := fault.ByName(name); ok {
			if text := scenario.Rule(e.Rule).String(); !slices.Contains(rules, text) {
				rules = append(rules, text)
			}
		}
	}
	slices.Sort(rules)
	return rules
}
