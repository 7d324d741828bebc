package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ddc/conformance/bench"
	"ddc/wake/strategy"
)

const wakeBenchHelp = `Compare the strategies, or those that are named, between two processes: round
trips parked, spinning and with every processor busy, one-way throughput, and
processor time, wake-ups and system calls for each message. They take turns, so
that whatever else the machine does hits all alike; compare figures of one run.

With --build, compare whole builds of a site instead: over shared memory with each
strategy, in one process (inproc), by ordinary gRPC over sockets (grpc) and, with
--remote, on the workers of that target. Nothing is remembered and no code sample is
run. The figures are medians of the rounds: time, processor time of the host and all
that it starts (but not of workers), calls, bytes of requests and answers, and how
long calls took. All must make the same bytes, else it fails.`

func newWakeBench() *cobra.Command {
	var o bench.Options
	var b buildBench
	var asJSON bool
	c := &cobra.Command{
		Use:       "bench [STRATEGY]...",
		Short:     "Compare the strategies side by side in one run",
		Long:      wakeBenchHelp,
		Example:   "  ddc wake bench --rounds 20 futex pipe\n  ddc wake bench --build my-site futex inproc grpc",
		Args:      usage(cobra.ArbitraryArgs),
		ValidArgs: wayNames(),
		RunE: func(c *cobra.Command, args []string) error {
			rounds := c.Flags().Changed("rounds")
			if o.Rounds < 1 || o.Spin <= 0 {
				return usagef("--rounds %d, --spin %v: both must be greater than 0", o.Rounds, o.Spin)
			}
			if b.site != "" {
				b.ways, b.rounds = args, defaultBuilds
				if rounds {
					b.rounds = o.Rounds
				}
				return compareBuilds(c, &b, asJSON)
			}
			if len(b.remote) > 0 {
				return usagef("--remote is for whole builds: add --build SITE")
			}
			o.Strategies = args
			return compareStrategies(c, o, asJSON)
		},
	}
	c.Flags().IntVar(&o.Rounds, "rounds", 100, "turns that each strategy gets; of whole builds 5, unless said")
	c.Flags().DurationVar(&o.Spin, "spin", 50*time.Microsecond, "how long to spin where spinning is measured")
	c.Flags().StringVar(&b.site, "build", "", "compare builds of the site in this folder")
	b.remoteFlags.register(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object on standard output")
	return c
}

func compareStrategies(c *cobra.Command, o bench.Options, asJSON bool) error {
	for _, name := range o.Strategies {
		if !slices.Contains(strategy.Names(), name) {
			return usagef("unknown strategy %q: choose from %s%s", name, strings.Join(strategy.Names(), ", "), meant(name, strategy.Names()))
		}
	}
	path, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program's own file: %w", err)
	}
	o.Command = func() (string, []string) { return path, []string{"wake", "peer"} }
	rows, err := bench.Run(c.Context(), o)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(c.OutOrStdout(), struct {
			Rows []bench.Row `json:"rows"`
		}{rows})
	}
	return bench.Table(c.OutOrStdout(), rows)
}

func compareBuilds(c *cobra.Command, b *buildBench, asJSON bool) error {
	rows, err := b.run(c.Context())
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(c.OutOrStdout(), struct {
			Rounds int        `json:"rounds"`
			Rows   []buildRow `json:"rows"`
		}{b.rounds, rows})
	}
	return printBuilds(screenOf(c.OutOrStdout()), rows)
}

// newWakePeer is the other process of a benchmark.
func newWakePeer() *cobra.Command {
	return &cobra.Command{
		Use:    "peer",
		Hidden: true,
		Args:   usage(cobra.NoArgs),
		RunE:   func(c *cobra.Command, _ []string) error { return bench.Peer(c.Context()) },
	}
}
