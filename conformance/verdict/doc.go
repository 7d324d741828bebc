// Package verdict writes down what is to be concluded from three runs: the
// matrix of faults and strategies (package matrix), the model checker's
// (package conformance/explore) and the benchmark's (package bench).
//
//	in := verdict.Input{Matrix: report, Bench: rows, Works: bench.Check(ctx)}
//	err := verdict.Write(markdown, in)
//	err = verdict.WriteHTML(page, in)
//
// It answers the report of a hang: its four suspects and its three earlier
// fixes, each ruled in or out for each strategy, which faults show exactly its evidence, and its
// four questions. Every figure, and every ruling, is taken from the runs; sentences that
// explain are the catalogue's (internal/fault) or this package's, and are chosen by what the runs
// say. What a run that is missing would say is said to be missing.
package verdict
