package template

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ddc/internal/diagnostic"
)

// site is all templates while they are being loaded.
type site struct {
	units map[string]*unit
	// includers are the templates that include one, by its name.
	includers map[string][]*unit
	functions map[string]function
	words     int // how many more there may be in tags
}

// maxWords bounds what the tokens of a site's tags take: some 100 MB.
const maxWords = 1_500_000

// maxChain is how many templates may extend each other in a row.
const maxChain = 100

// unit is one template and what it declares. Declarations are known before any
// template is parsed, since a macro may be called above its definition.
type unit struct {
	name     string
	segments []segment // until it is parsed
	extends  string
	imports  map[string]string // templates by alias
	macros   map[string]*macro
	// inherited are the imports of the templates that include this one, as
	// far as it was asked for them.
	inherited map[string][]string

	body   []stmt
	blocks map[string]*blockStmt
	chain  []*unit // itself and its parents
}

func (u *unit) file() string { return Folder + u.name }

// declare cuts a source and notes what it declares. It skips faulty
// declarations; parse reports them.
func (s *site) declare(name, source string) diagnostic.Errors {
	u := &unit{name: name, imports: map[string]string{}, macros: map[string]*macro{}, blocks: map[string]*blockStmt{}}
	s.units[name] = u
	var errs diagnostic.Errors
	u.segments, errs = scan(u.file(), source, &s.words)
	for _, segment := range u.segments {
		if segment.kind != tagSegment {
			continue
		}
		text := func(i int) string {
			if i < len(segment.tokens) {
				return segment.tokens[i].text
			}
			return ""
		}
		switch text(0) {
		case "extends":
			if u.extends == "" {
				u.extends = text(1)
			}
		case "import":
			if _, there := u.imports[text(3)]; !there && len(segment.tokens) == 5 && text(2) == "as" {
				u.imports[text(3)] = text(1)
			}
		case "include":
			for _, name := range segment.tokens[1:] {
				if all := s.includers[name.text]; name.kind == stringToken && (len(all) == 0 || all[len(all)-1] != u) {
					s.includers[name.text] = append(all, u)
				}
			}
		case "macro":
			u.macros[text(1)] = &macro{unit: u, signature: signature{names: parameters(segment.tokens)}}
		}
	}
	return errs
}

// imported gives the templates that an alias stands for in a template: the one
// that it imports itself, or else those that the templates around it, which
// include it, import under that name.
func (s *site) imported(u *unit, alias string) []string {
	if name, own := u.imports[alias]; own {
		return []string{name}
	}
	if known, asked := u.inherited[alias]; asked {
		return known
	}
	found := map[string]bool{}
	seen := map[*unit]bool{u: true}
	for queue := []*unit{u}; len(queue) > 0; queue = queue[1:] {
		for _, around := range s.includers[queue[0].name] {
			if name, has := around.imports[alias]; has {
				found[name] = true
			} else if !seen[around] {
				seen[around] = true
				queue = append(queue, around)
			}
		}
	}
	if u.inherited == nil {
		u.inherited = map[string][]string{}
	}
	u.inherited[alias] = slices.Sorted(maps.Keys(found))
	return u.inherited[alias]
}

// importedAbove gives the template that an alias stands for in one that a
// template extends, or nothing.
func (s *site) importedAbove(u *unit, alias string) string {
	seen := map[*unit]bool{}
	for above := s.units[u.extends]; above != nil && !seen[above]; above = s.units[above.extends] {
		if name, has := above.imports[alias]; has {
			return name
		}
		seen[above] = true
	}
	return ""
}

// parameters gives the names in macro NAME(a, b=default).
func parameters(tokens []token) []string {
	names := []string{}
	depth := 0
	for i, t := range tokens {
		if len(names) == maxParameters {
			break
		}
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

// relations finds each template's parents, and the templates that extend or
// import themselves through others.
func (s *site) relations(names []string) diagnostic.Errors {
	var errs diagnostic.Errors
	const visiting, done = 1, 2
	state := map[string]int{}
	var trail []string
	var visit func(name string)
	visit = func(name string) {
		u := s.units[name]
		if u == nil || state[name] == done {
			return
		}
		if state[name] == visiting {
			i := slices.Index(trail, name)
			errs = append(errs, diagnostic.Problem{File: u.file(), Line: 1, Col: 1,
				Message: "templates extend or import each other in a circle: " + strings.Join(append(slices.Clone(trail[i:]), name), " -> ")})
			return
		}
		state[name] = visiting
		trail = append(trail, name)
		next := map[string]bool{u.extends: true}
		for _, other := range u.imports {
			next[other] = true
		}
		for _, n := range slices.Sorted(maps.Keys(next)) {
			visit(n)
		}
		trail = trail[:len(trail)-1]
		state[name] = done
		if u.chain = []*unit{u}; s.units[u.extends] != nil {
			u.chain = append(u.chain, s.units[u.extends].chain...)
		}
		if len(u.chain) == maxChain+1 {
			errs = append(errs, diagnostic.Problem{File: u.file(), Line: 1, Col: 1,
				Message: fmt.Sprintf("this is the %dth template of those that extend each other in a row", maxChain+1)})
		}
		u.chain = u.chain[:min(len(u.chain), maxChain+1)]
	}
	for _, name := range names {
		visit(name)
	}
	return errs
}
