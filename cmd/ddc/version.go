package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which build of ddc this is",
		Args:  usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), version())
			return err
		},
	}
}

// version is one line for reports of faults.
func version() string {
	return fmt.Sprintf("ddc %s %s %s/%s", revision(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// release is the version that CHANGELOG.md's newest heading names.
const release = "0.1"

// revision is the release, and the commit that the binary was built from where
// that is known.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return release + "-" + s.Value
		}
	}
	return release
}
