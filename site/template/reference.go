package template

import (
	"maps"
	"slices"
	"strings"
)

// Entry is one filter, test or function, as the reference lists it.
type Entry struct {
	Kind string // "filter", "test", "function" or "tag"
	Name string
	// Call is how it is written, with its arguments; those in [ ] may be left
	// out.
	Call string
	Doc  string
	// Missing says that Zola or Jinja have it and this dialect does not; Doc is
	// what to write instead.
	Missing bool
}

// Reference lists all filters, tests and functions, each kind by name, and then
// those of Zola and Jinja that are not there.
func Reference() []Entry {
	var all []Entry
	for _, name := range slices.Sorted(maps.Keys(filters)) {
		f := filters[name]
		all = append(all, Entry{Kind: "filter", Name: name, Call: called("| "+name, f.signature, false), Doc: f.doc})
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t := tests[name]
		all = append(all, Entry{Kind: "test", Name: name, Call: called("is "+name, t.signature, false), Doc: t.doc})
	}
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		f := functions[name]
		all = append(all, Entry{Kind: "function", Name: name, Call: called(name, f.signature, true), Doc: f.doc})
	}
	for _, name := range slices.Sorted(maps.Keys(missingTags)) {
		all = append(all, Entry{Kind: "tag", Name: name, Call: "{% " + name + " %}", Doc: missingTags[name], Missing: true})
	}
	for _, name := range slices.Sorted(maps.Keys(missingFilters)) {
		all = append(all, Entry{Kind: "filter", Name: name, Call: "| " + name, Doc: missingFilters[name], Missing: true})
	}
	for _, name := range slices.Sorted(maps.Keys(missingTests)) {
		all = append(all, Entry{Kind: "test", Name: name, Call: "is " + name, Doc: missingTests[name], Missing: true})
	}
	for _, name := range slices.Sorted(maps.Keys(missingFunctions)) {
		all = append(all, Entry{Kind: "function", Name: name, Call: name + "(...)", Doc: missingFunctions[name], Missing: true})
	}
	for _, what := range slices.Sorted(maps.Keys(missingArguments)) {
		kind, name, _ := strings.Cut(what, " ")
		for _, arg := range slices.Sorted(maps.Keys(missingArguments[what])) {
			call := name + "(" + arg + "=..)"
			if kind == "filter" {
				call = "| " + call
			}
			all = append(all, Entry{Kind: kind, Name: name, Call: call, Doc: missingArguments[what][arg], Missing: true})
		}
	}
	return all
}

// called writes a call: name(a, b, [c]).
func called(name string, s signature, always bool) string {
	if len(s.names) == 0 && !always {
		return name
	}
	args := make([]string, len(s.names))
	for i, arg := range s.names {
		if args[i] = arg; i >= s.required {
			args[i] = "[" + arg + "]"
		}
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}
