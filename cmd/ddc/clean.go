package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"ddc/internal/printable"
	"ddc/site"
	"ddc/site/config"
)

func newClean() *cobra.Command {
	var onlyCaches bool
	c := &cobra.Command{
		Use:   "clean [DIR]",
		Short: "Remove what builds of a site have left: its output and its cache",
		Long: "Remove the output folder of a site, if a build made it, and its caches: of code\n" +
			"samples, and of what plugins have answered. Sources are never touched.",
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			dir := folderIn(args)
			if err := checkFolder(dir); err != nil {
				return err
			}
			cfg, err := config.Load(dir, config.Overrides{})
			if err != nil {
				return loadError(err)
			}
			removed, err := site.Clean(cfg, onlyCaches)
			for _, path := range removed {
				fmt.Fprintf(c.OutOrStdout(), "removed %s\n", printable.Line(shortest(path)))
			}
			if len(removed) == 0 && err == nil {
				fmt.Fprintln(c.OutOrStdout(), "nothing to remove")
			}
			return err
		},
	}
	c.Flags().BoolVar(&onlyCaches, "cache", false, "remove the caches alone")
	return c
}
