package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ddc/internal/printable"
	"ddc/plugin/scaffold"
)

// sourceVariable names the folder of ddc's sources, for a program that was
// moved away from them.
const sourceVariable = "DDC_SOURCE"

func newPluginNew() *cobra.Command {
	o := scaffold.Options{}
	c := &cobra.Command{
		Use:   "new NAME",
		Short: "Write the beginning of a plugin for sites: a program that works, with a test",
		Long: "Write a plugin for sites, in Go or in Rust, into the folder NAME, which must not exist\n" +
			"or be empty. It is built with ddc's sources, which are those that this program was\n" +
			"built from, or those that --source or $DDC_SOURCE names.",
		Example: "  ddc plugin new shout\n  ddc plugin new my-site/plugins/shout --lang rust",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkFolder(args[0]); err != nil {
				return err
			}
			if !slices.Contains(scaffold.Languages(), o.Language) {
				return usagef("--lang %q is none of %s%s", o.Language, strings.Join(scaffold.Languages(), ", "), meant(o.Language, scaffold.Languages()))
			}
			if o.Source == "" {
				o.Source = ownSource()
			}
			if o.Source == "" {
				return usagef("nobody knows where the sources of ddc are: name their folder with --source or $%s", sourceVariable)
			}
			err := scaffold.Write(args[0], o)
			switch {
			case errors.Is(err, scaffold.ErrName), errors.Is(err, scaffold.ErrNotEmpty), errors.Is(err, scaffold.ErrSource):
				return usageError{err}
			case err != nil:
				return pathError(err)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s is ready: see %s\n", printable.Line(args[0]), printable.Line(filepath.Join(args[0], "README.md")))
			return err
		},
	}
	c.Flags().StringVar(&o.Language, "lang", scaffold.Go, "the language: "+strings.Join(scaffold.Languages(), " or "))
	c.Flags().StringVar(&o.Source, "source", "", "the folder of ddc's sources")
	return c
}

// ownSource is the folder of the sources that this program was built from, if
// it is still there.
func ownSource() string {
	if folder := os.Getenv(sourceVariable); folder != "" {
		return folder
	}
	_, file, _, known := runtime.Caller(0)
	folder := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	if _, err := os.Stat(filepath.Join(folder, "go.mod")); !known || !filepath.IsAbs(file) || err != nil {
		return ""
	}
	return folder
}
