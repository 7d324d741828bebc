package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"ddc/wake"
)

// bells are the programs over one doorbell.
func bells() []Program {
	return []Program{
		{Name: "RingInAnyLookIsNotLost", Rule: 1, Run: ringInAnyLook},
		{Name: "RingBetweenCheckAndSleepIsNotDrained", Rule: 3, Run: ringBetweenCheckAndSleep},
		{Name: "RingAfterTheLastCheckIsNotDrained", Rule: 3, Run: ringAfterLastCheck},
		{Name: "StaleTokenAndSpuriousWakeAreTolerated", Rule: 3, Run: staleToken},
		{Name: "BurstsThenSilence", Rule: 1, Run: func(ctx context.Context, e *Env) error { return e.bursts(ctx, wake.SpinOff) }},
		{Name: "MessageAfterAPauseLongerThanAnySpin", Rule: 1, Run: func(ctx context.Context, e *Env) error {
			return errors.Join(e.bursts(ctx, wake.SpinAuto), e.bursts(ctx, wake.SpinFor(200*time.Microsecond)))
		}},
		{Name: "SleeperAndRingerAtTheSameMoment", Rule: 1, Run: collide},
		{Name: "EightyRingersOfOneBell", Rule: 1, Run: eightyRingers},
		{Name: "EveryProcessorBusy", Rule: 1, Run: everyProcessorBusy},
		{Name: "SignalsDuringAwait", Rule: 9, Run: func(ctx context.Context, e *Env) error {
			return e.times(10).bursts(ctx, wake.SpinOff, func(ctx context.Context, _ *wakerPair) error { return storm(ctx, os.Getpid()) })
		}},
		{Name: "AwaitDoesNotPoll", Rule: 6, Run: awaitDoesNotPoll},
		{Name: "NobodyAsleepMeansNoToken", Run: nobodyAsleep},
		{Name: "TokenOwedByTheDeadIsRepaid", Rule: 11, Run: tokenOwedByTheDead},
		{Name: "CancelWakesTheSleeper", Rule: 6, Run: cancelWakes},
		{Name: "CloseWakesTheSleeper", Run: closeWakes},
	}
}

// await is Await, and checks its promise: it returns nil only after ready said
// yes.
func await(ctx context.Context, bell Bell, ready func() bool) error {
	last := false
	err := bell.Await(ctx, func() bool { last = ready(); return last })
	if err == nil && !last {
		return errors.New("await returned nil although nothing was ready")
	}
	return err
}

// onBells runs one actor that both rings and awaits, so that its rings do not
// fall by luck. due is what it has published and not yet seen.
func (e *Env) onBells(ctx context.Context, actor func(ctx context.Context, p *wakerPair, seen *atomic.Uint64) error) (err error) {
	p, err := e.newBells(wake.SpinOff)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	var seen atomic.Uint64
	return e.play(ctx, p.source(func() bool { return p.page.Value.Load() > seen.Load() }), p.stop,
		func(ctx context.Context) error { return actor(ctx, p, &seen) })
}

// ringInAnyLook publishes and rings right after the sleeper has looked in vain:
// in its first look, its second, and so on. Earlier looks get it a wake-up for
// no reason, so that there is a next one.
func ringInAnyLook(ctx context.Context, e *Env) error {
	return e.onBells(ctx, func(ctx context.Context, p *wakerPair, seen *atomic.Uint64) error {
		for round := range uint64(e.rounds()) {
			at, look := 1+int(round%7), 0
			var fault error
			err := await(ctx, p.asleep, func() bool {
				ready := p.published() > round
				switch look++; {
				case look < at:
					fault = errors.Join(fault, p.nudge())
				case look == at:
					fault = errors.Join(fault, p.publish(round+1))
				}
				return ready
			})
			if err := errors.Join(err, fault); err != nil {
				return fmt.Errorf("ring in look %d: %w", at, err)
			}
			seen.Store(round + 1)
		}
		return nil
	})
}

// ringBetweenCheckAndSleep has a ring fall into the look after a wake-up. A
// sleeper that clears tokens after that look, or the note that one was left,
// loses it.
func ringBetweenCheckAndSleep(ctx context.Context, e *Env) error {
	return e.onBells(ctx, func(ctx context.Context, p *wakerPair, seen *atomic.Uint64) error {
		for round := range uint64(e.rounds()) {
			var fault error
			looks := 0
			err := await(ctx, p.asleep, func() bool {
				if p.published() > round {
					return true
				}
				fault = errors.Join(fault, p.publishOnceAnnounced(round+1, &looks))
				return fault != nil
			})
			if err := errors.Join(err, fault); err != nil {
				return err
			}
			seen.Store(round + 1)
		}
		return nil
	})
}

