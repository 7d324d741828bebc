package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ddc/conformance/matrix"
	"ddc/internal/fault"
	"ddc/internal/heir"
	"ddc/internal/printable"
	"ddc/site/starter"
)

// faultProgram is the program with faults in it, beside this one.
const faultProgram = "ddc-fault"

const matrixHelp = `Run the workload of the hang's report with each known fault on each strategy,
with real processes: sixteen plugins, bursts of small calls from eighty workers,
payloads up to 10 MB, rings of four descriptors, and a real build. Say of each
whether it hung (and at which call, and who slept over what), was slow, gave
wrong answers, failed, or was immune; and whether that is what the catalogue of
faults expects.

Each fault is also run as the report could have seen it: ten calls, one after the
other, over rings of 256. What shows nothing there is not its cause.

The faults are in a program of their own, bin/ddc-fault, which make build makes
beside this one. The row without a fault and the column in one process are the
controls. Strategies that end in "+epoll" sleep as an event loop does.

Exit codes: 0 all as expected, 1 some cell differs, 2 wrong usage.`

// matrixFlags are what the command line says of a matrix.
type matrixFlags struct {
	faults, wakes string
	calls         int
	seed          uint64
	together      int
	asJSON        bool
	html          string
}

func newWakeMatrix() *cobra.Command {
	var f matrixFlags
	c := &cobra.Command{
		Use:     "matrix",
		Short:   "Run every fault on every strategy, and see who hangs",
		Long:    matrixHelp,
		Example: "  ddc wake matrix --fault full-then-ring,no-ring-on-space --wake futex\n  ddc wake matrix --json --html matrix.html > matrix.json",
		Args:    usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			report, err := runMatrix(c, f)
			if report != nil { // what was done before an interruption is worth its print
				err = errors.Join(err, printMatrix(c.OutOrStdout(), report, f))
			}
			if err != nil {
				return err
			}
			if len(report.Disagreements()) > 0 {
				return errReported{exitSite}
			}
			return nil
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.faults, "fault", "all", "faults, with commas between them, or all; none is the control row alone")
	flags.StringVar(&f.wakes, "wake", "all", "strategies, with commas between them, or all; inproc is the control column alone")
	flags.IntVar(&f.calls, "calls", matrix.DefaultCalls, "small calls of each cell's burst")
	flags.Uint64Var(&f.seed, "seed", 1, "makes the workload's choices")
	flags.IntVar(&f.together, "together", 0, "cells at a time; 0 for one a processor, two at most")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON object on standard output")
	flags.StringVar(&f.html, "html", "", "write a page with plots to this file, too")
	return c
}

// chosen reads a list of names. nil means all of them.
func chosen(flag, list string, known []string) ([]string, error) {
	if list == "all" {
		return nil, nil
	}
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); !slices.Contains(known, name) {
			return nil, usagef("--%s: unknown name %q%s: choose from all, %s", flag, name, meant(name, known), strings.Join(known, ", "))
		}
		names = append(names, name)
	}
	return names, nil
}

func runMatrix(c *cobra.Command, f matrixFlags) (*matrix.Report, error) {
	if f.calls < 1 || f.together < 0 {
		return nil, usagef("--calls %d, --together %d: calls must be greater than 0, and together not less", f.calls, f.together)
	}
	o := matrix.Options{Calls: f.calls, Seed: f.seed, Together: f.together, Args: []string{"wake", "cell"}, Open: openService}
	var err error
	if o.Faults, err = chosen("fault", f.faults, append([]string{matrix.NoFault}, fault.Names()...)); err != nil {
		return nil, err
	}
	if o.Strategies, err = chosen("wake", f.wakes, append([]string{matrix.Inproc}, matrix.Strategies()...)); err != nil {
		return nil, err
	}
	if o.Program, err = findFaultProgram(); err != nil {
		return nil, err
	}
	var report *matrix.Report
	err = heir.Within("ddc-matrix-", func(folder string) error {
		o.Folder = folder
		report, err = runMatrixIn(c, o)
		return err
	})
	return report, err
}

