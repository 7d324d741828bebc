package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"ddc/transport"
)

// lifetimes are the programs about what is kept, given up, closed and freed.
func lifetimes() []LinkProgram {
	return []LinkProgram{
		{Name: "KeptPayloadsStayUntilReleased", Run: keptPayloads},
		{Name: "ReleaseLetsWaitingSendersGoOn", Rule: 5, Run: releaseWakes},
		{Name: "SlotFreedOnOneLinkServesAnother", Rule: 5, Run: sharedSlots},
		{Name: "SenderThatGivesUpLeavesTheLinkWhole", Rule: 6, Run: givenUp},
		{Name: "PayloadsGivenUpInPiecesLeaveTheLinkWhole", Rule: 1, Run: abortedPieces},
		{Name: "FillThatFailsSendsNothing", Run: failedFill},
		{Name: "ContextThatIsOverSendsNothing", Rule: 14, Run: overSendsNothing},
		{Name: "FramesSentBeforeStartWait", Run: sentBeforeStart},
		{Name: "CloseDeliversWhatWasSentBefore", Run: closeDelivers},
		{Name: "NothingIsReceivedOnceCloseHasReturned", Run: closedIsQuiet},
		{Name: "StatsCountWhatWasSentAndReceived", Run: statsCount},
		{Name: "CloseEndsWaitingSendersOnBothSides", Rule: 5, Run: closeEndsSenders},
		{Name: "ClosedTransportEndsEveryLink", Run: closedTransport},
		{Name: "PayloadOverTheLimitIsRefused", Run: tooLarge},
	}
}

