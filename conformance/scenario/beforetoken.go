package scenario

import (
	"context"
	"fmt"
	"os"
	"syscall"
)

// dieBeforeToken takes the host's flag, as a ringer does, and dies before it
// leaves the token. It has published nothing before: the host is only due to
// learn of its end.
func (l *end) dieBeforeToken(ctx context.Context) error {
	flag := &l.page.Bells[hostSide].Sleeping
	if err := until(ctx, func() bool { return l.page.parked(hostSide) && flag.CompareAndSwap(1, 0) }); err != nil {
		return err
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		return fmt.Errorf("die: %w", err)
	}
	select {} // until the signal has come
}

// peerDiesBeforeToken has a peer process die before it leaves the token that it
// owes. The host watches processes, and leaves the token instead.
func peerDiesBeforeToken(ctx context.Context, e *Env) error {
	for round := range uint64(3) {
		if err := e.peerDiesBeforeTokenOnce(ctx, 1+5*round); err != nil {
			return err
		}
	}
	return nil
}

func (e *Env) peerDiesBeforeTokenOnce(ctx context.Context, after uint64) error {
	return e.withPeer(ctx, 4, func(b *hostEnds, d *driver, sending context.Context, stopSending context.CancelCauseFunc) error {
		return e.play(ctx, b.look, b.stop,
			func(ctx context.Context) error {
				defer stopSending(errKilled)
				return b.killed(ctx, d, role{DieBeforeTokenAfter: after})
			},
			func(ctx context.Context) error { return d.pump(ctx, d.receive) },
			func(ctx context.Context) error {
				for n := uint64(1); n <= after; n++ {
					if err := d.send(sending, message(n, 0)); sending.Err() != nil {
						return nil
					} else if err != nil {
						return err
					}
				}
				return nil
			})
	})
}
