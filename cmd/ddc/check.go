package main

import (
	"github.com/spf13/cobra"
)

const checkHelp = `Do all that a build of the site in DIR does, but write nothing: each fault and
each dead link is found, and the last output stays as it is. --external asks
links to other sites whether they still answer.`

func newCheck() *cobra.Command {
	f := buildFlags{siteFlags: siteFlags{dry: true}}
	external := false
	c := &cobra.Command{
		Use:     "check [DIR]",
		Short:   "Look for all that is wrong with a site, and write nothing",
		Long:    checkHelp,
		Example: "  ddc check\n  ddc check docs --external --strict",
		Args:    usage(cobra.MaximumNArgs(1)),
		RunE: outermost(func(c *cobra.Command, args []string) error {
			dir := folderIn(args)
			f.checkLinks = f.checkLinks || external
			return build(c.Context(), dir, f, printerOf(c, f))
		}),
	}
	c.Flags().BoolVar(&external, "external", false, "ask external links whether they still answer")
	f.register(c)
	return c
}
