package hub

import (
	"fmt"

	"ddc/transport"
)

// PeerDied tells the link that its peer's process has ended. Frames that the
// peer sent before are delivered, then the link ends with
// [transport.ErrPeerDead]. At the host's end every slot that the dead had is
// free when PeerDied returns, and its place can be offered again once Close
// was called. It must not be called on the pump.
func (l *Link) PeerDied(cause error) {
	l.life.dead.Store(true)
	err := fmt.Errorf("%s: %w", l.name, transport.ErrPeerDead)
	if cause != nil {
		err = fmt.Errorf("%s: %w: %w", l.name, transport.ErrPeerDead, cause)
	}
	l.life.fail(err)
	// The peer may have died between taking this end's flag and
	// leaving the token.
	l.awaitEnd()
	l.slots.bury()
}

// awaitEnd wakes the pump, which then finds that the link ends, and waits until
// it has. Among sound peers once is enough. Another peer of the hub that writes
// where it must not may take the token back, and must not keep this process
// from ending a link for it. So the pump is woken again, until it has ended. No
// other wait is like this one.
func (l *Link) awaitEnd() {
	l.bells.wakeSelf()
	insistOn(l.life.done, l.bells.wakeSelf)
}

// Close ends the link in good order. Lost is only what the peer had sent and
// this end had not yet received.
func (l *Link) Close() error {
	var err error
	l.closed.Do(func() { err = l.close() })
	if err != nil {
		return fmt.Errorf("close link to %s: %w", l.name, err)
	}
	return nil
}

func (l *Link) close() error {
	l.life.fail(fmt.Errorf("%s: %w", l.name, transport.ErrClosed))
	l.awaitEnd()
	soFar := l.count()
	l.final.Store(&soFar) // for those who come too late, and must not wait for the last use
	l.life.shut(func() { _ = l.bells.caller.Repay() })
	inAll := l.count()
	l.final.Store(&inAll)
	err := l.bells.close()
	l.life.release()
	l.segment.Release()
	return err
}

// gone says whether neither end will touch the link's place again. An end that
// has said that it is closed may still be about to ring. The caller has Hub.mu.
func (l *Link) gone() bool {
	return l.life.letGo() && (l.life.dead.Load() || l.pair != nil && l.pair.life.letGo())
}

// ownsSlots says whether a slot with this link for owner may be somebody's. The
// caller has Hub.mu.
func (l *Link) ownsSlots() bool {
	return !l.gone() || l.slots.leases.Load() > 0 || l.pair != nil && l.pair.slots.leases.Load() > 0
}
