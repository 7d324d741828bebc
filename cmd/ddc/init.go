package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ddc/internal/printable"
	"ddc/site/starter"
)

func newInit() *cobra.Command {
	var theme string
	c := &cobra.Command{
		Use:   "init DIR",
		Short: "Make a small site that builds",
		Long: "Make a small site in DIR, which must not exist or be empty: some pages, templates,\n" +
			"a style sheet for light and dark screens, a search box, and a configuration.\n\n" +
			"The theme docs is a manual with all pages at the side; blog has dated posts, tags and\n" +
			"a feed; minimal has neither.",
		Example: "  ddc init my-site\n  ddc init my-blog --theme blog",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkFolder(args[0]); err != nil {
				return err
			}
			err := starter.Write(args[0], theme)
			if errors.Is(err, starter.ErrNotEmpty) || errors.Is(err, starter.ErrNoName) || errors.Is(err, starter.ErrNoTheme) {
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
	c.Flags().StringVar(&theme, "theme", starter.Docs, "what the site looks like: "+strings.Join(starter.Themes(), ", "))
	return c
}
