// Package text says in words what the memory of a link shows: one end's dump of
// itself, and the words that package inspect's reports are made of. A plugin
// links it for its own dump, and so it needs nothing but transport/hub.
package text

import (
	"fmt"
	"io"
	"time"

	"ddc/internal/trace"
	"ddc/transport/hub"
)

// Link writes a link's state, two lines or more: one for each direction, one
// for each wait, and one for a caller in the pump's place.
func Link(w io.Writer, s hub.State) { link(w, s, trace.Now()) }

// link is Link at a time of trace's clock.
func link(w io.Writer, s hub.State, now int64) {
	if !s.Attached {
		fmt.Fprintln(w, "  not attached")
	}
	for side, to := range [...]string{hub.HostSide: "to host", hub.PeerSide: "to plugin"} {
		d := s.Sides[side]
		fmt.Fprintf(w, "  %-9s  ring %d unread (produced %d, consumed %d)%s   bell %s, seq %d, token %s, signals %#x%s   %d sent, %d suppressed, %d spurious\n",
			to, d.Unread(), d.Produced, d.Consumed, If(d.Starved, ", sender waits for room"),
			Sleeper(d.BellState), d.Seq, Token(d.BellState), d.Signals, If(d.Closed, ", closed"), d.Sent, d.Suppressed, d.Spurious)
		for _, wait := range Waits(d, now) {
			fmt.Fprintf(w, "  %-9s  %s\n", to, wait)
		}
	}
	if c := s.Caller; c.Parked || c.Sleeping {
		fmt.Fprintf(w, "  a caller receives in the pump's place: %s, seq %d, token %s\n", Sleeper(c), c.Seq, Token(c))
	}
}

// Waits says what senders into a ring wait for, at a time of trace's clock.
func Waits(s hub.SideState, now int64) []string {
	var waits []string
	for _, w := range []struct {
		since int64
		what  string
	}{{s.SpaceSince, "ring space"}, {s.SlotSince, "a slot"}} {
		if w.since != 0 {
			waits = append(waits, fmt.Sprintf("sender waits for %s since %s", w.what, seconds(now-w.since)))
		}
	}
	return waits
}

// seconds is a time in nanoseconds: "3.2 s".
func seconds(ns int64) string {
	return fmt.Sprintf("%.1f s", time.Duration(max(ns, 0)).Seconds())
}

// Sleeper says what the goroutine does that awaits a bell.
func Sleeper(b hub.BellState) string {
	switch {
	case b.Parked:
		return "asleep"
	case b.Sleeping:
		return "about to sleep"
	}
	return "awake"
}

// Token says whether a token is pending.
func Token(b hub.BellState) string {
	switch {
	case b.Blind:
		return "unknown"
	case b.Token:
		return "pending"
	}
	return "none"
}

// If is a text where something is so, and nothing where it is not.
func If(is bool, text string) string {
	if is {
		return text
	}
	return ""
}
