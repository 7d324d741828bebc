package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"ddc/transport"
)

// Transports lists the programs that judge a transport.
func Transports() []LinkProgram {
	return slices.Concat([]LinkProgram{
		{Name: "PayloadsOfEverySizeInOrder", Run: everySize(Ample)},
		{Name: "PayloadsOfEverySizeThroughTinyRings", Run: everySize(Tiny)},
		{Name: "BothDirectionsFull", Rule: 7, Run: bothFull(Ample)},
		{Name: "BothDirectionsFullWithTinyRings", Rule: 7, Run: bothFull(Tiny)},
		{Name: "EightySendersOfOneLink", Rule: 8, Run: manySenders(Ample)},
		{Name: "EightySendersThroughTinyRings", Rule: 8, Run: manySenders(Tiny)},
		{Name: "EightyWorkersOnSixteenLinks", Rule: 8, Run: workersOnLinks(Ample)},
		{Name: "EightyWorkersOnSixteenLinksWithTinyRings", Rule: 8, Run: workersOnLinks(Tiny)},
		{Name: "LinkBurstsThenSilence", Rule: 1, Run: linkBursts},
		{Name: "CallersInThePumpsPlaceComeAndGo", Rule: 1, Run: callersComeAndGo},
		{Name: "CallerThatLeavesInAnyLookLeavesNoFrameBehind", Rule: 11, Run: callerLeavesInAnyLook},
		{Name: "HandlerThatBlocksStopsNoOtherCall", Rule: 7, Run: blockingHandler},
	}, lifetimes(), calls())
}

// everySize sends payloads around every limit there may be, both ways.
func everySize(room Room) func(context.Context, *LinkEnv) error {
	return func(ctx context.Context, e *LinkEnv) error {
		var sizes []int
		for n := range 131 { // what fits into a descriptor, and a little more
			sizes = append(sizes, n)
		}
		for _, limit := range []int{1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10} {
			sizes = append(sizes, limit-1, limit, limit+1, 0)
		}
		largest := 300 << 10
		if room == Ample && e.rounds() >= 300 { // larger than any slot by default
			largest = 20 << 20
		}
		choose := e.random(1)
		for range e.rounds() / 4 {
			sizes = append(sizes, choose.IntN(1<<choose.IntN(17)))
		}
		sizes = append(sizes, largest, 1, largest+1)
		w, err := e.wire(room, 1)
		if err != nil {
			return err
		}
		host, peer := newSink(uint64(len(sizes))), newSink(uint64(len(sizes)))
		w.links[0][0].Start(host.receive)
		w.links[0][1].Start(peer.receive)
		return w.play(ctx, sender(w.links[0][0], sizes), sender(w.links[0][1], sizes), host.wait, peer.wait)
	}
}

// bothFull sends flat out in both directions, and receives only once both
// senders have been stopped by full rings.
func bothFull(room Room) func(context.Context, *LinkEnv) error {
	return func(ctx context.Context, e *LinkEnv) error {
		w, err := e.wire(room, 1)
		if err != nil {
			return err
		}
		sizes := make([]int, 20*e.rounds())
		choose := e.random(1)
		for i := range sizes {
			sizes[i] = [...]int{0, 16, 48, 49, 500, 3000}[choose.IntN(6)]
		}
		sinks := [2]*sink{newSink(uint64(len(sizes))), newSink(uint64(len(sizes)))}
		actors := []func(context.Context) error{
			sender(w.links[0][0], sizes), sender(w.links[0][1], sizes), sinks[0].wait, sinks[1].wait,
			func(ctx context.Context) error {
				for side := range 2 {
					if err := w.full(ctx, w.links[0][side]); err != nil {
						return err
					}
				}
				for side := range 2 {
					w.links[0][side].Start(sinks[side].receive)
				}
				return nil
			},
		}
		return w.play(ctx, actors...)
	}
}

// full waits until a link has sent nothing during many looks. The link is then
// probably full, but not certainly: programs must not rely on it.
func (w *wires) full(ctx context.Context, l transport.Link) error {
	last, same := l.Stats().FramesOut, 0
	return until(ctx, func() bool {
		if now := l.Stats().FramesOut; now != last {
			last, same = now, 0
		}
		same++
		w.steps.Add(1)
		return same > 220
	})
}

