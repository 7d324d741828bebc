package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"ddc/transport"
)

// closedIsQuiet closes an end while the other sends without a pause. Close
// waits for the pump, so that nothing is received any more once it has
// returned; Done is closed then, and not before, and Err says why; closing
// again does nothing.
func closedIsQuiet(ctx context.Context, e *LinkEnv) error {
	for round := range min(e.rounds(), 40) {
		w, err := e.wire([...]Room{Ample, Tiny}[round/2%2], 1)
		if err != nil {
			return err
		}
		closing, other := w.links[0][round%2], w.links[0][1-round%2]
		var received atomic.Uint64
		var closed, late atomic.Bool
		closing.Start(func(*transport.Frame) {
			received.Add(1)
			if closed.Load() {
				late.Store(true)
			}
		})
		other.Start(func(*transport.Frame) {})
		err = w.play(ctx, func(ctx context.Context) error {
			for {
				err := other.Send(ctx, transport.Header{}, make([]byte, round))
				if errors.Is(err, transport.ErrClosed) {
					return nil
				}
				if err != nil {
					return err
				}
			}
		}, func(ctx context.Context) error {
			if err := until(ctx, func() bool { return received.Load() > 10 }); err != nil {
				return err
			}
			if err := closing.Err(); err != nil {
				return fmt.Errorf("a link in use says that it ended: %w", err)
			}
			if err := closing.Close(); err != nil {
				return err
			}
			closed.Store(true)
			select {
			case <-closing.Done():
			default:
				return errors.New("close has returned, and done is not closed")
			}
			return errors.Join(ended(ctx, closing, "this end"), closing.Close())
		})
		if err != nil {
			return err
		}
		if late.Load() {
			return errors.New("a frame was received after close had returned")
		}
	}
	return nil
}

// statsCount sends frames of all kinds of sizes, and then asks both ends.
func statsCount(ctx context.Context, e *LinkEnv) error {
	w, err := e.wire(Ample, 1)
	if err != nil {
		return err
	}
	sizes := []int{0, 1, 30, 700, 100 << 10, 9 << 20}
	total := uint64(0)
	for _, size := range sizes {
		total += uint64(size)
	}
	whole := newSink(uint64(len(sizes)))
	w.links[0][0].Start(func(*transport.Frame) {})
	w.links[0][1].Start(whole.receive)
	return w.play(ctx, sender(w.links[0][0], sizes), whole.wait, func(ctx context.Context) error {
		counted := func(l transport.Link, in, out uint64) func() bool {
			return func() bool {
				s := l.Stats()
				return s.FramesIn == in*uint64(len(sizes)) && s.FramesOut == out*uint64(len(sizes)) && s.BytesIn == in*total && s.BytesOut == out*total
			}
		}
		if err := whole.wait(ctx); err != nil {
			return err
		}
		// The sender counts a frame when it has handed it over, maybe after its
		// receipt.
		return errors.Join(
			withPatience(ctx, "the sender's counts", counted(w.links[0][0], 0, 1)),
			withPatience(ctx, "the receiver's counts", counted(w.links[0][1], 1, 0)))
	})
}
