//go:build ddcfault

package wake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/shm"
)

// errNoToken is what a ring says that took the flag and left no token.
var errNoToken = errors.New("ring doorbell: no memory for a token")

// looksEarly says that the sleeper looks before it announces itself, and not
// after.
func looksEarly() bool {
	return fault.On(fault.CheckBeforeAnnounce) || fault.On(fault.TimeoutHeals)
}

// looked is that look.
func (d *Doorbell) looked(ready func() bool) bool {
	if ready() {
		return true
	}
	fault.Widen(fault.CheckBeforeAnnounce)
	fault.Widen(fault.TimeoutHeals)
	return false
}

// announcePlainly announces the sleeper by an ordinary store, which the processor
// may keep to itself until its next fence: the sleeper's look may come first. Where the
// window is wide, it does.
func (d *Doorbell) announcePlainly() {
	if !fault.Wide(fault.PlainStore) {
		shm.PlainStore(&d.words.Sleeping, 1)
	}
}

// drainStore is that fence: what sleeping brings with it, at the latest.
func (d *Doorbell) drainStore() {
	if fault.Wide(fault.PlainStore) {
		fault.Widen(fault.PlainStore)
		d.words.Sleeping.Store(1)
	}
}

// drainEarly throws away the tokens that it finds, to start clean.
func (d *Doorbell) drainEarly() {
	fault.Widen(fault.DrainAfterCheck)
	if pending, _ := d.waker.Pending(); pending {
		_ = d.waker.Wait()
	}
}

// healingPoll is how long a sleeper sleeps on although it should not.
const healingPoll = 100 * time.Millisecond

// healLater makes the sleeper look again, whether somebody rings or not.
func (d *Doorbell) healLater() {
	received := d.words.Received.Load()
	step.Later(healingPoll, func() {
		d.ending.Lock()
		defer d.ending.Unlock()
		if !d.closed.Load() && d.words.Received.Load() == received {
			_ = d.waker.Ring()
		}
	})
}

// The states of a suppression with three, in the word that is otherwise the
// sleeper's flag:
//
//	idle -> pending       by a notifier, who then leaves a token
//	pending -> notified   by that notifier; those who come now leave none
//	any -> idle           by the sleeper, before it drains
const (
	idle uint32 = iota
	pending
	notified
)

// wakeSuppressed rings as iceoryx2's notifier does.
func (d *Doorbell) wakeSuppressed() (asleep bool, err error) {
	d.words.Seq.Add(1)
	if !d.words.Sleeping.CompareAndSwap(idle, pending) && d.words.Sleeping.Load() == notified {
		d.words.Suppressed.Add(1)
		return false, nil
	}
	d.words.Sent.Add(1)
	if err := d.waker.Ring(); err != nil {
		return true, fmt.Errorf("ring doorbell: %w", err)
	}
	fault.Widen(fault.SuppressedDrained)
	d.words.Sleeping.CompareAndSwap(pending, notified)
	return true, nil
}

// awaitSuppressed waits as its listener does: the state goes back to idle first,
// and then the tokens are drained, with what was left in between.
func (d *Doorbell) awaitSuppressed(ctx context.Context, ready func() bool) error {
	d.watch(ctx)
	for {
		if over := d.over(ctx); over != nil || ready() {
			return over
		}
		var err error
		if !d.words.Sleeping.CompareAndSwap(notified, idle) {
			d.words.Parked.Store(1)
			err = d.waker.Wait()
			d.words.Parked.Store(0)
			d.words.Received.Add(1)
			d.words.Sleeping.Store(idle)
		}
		fault.Widen(fault.SuppressedDrained)
		if pending, _ := d.waker.Pending(); pending {
			_ = d.waker.Wait()
		}
		if err != nil && !d.closed.Load() {
			return fmt.Errorf("await doorbell: %w", err)
		}
	}
}
