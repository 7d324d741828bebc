//go:build ddcfault

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ddc/conformance/peer"
	"ddc/internal/fault"
	"ddc/wake/strategy"
)

// enduredPatience ends a host that its own fault keeps from ending.
const enduredPatience = 3 * time.Minute

// addCheckFaults adds the command that judges a program by hosts that are
// wrong, one for each fault. It must not crash, and must end once its host has.
func addCheckFaults(plugin *cobra.Command) {
	var wake, room string
	var faults []string
	c := &cobra.Command{
		Use:   "check-faults PROGRAM [ARG...]",
		Short: "Judge a plugin by hosts that are wrong on purpose",
		Long: "Start PROGRAM from a host with a fault switched on, make calls of it for two\n" +
			"seconds, and have the host die. PROGRAM must end by itself, without a crash. What\n" +
			"becomes of the calls is the host's fault. docs/FAULTS.md lists the faults.",
		Example: "  ddc-fault plugin check-faults --fault trusted-index target/release/examples/peer",
		Args:    usage(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			program, err := programNamed(args[0])
			if err != nil {
				return usagef("no program to check: %w", err)
			}
			s := peer.Subject{Program: program, Args: args[1:], Wake: wake}
			if _, err := strategy.ByName(wake); err != nil {
				return usagef("--wake: %w", err)
			}
			i := slices.IndexFunc(peer.Rooms(), func(r peer.Room) bool { return r.String() == room })
			if i < 0 {
				return usagef("--hub: there is no hub %q: it is one of %v", room, peer.Rooms())
			}
			s.Room = peer.Rooms()[i]
			if len(fault.Active()) > 0 { // this is the host that is wrong
				return peer.Endure(c.Context(), s)
			}
			if len(faults) == 0 {
				faults = fault.Names()
			}
			host, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			failed := 0
			for _, name := range faults {
				if _, ok := fault.ByName(name); !ok {
					return usagef("--fault: there is no fault %q: see docs/FAULTS.md", name)
				}
				if c.Context().Err() != nil {
					return fmt.Errorf("check %s: %w", args[0], c.Context().Err())
				}
				failed += endured(c.Context(), c.OutOrStdout(), host, name, wake, room, args)
			}
			if failed > 0 {
				return errReported{exitSite}
			}
			return c.Context().Err()
		},
	}
	c.Flags().SetInterspersed(false)
	c.Flags().StringVar(&wake, "wake", strategy.Default, "the wake strategy")
	c.Flags().StringVar(&room, "hub", peer.Starved.String(), "the hub: ordinary, starved or bare")
	c.Flags().StringSliceVar(&faults, "fault", nil, "the faults, or all")
	plugin.AddCommand(c)
}

// endured starts this program, whose path is program, again as a host with one
// fault, and says how many programs failed: one, or none.
func endured(interrupted context.Context, w io.Writer, program, name, wake, room string, args []string) int {
	ctx, cancel := context.WithTimeoutCause(interrupted, enduredPatience, errors.New("the host with the fault did not end"))
	defer cancel()
	host := exec.CommandContext(ctx, program, append([]string{"plugin", "check-faults", "--wake", wake, "--hub", room}, args...)...)
	host.Env = append(os.Environ(), fault.Variable+"="+name)
	said, err := host.CombinedOutput()
	if interrupted.Err() != nil {
		return 0
	}
	if err == nil {
		fmt.Fprintf(w, "%-32s endured\n", name)
		return 0
	}
	fmt.Fprintf(w, "%-32s %v\n%s\n", name, errors.Join(err, context.Cause(ctx)), strings.TrimSpace(string(said)))
	return 1
}
