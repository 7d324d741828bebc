// Package verdict says why a system hangs, and what to look at next.
//
//	in := verdict.Input{System: system} // of ReadSystem
//	err := verdict.Write(markdown, in)
//	err = verdict.WriteHTML(page, in)
//
// A team describes its [System]: the mechanisms of its design, and what was
// seen of the hang. Each known fault (internal/fault) needs some mechanisms,
// and its hang looks a certain way. So a fault is out by design if the system
// lacks a mechanism that it needs, out by evidence if the hang looks different,
// and otherwise in. The faults that are in are ranked by how well they fit, and
// a tree of observations tells them apart. What was seen in a hang, or measured
// later, can rule a fault out. What somebody inferred cannot: the verdict
// confirms or contradicts it.
//
// Three kinds of runs add to that: the matrix of faults and strategies (package
// matrix), the model checker (package conformance/explore) and the benchmark
// (package bench). With a matrix but no description, the verdict says which
// strategies are sound and which rules matter. Every figure is taken from the
// runs. There is no ruling on what was not run.
package verdict
