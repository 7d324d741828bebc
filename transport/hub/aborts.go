package hub

import (
	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/ring"
	"ddc/transport"
)

// aborts are the payloads in pieces that a sender has given up, whose abort is
// still to be sent. Any sender adds one; the sender that has the turn sends
// them.
type aborts struct {
	mu     step.Mutex
	groups []uint32
	count  step.Int32 // len(groups), so that a push need not lock where there are none
}

func (a *aborts) add(group uint32) {
	a.mu.Lock()
	a.groups = append(a.groups, group)
	a.count.Add(1)
	a.mu.Unlock()
}

// push pushes them, and says whether there is none left.
func (a *aborts) push(producer *ring.Producer) (none bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.groups) > 0 {
		var d ring.Descriptor
		encodeReference(&d, transport.Header{}, kindAbort, reference{group: a.groups[0]})
		if ok, err := producer.TryPush(&d); !ok || err != nil {
			return false, err
		}
		a.groups = a.groups[1:]
		a.count.Add(-1)
	}
	return true, nil
}

// abort makes the receiver forget the pieces it has of a group. The sender's
// context is over, so nothing is waited for: where somebody else has the turn,
// or the ring is full, the next push sends the abort first. A link that never
// sends again keeps the receiver's pieces until it ends.
func (s *sender) abort(group uint32) {
	s.aborts.add(group)
	step.At(s.turn)
	select {
	case s.turn <- struct{}{}:
		_, _ = s.flushAborts() // if the ring is broken, the next push finds it so
		s.giveTurn()
	default:
	}
}

// flushAborts pushes the aborts that wait, and says whether there is none left.
// It rings for those it pushed. The push that follows may find no room behind
// them, and would then wait for a receiver that nobody has woken. The caller
// has the turn.
func (s *sender) flushAborts() (none bool, err error) {
	if s.aborts.count.Load() == 0 {
		return true, nil
	}
	if fault.On(fault.AbortFillsRing) {
		return s.aborts.push(s.producer)
	}
	defer s.bells.ringPeer()
	return s.aborts.push(s.producer)
}
