package hub

import (
	"context"
	"fmt"
	"runtime"

	"ddc/internal/trace"
	"ddc/transport"
)

// errPeerClosed is the reason of a link whose other end was
// closed in good order.
var errPeerClosed = fmt.Errorf("the other end closed: %w", transport.ErrClosed)

// pump is the goroutine of this end that sleeps on its doorbell
// whenever no caller does so in its place. It never blocks on anything
// else: not on sending, not on a receiver, not on a lock that somebody
// holds while they wait.
func (l *Link) pump() {
	for {
		if err := l.bells.own.Await(context.Background(), l.receiver.ready); err != nil {
			l.life.fail(fmt.Errorf("%s: %w: Bells[%s]: %w", l.name, transport.ErrCorrupt, sides[l.side], err))
			break
		}
		// Asked before the ring is looked at: what the peer pushed before it
		// closed, or died, is then found by this look.
		closed, ending := l.page.Closed[1-l.side].Load(), l.life.ending()
		more, err := l.receiver.look()
		switch {
		case err != nil:
			l.life.fail(fmt.Errorf("%s: %w", l.name, err))
		case closed > 1:
			l.life.fail(fmt.Errorf("%s: %w: Closed[%s] is %#x", l.name, transport.ErrCorrupt, sides[1-l.side], closed))
		case more:
			l.bells.ringCaller()
			// The goroutines that the frames were for run on this processor at
			// once. On another, a thread would have to be woken first.
			runtime.Gosched()
			continue
		case closed != 0 && l.receiver.receive.Load() != nil:
			l.life.fail(fmt.Errorf("%s: %w", l.name, errPeerClosed))
		case !ending:
			continue
		}
		break
	}
	l.receiver.finish()
	l.bells.repayCaller()
	l.page.Notes.Ends[l.side].note(l.name, l.life.why())
	l.sayClosed()
	l.life.finish()
}

// sayClosed tells the peer that nothing more comes. Having the turn, and never
// giving it back, it is the last that this end says. If this ring fails, the
// token that closing the bell leaves wakes the peer (wake.Waker), or else the
// end of this process tells it.
func (l *Link) sayClosed() {
	l.sender.keepTurn()
	l.notes.events.Add(trace.Ended, 0)
	l.page.Closed[l.side].Store(1)
	l.bells.ringPeer()
}
