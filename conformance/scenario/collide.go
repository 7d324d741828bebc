package scenario

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"ddc/wake"
)

// barrier lets two actors begin each round within nanoseconds of one another,
// where there are two processors.
type barrier [2]atomic.Uint64

// meet says that actor me has come to a round, and waits for the other.
func (b *barrier) meet(ctx context.Context, me int, round uint64) error {
	b[me].Store(round)
	for looks := 0; b[1-me].Load() < round; looks++ {
		if looks%256 < 255 {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if looks < 1<<14 {
			runtime.Gosched()
		} else { // the other waits for this processor, or is asleep
			time.Sleep(50 * time.Microsecond)
		}
	}
	return nil
}

// collide has the sleeper announce itself and the ringer publish and ring at
// the same moment, over and over, with the one or the other a little ahead.
func collide(ctx context.Context, e *Env) (err error) {
	p, err := e.newBells(wake.SpinOff)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	var together barrier
	var seen atomic.Uint64
	rounds := uint64(2 * e.rounds())
	ahead := func(choose int) {
		for range choose {
			_ = seen.Load()
		}
	}
	return e.play(ctx, p.source(func() bool { return p.page.Value.Load() > seen.Load() }), p.stop,
		func(ctx context.Context) error {
			choose := e.random(1)
			for n := uint64(1); n <= rounds; n++ {
				if err := together.meet(ctx, 0, n); err != nil {
					return err
				}
				ahead(choose.IntN(64))
				// The look is one load and no more: a store in it would be a
				// fence, and hide that the announcement was none.
				if err := await(ctx, p.asleep, func() bool { return p.sleeperPage.Value.Load() >= n }); err != nil {
					return err
				}
				seen.Store(n)
			}
			return nil
		},
		func(ctx context.Context) error {
			choose := e.random(2)
			for n := uint64(1); n <= rounds; n++ {
				if err := together.meet(ctx, 1, n); err != nil {
					return err
				}
				ahead(choose.IntN(64))
				if err := p.publish(n); err != nil {
					return err
				}
			}
			return nil
		})
}

// awaitDoesNotPoll watches a sleeper whom nobody rings. It may look again for
// no reason, but not in each of three windows.
func awaitDoesNotPoll(ctx context.Context, e *Env) (err error) {
	p, err := e.newBells(wake.SpinOff)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	var looks atomic.Uint64
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = p.asleep.Await(ctx, func() bool { looks.Add(1); return false }) // ends with the bell
	}()
	quiet := false
	for n := 0; n < 3 && !quiet; n++ {
		if err := until(ctx, p.parked); err != nil {
			return err
		}
		before := looks.Load()
		// Time is what is examined here: how long a sleep lasts when nothing
		// ends it.
		if err := untilRan(ctx, 500*time.Millisecond, func() bool { return looks.Load() != before }); err != nil {
			return err
		}
		quiet = looks.Load() == before
	}
	p.stop()
	<-over
	if !quiet {
		return fmt.Errorf("the sleeper looked %d times, in each of three windows of half a second, although nobody rang: it polls, which hides lost wake-ups", looks.Load())
	}
	return nil
}
