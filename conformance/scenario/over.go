package scenario

import (
	"context"
	"errors"
	"fmt"

	"ddc/transport"
)

// overSendsNothing sends with contexts that are over, by every way a payload
// can travel, while there is room for all of it. Only the last frame, whose
// context is good, may come.
func overSendsNothing(ctx context.Context, e *LinkEnv) error {
	for side := range 2 {
		if err := e.sendOver(ctx, side); err != nil {
			return fmt.Errorf("from the %s: %w", [2]string{"host", "peer"}[side], err)
		}
	}
	return nil
}

func (e *LinkEnv) sendOver(ctx context.Context, side int) error {
	w, err := e.wire(Ample, 1)
	if err != nil {
		return err
	}
	from, to := w.links[0][side], w.links[0][1-side]
	from.Start(func(*transport.Frame) {})
	const last = 1 << 40
	arrived := make(chan uint64, 1)
	to.Start(func(f *transport.Frame) {
		select {
		case arrived <- f.Arg:
		default: // what came first is what counts
		}
	})
	return w.play(ctx, func(ctx context.Context) error {
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		// Inline, in a slot, and in pieces of the largest there is; by Send and
		// by Fill.
		for number := range uint64(6) {
			size := []int{10, 700, 40 << 20}[number/2]
			if err := sendOne(cancelled, from, number, size); !errors.Is(err, context.Canceled) {
				return fmt.Errorf("%d bytes were sent by a context that is over (error %v)", size, err)
			}
		}
		if err := from.Send(ctx, transport.Header{Arg: last}, nil); err != nil {
			return err
		}
		select {
		case got := <-arrived:
			if got != last {
				return fmt.Errorf("frame %d came, whose context was over before it was sent", got)
			}
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}
