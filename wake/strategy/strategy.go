// Package strategy lists the wake strategies by name. A new one is a folder
// beside this one, and a line here; CONTRIBUTING.md has the steps.
package strategy

import (
	"fmt"
	"strings"

	"ddc/wake"
	"ddc/wake/eventfd"
	"ddc/wake/futex"
	"ddc/wake/pipe"
	"ddc/wake/socketpair"
)

// Default is the name of the strategy used where nobody chose one: the fastest
// when parked, with the fewest descriptors (ddc wake bench).
const Default = "futex"

// All makes one of each strategy, for one process, in the order in which they
// are listed.
func All() []wake.Strategy {
	return []wake.Strategy{new(futex.Strategy), eventfd.Strategy{}, pipe.Strategy{}, socketpair.Strategy{}}
}

// Names lists the names of All.
func Names() []string {
	var names []string
	for _, s := range All() {
		names = append(names, s.Name())
	}
	return names
}

// ByName makes the strategy of that name. The error lists the names there are.
func ByName(name string) (wake.Strategy, error) {
	for _, s := range All() {
		if s.Name() == name {
			return s, nil
		}
	}
	return nil, fmt.Errorf("unknown wake strategy %q: choose one of %s", name, strings.Join(Names(), ", "))
}
