package scenario

import (
	"context"
	"runtime"
	"sync/atomic"

	"ddc/transport"
)

// callersComeAndGo makes calls whose caller receives in the pump's place, if
// the link offers that: one after the request was sent, the next before its
// ring. Frames that no caller waits for arrive around each reply. With every
// frame it changes whether the peer finds the caller or the pump asleep. After
// each call there is silence, so a frame left to the wrong one of the two stays
// in the ring.
func callersComeAndGo(ctx context.Context, e *LinkEnv) error {
	const reply, news = 1, 2
	w, err := e.wire(Ample, 1)
	if err != nil {
		return err
	}
	host, peer := w.links[0][0], w.links[0][1]
	var replies, heard, told atomic.Uint64
	host.Start(func(f *transport.Frame) {
		if f.Op == reply {
			replies.Add(1)
		} else {
			heard.Add(1)
		}
	})
	requests := make(chan struct{}, 1) // there is one call at a time
	peer.Start(func(*transport.Frame) { requests <- struct{}{} })

	calls := e.rounds()
	answer := func(ctx context.Context) error {
		choose := e.random(1)
		for range calls {
			select {
			case <-requests:
			case <-ctx.Done():
				return ctx.Err()
			}
			frames := choose.IntN(4)
			told.Add(uint64(frames))
			for n, place := 0, choose.IntN(frames+1); n <= frames; n++ {
				op := uint8(news)
				if n == place {
					op = reply
				}
				if err := peer.Send(ctx, transport.Header{Op: op}, nil); err != nil {
					return err
				}
			}
		}
		return nil
	}
	call := func(ctx context.Context) error {
		for n := range uint64(calls) {
			replied := func() bool { return replies.Load() > n }
			// Some looks are slow, so that frames come between announcement and
			// look.
			look := func() bool {
				for i := 0; n%2 == 1 && i < 200; i++ {
					runtime.Gosched()
				}
				return replied()
			}
			if err := ask(ctx, host, n%4 < 2, look); err != nil {
				return err
			}
			if err := until(ctx, func() bool { return replied() && heard.Load() == told.Load() && w.asleep() }); err != nil {
				return err
			}
		}
		return nil
	}
	return w.play(ctx, answer, call)
}

// callerLeavesInAnyLook has a frame come in a look of a caller that then leaves
// without another: in its first look, its second, and its third, which comes
// after the caller has announced itself. That ring finds the caller, and no
// other.
func callerLeavesInAnyLook(ctx context.Context, e *LinkEnv) error {
	w, err := e.wire(Ample, 1)
	if err != nil {
		return err
	}
	host, peer := w.links[0][0], w.links[0][1]
	var came atomic.Uint64
	host.Start(func(*transport.Frame) { came.Add(1) })
	peer.Start(func(*transport.Frame) {})
	return w.play(ctx, func(ctx context.Context) error {
		for n := range uint64(e.rounds()) {
			at, look := 1+n%3, uint64(0)
			var sent error
			leaves := func() bool {
				if look++; look == at {
					sent = peer.Send(ctx, transport.Header{}, nil)
				}
				return look >= at
			}
			if awaiter, ok := host.(transport.Awaiter); ok {
				awaiter.Await(ctx, leaves)
			}
			for !leaves() { // a link may let nobody stand in
			}
			if sent != nil {
				return sent
			}
			if err := until(ctx, func() bool { return came.Load() == n+1 && w.asleep() }); err != nil {
				return err
			}
		}
		return nil
	})
}

// ask sends an empty frame, and awaits its answer where the link offers that:
// in one, or as two.
func ask(ctx context.Context, link transport.Link, inOne bool, answered func() bool) error {
	awaiter, ok := link.(transport.Awaiter)
	if ok && inOne {
		return awaiter.Ask(ctx, transport.Header{}, 0, func([]byte) error { return nil }, answered)
	}
	err := link.Send(ctx, transport.Header{}, nil)
	if ok && err == nil {
		awaiter.Await(ctx, answered)
	}
	return err
}
