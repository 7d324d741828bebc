package main

import (
	"fmt"
	"os"
	"strings"
)

// reason says why a mutant is no defect.
type reason struct {
	where, diff string // as result.where and result.Diff
	text        string
	line        int // of the list
}

// readReasons reads the list of equivalent mutants, which is kept by hand:
//
//	# a comment
//	ring.(*Producer).room
//	- if length := p.produced - p.consumed; length < capacity {
//	+ if length := p.produced - p.consumed; length <= capacity {
//	  Why no test can tell, in lines that are indented.
//
// "#2" after the function is the second place with that diff. There are no line
// numbers, so that an entry holds while its function does.
func readReasons(path string) ([]*reason, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read equivalent mutants: %w", err)
	}
	var all []*reason
	var at *reason
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case at != nil && (strings.HasPrefix(line, "-") || strings.HasPrefix(line, "+")):
			at.diff += strings.TrimRight(line, " ") + "\n"
		case at != nil && strings.HasPrefix(line, "  "):
			at.text = strings.TrimSpace(at.text + " " + strings.TrimSpace(line))
		case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "-") || strings.HasPrefix(line, "+"):
			return nil, fmt.Errorf("read equivalent mutants: %s:%d: a diff or a reason before any function: put the function first", path, number)
		default:
			at = &reason{where: line, line: number}
			all = append(all, at)
		}
	}
	for _, r := range all {
		if r.diff == "" || r.text == "" {
			return nil, fmt.Errorf("read equivalent mutants: %s:%d: %s needs a diff and a reason: copy the diff from docs/MUTATIONS.md", path, r.line, r.where)
		}
	}
	return all, nil
}

// explain gives each survivor its reason, by key. It also returns the reasons
// that belong to no survivor: they are out of date, or wrong because a test
// catches the mutant.
func explain(results []result, reasons []*reason) (why map[string]string, idle []*reason) {
	why = map[string]string{}
	used := map[*reason]bool{}
	for _, one := range results {
		for _, r := range reasons {
			if one.Outcome == survived && r.where == one.where() && r.diff == trimmed(one.Diff) {
				why[one.Key] = r.text
				used[r] = true
			}
		}
	}
	for _, r := range reasons {
		if !used[r] {
			idle = append(idle, r)
		}
	}
	return why, idle
}

// trimmed drops the spaces at ends of lines, which an editor does too.
func trimmed(diff string) string {
	var b strings.Builder
	for line := range strings.Lines(diff) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}
