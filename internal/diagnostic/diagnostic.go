// Package diagnostic is what is wrong with the sources of a site: a value, from
// where it is found to where it is printed.
//
//	p := diagnostic.At(sheet, offset, offset+1, "this { is never closed")
//	return diagnostic.Refuse("css/a.css", *p) // a plugin, to its host
//
//	problems := diagnostic.Of(err)                  // the host: of a status, an Errors or a *Problem
//	diagnostic.Quote(problems, "css/a.css", source) // the lines, to be shown
//	spans := diagnostic.Layout(diagnostic.Error, problems[0], 80)
//
// Text that comes from outside is made fit to be shown here, by package
// printable, and nowhere before.
package diagnostic

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"ddc/internal/printable"
)

// Problem is something in a site's sources that its author should change.
type Problem struct {
	// File is relative to the project. Lines and columns count from 1, columns
	// in characters; they are 0 where they are not known.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	Col  int    `json:"col,omitempty"`
	// Length is how many characters of the line are at fault, 0 where that is
	// not known.
	Length int `json:"length,omitempty"`
	// Message may have several lines, such as a compiler's.
	Message string `json:"message"`
	// Hint says what to do about it; may be empty.
	Hint string `json:"hint,omitempty"`
	// Related are other places that have to do with it.
	Related []Note `json:"related,omitempty"`
	// Pages is how many pages have it, and Page the first of them, where it is
	// a template's that was found while pages were rendered.
	Pages int    `json:"pages,omitempty"`
	Page  string `json:"page,omitempty"`
	// Files are all files that have it, File the first of them, where one limit
	// is in the way of many. Without it the problem is of File alone.
	Files []string `json:"files,omitempty"`
	// Excerpt is the line; see Quote.
	Excerpt *Excerpt `json:"excerpt,omitempty"`
}

// Note is another place that has to do with a problem, and why.
type Note struct {
	File    string   `json:"file,omitempty"`
	Line    int      `json:"line,omitempty"`
	Col     int      `json:"col,omitempty"`
	Length  int      `json:"length,omitempty"`
	Message string   `json:"message"`
	Excerpt *Excerpt `json:"excerpt,omitempty"`
}

// Error is String, for a problem that is passed on as an error.
func (p *Problem) Error() string { return p.String() }

// String is file:line:col: message (hint), without what is not known, and fit
// to be shown to people: a file may have any name, and a message any text. A
// line for each of the related places follows.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(place(p.File, p.Line, p.Col))
	b.WriteString(printable.Message(p.Message))
	between := " "
	if strings.Contains(p.Message, "\n") { // a compiler's, say: behind its last line the hint would be part of it
		between = "\n  "
	}
	if p.Hint != "" {
		fmt.Fprintf(&b, "%s(%s)", between, printable.Line(p.Hint))
	}
	if on := p.on(); on != "" {
		fmt.Fprintf(&b, "%s(%s)", between, on)
	}
	for _, n := range p.Related {
		fmt.Fprintf(&b, "\n  %s%s", place(n.File, n.Line, n.Col), printable.Line(n.Message))
	}
	return b.String()
}

// place is "file:line:col: ", without what is not known.
func place(file string, line, col int) string {
	var known []string
	if file != "" {
		known = append(known, printable.Line(file))
	}
	if line > 0 {
		known = append(known, strconv.Itoa(line))
		if col > 0 {
			known = append(known, strconv.Itoa(col))
		}
	}
	if known == nil {
		return ""
	}
	return strings.Join(known, ":") + ": "
}

// In is the problem with the file that it is about, and that its notes are
// about, where they name none.
func (p Problem) In(file string) Problem {
	p.File = cmp.Or(p.File, file)
	p.Related = slices.Clone(p.Related)
	for i := range p.Related {
		p.Related[i].File = cmp.Or(p.Related[i].File, p.File)
	}
	return p
}

// mostNamed is how many of the other files that have a problem are named.
const mostNamed = 3

// on says which pages, or which other files, have the problem.
func (p Problem) on() string {
	switch {
	case len(p.Files) > 1:
		more := p.Files[1:]
		return fmt.Sprintf("also %s: %s", printable.Count(len(more), "other file"), printable.First(mostNamed, more, printable.Line))
	case p.Pages == 1:
		return "on the page " + printable.Line(p.Page)
	case p.Pages > 1:
		return fmt.Sprintf("on %d pages, the first is %s", p.Pages, printable.Line(p.Page))
	}
	return ""
}

// Errors is the error that says that the site is at fault: everything that was
// found.
type Errors []Problem

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Of gives the problems that an error stands for: an Errors, a *Problem, or the
// status of a plugin that refuses a source. It is nil for any other error.
func Of(err error) Errors {
	var several Errors
	var one *Problem
	switch {
	case errors.As(err, &several):
		return several
	case errors.As(err, &one):
		return Errors{*one}
	}
	return carried(err)
}

// Sorted puts problems in the order of files and lines, each once. What several
// pages say of one place is one problem of them all, and so is what one limit
// says of several files.
func Sorted(problems []Problem) Errors {
	problems = slices.Clone(problems)
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Or(compare(a, b), cmp.Compare(a.Page, b.Page)) })
	var merged Errors
	pages := 0 // of the last one
	for i, p := range problems {
		if i == 0 || !same(merged[len(merged)-1], p) {
			merged = append(merged, p)
			pages = min(p.Pages, 1)
			continue
		}
		last := &merged[len(merged)-1]
		if p.Page != problems[i-1].Page {
			pages++
		}
		last.Pages = max(last.Pages, p.Pages, pages) // some may have been merged before
	}
	return ofManyFiles(merged)
}

// ofManyFiles makes one problem of those that say the same of their Files.
func ofManyFiles(sorted Errors) Errors {
	type said struct{ message, hint string }
	var merged Errors
	first := map[said]int{}
	for _, p := range sorted {
		at, again := first[said{p.Message, p.Hint}]
		switch {
		case len(p.Files) == 0:
		case again:
			merged[at].Files = append(merged[at].Files, p.Files...)
			continue
		default:
			first[said{p.Message, p.Hint}] = len(merged)
			p.Files = slices.Clone(p.Files)
		}
		merged = append(merged, p)
	}
	for _, at := range first {
		files := merged[at].Files
		slices.Sort(files)
		merged[at].Files = slices.Compact(files)
	}
	return merged
}

func compare(a, b Problem) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col),
		cmp.Compare(a.Message, b.Message), cmp.Compare(a.Hint, b.Hint), cmp.Compare(a.Length, b.Length), slices.Compare(a.Files, b.Files))
}

// same says whether two problems differ in nothing but the pages that have
// them.
func same(a, b Problem) bool {
	return compare(a, b) == 0 && (a.Pages == 0) == (b.Pages == 0) && reflect.DeepEqual(a.Related, b.Related)
}
