package site

import (
	"fmt"
	"net/url"
	"strings"

	"ddc/internal/diagnostic"
)

// unresolved is a reference in a style sheet or script to a path of the site
// that is no file of it.
type unresolved interface {
	GetUrl() string
	GetPath() string
	GetLine() int32
	GetColumn() int32
}

// unknownReference is one with the file that it stands in.
type unknownReference struct {
	unresolved
	file string
	// within is the text of a style or script inside a page, or empty.
	within string
	// placeless says that the line is that of a text that nobody wrote.
	placeless bool
}

// unknown notes a reference. Whether it is dead is known once all pages are.
func (b *build) unknown(file, within string, ref unresolved, placeless bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unresolved = append(b.unresolved, unknownReference{ref, file, within, placeless})
}

// deadReferences are the problems of style sheets and scripts that name files
// that are not there.
func (b *build) deadReferences() Errors {
	b.mu.Lock()
	defer b.mu.Unlock()
	var faults Errors
	for _, u := range b.unresolved {
		reason := b.deadEnd(&url.URL{Path: u.GetPath()}, nil)
		if reason == "" {
			continue
		}
		problem := Problem{File: u.file, Line: int(u.GetLine()), Col: int(u.GetColumn()), Message: fmt.Sprintf("%q %s", u.GetUrl(), reason)}
		switch {
		case u.within != "":
			problem = b.inPiece(problem, u.within)
		case u.placeless:
			problem = b.inSass(problem, u.GetUrl())
		}
		faults = append(faults, problem)
	}
	return faults
}

// inPiece gives a problem inside a style or script of a page its place in the
// page's source, or in the template that has the text. A text that a template
// put together is in none: the problem has no line then.
func (b *build) inPiece(problem Problem, text string) Problem {
	moved := func(file, source string) (Problem, bool) {
		at := strings.Index(source, text)
		if at < 0 {
			return problem, false
		}
		begin := diagnostic.At(source, at, at, "")
		p := problem
		if p.Line <= 1 {
			p.Col += begin.Col - 1
		}
		p.File, p.Line = file, max(p.Line, 1)+begin.Line-1
		return p, true
	}
	for _, p := range b.pages {
		if p.file.Name == problem.File {
			if found, ok := moved(p.file.Name, p.source); ok {
				return found
			}
		}
	}
	for _, name := range sortedKeys(b.sources.templates) {
		if found, ok := moved(b.sources.templateNames[name], b.sources.templates[name]); ok {
			return found
		}
	}
	problem.Line, problem.Col, problem.Length = 0, 0, 0
	return problem
}

// inSass looks for a URL in the sources of the compiled sheet.
func (b *build) inSass(problem Problem, written string) Problem {
	problem.Line, problem.Col = 0, 0
	for _, name := range sortedKeys(b.sources.sass) {
		if at := strings.Index(b.sources.sass[name], written); at >= 0 {
			found := diagnostic.At(b.sources.sass[name], at, at+len(written), problem.Message)
			return found.In(b.name(b.cfg.Folder("sass")) + "/" + name)
		}
	}
	return problem
}
