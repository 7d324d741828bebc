package main

import (
	"os"

	"github.com/spf13/cobra"

	"ddc/internal/enclosure"
	"ddc/site"
)

// outermost wraps every command that builds. It refuses to run inside a build's
// code sample. That would build the site again, whose sample would build it
// again, or wait for a server that nobody ends.
//
// A sample may change its environment, its parents and its streams, so
// enclosure.Within goes by what it cannot change. If /proc cannot be read, the
// environment variable still stops samples that leave it alone.
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
