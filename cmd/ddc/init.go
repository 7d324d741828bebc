package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ddc/internal/printable"
	"ddc/site/starter"
)

func newInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init DIR",
		Short: "Make a small site that builds",
		Long: "Make a small site in DIR, which must not exist or be empty: three pages, templates,\n" +
			"SCSS and a configuration that names every setting.",
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkFolder(args[0]); err != nil {
				return err
			}
			err := starter.Write(args[0])
			if errors.Is(err, starter.ErrNotEmpty) || errors.Is(err, starter.ErrNoName) {
				return usageError{err}
			}
			if err != nil {
				return pathError(err)
			}
			name := printable.Line(args[0])
			fmt.Fprintf(c.OutOrStdout(), "%s is ready: ddc build %s\n", name, name)
			return nil
		},
	}
}
