//go:build !ddcfault

package main

import "github.com/spf13/cobra"

// addCheckFaults adds a command that says where the one of this name is: a host
// with faults is another program.
func addCheckFaults(plugin *cobra.Command) {
	plugin.AddCommand(&cobra.Command{
		Use:                "check-faults",
		Short:              "Judge a plugin by hosts that are wrong on purpose: in ddc-fault alone",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return usagef("check-faults is a command of ddc-fault, which has the faults: make build in ddc's sources builds it, as bin/ddc-fault")
		},
	})
}
