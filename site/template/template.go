// Package template renders a site's templates, which are written in a dialect
// of Jinja: {{ page.title }}, {% for %}, {% if %}, {% set %}, {% block %} and
// {% extends %}, {% include %}, {% macro %} and {% import %}, filters and tests.
//
//	set, err := template.Load(map[string]string{"page.html": "<h1>{{ page.title }}</h1>"})
//	html, err := set.Render(ctx, "page.html", map[string]any{"page": page}, template.Funcs{})
//
// Load finds every fault that can be found without values, all at once: syntax,
// unknown filters, tests, functions, macros and templates. Render finds the
// rest, first of all what is undefined. Each error has the file, line and column
// of the very name that is wrong, also in a parent or an imported file.
//
// # How it works
//
// The interpreter is minijinja. The dialect differs from its language in what
// operators, filters and undefined values mean, so Load translates each
// template: what is the same (statements, short-circuit, blocks, macros) stays,
// and each operation that differs becomes a call of a function of this package,
// which is handed the number of the place it was written at:
//
//	{{ page.title | upper }}    {{ ddc_f_upper(3, ddc_attr(2, ddc_var(1, "page"), "title")) }}
//
// A template costs its translation once and some microseconds to render; the
// values of a page are wrapped as they are touched, not converted beforehand.
//
// # The dialect
//
// Comments nest. There are "a" 'a' 1_000 1.5 true none [a, b] {"k": v}; from
// loosest to tightest: a if c else b, or, and, not, comparisons with in and is,
// + - ~, * / // %, unary -, **, filters, then .field and [index]. What is
// undefined is an error everywhere but before `is defined`, `is undefined` and
// `| default`. Output is escaped (& < > " ') unless safe. A loop over a dict
// gives {key, value}, with two names keys and values, in the order of the keys.
//
// Beyond the original dialect there are {%- trimming -%}, {% raw %}, super()
// (of blocks that stand at a parent's top level) and a working include. Unlike
// it, a macro of an imported file sees the variables of the file that imports
// it as they were at the import, not those of the line that calls it; and
// ordering values of different kinds is an error, not false.
package template

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	minijinja "github.com/mitsuhiko/minijinja/minijinja-go/v2"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/syntax"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"
)

// Folder is where templates lie; it begins the file names in errors.
const Folder = "templates/"

// Set is a site's templates. It never changes: many goroutines may render at once.
type Set struct {
	env    *minijinja.Environment
	names  map[string]bool
	places []place
}

// Funcs are the functions that templates call. A nil one is an error to call.
type Funcs struct {
	// GetURL turns the path of a page or file into its URL.
	GetURL func(path string) (string, error)
	// GetSection finds a section by its source path; nil means there is none.
	GetSection func(path string) (any, error)
}

// Load reads templates: sources by name, the name relative to the templates
// folder. The error is Errors, with all faults of all templates.
func Load(files map[string]string) (*Set, error) {
	names := slices.Sorted(maps.Keys(files))
	site := &site{units: map[string]*unit{}}
	var faults Errors
	for i, name := range names {
		u, errs := declare(i, name, files[name])
		site.units[name] = u
		faults = append(faults, errs...)
	}
	env := minijinja.EmptyEnvironment()
	env.SetWhitespace(syntax.WhitespaceConfig{KeepTrailingNewline: true})
	env.SetUndefinedBehavior(minijinja.UndefinedChainable)
	env.SetFormatter(func(_ *minijinja.State, v value.Value, _ func(string) string) string { return output(v) })
	for _, name := range names {
		t := translate(site, site.units[name])
		faults = append(faults, t.errors...)
		if len(faults) > 0 {
			continue
		}
		for variant, source := range map[string]string{name: t.whole(), macrosOf(name): t.macros.String()} {
			if err := env.AddTemplate(variant, source); err != nil {
				return nil, fmt.Errorf("translate %s%s: %w", Folder, name, err)
			}
		}
	}
	faults = append(faults, site.cycles(names)...)
	if len(faults) > 0 {
		faults.sort()
		return nil, faults
	}
	s := &Set{env: env, names: map[string]bool{}, places: site.places}
	for _, name := range names {
		s.names[name] = true
	}
	register(env)
	return s, nil
}

// Has says whether there is a template of that name.
func (s *Set) Has(name string) bool { return s.names[name] }

// Render renders a template with variables: strings, numbers, booleans, nil,
// and slices and maps with string keys of these. They are only read. A fault
// of the template is an *Error; when ctx ends, so does rendering.
func (s *Set) Render(ctx context.Context, name string, vars map[string]any, funcs Funcs) (string, error) {
	if !s.Has(name) {
		return "", &Error{File: Folder + name, Line: 1, Col: 1, Message: "there is no such template",
			Hint: meant(name, slices.Collect(maps.Keys(s.names)))}
	}
	t, err := s.env.GetTemplate(name)
	if err != nil {
		return "", fmt.Errorf("render %s%s: %w", Folder, name, err)
	}
	r := &render{set: s, funcs: funcs, at: -1}
	wrapped := make(map[string]value.Value, len(vars))
	for k, v := range vars {
		wrapped[k] = wrap(v)
	}
	text, err := t.RenderCtx(context.WithValue(ctx, renderKey{}, r), wrapped)
	switch {
	case err == nil:
		return text, nil
	case r.err != nil:
		return "", r.err
	case r.at < 0:
		return "", &Error{File: Folder + name, Line: 1, Col: 1, Message: innermost(err)}
	}
	// The interpreter's own errors (recursion, super) happen at the place
	// that was last entered.
	return "", s.places[r.at].errorf(innermost(err), "")
}

// innermost gives the message of the error that started a chain.
func innermost(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			break
		}
		err = inner
	}
	if e, ok := errors.AsType[*minijinja.Error](err); ok && e.Message != "" {
		return e.Message
	}
	return err.Error()
}

// place is where in a template something is written.
type place struct {
	file      string
	line, col int
	text      string // the value it is about, as written
}

func (p place) errorf(message, hint string) *Error {
	return &Error{File: p.file, Line: p.line, Col: p.col, Message: message, Hint: hint}
}
