package matrix

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"ddc/internal/fault"
)

// The hang's report has rings of 256, and calls of code samples one after the
// other; the sixth hung. A fault that needs a full ring, or several senders at
// once, cannot show there.
const (
	ReportedCells = 256 // cells of a ring
	CallsInARow   = 10
	calledInARow  = "code_execution"
)

// inARow lists a cell of each fault: on the report's strategy, if the fault
// bites there and that strategy was asked for. The control column alone has
// none.
func inARow(o Options) []task {
	asked := o.woken()
	if len(asked) == 0 && len(o.Strategies) > 0 {
		return nil
	}
	names := o.Faults
	if len(names) == 0 {
		names = fault.Names()
	}
	var tasks []task
	for _, name := range append([]string{NoFault}, slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == NoFault })...) {
		e, known := fault.ByName(name)
		candidates := append(slices.Clone(asked), append([]string{Reported}, e.On...)...)
		if len(asked) == 0 || slices.Contains(asked, Reported) {
			candidates = append([]string{Reported}, candidates...)
		}
		i := slices.IndexFunc(candidates, func(s string) bool { return !known || e.Bites(s) })
		tasks = append(tasks, task{Fault: name, Strategy: candidates[i], InARow: true})
	}
	return tasks
}

// tenInARow makes ten calls to one plugin, each after the answer to the one
// before.
func (w *workload) tenInARow(ctx context.Context) error {
	for range CallsInARow {
		if err := w.call(ctx, calledInARow, methodEcho, 300); err != nil {
			return err
		}
	}
	return nil
}

// inARowTable prints those cells. They show which faults the report can have
// seen.
func (r *Report) inARowTable(w io.Writer) error {
	if len(r.InARow) == 0 {
		return nil
	}
	fmt.Fprintf(w, "\n%d calls in a row over rings of %d, as in the report of the hang:\n", CallsInARow, ReportedCells)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var silent []string
	for _, c := range r.InARow {
		if c.Verdict == Immune {
			silent = append(silent, c.Fault)
			continue
		}
		fmt.Fprintf(t, "  %s\ton %s\t%s at call %d: %s\n", c.Fault, c.Strategy, c.Verdict, c.Answered+1, c.Why)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	_, err := fmt.Fprintf(w, "%d show nothing in so few: %s\n", len(silent), strings.Join(silent, ", "))
	return err
}
