package main

import (
	"fmt"
	"math"
	"strings"
)

const opening = `# What the tests let through

` + "`make mutate`" + ` makes small defects in the transport by program, one at a time, and runs the checkers on each. A defect that
no checker catches is a survivor: either it is no defect, or a test is missing. This page is written by the command, from
` + "`tools/mutate/results.json`" + ` (every trial) and ` + "`tools/mutate/equivalent.txt`" + ` (the reasons, kept by hand).

    make mutate                                     # what is not tried yet; hours. It may be broken off, and goes on.
    make mutate MUTATE='-layers ring -sample 20'    # a sample
    make mutate MUTATE='-again survivors'           # after a new test
    bin/mutate -list -layers ring                   # the mutants, with their diffs
    bin/mutate -page                                # this page from the results, nothing run

**How.** The mutants of a package stand in one build, each behind a switch at the head of its function, and the environment
says which is on; what is no change of a function's body (a constant) is built by itself. Sources stand in an overlay of the go
command: the tree is never changed. A mutant meets the checkers in the order below until one catches it, and of each
only the tests that run its function, the quick ones first. Tests that take five times as long as with nothing changed, and ten seconds more, hang,
and so do those that give up a wait (internal/await).
A busy machine can cause that too: the test that hung runs again by itself with twice the time, and then with nothing changed in a quarter of that.
Only if the first hangs and the second passes is the mutant *timed out*, which is caught, and counted apart; else it is *undecided*, which is not.
Mutants that do not compile do not count. A survivor of which the compiler makes the same instructions is dropped as
*same code*. A result stands while its lines do; ` + "`-again all`" + ` begins anew. A survivor is due again when there is a new checker,
or when it is undecided.

**A sample** is drawn by a seed, one of each stretch of the mutants in the order of files and lines, so that each function has its part.

**Why a tool of our own.** gremlins (0.6.0) is kept, but exchanges tokens only: it leaves out no statement and breaks no
atomic step in two. It runs one command, the tests of the mutant's own package, so it knows no builds with other tags and no order of
checkers. go-mutesting leaves statements out, but serves no version that can be pinned.
`

// report is what the page is made of.
type report struct {
	strings.Builder
	checkers []checker
	results  []result
	why      map[string]string // reasons of survivors, by key
}

// page is docs/MUTATIONS.md.
func page(r *record, reasons []*reason, all []checker) string {
	w := &report{checkers: all, results: r.all()}
	var idle []*reason
	w.why, idle = explain(w.results, reasons)
	w.WriteString(opening)
	w.checkerTable()
	w.layerTable(r.census)
	w.operatorTable()
	w.survivors()
	if len(idle) > 0 {
		w.WriteString("\n## Reasons for no survivor\n\nThese entries of the list are for a mutant that is no more, is caught, or is not tried yet.\n\n")
		for _, i := range idle {
			fmt.Fprintf(w, "- line %d: `%s`\n", i.line, i.where)
		}
	}
	return w.String()
}

func (w *report) checkerTable() {
	w.WriteString("\n| checker | what it runs | tags |\n|---|---|---|\n")
	for _, c := range w.checkers {
		fmt.Fprintf(w, "| %s | %s | `%s` |\n", c.name, c.what, c.tags)
	}
}

// tally counts results by outcome.
type tally struct {
	tried, open, undecided, timedOut, same, equivalent, unexplained, caught int
	by                                                                      map[string]int // checker
}

// count tallies the results that belong.
func (w *report) count(belongs func(result) bool) tally {
	t := tally{by: map[string]int{}}
	for _, one := range w.results {
		if belongs(one) {
			w.add(&t, one)
		}
	}
	t.tried = t.caught + t.equivalent + t.unexplained + t.open + t.undecided
	return t
}

func (w *report) add(t *tally, one result) {
	switch one.Outcome {
	case sameCode:
		t.same++
	case caught, timedOut:
		t.caught++
		t.by[one.Checker]++
		if one.Outcome == timedOut {
			t.timedOut++
		}
	case undecided:
		t.undecided++
	case survived:
		switch {
		case w.why[one.Key] != "":
			t.equivalent++
		case w.open(one):
			t.open++
		default:
			t.unexplained++
		}
	}
}

// open says that a survivor has yet to be tried by another checker.
func (w *report) open(one result) bool { return len(one.unasked(w.checkers)) > 0 }

