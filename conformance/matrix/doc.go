// Package matrix runs the workload of the hang's report (see docs/VERDICT.md)
// on every fault of the catalogue and every wake strategy, with real processes,
// and reports the outcome of each pair:
//
//	report, err := matrix.Run(ctx, matrix.Options{Program: "bin/ddc-fault", Site: folder})
//	err = report.Table(os.Stdout)
//
// A pair is a cell. Each cell has a host process with the fault switched on. It
// starts sixteen plugin processes over one hub, with rings of four descriptors
// and few slots. All are the program built with the tag ddcfault, whose main
// calls [Host], or [Plugin] in a plugin.
//
// Each fault also has one cell of ten calls in a row over rings of 256, as in
// the report. A fault that shows only when rings are full cannot be the
// report's cause.
//
// # How a cell is judged
//
// A cell is judged by state, not by the clock: the host process looks at the
// words of every link all the time. A cell is hung if calls are under way, no
// word changes and nobody uses a processor, for as long as [settle]. The words
// then say who sleeps over what. A cell is slow if sleepers had no token
// although their condition held, and were woken later all the same. It is also
// slow if calls that had the machine to themselves were late. Both are compared
// with the row without a fault in the same run.
//
// The whole matrix takes some six minutes on two processors. Nothing is left of
// a cell: it is a process group, which is killed as soon as it has reported.
package matrix
