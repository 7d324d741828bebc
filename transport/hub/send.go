package hub

import (
	"context"
	"fmt"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/ring"
	"ddc/slot"
	"ddc/transport"
	"ddc/wake"
)

// Send sends a copy of payload.
func (l *Link) Send(ctx context.Context, h transport.Header, payload []byte) error {
	if len(payload) > inlineMax {
		return l.Fill(ctx, h, len(payload), func(buf []byte) error {
			copy(buf, payload)
			return nil
		})
	}
	var d ring.Descriptor
	encodeInline(&d, h, len(payload))
	copy(d[inlineAt:], payload)
	if !l.uses.enter() {
		return l.sendError()
	}
	defer l.uses.leave()
	return l.push(ctx, &d, len(payload))
}

// Fill sends what fill writes: into the descriptor where that is large enough,
// else into a slot; into a buffer of this process only where the payload is
// larger than any slot, or no slot that holds it is free.
func (l *Link) Fill(ctx context.Context, h transport.Header, n int, fill func([]byte) error) error {
	if n < 0 || n > transport.MaxPayload {
		return fmt.Errorf("send to %s: %w: %d bytes, at most %d", l.name, transport.ErrTooLarge, n, transport.MaxPayload)
	}
	if !l.uses.enter() {
		return l.sendError()
	}
	defer l.uses.leave()
	if n <= inlineMax {
		var d ring.Descriptor
		encodeInline(&d, h, n)
		if err := fill(d[inlineAt : inlineAt+n : inlineAt+n]); err != nil {
			return err
		}
		return l.push(ctx, &d, n)
	}
	if ref, ok := l.view.pool.Alloc(l.party(), n); ok {
		payload := l.view.pool.Bytes(ref)[:n:n]
		step.Write(payload)
		if err := fill(payload); err != nil {
			l.free(ref)
			return err
		}
		return l.pushSlot(ctx, h, kindSlot, reference{ref: ref, length: n})
	}
	if fault.Enabled && fault.On(fault.ReplyDropped) && l.side == PeerSide {
		return fmt.Errorf("send to %s: %w: no slot for %d bytes", l.name, transport.ErrTooLarge, n)
	}
	buf := make([]byte, n)
	if err := fill(buf); err != nil {
		return err
	}
	return l.sendPieces(ctx, h, buf)
}

func (l *Link) party() int { return party(l.peer, l.side) }

// pushSlot hands a filled slot over. If that fails the slot is free again.
func (l *Link) pushSlot(ctx context.Context, h transport.Header, kind uint8, r reference) error {
	if err := l.view.pool.Send(r.ref); err != nil {
		return l.corrupt(err)
	}
	var d ring.Descriptor
	encodeReference(&d, h, kind, r)
	if err := l.push(ctx, &d, r.length); err != nil {
		l.free(r.ref)
		return err
	}
	return nil
}

// sendPieces sends a payload in as many slots as it takes. Pieces of one payload
// are in order, and other frames may come between them.
func (l *Link) sendPieces(ctx context.Context, h transport.Header, payload []byte) error {
	r := reference{group: l.group.Add(1), total: uint64(len(payload))}
	for sent := 0; sent < len(payload); sent += r.length {
		var err error
		if r.ref, err = l.allocPiece(ctx, len(payload)-sent); err == nil {
			buf := l.view.pool.Bytes(r.ref)
			r.length = min(len(buf), len(payload)-sent)
			step.Write(buf[:r.length])
			copy(buf, payload[sent:sent+r.length])
			kind := uint8(kindPiece)
			if sent+r.length == len(payload) {
				kind = kindLast
			}
			err = l.pushSlot(ctx, h, kind, r)
		}
		if err != nil {
			if sent > 0 {
				l.abort(r.group)
			}
			return err
		}
	}
	return nil
}

// aborts are the groups given up whose abort is still to be sent.
type aborts struct {
	mu     step.Mutex
	groups []uint32
	count  step.Int32 // len(groups), so that a push need not lock where there are none
}

// abort makes the receiver forget the pieces it has of a group. The sender's
// context is over, so nothing is waited for: where somebody else has the turn,
// or the ring is full, the next push sends the abort first. A link that never
// sends again keeps the receiver's pieces until it ends.
func (l *Link) abort(group uint32) {
	l.aborts.mu.Lock()
	l.aborts.groups = append(l.aborts.groups, group)
	l.aborts.count.Add(1)
	l.aborts.mu.Unlock()
	step.At(l.turn)
	select {
	case l.turn <- struct{}{}:
		_, _ = l.flushAborts() // what ails the ring the next push will tell
		l.giveTurn()
	default:
	}
}

// flushAborts pushes the aborts that wait, and says whether there is none left.
// It rings for those it pushed, since the push that it is made for may find no
// room behind them, and would wait for a receiver that nobody has woken. The
// caller holds the turn.
func (l *Link) flushAborts() (none bool, err error) {
	if l.aborts.count.Load() == 0 {
		return true, nil
	}
	if fault.On(fault.AbortFillsRing) {
		return l.pushAborts()
	}
	defer l.ringPeer()
	return l.pushAborts()
}

func (l *Link) pushAborts() (none bool, err error) {
	l.aborts.mu.Lock()
	defer l.aborts.mu.Unlock()
	for len(l.aborts.groups) > 0 {
		var d ring.Descriptor
		encodeReference(&d, transport.Header{}, kindAbort, reference{group: l.aborts.groups[0]})
		if ok, err := l.producer.TryPush(&d); !ok || err != nil {
			return false, err
		}
		l.aborts.groups = l.aborts.groups[1:]
		l.aborts.count.Add(-1)
	}
	return true, nil
}

