package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"ddc/wake"
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

func (e *Env) peerDiesBeforeTokenOnce(ctx context.Context, after uint64) (err error) {
	b, err := e.newHostEnds(1, 4, wake.SpinOff, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	d := &driver{end: b.ends[0]}
	sending, stopSending := context.WithCancelCause(ctx)
	defer stopSending(nil)
	return e.play(ctx, b.look, b.stop,
		func(ctx context.Context) error {
			err := b.peer(0, role{DieBeforeTokenAfter: after})(ctx)
			if !errors.Is(err, errKilled) {
				return errors.Join(err, errors.New("the peer ended by itself"))
			}
			d.page.Closed[peerSide].Store(1)
			d.page.Ended[peerSide].Store(d.page.Begun[peerSide].Load())
			stopSending(errKilled)
			return d.own.Repay()
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
}
