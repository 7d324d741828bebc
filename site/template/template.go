// Package template renders a site's templates, which are written in a dialect
// of Jinja: {{ page.title }}, {% for %}, {% if %}, {% set %}, {% block %} and
// {% extends %}, {% include %}, {% macro %} and {% import %}, filters and
// tests.
//
//	set, err := template.Load(map[string]string{"page.html": "<h1>{{ page.title }}</h1>"})
//	html, err := set.Render(ctx, "page.html", map[string]any{"page": page}, template.Funcs{})
//
// Load finds every fault that can be found without values, all at once: syntax,
// unknown filters, tests, functions, macros and templates. Render finds the
// rest, above all undefined names. Each error has the file, line and column of
// the name that is wrong, also in a parent or an imported file.
//
// # How it works
//
// Each phase has its files. lexer.go cuts a source into text and the tokens of
// its tags. tags.go (statements) and parser.go (expressions) make a tree of
// them, ast.go, and check it against all templates, unit.go: which files,
// macros, filters, tests and functions there are. eval.go and expressions.go
// walk the tree. table.go lists all filters and tests, functions.go all
// functions, operators.go all operators: to add one, add a row. Reference gives
// the rows, of which docs/TEMPLATES.md is made.
//
// The values of a page are wrapped as they are touched, not converted
// beforehand. Rendering pays for all that it does and makes out of a Budget,
// and looks at its context every 1024 steps: no template takes more than a
// second of a processor and a few times 64 MiB. Loading takes time in
// proportion to the sources. Their tags may have 1.5 million words in all,
// statements may nest 100 deep, and expressions may have 1000 operators in a
// row and 200 nested brackets.
//
// A recorder hears what a page was made of, so that the page is made again only
// when that has changed:
//
//	page.title                  a field: its text, or that it is absent
//	section.pages               a list: how many items it has, and which
//	section.pages[*].title      a field of its items
//	page.extra                  a dict: which fields it has
//	get_section("a/_index.md")  the answer of a function
//	now()                       the time of the build
//	page.extra.**               all that lies below, of a path that is too long
//
// # The dialect
//
// Comments nest. The values are "a" 'a' 1_000 1.5 true none [a, b] {"k": v}.
// The operators, from loosest to tightest, are: a if c else b, or, and, not,
// comparisons with in and is, + - ~, * / // %, unary -, **, filters, then
// .field and [index]. An undefined name is an error everywhere but before `is
// defined`, `is undefined` and `| default`. Output is escaped (& < > " ')
// unless safe, and in templates of .txt and .md not at all. A loop over a dict
// gives {key, value}, or, with two names, keys and values, in the order of the
// keys. The keys of a dict are texts.
//
// In a template that extends another, only blocks and macros count. A variable
// that {% set %} sets in a loop, block, include or macro lives until the end of
// that; an if opens no scope. {% set_global %} sets a variable outside of the
// loops that it stands in. Blocks, includes and macros see the variables of the
// line that shows or calls them. An included template also sees the imports of
// those that include it. A macro's parameters hide others, even if they are not
// given.
//
// Beyond the original dialect there are {%- trimming -%}, {% raw %}, super()
// and a working include. Unlike it, ordering values of different kinds is an
// error, not false.
package template

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ddc/internal/diagnostic"
)

// Folder is where templates lie. File names in errors begin with it.
const Folder = "templates/"

// Set is a site's templates. It never changes: many goroutines may render at
// once.
type Set struct {
	units     map[string]*unit
	includers map[string][]*unit // the templates that include one, by its name
}

// Load reads templates from their sources, by name relative to the templates
// folder. The error is a diagnostic.Errors, with all faults of all templates.
func Load(files map[string]string) (*Set, error) {
	return LoadWith(files, nil)
}

// Needs are the templates whose sources a rendering of one depends on, itself
// included, sorted: those that it extends, imports and includes, and what these
// need. A template that takes an alias from those that include it needs them
// all.
func (s *Set) Needs(name string) []string {
	needed := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		u := s.units[name]
		if u == nil || needed[name] {
			return
		}
		needed[name] = true
		visit(u.extends)
		for _, other := range u.imports {
			visit(other)
		}
		for included, by := range s.includers {
			if slices.Contains(by, u) {
				visit(included)
			}
		}
		if len(u.inherited) > 0 {
			for _, by := range s.includers[name] {
				visit(by.name)
			}
		}
	}
	visit(name)
	return slices.Sorted(maps.Keys(needed))
}

// Has says whether there is a template of that name.
func (s *Set) Has(name string) bool { return s.units[name] != nil }

// isPlain says whether a template makes no markup, by its extension.
func isPlain(name string) bool {
	return strings.HasSuffix(name, ".md") || strings.HasSuffix(name, ".txt")
}

// Page is what a template is rendered with.
type Page struct {
	// Vars are strings, numbers, booleans, nil, and slices of these and maps
	// with string keys. They are only read.
	Vars  map[string]any
	Funcs Funcs
	// Budget bounds the work. The zero Budget has the defaults. Purse, if not
	// nil, is what the work is paid from instead.
	Budget Budget
	Purse  *Purse
	// Read, if not nil, is called once for each path that is read, on the
	// goroutine that renders. The package comment describes paths.
	Read func(path string)
	// Make, if Read is not nil, makes the values that are a Later, each once.
	Make func(Later) any
}

// once makes each value once a page, however often the template touches it.
func once(f func(Later) any) func(Later) any {
	if f == nil {
		return nil
	}
	values := map[Later]any{}
	return func(l Later) any {
		value, known := values[l]
		if !known {
			value = f(l)
			values[l] = value
		}
		return value
	}
}

// Render renders a template with variables and functions, within the default
// budget.
func (s *Set) Render(ctx context.Context, name string, vars map[string]any, funcs Funcs) (string, error) {
	return s.RenderPage(ctx, name, Page{Vars: vars, Funcs: funcs})
}

// RenderPage renders a template. A fault of the template is a
// *diagnostic.Problem. Rendering ends with ctx.
func (s *Set) RenderPage(ctx context.Context, name string, p Page) (html string, err error) {
	u := s.units[name]
	if u == nil {
		return "", &diagnostic.Problem{File: Folder + name, Line: 1, Col: 1, Message: "there is no such template",
			Hint: meant(name, slices.Collect(maps.Keys(s.units)))}
	}
	// A value's own String may panic, or this package may have a defect. That
	// is no fault of the site, and ends only this page.
	defer func() {
		if caught := recover(); caught != nil {
			html, err = "", fmt.Errorf("render %s: panic: %v", u.file(), caught)
		}
	}()
	purse := p.Purse
	if purse == nil {
		purse = NewPurse(p.Budget)
	}
	m := &meter{ctx: ctx, budget: purse.budget, steps: purse.steps, bytes: purse.bytes}
	r := &render{walker: walker{meter: m}, scope: scope{pays: m, vars: p.Vars}, funcs: p.Funcs, out: &strings.Builder{}, plain: isPlain(name)}
	defer func() { purse.steps, purse.bytes = r.steps+r.fuel, r.bytes }()
	if p.Read != nil {
		r.paths = newPath(p.Read, once(p.Make))
	}
	top := place{u, 1, 1, 0}
	if err := r.within(func() error { return r.show(u) }); err != nil {
		return "", top.wrong(err)
	}
	return r.out.String(), nil
}
