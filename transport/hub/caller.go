package hub

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"ddc/internal/fault"
	"ddc/transport"
	"ddc/wake"
)

// Await receives in the pump's place until done returns true, ctx is done or the
// link ends. It returns at once where a pump does as well: at the peer's end, and
// while a caller of any link of this hub stands in for its pump already.
//
// It is there for the goroutine that waits for one frame and has nothing else to
// do. Woken by the peer itself, it spares its process the step from the pump to
// it, for which Go's scheduler wakes one more thread: most of the time of a small
// call. One at a time, since a goroutine asleep in the kernel keeps its processor
// from others for a while.
//
// The pump sleeps all the time, on a bell of its own, and so nothing has to be
// handed back when the caller goes. A ringer tries the caller's bell first
// (ringPeer).
func (l *Link) Await(ctx context.Context, done func() bool) {
	if l.standing == nil || !l.standing.CompareAndSwap(false, true) {
		return
	}
	defer l.standing.Store(false)
	if !l.uses.enter() {
		return
	}
	defer l.uses.leave()
	// The sleeper's condition. Whoever delivers a frame, or ends the link, rings this
	// bell afterwards, as the peer does (pairs with: caller-stands).
	ready := func() bool {
		fault.Widen(fault.CallerLeavesSilently)
		return done() || l.ready()
	}
	for !done() && !l.ending() {
		err := l.caller.Await(ctx, ready)
		if errors.Is(err, wake.ErrInVain) {
			_ = l.corrupt(inField("Bells", "caller", err))
		}
		if err != nil || done() || !l.lookInPlace() {
			break
		}
		if !done() {
			runtime.Gosched() // as the pump does, for those whom the frames were for
		}
	}
	// pairs with: caller-leaves. A ringer that took this bell's flag has told nobody
	// else. What it published was there before the flag came down, so this look sees it.
	if !fault.On(fault.CallerLeavesSilently) && l.ready() {
		l.ring(l.bell)
	}
}

// lookInPlace is the caller's look. Whatever ends the link is left to the pump.
func (l *Link) lookInPlace() (more bool) {
	more, err := l.look()
	if err != nil {
		l.fail(fmt.Errorf("%s: %w", l.name, err))
		l.wakeSelf()
		return false
	}
	return more
}

// ringCaller tells the caller that the pump has delivered frames: its own may be
// among them. They were delivered before this look at standing, and who stands
// looks for them after having set it (pairs with: caller-stands).
func (l *Link) ringCaller() {
	if l.standing != nil && l.standing.Load() {
		l.ring(l.caller)
	}
}

// repayCaller makes the caller look again, whatever became of its flag
// (pairs with: caller-stands).
func (l *Link) repayCaller() {
	if l.standing != nil && l.standing.Load() {
		_ = l.caller.Repay()
	}
}

var _ transport.Awaiter = (*Link)(nil)
