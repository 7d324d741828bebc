package main

import (
	"os"

	"github.com/spf13/cobra"

	"ddc/internal/enclosure"
	"ddc/site"
)

// outermost is for every command that builds. It refuses to run in a code sample
// of a build: that would build this site again, whose sample would build it
// again, or wait for a server that nobody ends.
//
// A sample may do what it likes with its environment, its parents and its
// streams: enclosure.Within goes by what it cannot shed. Where /proc cannot be
// read, the variable holds for samples that leave it alone.
func outermost(run func(c *cobra.Command, args []string) error) func(c *cobra.Command, args []string) error {
	return func(c *cobra.Command, args []string) error {
		sample, inside := enclosure.Within()
		if !inside {
			sample = os.Getenv(enclosure.NameVariable)
		}
		if sample != "" {
			return nested{sample}
		}
		return run(c, args)
	}
}

// nested is the fault of the site whose sample it names.
type nested struct{ sample string }

func (n nested) Error() string { return n.sample + ": " + site.Nested }
