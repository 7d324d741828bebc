package hub

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/internal/trace"
	"ddc/transport"
	"ddc/wake"
)

// callers are the goroutines of the host that wait for one frame each. They
// touch no word of shared memory themselves.
//
//	vacant      nobody receives in the pump's place
//	occupied    one caller does                        by Await
//	wanted      another would like to, and the first has had it for long
//
// Only the caller that stands in touches what has no lock of its own: it came
// by bells.standing, which it holds until it goes.
type callers struct {
	since  step.Int64 // when the one that stands in began, by trace's clock
	wanted step.Bool  // it is to go
	// crowd rises when the caller receives for others too, and falls when it
	// does not. Above crowded, many calls are under way, and only each
	// tryEvery-th caller stands in, to find out whether that has changed.
	crowd   int
	skipped int
}

const (
	// longStand is how long a caller may stand in while others would like to.
	// One that waits for 100 ms would else make a pump's work, some 10 us more,
	// of each call that is made meanwhile.
	longStand = 100 * time.Microsecond
	// A single reply to somebody else, such as that of a slow call, changes
	// nothing; five in a row do.
	crowded, mostCrowded = 32, 64
	crowdStep, aloneStep = 8, 1
	tryEvery             = 32
)

// mayStand is asked by the caller that has the place: is it worth while?
//
// Where many calls are under way, frames come for all of them. The caller in
// the pump's place then gets its replies sooner than the others, again and
// again: the busiest tenth of 80 callers made a third of the calls. And each
// time it goes the pump must wake. The pump alone is fair, and wakes once for
// many frames (docs/BENCHMARKS.md).
func (c *callers) mayStand() bool {
	if c.crowd > crowded {
		if c.skipped++; c.skipped < tryEvery {
			return false
		}
		c.skipped = 0
	}
	c.wanted.Store(false)
	c.since.Store(trace.Now())
	return true
}

// stood is told how many frames the caller that goes has received.
func (c *callers) stood(frames uint64) {
	if frames > 1 { // its own, and others
		c.crowd = min(c.crowd+crowdStep, mostCrowded)
	} else {
		c.crowd = max(c.crowd-aloneStep, 0)
	}
}

// claim says whether the caller that stands in has done so for long, and is now
// to be told that it is wanted. One who claims is enough.
func (c *callers) claim() bool {
	return stoodLong(c.since.Load()) && !c.wanted.Load() && !c.wanted.Swap(true)
}

// Await receives in the pump's place until done returns true, ctx is done, the
// link ends, or another caller has a better claim to the place. It returns at
// once where it gains nothing: at the peer's end, while another caller of this
// link stands in, and while many calls are under way.
//
// It is for a goroutine that waits for one frame and has nothing else to do.
// The peer wakes it directly. Woken by the pump, it would need Go's scheduler
// to wake one more thread, which takes most of the time of a small call.
//
// The pump sleeps on meanwhile, on a bell of its own, so nothing is handed back
// when the caller goes. A ringer tries the caller's bell first (ringPeer).
func (l *Link) Await(ctx context.Context, done func() bool) {
	if l.side != HostSide || !l.life.uses.Enter() {
		return
	}
	defer l.life.uses.Leave()
	if l.takePlace() {
		l.standIn(ctx, done)
	}
}

// Ask sends as Fill does, and then awaits as Await does. The caller takes the
// place before the peer is woken, and attends: so a peer that answers before
// this goroutine sleeps, as it does where both share a processor, wakes nobody.
// The pump, which sleeps, it would wake for a frame that the caller is about to
// find.
func (l *Link) Ask(ctx context.Context, h transport.Header, n int, fill func(buf []byte) error, done func() bool) error {
	if !l.life.uses.Enter() {
		return l.life.sendError()
	}
	defer l.life.uses.Leave()
	if err := l.sender.fill(ctx, h, n, fill, rungLater); err != nil {
		return err
	}
	// From here to standIn's look this goroutine must wait for nothing: nobody
	// else may be woken for what comes.
	stands := l.side == HostSide && l.takePlace()
	if stands {
		l.bells.caller.Attend()
	}
	l.sender.ring()
	if stands {
		l.standIn(ctx, done)
	}
	return nil
}

// takePlace makes this goroutine the caller that receives in the pump's place,
// if that is worth while. It then calls standIn.
func (l *Link) takePlace() bool {
	if !l.bells.standing.CompareAndSwap(false, true) {
		if l.callers.claim() {
			l.bells.ring(l.bells.caller)
		}
		return false
	}
	if l.callers.mayStand() {
		return true
	}
	l.bells.standing.Store(false)
	return false
}

// standIn is Await, of the caller that has the place, and gives it up at the
// end.
func (l *Link) standIn(ctx context.Context, done func() bool) {
	defer l.bells.standing.Store(false)
	before := l.receiver.frames.Load()
	// The sleeper's condition. A goroutine that delivers a frame, ends the link
	// or wants the place rings this bell afterwards, as the peer does (pairs
	// with: caller-stands).
	ready := func() bool {
		fault.Widen(fault.CallerLeavesSilently)
		return done() || l.callers.wanted.Load() || l.receiver.ready()
	}
	for !done() && !l.life.ending() {
		err := l.bells.caller.Await(ctx, ready)
		if errors.Is(err, wake.ErrInVain) {
			_ = l.bells.corrupt(inField("Bells", "caller", err))
		}
		if err != nil || done() || l.callers.wanted.Load() || !l.lookInPlace() {
			break
		}
		// The bell asks for the end of ctx only before it sleeps, and frames
		// for others may come without a gap.
		if done() || step.Err(ctx) != nil {
			break
		}
		runtime.Gosched() // as the pump does, for those whom the frames were for
	}
	l.callers.stood(l.receiver.frames.Load() - before)
	l.bells.caller.Withdraw() // it may not have come to await
	// pairs with: caller-leaves. A ringer that took this bell's flag has told
	// nobody else. What it published was there before the flag came down, so
	// this look sees it.
	if !fault.On(fault.CallerLeavesSilently) && l.receiver.ready() {
		l.bells.ring(l.bells.own)
	}
}

// lookInPlace is the caller's look. Whatever ends the link is left to the pump.
func (l *Link) lookInPlace() (more bool) {
	more, err := l.receiver.look()
	if err != nil {
		l.life.fail(fmt.Errorf("%s: %w", l.name, err))
		l.bells.wakeSelf()
		return false
	}
	return more
}

var _ transport.Awaiter = (*Link)(nil)
