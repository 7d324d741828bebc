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

func newWakeBench() *cobra.Command {
	var o bench.Options
	var asJSON bool
	c := &cobra.Command{
		Use:   "bench [STRATEGY]...",
		Short: "Compare the strategies side by side in one run",
		Long: "Compare the strategies, or those that are named, between two processes: round\n" +
			"trips parked, spinning and with every processor busy, one-way throughput, and\n" +
			"processor time, wake-ups and system calls for each message. They take turns, so\n" +
			"that whatever else the machine does hits all alike; compare figures of one run.",
		Args:      usage(cobra.ArbitraryArgs),
		ValidArgs: strategy.Names(),
		RunE: func(c *cobra.Command, args []string) error {
			for _, name := range args {
				if !slices.Contains(strategy.Names(), name) {
					return usagef("unknown strategy %q: choose from %s%s", name, strings.Join(strategy.Names(), ", "), meant(name, strategy.Names()))
				}
			}
			if o.Rounds < 1 || o.Spin <= 0 {
				return usagef("--rounds %d, --spin %v: both must be greater than 0", o.Rounds, o.Spin)
			}
			path, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program's own file: %w", err)
			}
			o.Strategies = args
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
		},
	}
	c.Flags().IntVar(&o.Rounds, "rounds", 100, "turns that each strategy gets")
	c.Flags().DurationVar(&o.Spin, "spin", 50*time.Microsecond, "how long to spin where spinning is measured")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object on standard output")
	return c
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
