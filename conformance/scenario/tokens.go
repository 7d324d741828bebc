package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"ddc/wake"
)

// tokens are the programs over wakers alone, without a doorbell.
func tokens() []Program {
	return []Program{
		{Name: "TokenLeftBeforeWaitIsNotLost", Run: tokenBeforeWait},
		{Name: "PendingConsumesNothing", Run: pendingConsumesNothing},
		{Name: "WaitConsumesAllTokensThereAre", Run: waitConsumesAll},
		{Name: "RingWakesWhoWaits", Run: ringWakes},
		{Name: "CloseEndsWaitAndThePeersEndGoesOn", Run: closeEndsWait},
		{Name: "SleeperThatWaitsAgainDuringCloseEnds", Run: waitsAgain},
		{Name: "CloseOfEitherEndLeavesAToken", Run: closeLeavesToken},
		{Name: "FullStoreOfTokensIsSuccess", Rule: 4, Run: fullStore},
		{Name: "WaitDoesNotPoll", Rule: 6, Run: waitDoesNotPoll},
		{Name: "SignalsAreNotLostTokens", Rule: 9, Run: signalsAndTokens},
		{Name: "ManyWaitersOfOneProcessAreAllWoken", Run: manyWaiters},
		{Name: "WakeUpsOfNeighboursHideNoToken", Run: neighbours},
		{Name: "FlippedNonblockingFlagStopsNobody", Run: flippedFlag},
	}
}

// leave rings the bare waker, and counts it as a notification.
func (p *wakerPair) leave() error {
	p.begun.Add(1)
	defer p.ended.Add(1)
	p.page.Value.Add(1)
	return p.ringer.Ring()
}

// wait waits on the bare waker, marking the sleeper as a doorbell would.
func (p *wakerPair) wait() error {
	w := &p.sleeperPage.Words
	w.Parked.Store(1)
	err := p.sleeper.Wait()
	w.Parked.Store(0)
	w.Received.Add(1)
	return err
}

func (p *wakerPair) expectPending(want bool, when string) error {
	for _, end := range []wake.Waker{p.sleeper, p.ringer} {
		got, err := end.Pending()
		if err != nil {
			return fmt.Errorf("pending %s: %w", when, err)
		}
		if got != want {
			return fmt.Errorf("pending %s is %t, want %t", when, got, want)
		}
	}
	return nil
}

// due and idle are steps that expect a token pending, and none.
func (p *wakerPair) due(when string) func() error {
	return func() error { return p.expectPending(true, when) }
}

func (p *wakerPair) idle(when string) func() error {
	return func() error { return p.expectPending(false, when) }
}

