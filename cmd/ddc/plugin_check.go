package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"ddc/conformance/peer"
	"ddc/wake/strategy"
)

func newPluginCheck() *cobra.Command {
	var wake string
	var quick bool
	c := &cobra.Command{
		Use:   "check PROGRAM [ARG...]",
		Short: "Judge a plugin that was written elsewhere, in whatever language",
		Long: "Start PROGRAM as a host does, make calls of it, and break off, kill and stop it: on\n" +
			"an ordinary hub, and on one that is short of everything. PROGRAM serves\n" +
			"ddc.conformance.v1.Peer (conformance/peer/peer.proto). docs/PROTOCOL.md has the\n" +
			"rules. Exit code 1 if it breaks one.",
		Example: "  ddc plugin check --wake all target/release/examples/peer",
		Args:    usage(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			program, err := programNamed(args[0])
			if err != nil {
				return usagef("no program to check: %w", err)
			}
			strategies := []string{wake}
			if wake == "all" {
				strategies = strategy.Names()
			} else if _, err := strategy.ByName(wake); err != nil {
				return usagef("--wake: %w, or all", err)
			}
			rounds := 1
			if quick {
				rounds = 4
			}
			failed := 0
			for _, name := range strategies {
				for _, room := range peer.Rooms() {
					subject := peer.Subject{Program: program, Args: args[1:], Wake: name, Room: room, Rounds: rounds}
					failed += checkPlugin(c.Context(), screenOf(c.OutOrStdout()).Whole(), subject)
				}
			}
			if err := c.Context().Err(); err != nil {
				return fmt.Errorf("check %s: %w", args[0], err)
			}
			if failed > 0 {
				return errReported{exitSite}
			}
			return nil
		},
	}
	c.Flags().SetInterspersed(false) // what follows PROGRAM is its own
	c.Flags().StringVar(&wake, "wake", strategy.Default, "the wake strategy, or all")
	c.Flags().BoolVar(&quick, "quick", false, "make a quarter of the calls")
	return c
}

// programNamed finds a program by its path, or by its name on the PATH.
func programNamed(name string) (string, error) {
	path, err := exec.LookPath(name)
	switch {
	case errors.Is(err, exec.ErrNotFound) && filepath.Base(name) == name:
		return "", fmt.Errorf("%w: if it is in this folder, write ./%s", err, name)
	case errors.Is(err, fs.ErrPermission):
		return "", fmt.Errorf("%w: it is a folder, or needs a chmod +x", err)
	}
	return path, err
}

// checkPlugin runs the trials, prints a line for them and some for each that
// the program fails, and says how many those are.
func checkPlugin(ctx context.Context, w io.Writer, s peer.Subject) (failed int) {
	begun, trials, passed := time.Now(), peer.Trials(), 0
	for i, trial := range trials {
		if ctx.Err() != nil {
			return failed
		}
		if i == 1 && failed > 0 {
			break
		}
		if err := trial.Run(ctx, s); err == nil {
			passed++
		} else if ctx.Err() != nil {
			return failed // it was broken off
		} else {
			failed++
			fmt.Fprintf(w, "%s, %s hub: %s: %v\n", s.Wake, s.Room, trial.Name, err)
		}
	}
	fmt.Fprintf(w, "%-10s  %-8s  %d of %d trials passed  %.1f s\n", s.Wake, s.Room, passed, len(trials), time.Since(begun).Seconds())
	return failed
}
