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

// Await receives in the pump's place until done returns true, ctx is done or
// the link ends. It returns at once where it gains nothing: at the peer's end,
// and while a caller of any link of this hub stands in for its pump already.
//
// It is for a goroutine that waits for one frame and has nothing else to do.
// The peer wakes it directly. Woken by the pump, it would need Go's scheduler
// to wake one more thread, which takes most of the time of a small call. One
// caller at a time stands in, since a goroutine asleep in the kernel keeps its
// processor from others for a while.
//
// The pump sleeps on meanwhile, on a bell of its own, so nothing is handed back
// when the caller goes. A ringer tries the caller's bell first (ringPeer).
func (l *Link) Await(ctx context.Context, done func() bool) {
	if l.bells.standing == nil || !l.bells.standing.CompareAndSwap(false, true) {
		return
	}
	defer l.bells.standing.Store(false)
	if !l.life.uses.Enter() {
		return
	}
	defer l.life.uses.Leave()
	// The sleeper's condition. Whoever delivers a frame, or ends the link, rings this
	// bell afterwards, as the peer does (pairs with: caller-stands).
	ready := func() bool {
		fault.Widen(fault.CallerLeavesSilently)
		return done() || l.receiver.ready()
	}
	for !done() && !l.life.ending() {
		err := l.bells.caller.Await(ctx, ready)
		if errors.Is(err, wake.ErrInVain) {
			_ = l.bells.corrupt(inField("Bells", "caller", err))
		}
		if err != nil || done() || !l.lookInPlace() {
			break
		}
		if !done() {
			runtime.Gosched() // as the pump does, for those whom the frames were for
		}
	}
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
