package hub

import (
	"context"
	"fmt"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/ring"
	"ddc/slot"
	"ddc/transport"
)

// slots are the payload slots of the hub, as one end of a link uses them. They
// touch, of shared memory:
//
//	the pool      each slot's word, as package slot says who may move it
//	SlotWaiters   a bit for each party: set by the party that begins to wait,
//	              taken all together by the host, who tells everybody
//
// A slot that this end fills goes free, filling, sent; one that it receives
// goes sent, held, free. A waiter announces itself, looks for a slot once more,
// and only then waits. An end that frees a slot looks for waiters afterwards
// (pairs with: slot-waiters).
type slots struct {
	*end
	life  *life
	bells *bells
	notes *notes
	// relay tells every party that waits for a slot that one came free. At the
	// peer's end, in a process of its own, it is nil: the host is asked to.
	relay func()
	// freed wakes this end's senders that wait for a slot.
	freed broadcast
	// leases are the slots of the peer's that this process reads: delivered,
	// and not yet given back. What a dead peer's place may lose depends on
	// whether there are any, so it is a step.
	leases step.Int64
}

// party is this end, as the pool numbers owners.
func (s *slots) party() int { return party(s.place, s.side) }

// alloc takes a slot for n bytes, if one that holds them is free.
func (s *slots) alloc(n int) (slot.Ref, bool) { return s.view.pool.Alloc(s.party(), n) }

// allocPiece takes a slot for (a part of) size bytes, and waits for one where
// none is free.
//
// The announcement comes first and then a second look, as in wake.Doorbell: a
// slot that was freed before its freer could see the announcement is found by
// that look (pairs with: slot-waiters). Each wait announces anew, since the
// host takes all announcements at once.
func (s *slots) allocPiece(ctx context.Context, size int) (slot.Ref, error) {
	if fault.Enabled && fault.On(fault.SlotAnnouncedOnce) {
		return s.allocAnnouncedOnce(ctx, size)
	}
	for {
		if ref, ok := s.view.pool.AllocPiece(s.party(), size); ok {
			return ref, nil
		}
		freed := s.freed.wait()
		s.view.header.SlotWaiters.Or(1 << s.party())
		if ref, ok := s.view.pool.AllocPiece(s.party(), size); ok {
			return ref, nil
		}
		if err := s.awaitSlot(ctx, freed); err != nil {
			return 0, err
		}
	}
}

func (s *slots) awaitSlot(ctx context.Context, freed <-chan struct{}) error {
	s.bells.flood.calm()
	s.notes.slotWait()
	defer s.notes.slotCame()
	freed, over, stop := step.RecvAny(freed, ctx.Done(), s.life.stop)
	select {
	case <-freed:
		return nil
	case <-over:
		return fmt.Errorf("send to %s: wait for a slot: %w", s.name, ctx.Err())
	case <-stop:
		return s.life.sendError()
	}
}

// accept takes over the slot that a descriptor names, if the peer sent it.
func (s *slots) accept(d *ring.Descriptor) (reference, error) {
	r := decodeReference(d)
	if err := s.view.pool.Accept(r.ref, party(s.place, 1-s.side)); err != nil {
		return r, fmt.Errorf("%w: descriptor: %w", transport.ErrCorrupt, err)
	}
	if size := len(s.view.pool.Bytes(r.ref)); r.length < 1 || r.length > size {
		s.free(r.ref)
		return r, fmt.Errorf("%w: descriptor: %d bytes in a slot of %d", transport.ErrCorrupt, r.length, size)
	}
	return r, nil
}

// lease gives the payload of an accepted slot, which is held, and the memory
// with it, until ReleaseLease.
func (s *slots) lease(r reference) ([]byte, error) {
	// The payload may be kept for longer than this link lives.
	if err := s.segment.Hold(); err != nil {
		s.free(r.ref)
		return nil, err
	}
	payload := s.view.pool.Bytes(r.ref)[:r.length:r.length]
	step.Read(payload)
	s.leases.Add(1)
	return payload, nil
}

var _ transport.LeaseOwner = (*slots)(nil)

// ReleaseLease frees a slot that a receiver kept, and tells those
// who wait for one.
func (s *slots) ReleaseLease(token uint64) {
	s.free(slot.Ref(token))
	s.leases.Add(-1)
	s.segment.Release()
}

// free frees a slot, and tells those who wait for one.
func (s *slots) free(ref slot.Ref) {
	s.view.pool.Free(ref)
	if fault.On(fault.NoRingOnSlot) {
		return
	}
	if fault.On(fault.SlotWaitersOwnPeer) {
		s.offerHere()
		return
	}
	// pairs with: slot-waiters. Free comes before this look, as the
	// announcement comes before the waiter's second look for a slot: one of the
	// two sees the other.
	if s.view.header.SlotWaiters.Load() == 0 {
		return
	}
	if s.relay != nil {
		s.relay()
		return
	}
	s.bells.signal(HostSide, signalRelay)
}

// cameFree tells the waiters that a signal is for that a slot came free.
func (s *slots) cameFree(bits uint32) {
	if bits&signalSlot != 0 {
		s.freed.wake()
	}
	if bits&signalRelay != 0 && s.relay != nil {
		s.relay()
	}
}

// reap frees the slots of a link whose ends are both done with it: also those
// that the dead peer had accepted, but not those that this process still reads.
func (s *slots) reap() {
	if s.side != HostSide || s.segment.Hold() != nil {
		return
	}
	defer s.segment.Release()
	pool, host, peer := s.view.pool, party(s.place, HostSide), party(s.place, PeerSide)
	if !s.life.dead.Load() {
		pool.Reclaim(peer, slot.Sent)
		pool.Reclaim(host, slot.Sent)
		return
	}
	states := []slot.State{slot.Filling, slot.Sent}
	if s.leases.Load() == 0 {
		states = append(states, slot.Held) // nobody holds it, whatever the word says
	}
	pool.Reclaim(peer, states...)
	states = []slot.State{slot.Sent, slot.Held}
	if s.life.letGo() {
		states = append(states, slot.Filling) // no sender of this end is at work any more
	}
	pool.Reclaim(host, states...)
}

// bury frees what a dead peer had, and tells those who wait for a slot.
func (s *slots) bury() {
	s.reap()
	if s.relay != nil {
		s.relay()
	}
}

// broadcast wakes everyone who waits.
type broadcast struct {
	mu step.Mutex
	ch chan struct{}
}

func newBroadcast() broadcast { return broadcast{ch: make(chan struct{})} }

// wait gives a channel that the next wake closes.
func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ch
}

func (b *broadcast) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	step.At(b.ch)
	close(b.ch)
	b.ch = make(chan struct{})
}
