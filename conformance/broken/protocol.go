package broken

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"

	"ddc/conformance/scenario"
	"ddc/wake"
)

// way is a way of falling asleep. It returns true if ready did.
type way func(b *bell, ready func() bool) (bool, error)

// bell is a doorbell without what makes a doorbell sound: its Await runs way
// over and over. It does not end with its context; close it.
type bell struct {
	words  *wake.Words
	waker  wake.Waker
	sound  *wake.Doorbell
	way    way
	closed atomic.Bool
}

var _ scenario.Bell = (*bell)(nil)

func newBell(words *wake.Words, waker wake.Waker, w way) scenario.Bell {
	return &bell{words: words, waker: waker, sound: wake.NewDoorbell(words, waker, wake.SpinOff), way: w}
}

func (b *bell) Ring() error            { return b.sound.Ring() }
func (b *bell) Repay() error           { return b.sound.Repay() }
func (b *bell) Pending() (bool, error) { return b.waker.Pending() }

func (b *bell) Close() error {
	b.closed.Store(true)
	return b.sound.Close()
}

func (b *bell) Await(ctx context.Context, ready func() bool) error {
	for {
		if b.closed.Load() {
			return fmt.Errorf("await: %w", os.ErrClosed)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		done, err := b.way(b, ready)
		if err != nil && !b.closed.Load() {
			return fmt.Errorf("await: %w", err)
		}
		if done {
			return nil
		}
	}
}

func (b *bell) sleep() error {
	b.words.Parked.Store(1)
	err := b.waker.Wait()
	b.words.Parked.Store(0)
	b.words.Sleeping.Store(0)
	b.words.Received.Add(1)
	return err
}

// KeyAfterCheck reads the event count's key after the look (rule 2).
func KeyAfterCheck(words *wake.Words, waker wake.Waker, _ wake.Spin) scenario.Bell {
	return newBell(words, waker, func(b *bell, ready func() bool) (bool, error) {
		b.words.Sleeping.Store(1)
		if ready() {
			b.words.Sleeping.Store(0)
			return true, nil
		}
		if key := b.words.Seq.Load(); key != b.words.Seq.Load() {
			return false, nil
		}
		return false, b.sleep()
	})
}

// TrustTheWakeup takes a return from Wait as proof of what it waited for, and
// does not look again (rule 3: a wake-up is a hint).
func TrustTheWakeup(words *wake.Words, waker wake.Waker, _ wake.Spin) scenario.Bell {
	return newBell(words, waker, func(b *bell, ready func() bool) (bool, error) {
		b.words.Sleeping.Store(1)
		if ready() {
			b.words.Sleeping.Store(0)
			return true, nil
		}
		return true, b.sleep()
	})
}
