package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func newWake() *cobra.Command {
	c := &cobra.Command{
		Use:   "wake",
		Short: "List and compare the ways in which processes wake each other",
		Args:  usage(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newWakeList(), newWakeBench(), newWakePeer(), newWakeMatrix(), newWakeReproduce(), newWakeVerdict(), newWakeCell())
	return c
}

func printJSON(w io.Writer, object any) error {
	encoder := json.NewEncoder(screenOf(w).Whole())
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(object); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	return nil
}