// inOrder takes steps until one fails.
func inOrder(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// alone runs one actor that both rings and waits. Whenever it waits, a token is
// due.
func (e *Env) alone(ctx context.Context, actor func(context.Context, *wakerPair) error) (err error) {
	p, err := e.newWakerPair()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	return e.play(ctx, p.source(func() bool { return true }), p.stop, func(ctx context.Context) error { return actor(ctx, p) })
}

func tokenBeforeWait(ctx context.Context, e *Env) error {
	return e.alone(ctx, func(_ context.Context, p *wakerPair) error {
		for range e.rounds() {
			if err := inOrder(p.idle("before any ring"), p.leave, p.due("after a ring"), p.wait); err != nil {
				return err
			}
		}
		return p.expectPending(false, "after the last wait")
	})
}

func pendingConsumesNothing(ctx context.Context, e *Env) error {
	return e.alone(ctx, func(_ context.Context, p *wakerPair) error {
		if err := p.leave(); err != nil {
			return err
		}
		for range 100 {
			if err := p.expectPending(true, "after having been asked"); err != nil {
				return err
			}
		}
		return inOrder(p.wait, p.idle("after the wait"))
	})
}

func waitConsumesAll(ctx context.Context, e *Env) error {
	return e.alone(ctx, func(_ context.Context, p *wakerPair) error {
		choose := e.random(1)
		for range e.rounds() {
			for range 2 + choose.IntN(40) {
				if err := p.leave(); err != nil {
					return err
				}
			}
			if err := inOrder(p.wait, p.idle("after one wait for many rings")); err != nil {
				return err
			}
		}
		return nil
	})
}

// ringWakes rings a sleeper that is asleep each time, once or in a burst.
func ringWakes(ctx context.Context, e *Env) (err error) { return e.ringAndWait(ctx) }

// ringAndWait is ringWakes with something going on besides, until it is over.
func (e *Env) ringAndWait(ctx context.Context, besides ...func(context.Context, *wakerPair) error) (err error) {
	p, err := e.newWakerPair()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	var seen atomic.Uint64
	rounds := uint64(e.rounds())
	over := make(chan struct{})
	waiter := func(context.Context) error {
		defer close(over)
		for seen.Load() < rounds {
			if err := p.wait(); err != nil {
				return err
			}
			// A wait may end for no reason; the value tells.
			seen.Store(p.sleeperPage.Value.Load())
		}
		return nil
	}
	ringer := func(ctx context.Context) error {
		choose := e.random(1)
		for sent := uint64(0); sent < rounds; {
			if err := until(ctx, func() bool { return p.parked() && seen.Load() == sent }); err != nil {
				return err
			}
			for range min(1+choose.Uint64N(4), rounds-sent) {
				sent++
				if err := p.leave(); err != nil {
					return err
				}
			}
			if err := until(ctx, func() bool { return seen.Load() == sent }); err != nil {
				return err
			}
		}
		return nil
	}
	return e.playBeside(ctx, p, &seen, over, besides, waiter, ringer)
}

func signalsAndTokens(ctx context.Context, e *Env) error {
	return e.times(10).ringAndWait(ctx, func(ctx context.Context, _ *wakerPair) error { return storm(ctx, os.Getpid()) })
}

func closeEndsWait(ctx context.Context, e *Env) error {
	// Close finds the waiter on its way into Wait, or inside.
	for round := range min(e.rounds(), 50) {
		p, err := e.newWakerPair()
		if err != nil {
			return err
		}
		waited := make(chan error, 1)
		go func() {
			for {
				if err := p.wait(); err != nil {
					waited <- err
					return
				}
			}
		}()
		if round%2 == 0 {
			err = until(ctx, p.parked)
		}
		err = errors.Join(err, p.sleeper.Close())
		over := make(chan struct{})
		go func() {
			defer close(over)
			if got := <-waited; !errors.Is(got, os.ErrClosed) {
				err = errors.Join(err, fmt.Errorf("wait during close: %v, want an error that wraps os.ErrClosed", got))
			}
		}()
		if err := done(ctx, "wait during close", over); err != nil {
			return err // the waiter still uses the memory: leave all as it is
		}
		if got := p.wait(); !errors.Is(got, os.ErrClosed) {
			err = errors.Join(err, fmt.Errorf("wait after close: %v, want an error that wraps os.ErrClosed", got))
		}
		if got := p.sleeper.Ring(); !errors.Is(got, os.ErrClosed) {
			err = errors.Join(err, fmt.Errorf("ring after close: %v, want an error that wraps os.ErrClosed", got))
		}
		err = errors.Join(err, p.sleeper.Close())
		// The peer's end outlives the other, and its token reaches the next one
		// that opens.
		err = errors.Join(err, p.leave())
		if pending, e := p.ringer.Pending(); !pending || e != nil {
			err = errors.Join(err, fmt.Errorf("pending at the peer's end after close is %t, %v, want true", pending, e))
		}
		if err := errors.Join(err, p.close()); err != nil {
			return err
		}
	}
	return nil
}

// fullStore fills the store of tokens, rings on, and sees that the sleeper
// wakes once and then sleeps and wakes as ever.
func fullStore(ctx context.Context, e *Env) error {
	return e.alone(ctx, func(_ context.Context, p *wakerPair) error {
		for range 2 {
			if err := p.fill(); err != nil {
				return fmt.Errorf("fill the store of tokens: %w", err)
			}
			for range 10 {
				if err := p.leave(); err != nil {
					return fmt.Errorf("ring with the store of tokens full: %w", err)
				}
			}
			if err := inOrder(p.due("with the store full"), p.wait, p.idle("after the wait that emptied a full store"),
				p.leave, p.due("after the ring that followed"), p.wait, p.idle("at the end")); err != nil {
				return err
			}
		}
		return nil
	})
}

// waitDoesNotPoll watches a waiter for whom no token is left. A Wait may end
// for no reason, a signal say, but not in each of three seconds.
func waitDoesNotPoll(ctx context.Context, e *Env) (err error) {
	p, err := e.newWakerPair()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	over := make(chan error, 1)
	go func() {
		for {
			if err := p.wait(); err != nil {
				over <- err
				return
			}
		}
	}()
	quiet := false
	for range 3 {
		if quiet {
			break
		}
		if err := until(ctx, p.parked); err != nil {
			return err
		}
		before := p.page.Words.Received.Load()
		// Time is what is examined here: how long Wait lasts when nothing ends
		// it.
		if err := untilRan(ctx, 1100*time.Millisecond, func() bool { return p.page.Words.Received.Load() != before }); err != nil {
			return err
		}
		quiet = p.page.Words.Received.Load() == before
	}
	returns := p.page.Words.Received.Load()
	p.stop()
	<-over
	if !quiet {
		return fmt.Errorf("wait returned %d times in three windows of 1.1 s although no token was left: it polls, which hides lost wake-ups", returns)
	}
	return nil
}