// allocPiece takes a slot for (a part of) size bytes, and waits for one where
// none is free.
//
// The announcement comes first and then a second look, as in wake.Doorbell: a
// slot that was freed before its freer could see the announcement is found by
// that look (pairs with: slot-waiters).
func (l *Link) allocPiece(ctx context.Context, size int) (slot.Ref, error) {
	for {
		if ref, ok := l.view.pool.AllocPiece(l.party(), size); ok {
			return ref, nil
		}
		freed := l.slots.wait()
		l.view.header.SlotWaiters.Or(1 << l.party())
		if ref, ok := l.view.pool.AllocPiece(l.party(), size); ok {
			return ref, nil
		}
		if err := l.awaitSlot(ctx, freed); err != nil {
			return 0, err
		}
	}
}

func (l *Link) awaitSlot(ctx context.Context, freed <-chan struct{}) error {
	l.flood.calm()
	l.noteSlotWait()
	defer l.noteSlot()
	freed, over, stop := step.RecvAny(freed, ctx.Done(), l.stop)
	select {
	case <-freed:
		return nil
	case <-over:
		return fmt.Errorf("send to %s: wait for a slot: %w", l.name, ctx.Err())
	case <-stop:
		return l.sendError()
	}
}

// push puts a descriptor of a frame, or of a piece of n bytes, into the ring,
// and rings. It waits for room as long as ctx allows.
func (l *Link) push(ctx context.Context, d *ring.Descriptor, n int) error {
	if fault.Enabled && ringsOtherwise() {
		defer l.ringOtherwise()()
	}
	if fault.Enabled && fault.On(fault.WorkersBlocked) {
		defer l.takeWorker()()
	}
	if err := l.takeTurn(ctx); err != nil {
		return err
	}
	err := l.pushInTurn(ctx, d)
	if fault.On(fault.TrustedIndex) {
		l.storeNonsense()
	}
	l.giveTurn()
	if err != nil {
		return err
	}
	if d[2] != kindPiece {
		l.framesOut.Add(1)
	}
	l.bytesOut.Add(uint64(n))
	if ringsOtherwise() {
		return nil
	}
	// The descriptor is in the ring: publish first, ring second.
	l.ringPeer()
	return nil
}

// ringPeer wakes whoever receives at the other end: the caller that stands in
// for the host's pump if it sleeps, else the pump. Of the two, one that sleeps is
// enough: each looks at everything, and the caller, before it goes, leaves what
// it has not looked at to the pump (pairs with: caller-leaves).
func (l *Link) ringPeer() {
	if fault.On(fault.WrongPeerDoorbell) && l.faults.rangNeighbour(l) {
		return
	}
	if l.side == PeerSide {
		asleep, err := l.caller.Wake()
		if err != nil && !fault.On(fault.FlagTakenRingFails) {
			_ = l.corrupt(err)
		}
		if asleep {
			return
		}
	}
	l.ring(l.peerBell)
}

// ring rings, or ends the link. A bell that fails may have taken the sleeper's
// flag, so that no later ring would try to wake it. What was rung for is out
// already, hence no error to the caller: the link tells. The bells are closed
// after the last use, so it is the kernel that says no: for want of memory, or
// because the peer has spoilt the file.
func (l *Link) ring(bell *wake.Doorbell) {
	if err := bell.Ring(); err != nil && !fault.On(fault.FlagTakenRingFails) {
		_ = l.corrupt(err)
	}
}

// pushInTurn pushes, unless ctx is over. If the ring is full it announces that it
// waits for room, looks once more, and only then waits (pairs with:
// space-announced). Only the holder of the turn waits here, so one token in space
// is enough.
func (l *Link) pushInTurn(ctx context.Context, d *ring.Descriptor) error {
	if fault.Enabled && fault.On(fault.AnnounceOnce) {
		return l.pushAnnouncedOnce(ctx, d)
	}
	if fault.Enabled && fault.On(fault.StaleIndex) {
		return l.pushStale(ctx, d)
	}
	for {
		// A context that ends between this look and the push ended too late.
		if err := step.Err(ctx); err != nil {
			return fmt.Errorf("send to %s: %w", l.name, err)
		}
		if ok, err := l.tryPush(d); ok || err != nil {
			return err
		}
		if l.producer.AnnounceStarved() {
			continue
		}
		if err := l.awaitSpace(ctx); err != nil {
			return err
		}
	}
}

func (l *Link) awaitSpace(ctx context.Context) error {
	l.flood.calm()
	l.noteSpaceWait()
	defer l.noteSpace()
	space, over, stop := step.RecvAny(l.space, ctx.Done(), l.stop)
	select {
	case <-space:
		return nil
	case <-over:
		return fmt.Errorf("send to %s: wait for ring space: %w", l.name, ctx.Err())
	case <-stop:
		return l.sendError()
	}
}

func (l *Link) tryPush(d *ring.Descriptor) (bool, error) {
	ok, err := l.flushAborts()
	if ok && err == nil {
		ok, err = l.producer.TryPush(d)
	}
	if err != nil {
		return false, l.corrupt(inField("Rings", sides[1-l.side], err))
	}
	return ok, nil
}

// inField says which shared field an error is about: "Rings[host]: ...".
func inField(array, of string, err error) error { return fmt.Errorf("%s[%s]: %w", array, of, err) }

// corrupt ends the link because of what the peer wrote, or because it cannot be woken.
func (l *Link) corrupt(err error) error {
	reason := fmt.Errorf("%s: %w: %w", l.name, transport.ErrCorrupt, err)
	l.fail(reason)
	l.wakeSelf()
	return reason
}
