package template

import (
	"maps"
	"slices"
	"strings"
)

// site is all templates while they are being loaded.
type site struct {
	units  map[string]*unit
	places []place
}

// unit is one template and what it declares, known before any is translated,
// since a macro may be called above its definition.
type unit struct {
	number   int
	name     string
	segments []segment
	extends  string
	imports  []importing
	macros   map[string][]string // parameters by name
}

type importing struct {
	alias, name string
	at          token
}

func (u *unit) file() string { return Folder + u.name }

// macro names a macro in translated templates. All templates that take part in
// rendering share one name space there, and self:: must mean the file's own.
func (u *unit) macro(name string) string { return "m" + itoa(u.number) + "_" + name }

// alias names an import, apart from variables, which may be called the same.
func (u *unit) alias(name string) string { return "i" + itoa(u.number) + "_" + name }

// macrosOf names the translation that has a template's macros only: importing
// a file must not run what else stands in it.
func macrosOf(name string) string { return name + "#macros" }

// declare cuts a source and notes what it declares. Faulty declarations are
// passed over here; translate reports them.
func declare(number int, name, source string) (*unit, Errors) {
	u := &unit{number: number, name: name, macros: map[string][]string{}}
	var errs Errors
	u.segments, errs = scan(u.file(), source)
	for _, s := range u.segments {
		if s.kind != tagSegment {
			continue
		}
		text := func(i int) string {
			if i < len(s.tokens) {
				return s.tokens[i].text
			}
			return ""
		}
		switch text(0) {
		case "extends":
			if u.extends == "" {
				u.extends = text(1)
			}
		case "import":
			if len(s.tokens) == 5 && text(2) == "as" {
				u.imports = append(u.imports, importing{alias: text(3), name: text(1), at: s.tokens[1]})
			}
		case "macro":
			u.macros[text(1)] = parameters(s.tokens)
		}
	}
	return u, errs
}

// parameters gives the names in macro NAME(a, b=default).
func parameters(tokens []token) []string {
	names := []string{}
	depth := 0
	for i, t := range tokens {
		if t.kind == operatorToken {
			switch t.text {
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				depth--
			}
		}
		if t.kind == nameToken && depth == 1 && i > 0 && (tokens[i-1].text == "(" || tokens[i-1].text == ",") {
			names = append(names, t.text)
		}
	}
	return names
}

// imported gives the unit that an alias of this one stands for.
func (s *site) imported(u *unit, alias string) *unit {
	for _, i := range u.imports {
		if i.alias == alias {
			return s.units[i.name]
		}
	}
	return nil
}

// cycles finds templates that extend or import themselves by a detour, which
// the interpreter would follow forever.
func (s *site) cycles(names []string) Errors {
	var errs Errors
	done := map[string]bool{}
	var visit func(name string, path []string)
	visit = func(name string, path []string) {
		u := s.units[name]
		if u == nil || done[name] {
			return
		}
		if i := slices.Index(path, name); i >= 0 {
			errs = append(errs, &Error{File: u.file(), Line: 1, Col: 1,
				Message: "templates extend or import each other in a circle: " + strings.Join(append(slices.Clone(path[i:]), name), " -> ")})
			return
		}
		path = append(path, name)
		next := map[string]bool{u.extends: true}
		for _, i := range u.imports {
			next[i.name] = true
		}
		for _, n := range slices.Sorted(maps.Keys(next)) {
			visit(n, path)
		}
		done[name] = true
	}
	for _, name := range names {
		visit(name, nil)
	}
	return errs
}
