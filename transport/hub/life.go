package hub

import (
	"fmt"
	"time"

	"ddc/internal/inuse"
	"ddc/internal/step"
)

// life is how far one end of a link has come on its way to its end. It touches
// no word of shared memory.
//
//	open       reason is nil
//	ending     reason is set, stop is closed   by fail: anybody at this end
//	over       done is closed                  by finish: the pump, which has delivered
//	                                           what there was, and told the peer
//	released   released is closed              by release: Close, after the last use
//
// Senders give up when stop is closed. The pump goes on to deliver what the
// ring still holds, if the reason allows that. dead is set, at any time, once
// the peer's process is known to have ended.
type life struct {
	reason   step.Pointer[error]
	stop     chan struct{}
	done     chan struct{}
	released chan struct{}
	dead     step.Bool
	// uses are the calls that touch what is mapped, or a bell; idle is closed
	// when the last of them has ended. They may nest.
	uses *inuse.Count
	idle <-chan struct{}
}

func newLife() life {
	uses, idle := inuse.NewIdle()
	return life{
		stop: make(chan struct{}), done: make(chan struct{}), released: make(chan struct{}),
		uses: uses, idle: idle,
	}
}

// fail ends the link for a reason; the first one counts.
func (l *life) fail(reason error) {
	if l.reason.CompareAndSwap(nil, &reason) {
		step.At(l.stop)
		close(l.stop)
	}
}

// ending says whether the link has a reason to end.
func (l *life) ending() bool { return l.reason.Load() != nil }

// why is the reason for which the link ends. It is asked after stop was closed.
func (l *life) why() error { return *l.reason.Load() }

// sendError is what a sender is told once stop was closed.
func (l *life) sendError() error { return fmt.Errorf("send: %w", l.why()) }

// err is why, once the pump has ended.
func (l *life) err() error {
	step.Poll(l.done)
	select {
	case <-l.done:
		return l.why()
	default:
		return nil
	}
}

// finish says that the pump will deliver nothing more.
func (l *life) finish() {
	step.At(l.done)
	close(l.done)
}

// letGo says whether this end has released everything.
func (l *life) letGo() bool {
	step.Poll(l.released)
	select {
	case <-l.released:
		return true
	default:
		return false
	}
}

// shut refuses new uses and waits for those under way. It is called once. While
// it waits it calls again, in case a hostile peer keeps a use from learning
// that it is to end: see Link.awaitEnd.
func (l *life) shut(again func()) {
	l.uses.Shut()
	l.uses.Leave()
	insistOn(l.idle, again)
}

// release says that this end has let go of everything.
func (l *life) release() {
	step.At(l.released)
	close(l.released)
}

// insist is the pause of insistOn.
const insist = time.Second

// insistOn waits for ch to be closed, and calls again once a
// second until it is.
func insistOn(ch <-chan struct{}, again func()) {
	step.Recv(ch)
	for {
		select {
		case <-ch:
			return
		case <-time.After(insist):
			again()
		}
	}
}
