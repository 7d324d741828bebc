package site

import (
	"fmt"
	"net/url"
	"strings"

	"ddc/internal/diagnostic"
	"ddc/plugins/js/jspb"
	"ddc/site/content"
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
	// within is the text of a style or script inside a page, or empty; source
	// is that page's.
	within, source string
	// placeless says that the line is that of a text that nobody wrote.
	placeless bool
}

// plainReference is an unresolved one that was kept.
type plainReference struct {
	url, path    string
	line, column int32
}

func (r plainReference) GetUrl() string   { return r.url }
func (r plainReference) GetPath() string  { return r.path }
func (r plainReference) GetLine() int32   { return r.line }
func (r plainReference) GetColumn() int32 { return r.column }

func (u *unknownReference) code(c *coder) {
	var r plainReference
	length, broken := int32(0), false
	if !c.reading {
		r = plainReference{u.GetUrl(), u.GetPath(), u.GetLine(), u.GetColumn()}
		if script, is := u.unresolved.(brokenScript); is {
			length, broken = script.Length, true
		}
	}
	c.text(&r.url)
	c.text(&r.path)
	number(c, &r.line)
	number(c, &r.column)
	number(c, &length)
	c.flag(&broken)
	c.text(&u.file)
	c.text(&u.within)
	c.flag(&u.placeless)
	if c.reading {
		u.unresolved = r
		if broken {
			u.unresolved = brokenScript{&jspb.Fault{Message: r.url, Line: r.line, Column: r.column, Length: length}}
		}
	}
}

// brokenScript is a syntax error in a script, in the place of a reference: no
// browser runs it.
type brokenScript struct{ *jspb.Fault }

// GetUrl is what is wrong.
func (f brokenScript) GetUrl() string { return f.GetMessage() }

// GetPath is empty: it leads nowhere.
func (brokenScript) GetPath() string { return "" }

func (f brokenScript) problem(file string) Problem {
	return Problem{File: file, Line: int(f.Line), Col: int(f.Column), Length: int(f.Length), Message: f.Message, Hint: "browsers don't run a script with a syntax error"}
}

// unknownIn are the references of a script that lead to no file, and what is
// wrong with it.
func unknownIn(answer *jspb.RewriteResponse, file, within string) (found []unknownReference) {
	for _, ref := range answer.GetUnknown() {
		found = append(found, unknownReference{unresolved: ref, file: file, within: within})
	}
	if fault := answer.GetFault(); fault != nil {
		found = append(found, unknownReference{unresolved: brokenScript{fault}, file: file, within: within})
	}
	return found
}

// deadReferences are the problems of style sheets and scripts that name files
// that are not there, and of scripts that are none.
func (t *targets) deadReferences(references []unknownReference, where *where) Errors {
	var faults Errors
	for _, u := range references {
		var problem Problem
		if broken, is := u.unresolved.(brokenScript); is {
			problem = broken.problem(u.file)
		} else if reason := t.deadEnd(&url.URL{Path: u.GetPath()}); reason != "" {
			problem = Problem{File: u.file, Line: int(u.GetLine()), Col: int(u.GetColumn()), Message: fmt.Sprintf("%q %s", u.GetUrl(), reason)}
		} else {
			continue
		}
		switch {
		case u.within != "":
			problem = where.inPiece(problem, u.within, u.source)
		case u.placeless:
			problem = where.inSass(problem, u.GetUrl())
		}
		faults = append(faults, problem)
	}
	return faults
}

// inPiece gives a problem inside a style or script of a page its place in the
// page's source, or in the template that has the text. A text that a template
// put together is in none: the problem has no line then.
func (w *where) inPiece(problem Problem, text, source string) Problem {
	w.load()
	if w.sources[problem.File] == nil {
		w.sources[problem.File] = content.NewFinder(source)
	}
	return inPiece(problem, text, w.sources[problem.File], w.files, func(name string) *content.Finder { return w.templates[name] })
}

func inPiece(problem Problem, text string, source *content.Finder, files *templates, finder func(template string) *content.Finder) Problem {
	moved := func(file string, source *content.Finder) (Problem, bool) {
		begin := source.First(text)
		if begin == (content.Place{}) {
			return problem, false
		}
		p := problem
		if p.Line <= 1 {
			p.Col += begin.Col - 1
		}
		p.File, p.Line = file, max(p.Line, 1)+begin.Line-1
		return p, true
	}
	if found, ok := moved(problem.File, source); ok {
		return found
	}
	for _, name := range sortedKeys(files.Texts) {
		if found, ok := moved(files.Names[name], finder(name)); ok {
			return found
		}
	}
	problem.Line, problem.Col, problem.Length = 0, 0, 0
	return problem
}

// inSass looks for a URL in the sources of the compiled sheet.
func (w *where) inSass(problem Problem, written string) Problem {
	problem.Line, problem.Col = 0, 0
	sass := w.loadSass()
	for _, name := range sortedKeys(sass.Texts) {
		if at := strings.Index(sass.Texts[name], written); at >= 0 {
			found := diagnostic.At(sass.Texts[name], at, at+len(written), problem.Message)
			return found.In(sass.Names[name])
		}
	}
	return problem
}
