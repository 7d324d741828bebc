package config

import (
	"maps"
	"slices"
)

// Entry is one setting, as the reference lists it.
type Entry struct {
	// Name has the blocks around it: "link_check rate_limit_ms".
	Name string
	Doc  string
}

// Reference lists all settings, by name, those of a block after it.
func Reference() []Entry { return entries("", documentFields(defaults())) }

func entries(prefix string, of map[string]field) []Entry {
	var all []Entry
	for _, name := range slices.Sorted(maps.Keys(of)) {
		f := of[name]
		all = append(all, Entry{prefix + name, f.doc})
		all = append(all, entries(prefix+name+" ", f.inner)...)
	}
	return all
}
