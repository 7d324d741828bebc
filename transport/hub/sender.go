package hub

import (
	"context"
	"fmt"
	"sync/atomic"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/ring"
	"ddc/transport"
)

// sender is the sending part of one end of a link. It touches,
// of shared memory:
//
//	Rings[other side]   Produced and the cells: the sender that has the turn;
//	                    Starved: set by that sender, taken by the consumer
//	the slots it fills  by way of slots
//
// Any goroutine may send. One at a time has the turn, and with it the ring's
// producer:
//
//	free      nobody has the turn
//	pushing   a sender has it; it pushes what it has, or finds the ring full
//	starved   it has announced that it waits for room, looked again, and waits
//
// The sender itself moves from free to pushing to starved and back. From
// starved it is woken by a token in space, which the pump puts there when the
// peer signals room, or by the end of its context or of the link.
type sender struct {
	*end
	life  *life
	bells *bells
	slots *slots
	notes *notes

	// turn holds a value while somebody is the ring's producer. It is a channel
	// rather than a mutex because waiting for it must end with the sender's
	// context.
	turn     chan struct{}
	producer *ring.Producer
	aborts   aborts
	group    step.Uint32 // the last payload in pieces
	// space gets a value when the peer made room that was waited for.
	space chan struct{}

	frames, bytes atomic.Uint64
}

// ringing says who rings for the last frame that a send pushes.
type ringing bool

const (
	rung      ringing = false // the send
	rungLater ringing = true  // its caller, by sender.ring
)

// send sends a copy of payload.
func (s *sender) send(ctx context.Context, h transport.Header, payload []byte) error {
	if len(payload) > inlineMax {
		return s.fill(ctx, h, len(payload), func(buf []byte) error {
			copy(buf, payload)
			return nil
		}, rung)
	}
	var d ring.Descriptor
	encodeInline(&d, h, len(payload))
	copy(d[inlineAt:], payload)
	if !s.life.uses.Enter() {
		return s.life.sendError()
	}
	defer s.life.uses.Leave()
	return s.push(ctx, &d, len(payload), rung)
}

// fill sends what fill writes: into the descriptor where that is large enough,
// else into a slot. It writes into a buffer of this process only where the
// payload is larger than any slot, or no slot that holds it is free.
func (s *sender) fill(ctx context.Context, h transport.Header, n int, fill func([]byte) error, r ringing) error {
	if n < 0 || n > transport.MaxPayload {
		return fmt.Errorf("send to %s: %w: %d bytes, at most %d", s.name, transport.ErrTooLarge, n, transport.MaxPayload)
	}
	if !s.life.uses.Enter() {
		return s.life.sendError()
	}
	defer s.life.uses.Leave()
	if n <= inlineMax {
		var d ring.Descriptor
		encodeInline(&d, h, n)
		if err := fill(d[inlineAt : inlineAt+n : inlineAt+n]); err != nil {
			return err
		}
		return s.push(ctx, &d, n, r)
	}
	if ref, ok := s.slots.alloc(n); ok {
		payload := s.view.pool.Bytes(ref)[:n:n]
		step.Write(payload)
		if err := fill(payload); err != nil {
			s.slots.free(ref)
			return err
		}
		return s.pushSlot(ctx, h, kindSlot, reference{ref: ref, length: n}, r)
	}
	if fault.Enabled && fault.On(fault.ReplyDropped) && s.side == PeerSide {
		return fmt.Errorf("send to %s: %w: no slot for %d bytes", s.name, transport.ErrTooLarge, n)
	}
	buf := make([]byte, n)
	if err := fill(buf); err != nil {
		return err
	}
	return s.sendPieces(ctx, h, buf, r)
}

// pushSlot hands a filled slot over. If that fails the slot is free again.
func (s *sender) pushSlot(ctx context.Context, h transport.Header, kind uint8, r reference, rings ringing) error {
	if err := s.view.pool.Send(r.ref); err != nil {
		return s.bells.corrupt(err)
	}
	var d ring.Descriptor
	encodeReference(&d, h, kind, r)
	if err := s.push(ctx, &d, r.length, rings); err != nil {
		s.slots.free(r.ref)
		return err
	}
	return nil
}

// sendPieces sends a payload in as many slots as it takes. Pieces of one
// payload are in order, and other frames may come between them.
func (s *sender) sendPieces(ctx context.Context, h transport.Header, payload []byte, last ringing) error {
	if fault.Enabled && fault.On(fault.SlotHeldForSlot) {
		return s.sendPiecesTogether(ctx, h, payload)
	}
	r := reference{group: s.group.Add(1), total: uint64(len(payload))}
	for sent := 0; sent < len(payload); sent += r.length {
		var err error
		if r.ref, err = s.slots.allocPiece(ctx, len(payload)-sent); err == nil {
			buf := s.view.pool.Bytes(r.ref)
			r.length = min(len(buf), len(payload)-sent)
			step.Write(buf[:r.length])
			copy(buf, payload[sent:sent+r.length])
			kind, rings := uint8(kindPiece), rung
			if sent+r.length == len(payload) {
				kind, rings = kindLast, last
			}
			err = s.pushSlot(ctx, h, kind, r, rings)
		}
		if err != nil {
			if sent > 0 {
				s.abort(r.group)
			}
			return err
		}
	}
	return nil
}

