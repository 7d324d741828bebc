package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ddc/wake/strategy"
	"ddc/wakebench"
)

func newWake() *cobra.Command {
	c := &cobra.Command{
		Use:   "wake",
		Short: "List and compare the ways in which processes wake each other",
		Args:  usage(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newWakeList(), newWakeBench(), newWakePeer(), newWakeMatrix(), newWakeVerdict(), newWakeCell())
	return c
}

// checkTime bounds the check of a strategy that does not work at all.
const checkTime = 10 * time.Second

func newWakeList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the strategies, what they need, and whether they work here",
		Long: "List the strategies with what each needs of the kernel, and try each: a token is\n" +
			"left and waited for. Exit code 3 if one does not work here.",
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), checkTime)
			defer cancel()
			found := wakebench.Check(ctx)
			if err := printStrategies(c.OutOrStdout(), found, asJSON); err != nil {
				return err
			}
			for _, a := range found {
				if a.Err != nil {
					return errReported{exitMachinery}
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object on standard output")
	return c
}

func printStrategies(w io.Writer, found []wakebench.Availability, asJSON bool) error {
	if asJSON {
		return printJSON(w, struct {
			Strategies []wakebench.Availability `json:"strategies"`
		}{found})
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STRATEGY\tWORKS HERE\tNEEDS")
	for _, a := range found {
		works := "yes"
		if a.Err != nil {
			works = "no: " + a.Err.Error()
		}
		name := a.Strategy
		if name == strategy.Default {
			name += " (default)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", name, works, a.Needs)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the strategies: %w", err)
	}
	return nil
}

func newWakeBench() *cobra.Command {
	var o wakebench.Options
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
			rows, err := wakebench.Run(c.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), struct {
					Rows []wakebench.Row `json:"rows"`
				}{rows})
			}
			return wakebench.Table(c.OutOrStdout(), rows)
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
		RunE:   func(c *cobra.Command, _ []string) error { return wakebench.Peer(c.Context()) },
	}
}

func printJSON(w io.Writer, object any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(object); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	return nil
}
