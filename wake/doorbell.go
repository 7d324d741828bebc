// Package wake is the protocol by which one process wakes another without ever
// losing a wake-up: a [Doorbell] is an event count in shared memory joined to a
// [Waker], the primitive that sleeps. The primitives are in the folders below,
// one each; the protocol is here, once.
//
// The sleeping side hands over the question it waits for an answer to; the
// ringing side publishes first and rings second:
//
//	err := bell.Await(ctx, func() bool { return ring.Len() > 0 })
//
//	ring.Push(frame)
//	err := bell.Ring()
//
// A ring that finds nobody asleep costs one atomic addition and one load, and
// no system call.
//
// # The protocol
//
// The sleeper announces that it is about to sleep, looks once more whether
// there is anything to do, and only then sleeps. The ringer publishes a change,
// then looks whether the sleeper has announced itself. In steps, each of which
// is a method of that name in steps.go:
//
//	sleeper                                     ringer
//	S1  announce   sleeping = 1                 R1  publish     ring index, slot state, flag
//	S2  last look  ready? then S4, return       R2  count       seq = seq + 1
//	S3  park       Wait for a token             R3  take flag   sleeping 1 -> 0, if it is 1
//	S4  withdraw   sleeping = 0, look again     R4  leave token if R3 took the flag
//
// All are sequentially consistent, so they have one order that both sides
// agree on. Either S1 comes before R3, and then R3 takes the flag and R4 leaves
// a token, which stays until S3 consumes it; or R3 comes before S1, hence R1
// before S2, and then S2 sees the change. There is no third case. That is all
// of the proof, and each step is in it:
//
//   - S2 before S1 (check, then announce) loses the change published between
//     them.
//   - R3 before R1 (ring, then publish) finds the sleeper still awake, or wakes
//     it too early.
//   - S1 or R1 as a plain store may be seen after S2 or R3: each side reads the
//     past. R2 orders R1, whatever R1 is.
//   - R4 left out, or dropped because S3 has not begun, leaves a sleeper whose
//     flag is down: no later ringer will wake it.
//
// Other event counts read seq between S1 and S2, and do not sleep in S3 if it
// has changed since. That is for primitives that compare a word instead of
// keeping a token. Here the token is kept, so the look is not needed: explorer
// and suite find the same without it.
//
// Sleeping goes 0 -> 1 by the sleeper alone, 1 -> 0 by the first to get there:
// a ringer (by compare-and-swap, and then it owes a token) or the sleeper. Thus
// at most one token is left for each announcement. The sleeper that withdraws
// may find that a ringer was faster: the token that ringer leaves makes a later
// Wait return for no reason, which is allowed.
//
// A sleeper that is awake may attend (S0, sleeping = 2): it says that it will
// look before it sleeps, or that it will withdraw and then look. A ringer that
// reads 2 after R2 comes before the step that ends it, S1 or S4, and so R1
// comes before the look that follows that step. No token is left, since nobody
// sleeps; and a ringer that could ring somebody else instead need not
// (Attended).
//
// Tokens are drained by Wait, that is after waking and before the next look,
// never between a look and a sleep. A wake-up is only a hint: the sleeper looks
// at everything, whatever rang.
//
// # Looking at it
//
// Every word is in shared memory and counts for itself ([Words]). [Sleeper]
// says from outside whether a wake-up was lost.
package wake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"ddc/internal/step"
)

// Doorbell is one process's end of an event count with a waker. One goroutine
// of one process awaits; any goroutine of any process that has an end rings.
type Doorbell struct {
	sound // the protocol's steps
	spin  spinner

	// closed is set under closing, and read anywhere.
	closed step.Bool
	// watched is the context that was last awaited, and keeps says that its end
	// rings this bell after Await too (watch). The awaiting goroutine alone
	// touches them.
	watched <-chan struct{}
	keeps   bool
	// closing keeps a context that ends late from ringing a bell whose words
	// may be gone. It guards unwatch.
	closing step.Mutex
	unwatch func() bool
}

// ErrInVain is returned by Await when the bell was rung a million times in a
// row with nothing to find: no sound ringer does that, and one that means harm
// would keep the sleeper from ever sleeping. Treat the ringer as hostile.
var ErrInVain = errors.New("doorbell is rung again and again for nothing")

// inVain is how many looks in a row may find nothing. A sound ringer publishes
// first, so even one is rare.
const inVain = 1 << 20

// NewDoorbell joins the words of an event count to a waker, which it owns from
// then on. The words must stay mapped until Close and every other call has
// returned; the end of a context touches them no more after Close.
func NewDoorbell(words *Words, waker Waker, spin Spin) *Doorbell {
	d := &Doorbell{sound: sound{words: words, waker: waker}}
	d.spin.init(spin)
	return d
}

