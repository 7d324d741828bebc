package main

import (
	"fmt"
	"go/build"
	"path/filepath"
	"slices"
	"strings"
)

// layers are the packages that are mutated, from the bottom up. Their order is
// that of a run: the proof rests on the lower ones.
var layers = []string{
	"ring", "slot", "wake", "wake/eventfd", "wake/socketpair", "wake/pipe", "wake/futex", "wake/strategy",
	"shm", "transport", "transport/hub", "transport/inproc", "rpc",
}

// checker is a set of tests that may catch a mutant.
type checker struct {
	name, what, tags string
	args             []string
	race             bool // under the race detector
	// rungs are patterns of the tests that it runs, one after the other; none
	// means all, the quick ones first.
	rungs []string
	// packages are the folders whose tests run for a mutant of a layer. None
	// means that this checker does not test that layer.
	packages func(layer string) []string
}

// checkers in the order in which a mutant meets them: the cheap ones first.
var checkers = []checker{
	{
		name: "own", what: "the package's own tests, -short", tags: "nodynamic",
		packages: func(layer string) []string { return []string{layer} },
	},
	{
		name: "above", what: "the tests of the next package above that uses it, -short", tags: "nodynamic",
		packages: func(layer string) []string {
			switch {
			case layer == "wake/strategy":
				return []string{"transport/hub"}
			case layer == "wake", strings.HasPrefix(layer, "wake/"):
				return []string{"wake/strategy", "transport/hub"}
			case layer == "transport", strings.HasPrefix(layer, "transport/"):
				return []string{"rpc"}
			case layer == "rpc":
				return []string{"plugin"}
			}
			return []string{"transport/hub"}
		},
	},
	{
		name: "explorer", what: "conformance/explore, as far as make test goes, and what shm, slot, wake, wake/futex and transport/inproc have of that kind", tags: "nodynamic,explore",
		packages: func(layer string) []string {
			switch layer {
			case "shm", "slot", "wake", "wake/futex":
				return []string{layer, "conformance/explore"}
			case "transport/inproc":
				return []string{layer} // the explorer's links are the hub's
			case "rpc":
				return nil // its scenarios play what a server does with a frame
			}
			return []string{"conformance/explore"}
		},
		// The explorer's tests of itself cannot catch a mutant.
		rungs: []string{"Between|^TestScenarios$/^eventfd$", "^TestSimulate$", "^TestScenarios$/^(pipe|socketpair|futex)$"},
	},
	{
		name: "suite", what: "the conformance suite on real threads, and for rpc what gRPC promises (conformance/grpc), -short", tags: "nodynamic",
		packages: func(layer string) []string {
			switch layer {
			case "wake":
				return []string{"wake/eventfd", "wake/socketpair", "wake/pipe", "wake/futex", "conformance"}
			case "rpc":
				return []string{"conformance/grpc", "conformance"}
			}
			return []string{"conformance"}
		},
	},
	{
		name: "race", what: "the package's own tests under the race detector, -short", tags: "nodynamic", race: true,
		packages: func(layer string) []string { return []string{layer} },
	},
}

// sees says whether the checker's build has the file at all: the explorer's
// build and the production build differ in a few files.
func (c checker) sees(root, file string) bool {
	context := build.Default
	context.BuildTags = strings.Split(c.tags, ",")
	ok, err := context.MatchFile(filepath.Join(root, filepath.Dir(file)), filepath.Base(file))
	return ok && err == nil
}

// named returns the checkers with these names, in their own order.
func named(all []checker, names []string) ([]checker, error) {
	for _, name := range names {
		if !slices.ContainsFunc(all, func(c checker) bool { return c.name == name }) {
			return nil, fmt.Errorf("-checkers: there is no %q: see the table in docs/MUTATIONS.md", name)
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(c checker) bool { return !slices.Contains(names, c.name) }), nil
}
