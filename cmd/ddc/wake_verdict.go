package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"ddc/conformance/bench"
	"ddc/conformance/matrix"
	"ddc/conformance/verdict"
)

const verdictHelp = `Write down which wake strategy, or which rule of using one, is the fix of the
hang's report: each of its suspects ruled in or out for each strategy, the
faults that show exactly its evidence, its four questions answered, and the
strategy to take by default. All of it comes from runs:

  --matrix   what ddc wake matrix --json wrote; without it the matrix is run
  --bench    what ddc wake bench --json wrote; without it the benchmark is run
  --explore  what make explore wrote; without it the verdict says that it is
             missing

It is written as Markdown and as a page with plots.`

// explored is what make explore writes.
const explored = "out/explore.json"

// verdictFlags are what the command line says of a verdict.
type verdictFlags struct {
	matrix, explore, bench string
	output, html           string
}

func newWakeVerdict() *cobra.Command {
	var f verdictFlags
	c := &cobra.Command{
		Use:     "verdict",
		Short:   "Say which strategy, or which rule, is the fix, and why",
		Long:    verdictHelp,
		Example: "  ddc wake verdict\n  ddc wake verdict --matrix matrix.json --bench bench.json -o - --html verdict.html",
		Args:    usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			in, err := verdictInput(c, f)
			if err != nil {
				return err
			}
			return writeVerdict(c.OutOrStdout(), in, f)
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.matrix, "matrix", "", "file of a matrix, instead of a run")
	flags.StringVar(&f.explore, "explore", explored, "file of the model checker's searches; by default taken if it is there")
	flags.StringVar(&f.bench, "bench", "", "file of a benchmark, instead of a run")
	flags.StringVarP(&f.output, "output", "o", "docs/VERDICT.md", "file to write as Markdown; - is standard output")
	flags.StringVar(&f.html, "html", "out/verdict.html", "file to write as a page; \"\" for none")
	return c
}

// verdictInput reads what there is, before it runs what is missing: a wrong file
// name should not show after six minutes.
func verdictInput(c *cobra.Command, f verdictFlags) (in verdict.Input, err error) {
	in.Explore, err = verdict.ReadExplore(f.explore)
	if err != nil && (c.Flags().Changed("explore") || !errors.Is(err, fs.ErrNotExist)) {
		return in, usageError{fmt.Errorf("--explore: %w", err)}
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
	if in.Bench == nil {
		fmt.Fprintln(c.ErrOrStderr(), "comparing the strategies (ddc wake bench) ...")
		if in.Bench, err = runBench(c.Context()); err != nil {
			return in, err
		}
	}
	if in.Matrix == nil {
		in.Matrix, err = runMatrix(c, matrixFlags{faults: "all", wakes: "all", calls: matrix.DefaultCalls, seed: 1})
		if err != nil {
			return in, err
		}
	}
	ctx, cancel := context.WithTimeout(c.Context(), checkTime)
	defer cancel()
	in.Works = bench.Check(ctx)
	return in, nil
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
