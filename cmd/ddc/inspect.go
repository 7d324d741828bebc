package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ddc/inspect"
	"ddc/internal/printable"
)

const inspectHelp = `Look at the hub of a build from outside, and say of each plugin's link what is
the matter with it, if anything. A TARGET is the process id of a build or of one
of its plugins, or a file that holds a hub: /proc/PID/fd/N, or a copy of one.
A hub that several of them have is looked at once.

The build is neither asked nor disturbed: its memory is read, never written. It
may run, hang, be stopped (SIGSTOP) or be dead.

Diagnoses:
  healthy                          nothing to be said
  back-pressure (...)              a sender waits for room, and the receiver works
  lost wake-up (...)               somebody sleeps over work, and no token will wake it
  deadlock (both wait for space)   each side waits until the other makes room
  slots exhausted by PLUGIN (...)  no payload slot is free, and none becomes free
  lost frame (...)                 a request or a reply has gone, and no ring has it
  handler stuck: PLUGIN since ...  a call is not answered, and its plugin is idle: the call,
                                   what it works on, and the processes the plugin waits for
  orphaned call (...)              a plugin works on a call that nobody waits for any more
  corrupt (...)                    an index or a descriptor that no sound end stores
  peer dead, stopped, closed       a process has ended, was stopped, or ended its link

Exit codes: 0 nothing wrong, 1 something is, 2 wrong usage, 3 no look possible.`

type inspectFlags struct {
	watch, json, verbose, events bool
	interval                     time.Duration
}

func newInspect() *cobra.Command {
	var f inspectFlags
	c := &cobra.Command{
		Use:     "inspect TARGET...",
		Short:   "Look at a running, hung or dead build from outside",
		Long:    inspectHelp,
		Example: "  ddc inspect $(pgrep -f 'ddc build')\n  ddc inspect --watch 4711\n  ddc inspect --json /proc/4711/fd/7 | jq '.links[].diagnosis'",
		Args:    usage(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case f.interval == 0 && f.watch:
				f.interval = time.Second
			case f.interval == 0:
				f.interval = 250 * time.Millisecond
			case f.interval < 10*time.Millisecond:
				return usagef("--interval %v: at least 10ms", f.interval)
			}
			return runInspect(c.Context(), args, f, screenOf(c.OutOrStdout()))
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.BoolVarP(&f.watch, "watch", "w", false, "look again and again, until Ctrl-C")
	flags.BoolVar(&f.json, "json", false, "print one JSON object a look")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "say all that is known of every link, not only of those with something wrong")
	flags.BoolVar(&f.events, "events", false, "list the last events of links with something wrong; of all with -v")
	flags.DurationVar(&f.interval, "interval", 0, "time between the two looks that a diagnosis goes by; 0 for 250ms, with --watch 1s")
	return c
}

func runInspect(ctx context.Context, targets []string, f inspectFlags, out screen) error {
	hubs, err := inspect.Open(targets...)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: look as the user whose process it is, or as root", err)
	}
	if err != nil {
		return err
	}
	defer func() {
		for _, h := range hubs {
			_ = h.Close() // it was only read
		}
	}()
	if f.watch {
		return watchHubs(ctx, hubs, f, out)
	}
	first := look(hubs)
	if !pause(ctx, f.interval) {
		return ctx.Err()
	}
	wrong, err := printLooks(hubs, first, look(hubs), f, out)
	if err != nil {
		return err
	}
	if wrong {
		return errReported{exitSite}
	}
	return nil
}

// look looks at every hub.
func look(hubs []*inspect.Hub) []inspect.Snapshot {
	looks := make([]inspect.Snapshot, len(hubs))
	for i, h := range hubs {
		looks[i] = h.Look()
	}
	return looks
}

// printLooks prints what came of two looks at every hub.
func printLooks(hubs []*inspect.Hub, first, last []inspect.Snapshot, f inspectFlags, w io.Writer) (wrong bool, err error) {
	reports := make([]inspect.Report, len(hubs))
	for i, h := range hubs {
		reports[i] = inspect.NewReport(h.Path, first[i], last[i])
		wrong = wrong || reports[i].Wrong()
	}
	if f.json {
		for _, r := range reports {
			if err := printJSON(w, r); err != nil {
				return wrong, err
			}
		}
		return wrong, nil
	}
	inspect.PrintAll(w, reports, f.verbose)
	if f.events {
		for i, h := range hubs {
			printEvents(w, h, reports[i], last[i].At, f.verbose)
		}
	}
	return wrong, nil
}

func printEvents(w io.Writer, h *inspect.Hub, r inspect.Report, now int64, all bool) {
	for _, l := range r.Links {
		if all || l.Wrong() {
			fmt.Fprintf(w, "\n%s: last events\n", l.Name)
			inspect.PrintEvents(w, now, h.Events(l.Place))
		}
	}
}

// watchHubs looks until Ctrl-C, or until all processes that had the hubs have
// ended.
func watchHubs(ctx context.Context, hubs []*inspect.Hub, f inspectFlags, out screen) error {
	live := out.width() > 0 && !f.json
	first := look(hubs)
	for pause(ctx, f.interval) {
		last := look(hubs)
		var looked strings.Builder
		if _, err := printLooks(hubs, first, last, f, &looked); err != nil {
			return err
		}
		first = last
		if err := f.show(out, live, looked.String()); err != nil {
			return err
		}
		if !slices.ContainsFunc(hubs, (*inspect.Hub).Held) {
			return nil
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil // Ctrl-C is how this ends
	}
	return ctx.Err()
}

// show prints what was seen. On a terminal it clears the screen first, as top
// does.
func (f inspectFlags) show(out screen, live bool, text string) error {
	if live {
		return out.Control(printable.ClearScreen, text)
	}
	w := io.Writer(out)
	if f.json {
		w = out.Whole()
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// pause waits, and says whether it waited to the end.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
