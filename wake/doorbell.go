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
// The sleeper announces that it is about to sleep, looks once more whether there
// is anything to do, and only then sleeps. The ringer publishes a change, then
// looks whether the sleeper has announced itself. In steps:
//
//	sleeper                                  ringer
//	S1  sleeping = 1                         R1  publish (ring index, slot state, flag)
//	S2  key = seq                            R2  seq = seq + 1
//	S3  ready? then withdraw, return         R3  sleeping 1 -> 0 ? then leave a token
//	S4  seq = key ? then Wait for a token
//
// All are sequentially consistent, so they have one order that both sides
// agree on. Either S1 comes before R3, and then R3 sees the flag and leaves a
// token, which stays until Wait consumes it; or R3 comes before S1, hence R1
// before S3, and then S3 sees the change. There is no third case. That is all
// of the proof, and each step is in it:
//
//   - S3 before S1 (check, then announce) loses the change published between them.
//   - R3 before R1 (ring, then publish) finds the sleeper still awake, or wakes it too early.
//   - S1 or R1 as a plain store may be seen after S3 or R3: each side reads the past. R2 is
//     what orders R1, whatever R1 is.
//   - S2 after S3 would take a ring that came in between for an old one.
//
// Sleeping goes 0 -> 1 by the sleeper alone, 1 -> 0 by whoever gets there first:
// a ringer (by compare-and-swap, and then it owes a token) or the sleeper. Thus
// at most one token is left for each announcement. The sleeper that withdraws
// may find that a ringer was faster: the token that ringer leaves makes a later
// Wait return for no reason, which is allowed.
//
// Tokens are drained by Wait, that is after waking and before the next look,
// never between a look and a sleep. A wake-up is only a hint: whoever was woken
// looks at everything.
//
// # Looking at it
//
// Every word is in shared memory and counts for itself ([Words]). A wake-up is
// lost if, in a snapshot that stays the same, parked is 1, the sleeper's
// condition holds, and the waker has no token pending.
package wake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"ddc/internal/fault"
	"ddc/internal/step"
)

// Doorbell is one process's end of an event count with a waker. One goroutine
// of one process awaits; any goroutine of any process that has an end rings.
type Doorbell struct {
	words *Words
	waker Waker
	spin  spinner

	// closed is set under ending, and read anywhere.
	closed step.Bool
	// watched is the context whose end rings this bell, kept from one Await to the
	// next so that a loop that passes the same context registers it once. The
	// awaiting goroutine alone touches it.
	watched <-chan struct{}
	// ending keeps a context that ends late from ringing a bell whose words may be
	// gone. It guards unwatch.
	ending  step.Mutex
	unwatch func() bool
}

// ErrInVain is returned by Await when the bell was rung a million times in a row
// with nothing to find: no sound ringer does that, and one that means harm would
// keep the sleeper from ever sleeping. Treat the ringer as hostile.
var ErrInVain = errors.New("doorbell is rung again and again for nothing")

// inVain is how many looks in a row may find nothing. A sound ringer publishes
// first, so even one is rare.
const inVain = 1 << 20

// NewDoorbell joins the words of an event count to a waker, which it owns from
// then on. The words must stay mapped until Close and every other call has
// returned; the end of a context touches them no more after Close.
func NewDoorbell(words *Words, waker Waker, spin Spin) *Doorbell {
	return &Doorbell{words: words, waker: waker, spin: newSpinner(spin)}
}

// Ring tells the sleeper to look again. Publish what it is to find before
// calling it. Errors are those of a waker that is closed or broken; the
// sleeper may then not wake.
func (d *Doorbell) Ring() error {
	_, err := d.Wake()
	return err
}

// Wake rings, and says whether somebody was asleep and now has a token. Where
// nobody was, whoever is to be told can be told in another way.
func (d *Doorbell) Wake() (asleep bool, err error) {
	if fault.On(fault.SuppressedDrained) {
		return d.wakeSuppressed()
	}
	d.words.Seq.Add(1)
	// A plain load first: under load nobody sleeps, and a failed compare-and-swap
	// would take the cache line from the sleeper each time.
	if d.words.Sleeping.Load() == 0 || !d.words.Sleeping.CompareAndSwap(1, 0) {
		d.words.Suppressed.Add(1)
		return false, nil
	}
	// The flag is taken: from here on this process owes the token. Should it die
	// before the next line has run, the hub pays (transport/hub, peer death).
	if fault.On(fault.RingerDies) {
		fault.Die()
	}
	if fault.On(fault.EAGAINDropsToken) && d.words.Parked.Load() == 0 {
		return true, nil
	}
	d.words.Sent.Add(1)
	if fault.On(fault.FlagTakenRingFails) && d.words.Sent.Load()%16 == 0 {
		return true, errNoToken
	}
	if err := d.waker.Ring(); err != nil {
		return true, fmt.Errorf("ring doorbell: %w", err)
	}
	return true, nil
}