// publishOnceAnnounced is called in a look. In one that follows an announcement
// it publishes, so that the ring takes the flag and leaves a token; any other
// gets a token that brings the sleeper back for the next.
func (p *wakerPair) publishOnceAnnounced(value uint64, looks *int) error {
	switch *looks++; {
	case *looks > 1000:
		return errors.New("a thousand looks, and none after announcing")
	case p.page.Words.Sleeping.Load() == 1:
		return p.publish(value)
	}
	return p.nudge()
}

// ringAfterLastCheck has a ring fall between the doorbell's last check and the
// waker's sleep, where only the token can save the sleeper.
func ringAfterLastCheck(ctx context.Context, e *Env) error {
	return e.onBells(ctx, func(ctx context.Context, p *wakerPair, seen *atomic.Uint64) error {
		for round := range uint64(e.rounds()) {
			p.beforeWait = func() error {
				if p.page.Value.Load() > round {
					return nil
				}
				return p.publish(round + 1)
			}
			if err := await(ctx, p.asleep, func() bool { return p.published() > round }); err != nil {
				return err
			}
			seen.Store(round + 1)
		}
		return nil
	})
}

// staleToken has the sleeper withdraw while a token is left for it, and wakes
// it for no reason.
func staleToken(ctx context.Context, e *Env) (err error) {
	p, err := e.newBells(wake.SpinOff)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	var seen atomic.Uint64
	rounds := uint64(e.rounds())
	sleeper := func(ctx context.Context) error {
		for n := uint64(0); n < rounds; n += 2 {
			var fault error
			looks := 0
			err := await(ctx, p.asleep, func() bool {
				if p.published() == n { // the look sees at once what it publishes
					fault = errors.Join(fault, p.publishOnceAnnounced(n+1, &looks))
				}
				return fault != nil || p.published() > n
			})
			seen.Store(n + 1)
			err = errors.Join(err, fault, await(ctx, p.asleep, func() bool { return p.published() > n+1 }))
			if err != nil {
				return err
			}
			seen.Store(n + 2)
		}
		return nil
	}
	ringer := func(ctx context.Context) error {
		for n := uint64(0); n < rounds; n += 2 {
			if err := until(ctx, func() bool { return seen.Load() == n+1 && p.parked() }); err != nil {
				return err
			}
			received := p.page.Words.Received.Load()
			if err := p.nudge(); err != nil {
				return err
			}
			if err := until(ctx, func() bool { return p.page.Words.Received.Load() > received && p.parked() }); err != nil {
				return err
			}
			if err := p.publish(n + 2); err != nil {
				return err
			}
		}
		return nil
	}
	return e.play(ctx, p.source(func() bool { return p.page.Value.Load() > seen.Load() }), p.stop, sleeper, ringer)
}

