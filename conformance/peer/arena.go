package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"ddc/conformance/peer/peerpb"
	"ddc/inspect/text"
	"ddc/plugin/host"
	"ddc/transport/hub"
	"ddc/wake"
)

// name is what a program under trial is called.
const name = "peer"

// arena is a host with the program to be judged.
type arena struct {
	Subject
	host   *host.Host
	plugin *host.Plugin
	client peerpb.PeerClient
}

// attempts is how often the host makes a call whose program dies: trials kill
// programs more often than the world does.
const attempts = 50

// onHost runs a trial with a host of its own, and looks whether anything is
// left of it.
func onHost(trial func(context.Context, *arena) error) func(context.Context, Subject) error {
	return func(ctx context.Context, s Subject) (err error) {
		h, err := host.New(host.Options{
			Command: func(string) (string, []string) { return s.Program, s.Args },
			Wake:    s.Wake, Hub: s.Room.options(), Spin: wake.SpinAuto, Attempts: attempts, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return err
		}
		a := &arena{Subject: s, host: h, plugin: h.Plugin(name), client: peerpb.NewPeerClient(h.Conn(name))}
		defer func() { err = errors.Join(err, h.Close()) }()
		if err := a.watched(ctx, trial); err != nil {
			return err
		}
		return a.watched(ctx, idle)
	}
}

// still is how long no word of a link may change while something is to be done.
// No trial pauses for nearly as long.
const still = 45 * time.Second

var errStands = errors.New("it stands still")

// watched runs part of a trial, and gives it up once the link stands still.
func (a *arena) watched(ctx context.Context, part func(context.Context, *arena) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan error, 1)
	go func() { ended <- part(ctx, a) }()
	look := time.NewTicker(still / 100)
	defer look.Stop()
	var last host.Look
	since := time.Now()
	for {
		select {
		case err := <-ended:
			if cause := context.Cause(ctx); errors.Is(cause, errStands) {
				return fmt.Errorf("%w (%w)", cause, err)
			}
			return err
		case <-look.C:
			now, _ := a.plugin.Look()
			if now.PID != last.PID || now.Link != last.Link {
				last, since = now, time.Now()
			} else if time.Since(since) > still {
				cancel(fmt.Errorf("%w: for %v nothing has changed, with %d calls under way:\n%s", errStands, still, len(now.Calls), describe(now)))
			}
		}
	}
}

func describe(l host.Look) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "process %d\n", l.PID)
	text.Link(&b, l.Link)
	for _, c := range l.Calls {
		fmt.Fprintf(&b, "  %s, stream %d, for %v\n", c.Method, c.Stream, time.Since(c.Started).Round(time.Millisecond))
		if b.Len() > 4<<10 {
			b.WriteString("  ...\n")
			break
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// idle waits until the program has let go of all that a trial gave it: every
// slot is free, the rings are empty, and its handlers have ended where it
// counts them.
func idle(ctx context.Context, a *arena) error {
	for {
		left := a.left()
		if left == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", left, context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// left says what is not idle.
func (a *arena) left() string {
	for _, h := range a.host.Hubs() {
		s := h.Snapshot()
		for _, class := range s.Classes {
			if n := class.Filling + class.Sent + class.Held; n > 0 {
				return fmt.Sprintf("%d slots of %d bytes are not free", n, class.Size)
			}
		}
		for _, l := range s.Links {
			if l.Name == name && l.Handlers > 0 && !l.Sides[hub.HostSide].Closed && !l.Sides[hub.PeerSide].Closed {
				return fmt.Sprintf("the program counts %d calls at work", l.Handlers)
			}
		}
	}
	return ""
}

// handlers is how many calls the program is at work on; -1 where it does not
// count them.
func (a *arena) handlers() int {
	for _, h := range a.host.Hubs() {
		for _, l := range h.Snapshot().Links {
			if l.Name == name {
				return l.Handlers
			}
		}
	}
	return -1
}

// parts divides a number of things to do by the subject's rounds.
func (a *arena) parts(n int) int { return max(n/a.Rounds, 1) }
