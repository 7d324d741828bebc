package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// edit replaces the bytes [start, end) of a file.
type edit struct {
	start, end int
	text       string
}

// apply returns source with the edits made. They do not overlap.
func apply(source []byte, edits []edit) []byte {
	sorted := slices.SortedFunc(slices.Values(edits), func(a, b edit) int { return a.start - b.start })
	var out []byte
	at := 0
	for _, e := range sorted {
		out = append(append(out, source[at:e.start]...), e.text...)
		at = e.end
	}
	return append(out, source[at:]...)
}

// mutant is one small defect.
type mutant struct {
	*source
	file     string // from the module's root
	line     int
	function string // "(*Doorbell).Wake", or what is declared at the file's level
	operator string
	edits    []edit
	// before and after are the lines that differ.
	before, after []string
	// again counts mutants before this one, of the same function, with the same
	// lines: two of one kind in one function have one diff and two places.
	again  int
	mutate func() []byte // the whole file with the defect
}

// key names a mutant in the results. It holds no line number, so a move of the
// function does not change it.
func (m *mutant) key() string {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%s\n%s\n%s\n%d", m.where(), diff(m.before, nil), diff(nil, m.after), m.again)))
	return hex.EncodeToString(sum[:6])
}

// where is the function, as the list of equivalent mutants names it.
func (m *mutant) where() string { return m.layer + "." + m.function }

// differ finds the lines that differ, and the number of the first.
func differ(source, changed []byte) (line int, before, after []string) {
	before, after = strings.Split(string(source), "\n"), strings.Split(string(changed), "\n")
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] {
		before, after = before[1:], after[1:]
		line++
	}
	for len(before) > 0 && len(after) > 0 && before[len(before)-1] == after[len(after)-1] {
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	return line + 1, before, after
}

// diff shows lines as they were and as they are now, without their indents.
func diff(before, after []string) string {
	var b strings.Builder
	for _, line := range before {
		fmt.Fprintf(&b, "- %s\n", strings.TrimSpace(line))
	}
	for _, line := range after {
		fmt.Fprintf(&b, "+ %s\n", strings.TrimSpace(line))
	}
	return b.String()
}
