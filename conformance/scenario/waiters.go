package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"ddc/shm"
	"ddc/wake"
)

// waiters wait in one process, and share a gate.
type waiters struct {
	segments [2]*shm.Segment
	pages    [2]*waitersPage
	files    [][]*os.File
	sleepers []wake.Waker
	ringers  []wake.Waker
}

const waiterCount = 6

type waitersPage struct {
	Gate  padded32
	Words [waiterCount]wake.Words
}

func (e *Env) newWaiters() (_ *waiters, err error) {
	c := &waiters{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("set up waiters: %w", err), c.close())
		}
	}()
	if c.segments[0], err = shm.Create("ddc-scenario", 4096); err != nil {
		return nil, err
	}
	if c.segments[1], err = remap(c.segments[0]); err != nil {
		return nil, err
	}
	for i, segment := range c.segments {
		if c.pages[i], err = shm.View[waitersPage](segment, 0); err != nil {
			return nil, err
		}
	}
	mine, theirs := e.Strategy(), e.Strategy()
	for i := range waiterCount {
		files, err := mine.Make()
		if err != nil {
			return nil, err
		}
		c.files = append(c.files, files)
		ringer, err := mine.Open(c.pages[0].Words[i].Tokens(&c.pages[0].Gate.Word32), files)
		if err != nil {
			return nil, err
		}
		c.ringers = append(c.ringers, ringer)
		sleeper, err := theirs.Open(c.pages[1].Words[i].Tokens(&c.pages[1].Gate.Word32), files)
		if err != nil {
			return nil, err
		}
		c.sleepers = append(c.sleepers, sleeper)
	}
	return c, nil
}

func (c *waiters) stop() {
	for _, s := range c.sleepers {
		_ = s.Close()
	}
}

func (c *waiters) close() error {
	c.stop()
	var errs []error
	for _, r := range c.ringers {
		errs = append(errs, r.Close())
	}
	for _, files := range c.files {
		for _, f := range files {
			errs = append(errs, f.Close())
		}
	}
	for _, s := range c.segments {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

// manyWaiters lets each waiter of one process take one token and then go away,
// by closing its waker or by never waiting again. Nobody may depend on another
// to wait again.
func manyWaiters(ctx context.Context, e *Env) error {
	choose := e.random(1)
	for range 4 * e.rounds() {
		order := choose.Perm(waiterCount)
		together := 1 + choose.IntN(waiterCount)
		if err := e.manyWaitersOnce(ctx, order, together, choose.Uint64()); err != nil {
			return err
		}
	}
	return nil
}

func (e *Env) manyWaitersOnce(ctx context.Context, order []int, together int, closers uint64) (err error) {
	c, err := e.newWaiters()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	var rung, left, woken [waiterCount]atomic.Bool
	look := func() ([]Snapshot, error) {
		var all []Snapshot
		for i := range waiterCount {
			s, err := Look(fmt.Sprintf("waiter %d of %d", i, waiterCount), &c.pages[0].Words[i], c.ringers[i])
			if err != nil {
				return nil, err
			}
			s.Due = rung[i].Load() && !woken[i].Load()
			if !left[i].Load() {
				s.Owed = 1
			}
			all = append(all, s)
		}
		return all, nil
	}
	var actors []func(context.Context) error
	for i := range waiterCount {
		actors = append(actors, func(ctx context.Context) error {
			words := &c.pages[1].Words[i]
			for !rung[i].Load() { // a wait may end for no reason
				words.Parked.Store(1)
				err := c.sleepers[i].Wait()
				words.Parked.Store(0)
				words.Received.Add(1)
				if err != nil {
					return err
				}
			}
			woken[i].Store(true)
			if closers>>i&1 == 1 {
				return c.sleepers[i].Close()
			}
			return nil
		})
	}
	actors = append(actors, func(ctx context.Context) error {
		for n := 0; n < waiterCount; n += together {
			var rings sync.WaitGroup
			var errs [waiterCount]error
			for _, i := range order[n:min(n+together, waiterCount)] {
				rings.Go(func() {
					rung[i].Store(true)
					errs[i] = c.ringers[i].Ring()
					left[i].Store(true)
				})
			}
			rings.Wait()
			if err := errors.Join(errs[:]...); err != nil {
				return err
			}
		}
		return nil
	})
	return e.play(ctx, look, c.stop, actors...)
}
