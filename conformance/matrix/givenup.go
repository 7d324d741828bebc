package matrix

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/plugin/host"
	"ddc/transport/hub"
)

// stateTime bounds waits for a state that a fault may prevent. The workload
// then goes on without it: it is the watcher that finds hangs.
const stateTime = 200 * time.Millisecond

// until waits for a state of a plugin's link.
func (w *workload) until(name string, is func(host.Look) bool) {
	for deadline := time.Now().Add(stateTime); time.Now().Before(deadline); time.Sleep(50 * time.Microsecond) {
		if l, ok := w.host.Plugin(name).Look(); !ok || is(l) {
			return
		}
	}
}

// givenUp gives up calls whose payloads are under way in pieces, more for each
// plugin than its ring has descriptors. The plugin is stopped meanwhile, as on
// a busy machine. When it goes on, it gets a small call.
func (w *workload) givenUp(ctx context.Context) error {
	const together, pieces, plugins, rounds = 2 * ringCells, 10 * ringCells, 4, 2
	for i := range plugins * rounds {
		name := w.names[i%plugins]
		short, giveUp := context.WithCancel(ctx)
		before, _ := w.host.Plugin(name).Look()
		err := each(ctx, together+1, func(_ context.Context, n int) error {
			if n < together {
				return unless(ctx, codes.Canceled, w.call(short, name, methodEcho, 10_000_000))
			}
			defer giveUp()
			w.until(name, func(l host.Look) bool {
				return l.Link.Sides[hub.PeerSide].Produced >= before.Link.Sides[hub.PeerSide].Produced+pieces
			})
			defer w.stop(name)()
			w.until(name, func(l host.Look) bool {
				s := &l.Link.Sides[hub.PeerSide]
				return s.SpaceSince != 0 || s.SlotSince != 0
			})
			giveUp()
			w.until(name, func(l host.Look) bool { return len(l.Calls) == 0 })
			return nil
		})
		if err != nil {
			return err
		}
		w.until(name, func(l host.Look) bool {
			s := &l.Link.Sides[hub.PeerSide]
			return s.Unread() == 0 && s.Parked && !s.Token
		})
		if err := w.call(ctx, name, methodEcho, 32); err != nil {
			return err
		}
	}
	return nil
}

// tooLate begins streams whose context is over already. None of them may be
// sent. They are streams because a plugin's unary call looks at its context
// before it reaches the link.
func (w *workload) tooLate(ctx context.Context) error {
	over, cancel := context.WithCancel(ctx)
	cancel()
	for _, name := range w.names[:4] {
		if err := w.call(ctx, name, methodEcho, 32); err != nil { // so that it is not the first, which starts the plugin
			return err
		}
		if _, err := w.host.Plugin(name).NewStream(over, &lateDesc, methodLate); err == nil {
			return &callError{name, fmt.Errorf("%w: a call was sent, and is worked on, whose caller had given it up before", errCorrupt)}
		} else if err := unless(ctx, codes.Canceled, &callError{name, err}); err != nil {
			return err
		}
	}
	return nil
}

// stop stops a plugin's process, if it has one, until it is resumed.
func (w *workload) stop(name string) (resume func()) {
	l, ok := w.host.Plugin(name).Look()
	if !ok || syscall.Kill(l.PID, syscall.SIGSTOP) != nil {
		return func() {}
	}
	return func() { _ = syscall.Kill(l.PID, syscall.SIGCONT) } // it may have ended meanwhile
}

// leaving gives up a call while its caller receives in the pump's place, at
// about the moment when another call's answer comes.
func (w *workload) leaving(ctx context.Context) error {
	const rounds = 10
	choose := rand.New(rand.NewPCG(w.Seed, 2000))
	for i := range rounds * len(w.names) {
		name := w.names[i%len(w.names)]
		short, giveUp := context.WithCancel(ctx)
		err := each(ctx, 2, func(_ context.Context, n int) error {
			if n == 0 {
				return unless(ctx, codes.Canceled, w.call(short, name, methodPark, 8))
			}
			w.until(name, func(l host.Look) bool { return l.Link.Caller.Parked })
			time.AfterFunc(time.Duration(choose.IntN(200))*time.Microsecond, giveUp)
			return w.call(ctx, name, methodEcho, 32)
		})
		giveUp()
		if err != nil {
			return err
		}
	}
	return nil
}

// unless is err, or nil if err is only the code with which a call is given up,
// and ctx still lasts.
func unless(ctx context.Context, code codes.Code, err error) error {
	if err != nil && status.Code(errors.Unwrap(err)) == code && ctx.Err() == nil {
		return nil
	}
	return err
}
