package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"ddc/conformance/bench"
	"ddc/conformance/matrix"
	"ddc/conformance/verdict"
)

const verdictHelp = `Say why a system hangs, and what to look at next.

  ddc wake verdict --example > my-system.kdl     a description to fill in
  ddc wake verdict --system my-system.kdl        the verdict on it

The description says which mechanisms the system has, and what was seen of the
hang. Every known fault is then ruled out by design (the system lacks what the
fault needs), out by evidence (its hang looks otherwise), or in; and of those
that are in, the next observations are given that tell them apart, with the
command for each. That takes no time and runs nothing.

With --run, and without --system, the faults are run as well: each on each
strategy, with real processes. That takes some minutes; Ctrl-C ends it, and the
verdict is then PARTIAL and says what was done. Instead of a run, take

  --matrix   what ddc wake matrix --json wrote
  --bench    what ddc wake bench --json wrote
  --explore  what make explore wrote; with runs taken if it is there

It is printed as Markdown, or written with -o, and with --html as a page.`

// explored is the file that make explore writes.
const explored = "out/explore.json"

// verdictFlags are what the command line says of a verdict.
type verdictFlags struct {
	system                 string
	example, run           bool
	matrix, explore, bench string
	output, html           string
}

// runs says whether the faults are run.
func (f *verdictFlags) runs() bool { return f.matrix == "" && (f.run || f.system == "") }

func newWakeVerdict() *cobra.Command {
	var f verdictFlags
	c := &cobra.Command{
		Use:     "verdict",
		Short:   "Say why a system hangs, from its description, and what to look at next",
		Long:    verdictHelp,
		Example: "  ddc wake verdict --system my-system.kdl\n  ddc wake verdict --system my-system.kdl --matrix matrix.json --html verdict.html",
		Args:    usage(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return runVerdict(c, f) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.system, "system", "", "file that describes the system")
	flags.BoolVar(&f.example, "example", false, "print such a file, with comments")
	flags.BoolVar(&f.run, "run", false, "run the faults and the benchmark as well")
	flags.StringVar(&f.matrix, "matrix", "", "file of a matrix, instead of a run")
	flags.StringVar(&f.explore, "explore", explored, "file of the model checker's searches")
	flags.StringVar(&f.bench, "bench", "", "file of a benchmark, instead of a run")
	flags.StringVarP(&f.output, "output", "o", "-", "file to write as Markdown; - is standard output")
	flags.StringVar(&f.html, "html", "", "file to write as a page")
	return c
}

func runVerdict(c *cobra.Command, f verdictFlags) error {
	if f.example {
		if f.system != "" || f.run {
			return usagef("--example prints a description to fill in: it goes with no --system and no --run")
		}
		_, err := io.WriteString(c.OutOrStdout(), verdict.Example())
		return err
	}
	if f.run && f.matrix != "" {
		return usagef("--run and --matrix %s: the faults are run, or their matrix is read", f.matrix)
	}
	in, err := readVerdict(c, f)
	if err != nil {
		return err
	}
	interrupted := runForVerdict(c, f, &in)
	if interrupted != nil && in.Matrix == nil {
		return interrupted
	}
	return errors.Join(interrupted, writeVerdict(c.OutOrStdout(), in, f))
}

// readVerdict reads the existing files before anything is run, so that a wrong
// file name shows at once.
func readVerdict(c *cobra.Command, f verdictFlags) (in verdict.Input, err error) {
	if f.system != "" {
		if in.System, err = verdict.ReadSystem(f.system); err != nil {
			return in, usageError{fmt.Errorf("--system: %w", err)}
		}
	}
	if asked := c.Flags().Changed("explore"); asked || f.runs() || f.matrix != "" {
		in.Explore, err = verdict.ReadExplore(f.explore)
		if err != nil && (asked || !errors.Is(err, fs.ErrNotExist)) {
			return in, usageError{fmt.Errorf("--explore: %w", err)}
		}
	}
	if f.matrix != "" {
		if in.Matrix, err = verdict.ReadMatrix(f.matrix); err != nil {
			return in, usageError{fmt.Errorf("--matrix: %w", err)}
		}
	}
	if f.bench != "" {
		if in.Bench, err = verdict.ReadBench(f.bench); err != nil {
			return in, usageError{fmt.Errorf("--bench: %w", err)}
		}
	}
	return in, nil
}

// benchTime is about how long the benchmark takes.
const benchTime = 10 * time.Second

// runForVerdict runs what is missing. After an interruption, in has what was
// finished.
func runForVerdict(c *cobra.Command, f verdictFlags, in *verdict.Input) error {
	if f.runs() {
		// A missing program should show before the benchmark, not after it.
		if _, err := findFaultProgram(); err != nil {
			return err
		}
		cells, takes := matrix.Extent(matrix.Options{})
		if in.Bench == nil {
			takes += benchTime
		}
		fmt.Fprintf(c.ErrOrStderr(), "This takes about %.0f minutes on two free processors: the benchmark, then %d cells. Ctrl-C ends it, and keeps those that are done.\n", takes.Minutes(), cells)
		if in.Bench == nil {
			var err error
			if in.Bench, err = runBench(c.Context()); err != nil {
				return err
			}
		}
	}
	if len(in.Bench) > 0 {
		ctx, cancel := context.WithTimeout(c.Context(), checkTime)
		defer cancel()
		in.Works = bench.Check(ctx)
	}
	if !f.runs() {
		return nil
	}
	var err error
	in.Matrix, err = runMatrix(c, matrixFlags{faults: "all", wakes: "all", calls: matrix.DefaultCalls, seed: 1})
	return err
}

func runBench(ctx context.Context) ([]bench.Row, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's own file: %w", err)
	}
	return bench.Run(ctx, bench.Options{Command: func() (string, []string) { return path, []string{"wake", "peer"} }})
}

func writeVerdict(stdout io.Writer, in verdict.Input, f verdictFlags) error {
	if f.output == "-" {
		if err := verdict.Write(stdout, in); err != nil {
			return err
		}
	} else if err := writeFile(f.output, func(w io.Writer) error { return verdict.Write(w, in) }); err != nil {
		return err
	}
	if f.html == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(f.html), 0o777); err != nil {
		return pathError(fmt.Errorf("make a folder for the page: %w", err))
	}
	return writeFile(f.html, func(w io.Writer) error { return verdict.WriteHTML(w, in) })
}