func runMatrixIn(c *cobra.Command, o matrix.Options) (*matrix.Report, error) {
	o.Site = filepath.Join(o.Folder, "site")
	if err := starter.Write(o.Site, starter.Minimal); err != nil {
		return nil, err
	}
	progress := newMatrixProgress(c.ErrOrStderr())
	o.Moved, o.Done = progress.moved, progress.done
	defer progress.end()
	report, err := matrix.Run(c.Context(), o)
	if err != nil && report != nil && c.Context().Err() != nil {
		return report, fmt.Errorf("interrupted: %d of %d cells were run", len(report.Cells), report.Planned)
	}
	return report, err
}

// findFaultProgram finds the program with faults: beside this program, or this
// program itself.
func findFaultProgram() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program's own file: %w", err)
	}
	if fault.Enabled {
		return path, nil
	}
	beside := filepath.Join(filepath.Dir(path), faultProgram)
	if _, err := os.Stat(beside); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%s is not beside %s: run \"make build\", which makes both", faultProgram, path)
		}
		return "", fmt.Errorf("find the program with faults: %w", err)
	}
	return beside, nil
}

func printMatrix(w io.Writer, report *matrix.Report, f matrixFlags) error {
	if f.html != "" {
		if err := writeFile(f.html, report.HTML); err != nil {
			return err
		}
	}
	if f.asJSON {
		return printJSON(w, report)
	}
	return report.Table(w)
}

// writeFile writes a file that appears only once its whole content is there.
func writeFile(path string, write func(io.Writer) error) error {
	var content bytes.Buffer
	if err := write(&content); err != nil {
		return err
	}
	return pathError(os.WriteFile(path, content.Bytes(), 0o666))
}

// newWakeCell is the host process of a cell.
func newWakeCell() *cobra.Command {
	c := &cobra.Command{
		Use:    "cell",
		Hidden: true,
		Args:   usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program's own file: %w", err)
			}
			return matrix.Host(c.Context(), matrix.Hosting{
				Names: pluginNames(), Open: openService,
				Command: func(name string) (string, []string) { return path, []string{"wake", "cell", "plugin", name} },
			}, screenOf(c.OutOrStdout()).Whole())
		},
	}
	c.AddCommand(&cobra.Command{
		Use:    "plugin NAME",
		Hidden: true,
		Args:   usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			service, err := openService(args[0])
			if err != nil {
				return usageError{err}
			}
			matrix.Plugin(service)
			return nil
		},
	})
	return c
}

// matrixProgress shows a matrix's progress on standard error: a line for each
// cell that is done, and on a terminal one line that changes.
type matrixProgress struct {
	out   screen
	shown bool
}

func newMatrixProgress(w io.Writer) *matrixProgress { return &matrixProgress{out: screenOf(w)} }

func (p *matrixProgress) moved(fault, strategy, stage string, answered int) {
	if p.out.width() > 0 {
		line := fmt.Sprintf("%s on %s: %s, %s", fault, strategy, stage, printable.Count(answered, "call"))
		_ = p.out.Control(printable.EraseLine, line) // a terminal that has gone sees nothing
		p.shown = true
	}
}

func (p *matrixProgress) done(c matrix.Cell, n, of int) {
	p.end()
	at := ""
	if c.Stage != "" {
		at = fmt.Sprintf(" at call %d (%s)", c.Answered+1, c.Stage)
	}
	fmt.Fprintf(p.out, "%*d/%d  %s on %s: %s%s, %.1f s\n", len(fmt.Sprint(of)), n, of, c.Fault, c.Strategy, c.Verdict, at, c.Seconds)
}

func (p *matrixProgress) end() {
	if p.shown {
		_ = p.out.Control(printable.EraseLine, "") // as above
		p.shown = false
	}
}
