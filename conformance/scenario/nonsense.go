package scenario

import (
	"context"
	"errors"
	"fmt"

	"ddc/ring"
	"ddc/wake"
)

// wrongIndex has a peer store indices that no sound peer can store: one further
// ahead than the ring is long, and one behind what was taken already.
func wrongIndex(ctx context.Context, e *Env) error {
	for _, by := range []uint64{3, 17, 1 << 40, ^uint64(0)} {
		if err := e.wrongIndexOnce(ctx, by); err != nil {
			return err
		}
	}
	return nil
}

func (e *Env) wrongIndexOnce(_ context.Context, by uint64) (err error) {
	b, err := e.newHostEnds(1, 2, wake.SpinOff, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	l := b.ends[0]
	page := &l.page.Rings[hostSide]
	page.Produced.Store(page.Produced.Load() + by)
	batch := make([]ring.Descriptor, 4)
	if n, err := l.in.TryPop(batch); !errors.Is(err, ring.ErrCorrupt) {
		return fmt.Errorf("an index %d further on, in a ring of 2, was taken for frames: %d came, %v, want %w", int64(by), n, err, ring.ErrCorrupt)
	}
	return nil
}