// manySenders share one link: each one's frames arrive in its order.
func manySenders(room Room) func(context.Context, *LinkEnv) error {
	return func(ctx context.Context, e *LinkEnv) error {
		const senders = 80
		w, err := e.wire(room, 1)
		if err != nil {
			return err
		}
		each := uint64(max(e.rounds(), 1))
		var next [senders]uint64
		var received uint64
		var fault error
		over := make(chan struct{})
		w.links[0][1].Start(func(f *transport.Frame) {
			if f.Stream >= senders || f.Arg != next[f.Stream] {
				fault = errors.Join(fault, fmt.Errorf("frame %d of sender %d came out of order", f.Arg, f.Stream))
			} else {
				next[f.Stream]++
				fault = errors.Join(fault, checkPattern(f.Payload, f.Arg, int(f.Arg*7%200)))
			}
			if received++; received == senders*each {
				close(over)
			}
		})
		w.links[0][0].Start(func(*transport.Frame) {})
		actors := []func(context.Context) error{func(ctx context.Context) error {
			select {
			case <-over:
				return fault
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}}
		for s := range uint32(senders) {
			actors = append(actors, func(ctx context.Context) error {
				for n := range each {
					h := transport.Header{Stream: s, Arg: n}
					if err := w.links[0][0].Send(ctx, h, pattern(int(n*7%200), n)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		return w.play(ctx, actors...)
	}
}

// answer starts the peer's end of a link: whatever comes is sent back, by a
// goroutine for each frame. It returns what waits for them.
func answer(ctx context.Context, l transport.Link, handle func(transport.Header)) (wait func()) {
	var handlers sync.WaitGroup
	l.Start(func(f *transport.Frame) {
		h, lease := f.Header, f.Keep()
		handlers.Go(func() {
			handle(h)
			payload := append([]byte(nil), lease.Payload...)
			lease.Release()
			_ = l.Send(ctx, h, payload) // fails when the link ends, which the caller sees
		})
	})
	return handlers.Wait
}

// workersOnLinks is like a real host: 80 workers and 16 peers.
func workersOnLinks(room Room) func(context.Context, *LinkEnv) error {
	return func(ctx context.Context, e *LinkEnv) error {
		const workers, links = 80, 16
		w, err := e.wire(room, links)
		if err != nil {
			return err
		}
		type reply struct {
			number uint64
			err    error
		}
		var replies [workers]chan reply
		for i := range replies {
			replies[i] = make(chan reply, 1)
		}
		for _, ends := range w.links {
			ends[0].Start(func(f *transport.Frame) {
				err := checkPattern(f.Payload, f.Arg, len(f.Payload))
				replies[f.Stream%workers] <- reply{f.Arg, err}
			})
			defer answer(ctx, ends[1], func(transport.Header) {})()
		}
		var actors []func(context.Context) error
		for i := range uint32(workers) {
			actors = append(actors, func(ctx context.Context) error {
				choose := e.random(uint64(2 + i))
				for n := range uint64(max(e.rounds()/6, 1)) {
					size := choose.IntN(1 << choose.IntN(14))
					l := w.links[choose.IntN(links)][0]
					if err := l.Send(ctx, transport.Header{Stream: i, Arg: n}, pattern(size, n)); err != nil {
						return err
					}
					select {
					case r := <-replies[i]:
						if r.number != n || r.err != nil {
							return errors.Join(r.err, fmt.Errorf("worker %d got the reply to request %d, want %d", i, r.number, n))
						}
					case <-ctx.Done():
						return context.Cause(ctx)
					}
				}
				return nil
			})
		}
		return w.play(ctx, actors...)
	}
}

// linkBursts sends one to four frames and then none until all have come and
// the sleepers, where they can be seen, sleep.
func linkBursts(ctx context.Context, e *LinkEnv) error {
	w, err := e.wire(Ample, 1)
	if err != nil {
		return err
	}
	var received [2]atomic.Uint64
	for side := range 2 {
		w.links[0][side].Start(func(*transport.Frame) { received[side].Add(1) })
	}
	return w.play(ctx, func(ctx context.Context) error {
		choose := e.random(1)
		var sent [2]uint64
		for range e.rounds() {
			side := choose.IntN(2)
			for range 1 + choose.IntN(4) {
				if err := w.links[0][side].Send(ctx, transport.Header{}, make([]byte, choose.IntN(100))); err != nil {
					return err
				}
				sent[1-side]++
			}
			if err := until(ctx, func() bool {
				return received[0].Load() == sent[0] && received[1].Load() == sent[1] && w.asleep()
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

// asleep says that both pumps of the only link sleep, or cannot be seen.
func (w *wires) asleep() bool {
	parked := w.parked()
	return parked == 2 || parked < 0
}

// parked is how many sleepers sleep, or -1 if they cannot be seen.
func (w *wires) parked() int {
	t, ok := w.transport.(interface {
		Sleepers() ([]Snapshot, error)
	})
	if !ok {
		return -1
	}
	all, err := t.Sleepers()
	if err != nil {
		return -1
	}
	parked := 0
	for _, s := range all {
		if s.Parked {
			parked++
		}
	}
	return parked
}

// blockingHandler has a handler that does not return, on a peer that must go on
// receiving and answering. A blocking child process once stopped a peer.
func blockingHandler(ctx context.Context, e *LinkEnv) error {
	w, err := e.wire(Ample, 1)
	if err != nil {
		return err
	}
	release := make(chan struct{})
	answers := make(chan uint64, 1)
	w.links[0][0].Start(func(f *transport.Frame) { answers <- f.Arg })
	const blocked = 1 << 40
	defer answer(ctx, w.links[0][1], func(h transport.Header) {
		if h.Arg >= blocked {
			<-release
		}
	})()
	defer close(release)
	return w.play(ctx, func(ctx context.Context) error {
		for n := range uint64(e.rounds()) {
			if n%10 == 0 {
				if err := w.links[0][0].Send(ctx, transport.Header{Arg: blocked + n}, nil); err != nil {
					return err
				}
			}
			if err := w.links[0][0].Send(ctx, transport.Header{Arg: n}, nil); err != nil {
				return err
			}
			select {
			case got := <-answers:
				if got != n {
					return fmt.Errorf("answer %d came for call %d", got, n)
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
}
