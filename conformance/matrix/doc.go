// Package matrix runs the workload of the hang's report (docs/VERDICT.md
// tells of it) on every fault of the catalogue and every wake strategy, with
// real processes, and says of each pair what came of it:
//
//	report, err := matrix.Run(ctx, matrix.Options{Program: "bin/ddc-fault", Site: folder})
//	err = report.Table(os.Stdout)
//
// A pair is a cell. For each cell a host process is started, which has the fault
// on, and which starts sixteen plugin processes over one hub with rings of four
// descriptors and few slots. The host process is the program with the tag
// ddcfault, whose main calls [Host], and [Plugin] in the plugins.
//
// Beside that each fault has one cell of ten calls in a row over rings of 256, as
// the report had them: what shows only where rings are full cannot be its cause.
//
// # How a cell is judged
//
// By state, not by the clock: the host process looks at the words of every link
// all the while. A cell is hung when calls are under way, no word changes, nobody uses a
// processor, and that stays so for [settle]; the words then say who sleeps over what.
// It is slow when sleepers were seen whose condition held and who had no token,
// and who were woken later all the same, or when the calls that had the machine
// to themselves were late: compared with the row without a fault, of the same run.
//
// The whole matrix takes some six minutes on two processors. Nothing is left of a
// cell: it is a process group that is killed as soon as it has told what it saw.
package matrix