// score is the part of the real defects that was caught. Open or undecided
// mutants count as not caught yet. If some mutants were not tried, score adds
// the range in which the score of all lies with a probability of 95 % (Wilson).
func (t tally) score(mutants int) string {
	missed := t.unexplained + t.open + t.undecided
	n, k := float64(t.caught+missed), float64(t.caught)
	if n == 0 {
		return ""
	}
	score := fmt.Sprintf("%.1f %%", 100*k/n)
	if t.tried+t.same >= mutants {
		return score
	}
	const z = 1.96
	p := k / n
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return fmt.Sprintf("%s (%.1f to %.1f)", score, 100*(middle-half), 100*(middle+half))
}

func (w *report) layerTable(all []census) {
	w.WriteString("\n## Score by layer and checker\n\nA mutant counts for the first checker that catches it; those after it are not asked. " +
		"*Timed out* are\namong the caught. *Open* are let through by some, and others have still to be asked: the score counts them, and the undecided, as not caught.\n" +
		"It leaves out equivalent mutants. If a layer was tried in part, the range is where the score of the whole lies with a\nprobability of 95 % (Wilson's interval; the list of mutants drawn is taken for a random one).\n\n" +
		"| layer | mutants | tried | open |")
	for _, c := range w.checkers {
		fmt.Fprintf(w, " %s |", c.name)
	}
	w.WriteString(" timed out | undecided | same code | equivalent | **unexplained** | score |\n|---|--:|--:|--:|")
	w.WriteString(strings.Repeat("--:|", len(w.checkers)+6) + "\n")
	mutants := 0
	for _, layer := range all {
		w.layerRow(layer.Layer, layer.Mutants, w.count(func(one result) bool { return one.Layer == layer.Layer }))
		mutants += layer.Mutants
	}
	w.layerRow("all", mutants, w.count(func(result) bool { return true }))
}

func (w *report) layerRow(name string, mutants int, t tally) {
	fmt.Fprintf(w, "| %s | %d | %d | %d |", name, mutants, t.tried, t.open)
	for _, c := range w.checkers {
		fmt.Fprintf(w, " %d |", t.by[c.name])
	}
	fmt.Fprintf(w, " %d | %d | %d | %d | %d | %s |\n", t.timedOut, t.undecided, t.same, t.equivalent, t.unexplained, t.score(mutants))
}

func (w *report) operatorTable() {
	w.WriteString("\n## Score by operator\n\n| operator | tried | caught | open | undecided | equivalent | unexplained |\n|---|--:|--:|--:|--:|--:|--:|\n")
	for _, name := range operators {
		if t := w.count(func(one result) bool { return one.Operator == name }); t.tried > 0 {
			fmt.Fprintf(w, "| %s | %d | %d | %d | %d | %d | %d |\n", strings.ReplaceAll(name, "|", `\|`), t.tried, t.caught, t.open, t.undecided, t.equivalent, t.unexplained)
		}
	}
}

// survivors lists them with their diffs: first those that nobody has explained.
func (w *report) survivors() {
	w.WriteString("\n## Survivors that nobody has explained\n")
	w.list(func(one result) (string, bool) {
		return "", one.Outcome == survived && w.why[one.Key] == "" && !w.open(one)
	})
	w.WriteString("\n## Survivors that are no defects\n")
	w.list(func(one result) (string, bool) { return ": " + w.why[one.Key], w.why[one.Key] != "" })
	w.WriteString("\n## Open\n\nLet through by some checkers; others have still to be asked.\n")
	w.list(func(one result) (string, bool) {
		return ", let through by " + strings.Join(one.Asked, ", "), one.Outcome == survived && w.why[one.Key] == "" && w.open(one)
	})
	w.WriteString("\n## Undecided\n\nThe tests hung once and not twice, or hung with nothing changed too.\n")
	w.list(func(one result) (string, bool) { return "", one.Outcome == undecided })
}

// list shows the survivors that belong, each with a note.
func (w *report) list(belongs func(result) (note string, ok bool)) {
	some := false
	for _, one := range w.results {
		if note, ok := belongs(one); ok {
			some = true
			fmt.Fprintf(w, "\n`%s` at %s:%d, %s (%s)%s\n\n```diff\n%s```\n", one.where(), one.File, one.Line, one.Operator, one.Key, note, one.Diff)
		}
	}
	if !some {
		w.WriteString("\nNone.\n")
	}
}
