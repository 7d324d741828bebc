package verdict

import (
	"fmt"
	"slices"
	"strings"

	"ddc/conformance/matrix"
	"ddc/internal/fault"
)

// opening sums up the runs in one paragraph of at most openingWords words.
func (in *Input) opening() string {
	clean, calls := in.controls()
	if len(clean) < len(in.controlCells()) {
		return fmt.Sprintf("**The control row is not clean**: only %s passed without a fault, so nothing below can be trusted until that is explained.", and(clean))
	}
	everywhere, some := in.spread()
	text := fmt.Sprintf("**The wake strategy is not the fault.** Without a fault all %d of them carried the whole workload: %d calls and %d site builds. What hangs is a broken rule of using one: %d of %d faults show on every strategy that was run, %d on some.",
		len(clean)-1, calls, len(clean), len(everywhere), len(in.faults()), len(some))
	if in.System == nil {
		text += " Which of them a system can have, its design says: `--system`."
	}
	return text
}

// spreadOfSuspects says what the runs show of the report's suspects.
func (in *Input) spreadOfSuspects() string {
	var s []string
	loopOnly, anywhere := in.suspects()
	if len(loopOnly) > 0 {
		s = append(s, fmt.Sprintf("Among the four suspects, %s can only happen to those who sleep in edge-triggered epoll, and %s out by sleeping in an ordinary system call.", and(loopOnly), areRuled(loopOnly)))
	}
	if len(anywhere) > 0 {
		s = append(s, fmt.Sprintf("With any strategy that was run %s can happen, and only keeping to the rule prevents it.", and(anywhere)))
	}
	if exact := names(in.matches(), reported); len(exact) > 1 {
		s = append(s, fmt.Sprintf("What the report has seen comes from %d of the faults alike: it does not tell them apart.", len(exact)))
	}
	return strings.Join(s, " ")
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

// controls gives the strategies that had no trouble without a fault, and their
// calls.
func (in *Input) controls() (clean []string, calls int) {
	for _, c := range in.controlCells() {
		if c.Verdict == matrix.Immune {
			clean = append(clean, c.Strategy)
			calls += c.Answered
		}
	}
	return clean, calls
}

// faults are the entries of the faults that the matrix has run.
func (in *Input) faults() []fault.Entry {
	run := in.Matrix.Faults()
	return slices.DeleteFunc(fault.Catalogue(), func(e fault.Entry) bool { return !slices.Contains(run, string(e.Name)) })
}

// spread separates the faults that showed on every strategy from those that
// showed on some.
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

// suspects separates the suspects that only an event loop can have from those
// that every strategy can have.
func (in *Input) suspects() (loopOnly, everywhere []string) {
	for i, s := range fault.Suspicions()[:suspects] {
		name := suspicionName(i)
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