// bursts sends one to four messages, then nothing until the sleeper has seen
// them and sleeps again. A lock-step ping-pong never leaves it asleep for a
// second message.
func (e *Env) bursts(ctx context.Context, spin wake.Spin, besides ...func(context.Context, *wakerPair) error) (err error) {
	p, err := e.newBells(spin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	var seen atomic.Uint64
	rounds := uint64(e.rounds())
	over := make(chan struct{})
	actors := []func(context.Context) error{
		func(ctx context.Context) error {
			defer close(over)
			for seen.Load() < rounds {
				if err := await(ctx, p.asleep, func() bool { return p.published() > seen.Load() }); err != nil {
					return err
				}
				seen.Store(p.published())
			}
			return nil
		},
		func(ctx context.Context) error {
			choose := e.random(1)
			for sent := uint64(0); sent < rounds; {
				if err := until(ctx, func() bool { return seen.Load() == sent && p.parked() }); err != nil {
					return err
				}
				for range min(1+choose.Uint64N(4), rounds-sent) {
					sent++
					if err := p.publish(sent); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
	return e.playBeside(ctx, p, &seen, over, besides, actors...)
}

func everyProcessorBusy(ctx context.Context, e *Env) error {
	few := *e
	few.Rounds = max(e.rounds()/5, 1)
	return few.bursts(ctx, wake.SpinOff, func(ctx context.Context, _ *wakerPair) error {
		busy(ctx)
		return nil
	})
}

// busy keeps every processor busy until ctx is done.
func busy(ctx context.Context) {
	var spinners sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		spinners.Go(func() {
			for n := 0; ; n++ {
				if n%1024 == 0 && ctx.Err() != nil {
					return
				}
			}
		})
	}
	spinners.Wait()
}

// eightyRingers has the host's many workers ring one bell.
func eightyRingers(ctx context.Context, e *Env) (err error) {
	p, err := e.newBells(wake.SpinOff)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	const ringers = 80
	each := uint64(max(e.rounds()/10, 1))
	var seen atomic.Uint64
	actors := []func(context.Context) error{func(ctx context.Context) error {
		for seen.Load() < ringers*each {
			if err := await(ctx, p.asleep, func() bool { return p.published() > seen.Load() }); err != nil {
				return err
			}
			seen.Store(p.published())
		}
		return nil
	}}
	for n := range uint64(ringers) {
		actors = append(actors, func(ctx context.Context) error {
			choose := e.random(2 + n)
			for range each {
				p.begun.Add(1)
				err := notify(func() { p.page.Value.Add(1) }, p.rung.Ring)
				p.ended.Add(1)
				if err != nil {
					return err
				}
				for range choose.IntN(3) {
					runtime.Gosched()
				}
			}
			return nil
		})
	}
	return e.play(ctx, p.source(func() bool { return p.page.Value.Load() > seen.Load() }), p.stop, actors...)
}

func nobodyAsleep(_ context.Context, e *Env) (err error) {
	p, err := e.newBells(wake.SpinOff)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	rings := uint64(e.rounds())
	for n := range rings {
		if err := p.publish(n + 1); err != nil {
			return err
		}
	}
	w := &p.page.Words
	if sent, suppressed := w.Sent.Load(), w.Suppressed.Load(); sent != 0 || suppressed != rings {
		return fmt.Errorf("%d rings with nobody asleep: %d sent, %d suppressed, want all suppressed", rings, sent, suppressed)
	}
	return p.expectPending(false, "after rings with nobody asleep")
}

// cancelWakes ends the context of a sleeper, which nobody rings.
func cancelWakes(ctx context.Context, e *Env) (err error) {
	p, err := e.newBells(wake.SpinOff)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	var round, cancelled, woken atomic.Int64
	var mu sync.Mutex
	var cancelNow context.CancelFunc
	rounds := int64(min(e.rounds(), 100))
	sleeper := func(ctx context.Context) error {
		for n := int64(1); n <= rounds; n++ {
			own, cancel := context.WithCancel(ctx)
			mu.Lock()
			cancelNow = cancel
			mu.Unlock()
			round.Store(n)
			err := p.asleep.Await(own, func() bool { return false })
			cancel()
			if !errors.Is(err, context.Canceled) || ctx.Err() != nil {
				return fmt.Errorf("await with a cancelled context: %v, want %w", err, context.Canceled)
			}
			woken.Store(n)
		}
		return nil
	}
	canceller := func(ctx context.Context) error {
		for n := int64(1); n <= rounds; n++ {
			if err := until(ctx, func() bool { return round.Load() == n && (n%3 == 0 || p.parked()) }); err != nil {
				return err
			}
			mu.Lock()
			cancelNow()
			mu.Unlock()
			cancelled.Store(n)
		}
		return nil
	}
	return e.play(ctx, p.source(func() bool { return cancelled.Load() > woken.Load() }), p.stop, sleeper, canceller)
}

func closeWakes(ctx context.Context, e *Env) error {
	for round := range min(e.rounds(), 50) {
		p, err := e.newBells(wake.SpinOff)
		if err != nil {
			return err
		}
		var closed, woken atomic.Bool
		err = e.play(ctx, p.source(func() bool { return closed.Load() && !woken.Load() }), p.stop,
			func(ctx context.Context) error {
				err := p.asleep.Await(ctx, func() bool { return false })
				woken.Store(true)
				if !errors.Is(err, os.ErrClosed) {
					return fmt.Errorf("await of a bell that is closed: %v, want an error that wraps os.ErrClosed", err)
				}
				return nil
			},
			func(ctx context.Context) error {
				if round%2 == 0 {
					if err := until(ctx, p.parked); err != nil {
						return err
					}
				}
				err := p.asleep.Close()
				closed.Store(true)
				return err
			})
		if err := errors.Join(err, p.close()); err != nil {
			return err
		}
	}
	return nil
}

// tokenOwedByTheDead plays the ringer that takes the sleeper's flag and dies
// before it leaves the token. The one that learns of the death leaves the
// token.
func tokenOwedByTheDead(ctx context.Context, e *Env) (err error) {
	p, err := e.newBells(wake.SpinOff)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	var seen atomic.Uint64
	return e.play(ctx, p.source(func() bool { return p.page.Value.Load() > seen.Load() }), p.stop,
		func(ctx context.Context) error {
			err := await(ctx, p.asleep, func() bool { return p.published() > 0 })
			seen.Store(1)
			return err
		},
		func(ctx context.Context) error {
			if err := until(ctx, p.parked); err != nil {
				return err
			}
			p.begun.Add(1)
			defer p.ended.Add(1)
			p.page.Value.Store(1)
			p.page.Words.Seq.Add(1)
			p.page.Words.Sleeping.Store(0)
			return p.rung.Repay()
		})
}