// push puts a descriptor of a frame, or of a piece of n bytes, into the ring,
// and rings unless its caller does. It waits for room as long as ctx allows.
func (s *sender) push(ctx context.Context, d *ring.Descriptor, n int, r ringing) error {
	if fault.Enabled && ringsOtherwise() {
		defer s.ringOtherwise()()
	}
	if fault.Enabled && fault.On(fault.WorkersBlocked) {
		defer s.bells.takeWorker()()
	}
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	err := s.pushInTurn(ctx, d)
	if fault.On(fault.TrustedIndex) {
		s.storeNonsense()
	}
	s.giveTurn()
	if err != nil {
		return err
	}
	if d[2] != kindPiece {
		s.frames.Add(1)
	}
	s.bytes.Add(uint64(n))
	// The descriptor is in the ring: publish first, ring second.
	if r == rung {
		s.ring()
	}
	return nil
}

// ring rings for what was pushed.
func (s *sender) ring() {
	if !ringsOtherwise() {
		s.bells.ringPeer()
	}
}

// takeTurn makes the caller the ring's producer.
func (s *sender) takeTurn(ctx context.Context) error {
	if fault.On(fault.TwoProducers) || fault.On(fault.StaleIndex) {
		return s.takeNoTurn()
	}
	step.At(s.turn)
	select {
	case s.turn <- struct{}{}:
	default:
		turn, over, stop := step.SendOrRecv(s.turn, ctx.Done(), s.life.stop)
		select {
		case turn <- struct{}{}:
		case <-over:
			return fmt.Errorf("send to %s: %w", s.name, ctx.Err())
		case <-stop:
			return s.life.sendError()
		}
	}
	if s.life.ending() {
		s.giveTurn()
		return s.life.sendError()
	}
	return nil
}

func (s *sender) giveTurn() {
	if fault.On(fault.TwoProducers) || fault.On(fault.StaleIndex) {
		s.giveNoTurn()
		return
	}
	step.At(s.turn)
	<-s.turn
}

// keepTurn takes the turn for good. A sender that waits for it sees
// stop and gives up.
func (s *sender) keepTurn() {
	step.Send(s.turn)
	s.turn <- struct{}{}
}

// pushInTurn pushes, unless ctx is over. If the ring is full it announces that
// it waits for room, looks once more, and only then waits (pairs with:
// space-announced). Only the sender that has the turn waits here, so one token
// in space is enough.
func (s *sender) pushInTurn(ctx context.Context, d *ring.Descriptor) error {
	if fault.Enabled && fault.On(fault.AnnounceOnce) {
		return s.pushAnnouncedOnce(ctx, d)
	}
	if fault.Enabled && fault.On(fault.StaleIndex) {
		return s.pushStale(ctx, d)
	}
	for {
		// A context that ends between this look and the push ended too late.
		if err := step.Err(ctx); err != nil && !fault.On(fault.LateSend) {
			return fmt.Errorf("send to %s: %w", s.name, err)
		}
		if ok, err := s.tryPush(d); ok || err != nil {
			return err
		}
		if s.producer.AnnounceStarved() {
			continue
		}
		if err := s.awaitSpace(ctx); err != nil {
			return err
		}
	}
}

func (s *sender) awaitSpace(ctx context.Context) error {
	s.bells.flood.calm()
	s.notes.spaceWait()
	defer s.notes.spaceCame()
	space, over, stop := step.RecvAny(s.space, ctx.Done(), s.life.stop)
	select {
	case <-space:
		return nil
	case <-over:
		return fmt.Errorf("send to %s: wait for ring space: %w", s.name, ctx.Err())
	case <-stop:
		return s.life.sendError()
	}
}

// spaceCame lets the sender that waits for room look again.
func (s *sender) spaceCame() {
	step.At(s.space)
	select {
	case s.space <- struct{}{}:
	default: // a token is there already: it does as well
	}
}

// tryPush pushes, after the aborts that wait, if there is room for all.
func (s *sender) tryPush(d *ring.Descriptor) (bool, error) {
	ok, err := s.flushAborts()
	if ok && err == nil {
		ok, err = s.producer.TryPush(d)
	}
	if err != nil {
		return false, s.bells.corrupt(inField("Rings", sides[1-s.side], err))
	}
	return ok, nil
}

// inField says which shared field an error is about: "Rings[host]: ...".
func inField(array, of string, err error) error { return fmt.Errorf("%s[%s]: %w", array, of, err) }
