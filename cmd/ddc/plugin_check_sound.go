//go:build !ddcfault

package main

import "github.com/spf13/cobra"

// addCheckFaults adds nothing: a host with faults is another program.
func addCheckFaults(*cobra.Command) {}
