package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"ddc/transport"
)

// abortedPieces has many payloads given up when the receiver already has some
// of their pieces, and the ring is full. The frame that tells the receiver to
// forget them needs room too, and later frames must still get through.
func abortedPieces(ctx context.Context, e *LinkEnv) error {
	for range 3 + e.rounds()/50 {
		if err := e.abortPieces(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (e *LinkEnv) abortPieces(ctx context.Context) error {
	const (
		pieces, stop, last = iota, 1, 2 // of transport.Header.Op
		senders            = 6
	)
	w, err := e.wire(Tiny, 1)
	if err != nil {
		return err
	}
	l := w.links[0][0]
	l.Start(func(*transport.Frame) {})
	stopped, resume, got := make(chan struct{}), make(chan struct{}), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(resume) })
	w.links[0][1].Start(func(f *transport.Frame) {
		switch f.Op {
		case stop:
			close(stopped)
			<-resume
		case last:
			close(got)
		}
	})
	return w.play(ctx, func(ctx context.Context) error {
		defer context.AfterFunc(ctx, goOn)()
		defer goOn()
		sending, giveUp := context.WithCancel(ctx)
		defer giveUp()
		var large sync.WaitGroup
		var errs [senders]error
		for i := range senders {
			large.Go(func() {
				for errs[i] == nil {
					errs[i] = l.Send(sending, transport.Header{Op: pieces}, make([]byte, 200<<10))
				}
			})
		}
		if err := l.Send(ctx, transport.Header{Op: stop}, nil); err != nil {
			return err
		}
		if err := closed(ctx, stopped); err != nil {
			return err
		}
		if err := w.quiet(ctx, l); err != nil {
			return err
		}
		giveUp()
		large.Wait()
		for _, err := range errs {
			if !errors.Is(err, context.Canceled) {
				return fmt.Errorf("send of a large payload that was given up: %v, want %w", err, context.Canceled)
			}
		}
		sent := make(chan error, 1)
		go func() { sent <- l.Send(ctx, transport.Header{Op: last}, nil) }()
		if err := w.quiet(ctx, l); err != nil {
			return err
		}
		goOn()
		if err := <-sent; err != nil {
			return err
		}
		return closed(ctx, got)
	})
}

// closed waits for a channel to be closed.
func closed(ctx context.Context, ch <-chan struct{}) error {
	select {
	case <-ch:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// quiet is full for payloads in pieces.
func (w *wires) quiet(ctx context.Context, l transport.Link) error {
	last, same := l.Stats().BytesOut, 0
	return until(ctx, func() bool {
		if now := l.Stats().BytesOut; now != last {
			last, same = now, 0
		}
		same++
		w.steps.Add(1)
		return same > 220
	})
}

// callerGivesUp has a caller that waits for its reply, and so may receive for
// all, give up at the moment in which another's reply comes.
func callerGivesUp(ctx context.Context, e *LinkEnv) error {
	return e.playCalls(ctx, func(ctx context.Context, w *wires, s *service) error {
		for n := range uint64(e.rounds()) {
			waiting, giveUp := context.WithCancel(ctx)
			var caller sync.WaitGroup
			caller.Go(func() { _ = s.block(waiting) }) // that it was given up says nothing
			looks := 0
			err := until(ctx, func() bool {
				looks++
				switch w.parked() {
				case 3: // it and two pumps
					return true
				case -1: // there are no sleepers to be seen
					return s.blocked.Load() == int64(n+1)
				}
				return looks == 400
			})
			giveUp()
			err = errors.Join(err, s.echo(ctx, n, 8))
			caller.Wait()
			if err != nil {
				return err
			}
		}
		return nil
	})
}
