//go:build ddcfault

package wake

import (
	"errors"
	"time"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/shm"
)

// errNoToken is what a ring says that took the flag and left no token.
var errNoToken = errors.New("ring doorbell: no memory for a token")

// announce may leave the announcement in the processor's store buffer, or be
// left to a look that comes first.
func (d *Doorbell) announce() {
	switch {
	case fault.On(fault.SuppressedDrained): // the notifiers' state says it
	case looksEarly(): // lastLook does it
	case fault.On(fault.AttendsUnannounced) && d.attended(): // the word is not 0
	case fault.On(fault.PlainStore):
		d.announcePlainly()
	default:
		d.sound.announce()
	}
}

func (d *Doorbell) withdraw() {
	if !fault.On(fault.SuppressedDrained) {
		d.sound.withdraw()
	}
}

// lastLook may come before the announcement instead of after it.
func (d *Doorbell) lastLook(ready func() bool) bool {
	found := d.sound.lastLook(ready)
	if looksEarly() && !found {
		fault.Widen(fault.CheckBeforeAnnounce)
		fault.Widen(fault.TimeoutHeals)
		d.sound.announce()
	}
	return found
}

func looksEarly() bool { return fault.On(fault.CheckBeforeAnnounce) || fault.On(fault.TimeoutHeals) }

// park may throw tokens away first, or sleep by the clock.
func (d *Doorbell) park() error {
	fault.Widen(fault.EAGAINDropsToken)
	if fault.On(fault.PlainStore) {
		d.drainStore()
	}
	if fault.On(fault.DrainAfterCheck) {
		d.drainEarly()
	}
	if fault.On(fault.TimeoutHeals) {
		d.healLater()
	}
	if fault.On(fault.SuppressedDrained) {
		return d.parkSuppressed()
	}
	return d.sound.park()
}

// takeFlag may be a suppression with three states.
func (d *Doorbell) takeFlag() bool {
	if fault.On(fault.SuppressedDrained) {
		return d.words.Sleeping.CompareAndSwap(idle, pending) || d.words.Sleeping.Load() != notified
	}
	return d.sound.takeFlag()
}

// leaveToken may leave none.
func (d *Doorbell) leaveToken() error {
	if fault.On(fault.RingerDies) {
		fault.Die()
	}
	if fault.On(fault.EAGAINDropsToken) && d.words.Parked.Load() == 0 {
		return nil
	}
	if fault.On(fault.FlagTakenRingFails) && (d.words.Sent.Load()+1)%16 == 0 {
		d.words.Sent.Add(1)
		return errNoToken
	}
	err := d.sound.leaveToken()
	if fault.On(fault.SuppressedDrained) {
		fault.Widen(fault.SuppressedDrained)
		d.words.Sleeping.CompareAndSwap(pending, notified)
	}
	return err
}

// repay may trust the flag.
func (d *Doorbell) repay() error {
	if fault.On(fault.RingerDies) {
		return d.Ring()
	}
	return d.sound.repay()
}

// announcePlainly announces the sleeper by an ordinary store, which the
// processor may keep to itself until its next fence: the sleeper's look may
// come first. Where the window is wide, it does.
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
		d.closing.Lock()
		defer d.closing.Unlock()
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
//
// iceoryx2's notifier and listener are the model.
const (
	idle uint32 = iota
	pending
	_ // attending
	notified
)

// parkSuppressed sets the state back to idle first, and then drains the tokens,
// with what was left in between.
func (d *Doorbell) parkSuppressed() error {
	var err error
	if !d.words.Sleeping.CompareAndSwap(notified, idle) {
		err = d.sound.park()
		d.words.Sleeping.Store(idle)
	}
	fault.Widen(fault.SuppressedDrained)
	if pending, _ := d.waker.Pending(); pending {
		_ = d.waker.Wait()
	}
	return err
}
