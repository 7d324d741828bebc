// Package verdict says why a system hangs, and what to look at next.
//
//	in := verdict.Input{System: system} // of ReadSystem
//	err := verdict.Write(markdown, in)
//	err = verdict.WriteHTML(page, in)
//
// A [System] is described by its team: the mechanisms that its design has, and what
// was seen of the hang. Each fault that is known (internal/fault) needs some
// mechanisms, and its hang looks in a certain way. So each is out by design, where
// the system lacks a mechanism; out by evidence, where the hang looks otherwise; or
// in. Those that are in are ranked by how well they fit, and a tree of observations
// tells them apart. What was seen in a hang and what was measured later can rule a
// fault out. What somebody inferred cannot: it is confirmed or contradicted.
//
// Three kinds of runs add to that: the matrix of faults and strategies (package
// matrix), the model checker (package conformance/explore) and the benchmark (package
// bench). With a matrix and without a description, the verdict says which strategies
// are sound and which rules matter. Every figure is taken from the runs, and
// what was not run is not ruled on.
package verdict