// keptPayloads keeps some of the frames and reads them after others have come.
func keptPayloads(ctx context.Context, e *LinkEnv) error {
	w, err := e.wire(Ample, 1)
	if err != nil {
		return err
	}
	type kept struct {
		transport.Lease
		number uint64
		size   int
	}
	leases := make(chan kept, 8)
	total := uint64(4 * e.rounds())
	var seen atomic.Uint64
	w.links[0][1].Start(func(f *transport.Frame) {
		seen.Add(1)
		if f.Arg%8 == 0 && len(leases) < cap(leases) {
			leases <- kept{f.Keep(), f.Arg, int(f.Stream)}
		}
	})
	sizes := make([]int, total)
	choose := e.random(1)
	for i := range sizes {
		sizes[i] = choose.IntN(1 << choose.IntN(14))
	}
	sent := make(chan struct{})
	return w.play(ctx, func(ctx context.Context) error {
		defer close(sent)
		return sender(w.links[0][0], sizes)(ctx)
	}, func(ctx context.Context) error {
		for {
			select {
			case l := <-leases:
				// Read it once eight more frames have come, if there are so
				// many.
				first := seen.Load()
				if err := until(ctx, func() bool { now := seen.Load(); return now >= min(first+8, total) || now == total }); err != nil {
					return err
				}
				if err := checkPattern(l.Payload, l.number, l.size); err != nil {
					return fmt.Errorf("kept frame: %w", err)
				}
				l.Release()
				l.Release() // does nothing
				if l.Payload != nil {
					return errors.New("a released lease still gives its payload")
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-sent:
				if seen.Load() == total && len(leases) == 0 {
					return nil
				}
				if err := until(ctx, func() bool { return seen.Load() == total }); err != nil {
					return err
				}
			}
		}
	})
}

// releaseWakes keeps every payload, so that the pool runs dry, and releases
// them one by one: the sender gets on, on the same link and on another.
func releaseWakes(ctx context.Context, e *LinkEnv) error {
	w, err := e.wire(Tiny, 2)
	if err != nil {
		return err
	}
	leases := make(chan transport.Lease, 4*e.rounds())
	var received [2]atomic.Uint64
	for n, ends := range w.links {
		ends[1].Start(func(f *transport.Frame) {
			leases <- f.Keep()
			received[n].Add(1)
		})
	}
	total := uint64(e.rounds())
	send := func(n int) func(context.Context) error {
		return func(ctx context.Context) error {
			for number := range total {
				if err := sendOne(ctx, w.links[n][0], number, 100+int(number%900)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	choose := e.random(1)
	return w.play(ctx, send(0), send(1), func(ctx context.Context) error {
		for released := range 2 * total {
			select {
			case l := <-leases:
				if left := 2*total - received[0].Load() - received[1].Load(); left > 0 && choose.IntN(40) == 0 {
					// Wait until the senders wait, if the transport can make
					// them.
					if err := w.full(ctx, w.links[released%2][0]); err != nil {
						return err
					}
				}
				l.Release()
				w.steps.Add(1)
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
}

// givenUp fills a link that nobody reads, ends the wait of its sender, and sees
// that exactly what was sent arrives.
func givenUp(ctx context.Context, e *LinkEnv) error {
	for _, room := range []Room{Ample, Tiny} {
		for _, size := range []int{10, 700, 100 << 10} {
			if err := e.giveUp(ctx, room, size); err != nil {
				return fmt.Errorf("payloads of %d bytes, %v room: %w", size, room, err)
			}
		}
	}
	return nil
}

func (e *LinkEnv) giveUp(ctx context.Context, room Room, size int) error {
	w, err := e.wire(room, 1)
	if err != nil {
		return err
	}
	l := w.links[0][0]
	const most = 5000
	return w.play(ctx, func(ctx context.Context) error {
		waiting, giveUp := context.WithCancel(ctx)
		defer giveUp()
		result := make(chan error, 1)
		var sent atomic.Uint64
		go func() {
			for sent.Load() < most {
				if err := sendOne(waiting, l, sent.Load(), size); err != nil {
					result <- err
					return
				}
				sent.Add(1)
			}
			result <- errors.New("a link that nobody reads took everything")
		}()
		if err := w.full(ctx, l); err != nil {
			giveUp()
			<-result
			return err
		}
		giveUp()
		if err := <-result; !errors.Is(err, context.Canceled) {
			return fmt.Errorf("send whose context was cancelled: %v, want %w", err, context.Canceled)
		}
		// With a context that is over nothing gets into a full ring, and the
		// error needs no room.
		for n := 0; size == 10; n++ {
			err := sendOne(waiting, l, sent.Load(), size)
			if errors.Is(err, context.Canceled) {
				break
			}
			if err != nil || n == most {
				return fmt.Errorf("send with a context that is over, again and again: %v, want %w", err, context.Canceled)
			}
			sent.Add(1)
		}
		whole := newSink(sent.Load() + 1)
		w.links[0][1].Start(whole.receive)
		if err := sendOne(ctx, l, sent.Load(), size); err != nil {
			return fmt.Errorf("send after one that gave up: %w", err)
		}
		return whole.wait(ctx)
	})
}

// failedFill abandons more frames than there are slots.
func failedFill(ctx context.Context, e *LinkEnv) error {
	w, err := e.wire(Tiny, 1)
	if err != nil {
		return err
	}
	mine := errors.New("my own reason")
	whole := newSink(3)
	w.links[0][1].Start(whole.receive)
	return w.play(ctx, func(ctx context.Context) error {
		for n, size := range []int{10, 700, 100 << 10} {
			for range 50 {
				if err := w.links[0][0].Fill(ctx, transport.Header{}, size, func([]byte) error { return mine }); err != mine { //nolint:errorlint // as it is
					return fmt.Errorf("fill that failed returned %v, want the same error as it is", err)
				}
			}
			if err := sendOne(ctx, w.links[0][0], uint64(n), size); err != nil {
				return err
			}
		}
		return whole.wait(ctx)
	})
}

func sentBeforeStart(ctx context.Context, e *LinkEnv) error {
	w, err := e.wire(Ample, 1)
	if err != nil {
		return err
	}
	return w.play(ctx, func(ctx context.Context) error {
		whole := newSink(10)
		if err := sender(w.links[0][0], make([]int, 10))(ctx); err != nil {
			return err
		}
		w.links[0][1].Start(whole.receive)
		return whole.wait(ctx)
	})
}

// closeDelivers closes right after the last frame, from either side.
func closeDelivers(ctx context.Context, e *LinkEnv) error {
	choose := e.random(1)
	for round := range min(e.rounds(), 60) {
		w, err := e.wire([...]Room{Ample, Tiny}[round/2%2], 1)
		if err != nil {
			return err
		}
		closing, other := w.links[0][round%2], w.links[0][1-round%2]
		sizes := make([]int, 1+choose.IntN(40))
		for i := range sizes {
			sizes[i] = choose.IntN(3000)
		}
		whole := newSink(uint64(len(sizes)))
		closing.Start(func(*transport.Frame) {})
		err = w.play(ctx, func(ctx context.Context) error {
			if err := sender(closing, sizes)(ctx); err != nil {
				return err
			}
			if err := closing.Close(); err != nil {
				return err
			}
			return ended(ctx, closing, "this end")
		}, func(ctx context.Context) error {
			other.Start(whole.receive)
			if err := ended(ctx, other, "the other end"); err != nil {
				return err
			}
			if whole.next != whole.all || whole.err != nil {
				return errors.Join(whole.err, fmt.Errorf("%d frames came before the end, %d were sent", whole.next, whole.all))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ended waits for a link to end in good order, and sees that it takes no more.
func ended(ctx context.Context, l transport.Link, whose string) error {
	select {
	case <-l.Done():
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := l.Err(); !errors.Is(err, transport.ErrClosed) {
		return fmt.Errorf("%s ended with %v, want %w", whose, err, transport.ErrClosed)
	}
	if err := l.Send(ctx, transport.Header{}, nil); !errors.Is(err, transport.ErrClosed) {
		return fmt.Errorf("send at %s of a link that has ended: %v, want %w", whose, err, transport.ErrClosed)
	}
	return nil
}

// closeEndsSenders closes an end while senders of both wait for room.
func closeEndsSenders(ctx context.Context, e *LinkEnv) error {
	for round := range 8 {
		w, err := e.wire([...]Room{Ample, Tiny}[round/2%2], 1)
		if err != nil {
			return err
		}
		size := [...]int{8, 600}[round/4]
		flood := func(l transport.Link) func(context.Context) error {
			return func(ctx context.Context) error {
				for {
					err := l.Send(ctx, transport.Header{}, make([]byte, size))
					if errors.Is(err, transport.ErrClosed) {
						return nil
					}
					if err != nil {
						return fmt.Errorf("send into a link that closes: %w, want %w", err, transport.ErrClosed)
					}
				}
			}
		}
		host, peer := w.links[0][0], w.links[0][1]
		closing, other := w.links[0][round%2], w.links[0][1-round%2]
		// Neither pump runs yet, so both rings fill. The other side's pump sees
		// the end.
		err = w.play(ctx, flood(host), flood(host), flood(peer), flood(peer), func(ctx context.Context) error {
			if err := errors.Join(w.full(ctx, host), w.full(ctx, peer)); err != nil {
				return err
			}
			closing.Start(func(*transport.Frame) {})
			if err := closing.Close(); err != nil {
				return err
			}
			other.Start(func(*transport.Frame) {})
			return ended(ctx, other, "the other end")
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func closedTransport(ctx context.Context, e *LinkEnv) error {
	w, err := e.wire(Ample, 3)
	if err != nil {
		return err
	}
	for n, ends := range w.links {
		if n < 2 { // one was never started
			ends[0].Start(func(*transport.Frame) {})
			ends[1].Start(func(*transport.Frame) {})
		}
	}
	return w.play(ctx, func(ctx context.Context) error {
		if err := w.transport.Close(); err != nil {
			return err
		}
		for _, ends := range w.links {
			for side, l := range ends {
				if err := ended(ctx, l, [2]string{"the host's end", "the peer's end"}[side]); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func tooLarge(ctx context.Context, e *LinkEnv) error {
	w, err := e.wire(Ample, 1)
	if err != nil {
		return err
	}
	return w.play(ctx, func(ctx context.Context) error {
		err := w.links[0][0].Fill(ctx, transport.Header{}, transport.MaxPayload+1, func([]byte) error { return errors.New("filled") })
		if !errors.Is(err, transport.ErrTooLarge) {
			return fmt.Errorf("payload of %d bytes: %v, want %w", transport.MaxPayload+1, err, transport.ErrTooLarge)
		}
		return nil
	})
}