// Ring tells the sleeper to look again. Publish what it is to find before
// calling it. Errors are those of a waker that is closed or broken; the
// sleeper may then not wake.
func (d *Doorbell) Ring() error {
	_, err := d.Wake()
	return err
}

// Wake rings, and says whether somebody was asleep and now has a token. If it
// returns false, no token was left; the caller may notify someone else.
func (d *Doorbell) Wake() (asleep bool, err error) {
	d.count()          // R2
	if !d.takeFlag() { // R3
		d.words.Suppressed.Add(1)
		return false, nil
	}
	// This process owes the token from here on. Should it die before the next
	// line has run, the hub pays (transport/hub, peer death).
	if err := d.leaveToken(); err != nil { // R4
		return true, fmt.Errorf("ring doorbell: %w", err)
	}
	return true, nil
}

// Attend says that the caller is about to Await, and will not wait for anything
// else before. It holds until Await returns, or Withdraw is called; the caller
// looks once more after that.
func (d *Doorbell) Attend() { d.attend() }

// Withdraw ends Attend if no Await has followed it. Only the sleeper sets the
// word so; if it is not, there is nothing to end.
func (d *Doorbell) Withdraw() {
	if d.attended() {
		d.withdraw() // S4
	}
}

// Attended says whether the sleeper is awake and will look: at everything that
// was published before a ring that came before this question.
func (d *Doorbell) Attended() bool { return d.attended() }

// Repay leaves a token whatever the flag says: for a ringer that may have taken
// the flag and died before it left the token it then owed. If nothing was owed,
// the sleeper wakes for no reason, which is allowed.
func (d *Doorbell) Repay() error {
	if err := d.repay(); err != nil {
		return fmt.Errorf("repay doorbell: %w", err)
	}
	return nil
}

// Await returns nil once ready returns true, ctx's error once ctx is done, and
// an error that wraps os.ErrClosed once the doorbell is closed. It calls ready
// whenever it is rung, and for no reason at all; ready must be cheap and is
// called by this goroutine only.
func (d *Doorbell) Await(ctx context.Context, ready func() bool) error {
	if d.spin.wait(ready) {
		d.Withdraw()
		return nil
	}
	d.watch(ctx)
	defer d.watchNoMore()
	for looks := range inVain {
		d.letOthersRun()
		d.announce() // S1
		// The end of ctx and of the bell are changes to be
		// found, like any other.
		over := d.over(ctx)
		if over != nil || d.lastLook(ready) { // S2
			d.withdraw() // S4; a token already owed wakes a later Wait in vain
			return over
		}
		if looks > 0 {
			d.words.Spurious.Add(1)
		}
		err := d.park() // S3
		d.withdraw()    // S4
		if err != nil && !d.closed.Load() {
			return fmt.Errorf("await doorbell: %w", err)
		}
	}
	return ErrInVain
}

// Expect tells the sleeper that the other side is awake, so that what the
// sleeper waits for may be near: a hint whether to spin. Any goroutine of this
// process may give it, and none need be.
func (d *Doorbell) Expect() {
	if !d.spin.awake.Load() {
		d.spin.awake.Store(true)
	}
}

// letOthersRun yields on a lone processor, where the sleeping thread takes the
// processor with it for a while (internal/sys says how long). Where there are
// more, yielding would wake a thread to look for work on another, and make a
// parked round trip take four times as long; only a sleeper that has just made
// others runnable gains by it, and yields itself.
func (d *Doorbell) letOthersRun() {
	if d.spin.lone {
		runtime.Gosched()
	}
}

// over says why there is nothing left to wait for, or nil.
func (d *Doorbell) over(ctx context.Context) error {
	if d.closed.Load() {
		return fmt.Errorf("await doorbell: %w", os.ErrClosed)
	}
	return step.Err(ctx)
}

// Close makes a waiting Await return and frees the waker. The other process's
// end goes on by itself.
func (d *Doorbell) Close() error {
	d.closing.Lock()
	closed := d.closed.Swap(true)
	d.stopWatching()
	d.closing.Unlock()
	if closed {
		return nil
	}
	if err := d.waker.Close(); err != nil {
		return fmt.Errorf("close doorbell: %w", err)
	}
	return nil
}

// Pending says whether a token waits to be consumed.
func (d *Doorbell) Pending() (bool, error) { return d.waker.Pending() }

// Stats reads the counters.
func (d *Doorbell) Stats() Stats { return d.words.State().Stats }
