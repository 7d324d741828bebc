package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ddc/conformance/bench"
	"ddc/wake/strategy"
)

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
			found := bench.Check(ctx)
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

func printStrategies(w io.Writer, found []bench.Availability, asJSON bool) error {
	if asJSON {
		return printJSON(w, struct {
			Strategies []bench.Availability `json:"strategies"`
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