// Repay leaves a token whatever the flag says: for a ringer that may have taken
// the flag and died before it left the token it then owed. Where nothing was
// owed, the sleeper wakes for no reason, which is allowed.
func (d *Doorbell) Repay() error {
	if fault.On(fault.RingerDies) {
		return d.Ring()
	}
	d.words.Seq.Add(1)
	d.words.Sleeping.Store(0)
	d.words.Sent.Add(1)
	if err := d.waker.Ring(); err != nil {
		return fmt.Errorf("repay doorbell: %w", err)
	}
	return nil
}

// Await returns nil once ready returns true, ctx's error once ctx is done, and
// an error that wraps os.ErrClosed once the doorbell is closed. It calls ready
// whenever it is rung, and for no reason at all; ready must be cheap and is
// called by this goroutine only.
func (d *Doorbell) Await(ctx context.Context, ready func() bool) error {
	if fault.On(fault.SuppressedDrained) {
		return d.awaitSuppressed(ctx, ready)
	}
	if d.spin.wait(ready) {
		return nil
	}
	d.watch(ctx)
	woken := false
	for looks := 0; ; looks++ {
		if looks > inVain {
			d.words.Sleeping.Store(0)
			return ErrInVain
		}
		// On a lone processor whatever else can run goes first: the sleeping thread
		// takes the processor with it for a while (internal/sys says how long). Where
		// there are more, yielding would wake a thread to look for work on another, and
		// make a parked round trip take four times as long; only a sleeper that has
		// just made others runnable gains by it, and yields itself.
		if d.spin.lone {
			runtime.Gosched()
		}
		if looksEarly() && d.looked(ready) {
			return nil
		}
		if fault.On(fault.PlainStore) {
			d.announcePlainly()
		} else {
			d.words.Sleeping.Swap(1) // S1, and no Store: package shm says why
		}
		key := d.words.Seq.Load()                    // S2
		over := d.over(ctx)                          // counts as something to do, so it is asked here
		if over != nil || !looksEarly() && ready() { // S3
			d.words.Sleeping.Store(0) // a token already owed wakes a later Wait in vain
			return over
		}
		if woken {
			d.words.Spurious.Add(1)
			woken = false
		}
		if d.words.Seq.Load() == key { // S4
			fault.Widen(fault.EAGAINDropsToken)
			if err := d.sleep(); err != nil {
				return err
			}
			woken = true
		}
	}
}

func (d *Doorbell) sleep() error {
	if fault.On(fault.PlainStore) {
		d.drainStore()
	}
	d.words.Parked.Store(1)
	if fault.On(fault.DrainAfterCheck) {
		d.drainEarly()
	}
	if fault.On(fault.TimeoutHeals) {
		d.healLater()
	}
	err := d.waker.Wait()
	d.words.Parked.Store(0)
	// Wait may have returned for no reason, with the flag still up. It must come
	// down before the next announcement, lest a ringer that takes it now is not
	// told from one that takes the next.
	d.words.Sleeping.Store(0)
	d.words.Received.Add(1)
	if err != nil && !d.closed.Load() {
		return fmt.Errorf("await doorbell: %w", err)
	}
	return nil
}

// over says why there is nothing left to wait for, or nil.
func (d *Doorbell) over(ctx context.Context) error {
	if d.closed.Load() {
		return fmt.Errorf("await doorbell: %w", os.ErrClosed)
	}
	return step.Err(ctx)
}

// watch makes the end of ctx ring this bell: cancelling is one more change
// that the sleeper is to find, and so needs no mechanism of its own.
func (d *Doorbell) watch(ctx context.Context) {
	done := ctx.Done()
	if done == d.watched {
		return
	}
	d.watched = done
	d.ending.Lock()
	defer d.ending.Unlock()
	d.stopWatching()
	if done != nil && !d.closed.Load() {
		d.unwatch = step.AfterFunc(ctx, d.ended)
	}
}

// ended rings, unless Close was faster.
func (d *Doorbell) ended() {
	fault.Widen(fault.CallerLeavesSilently)
	d.ending.Lock()
	defer d.ending.Unlock()
	if !d.closed.Load() {
		_ = d.Ring()
	}
}

func (d *Doorbell) stopWatching() {
	if d.unwatch != nil {
		d.unwatch()
		d.unwatch = nil
	}
}

// Close makes a waiting Await return and frees the waker. The other process's
// end goes on by itself.
func (d *Doorbell) Close() error {
	d.ending.Lock()
	closed := d.closed.Swap(true)
	d.stopWatching()
	d.ending.Unlock()
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

// Stats is what a doorbell's words have counted, over both its ends.
type Stats struct {
	Rings, Sent, Suppressed, Received, Spurious uint64
}

// Stats reads the counters.
func (d *Doorbell) Stats() Stats {
	sent, suppressed := d.words.Sent.Load(), d.words.Suppressed.Load()
	return Stats{
		Rings:      sent + suppressed,
		Sent:       sent,
		Suppressed: suppressed,
		Received:   d.words.Received.Load(),
		Spurious:   d.words.Spurious.Load(),
	}
}
