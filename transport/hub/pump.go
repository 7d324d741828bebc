package hub

import (
	"context"
	"fmt"
	"runtime"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/internal/trace"
	"ddc/ring"
	"ddc/transport"
)

// batchSize is how many descriptors the pump pops at once. A sender that waits
// for room is rung once for each pop: popping half a ring makes that one ring for
// 128 frames, and leaves as many to work on while the sender wakes.
const batchSize = 128

// errPeerClosed is the reason of a link whose other end was closed in good order.
var errPeerClosed = fmt.Errorf("the other end closed: %w", transport.ErrClosed)

// pump is the goroutine of this end that sleeps on its doorbell whenever no
// caller does so in its place. It never blocks on anything else: not on sending,
// not on a receiver, not on a lock that somebody holds while they wait.
func (l *Link) pump() {
	for {
		if err := l.bell.Await(context.Background(), l.ready); err != nil {
			l.fail(fmt.Errorf("%s: %w: %w", l.name, transport.ErrCorrupt, err))
			break
		}
		l.answerSignals()
		// Asked before the ring is looked at: what the peer pushed before it closed, or
		// died, is then found by this look.
		peerClosed, ending := l.shared.Closed[1-l.side].Load() != 0, l.ending()
		more, err := l.deliver()
		switch {
		case err != nil:
			l.fail(fmt.Errorf("%s: %w", l.name, err))
		case more:
			l.ringCaller()
			// Those whom the frames were for run on this processor at once, rather than on
			// another whose thread has to be woken first.
			runtime.Gosched()
			continue
		case peerClosed && l.receive.Load() != nil:
			l.fail(fmt.Errorf("%s: %w", l.name, errPeerClosed))
		case !ending:
			continue
		}
		break
	}
	l.receiving.Lock()
	l.over, l.groups = true, nil
	l.receiving.Unlock()
	l.repayCaller()
	l.sayClosed()
	step.At(l.done)
	close(l.done)
}

// ready says whether the pump has anything to do. It is what the doorbell asks
// between announcing and sleeping, so it must see everything that rings.
func (l *Link) ready() bool {
	return l.shared.Signals[l.side].Load() != 0 || l.ending() ||
		l.receive.Load() != nil && (!l.consumer.Empty() || l.shared.Closed[1-l.side].Load() != 0)
}

// answerSignals takes the bits that ringers left, and wakes whom they are for.
func (l *Link) answerSignals() {
	bits := l.shared.Signals[l.side].Swap(0)
	if bits&signalSpace != 0 {
		step.At(l.space)
		select {
		case l.space <- struct{}{}:
		default: // a token is there already: it does as well
		}
	}
	if bits&signalSlot != 0 {
		l.slots.wake()
	}
	if bits&signalRelay != 0 && l.relay != nil {
		l.relay()
	}
}

// deliver receives up to one batch of descriptors, and says whether there may be
// more. An end that was closed here delivers nothing any more.
func (l *Link) deliver() (more bool, err error) {
	l.receiving.Lock()
	defer l.receiving.Unlock()
	receive := l.receive.Load()
	if receive == nil || l.over || l.ending() && !l.dead.Load() {
		return false, nil
	}
	n, err := l.consumer.TryPop(l.batch[:])
	if err != nil {
		return false, fmt.Errorf("%w: %w", transport.ErrCorrupt, err)
	}
	// pairs with: space-announced. The cells are free, and whoever announced that
	// they wait for one is told, by every pop that made room.
	if n > 0 && l.consumer.TakeStarved() {
		l.signal(1-l.side, signalSpace)
		fault.Widen(fault.AnnounceOnce)
	}
	for i := range n {
		if err := l.receiveOne(&l.batch[i], *receive); err != nil {
			return false, err
		}
	}
	if fault.On(fault.PumpSends) {
		l.acknowledge(l.batch[:n])
	}
	return n > 0, nil
}

func (l *Link) receiveOne(d *ring.Descriptor, receive func(*transport.Frame)) error {
	h, kind := decodeHeader(d)
	switch kind {
	case kindInline:
		payload, err := decodeInline(d)
		if err != nil {
			return err
		}
		l.hand(receive, transport.NewFrame(h, payload, nil, 0))
	case kindSlot:
		r, err := l.accept(d)
		if err != nil {
			return err
		}
		// The frame's payload may be kept for longer than this link lives.
		if err := l.segment.Hold(); err != nil {
			l.free(r.ref)
			return err
		}
		payload := l.view.pool.Bytes(r.ref)[:r.length:r.length]
		step.Read(payload)
		l.hand(receive, transport.NewFrame(h, payload, l, uint64(r.ref)))
	case kindPiece, kindLast:
		payload, err := l.addPiece(d, kind == kindLast)
		if err != nil || payload == nil {
			return err
		}
		l.hand(receive, transport.NewFrame(h, payload, heap{}, 0))
	case kindAbort:
		delete(l.groups, decodeReference(d).group)
	default:
		return fmt.Errorf("%w: descriptor: kind %d", transport.ErrCorrupt, kind)
	}
	return nil
}

// hand passes a frame to the receiver, in a variable of the link's own so that
// it costs no allocation.
func (l *Link) hand(receive func(*transport.Frame), f transport.Frame) {
	l.framesIn.Add(1)
	l.bytesIn.Add(uint64(len(f.Payload)))
	l.frame = f
	receive(&l.frame)
	l.frame.Drop()
	l.frame = transport.Frame{}
}

// heap owns payloads that are ordinary memory: there is nothing to give back.
type heap struct{}

func (heap) ReleaseLease(uint64) {}

// accept takes over the slot that a descriptor names, if the peer sent it.
func (l *Link) accept(d *ring.Descriptor) (reference, error) {
	r := decodeReference(d)
	if err := l.view.pool.Accept(r.ref, party(l.peer, 1-l.side)); err != nil {
		return r, fmt.Errorf("%w: descriptor: %w", transport.ErrCorrupt, err)
	}
	if size := len(l.view.pool.Bytes(r.ref)); r.length < 1 || r.length > size {
		l.free(r.ref)
		return r, fmt.Errorf("%w: descriptor: %d bytes in a slot of %d", transport.ErrCorrupt, r.length, size)
	}
	return r, nil
}

// group is a payload of which some pieces have come.
type group struct {
	total   uint64
	payload []byte
}

// maxGroups bounds what a peer can make this process remember.
const maxGroups = 1024

// firstPiece bounds what the first piece can make this process allocate, before
// the others have come.
const firstPiece = 64 << 20

// addPiece copies a piece out of its slot, and returns the payload once it is whole.
func (l *Link) addPiece(d *ring.Descriptor, last bool) ([]byte, error) {
	r, err := l.accept(d)
	if err != nil {
		return nil, err
	}
	defer l.free(r.ref)
	g := l.groups[r.group]
	if g == nil {
		if r.total > transport.MaxPayload || len(l.groups) >= maxGroups {
			return nil, fmt.Errorf("%w: descriptor: payload of %d bytes in pieces, %d others under way", transport.ErrCorrupt, r.total, len(l.groups))
		}
		g = &group{total: r.total, payload: make([]byte, 0, min(r.total, firstPiece))}
		l.groups[r.group] = g
	}
	piece := l.view.pool.Bytes(r.ref)[:r.length]
	step.Read(piece)
	g.payload = append(g.payload, piece...)
	if have := uint64(len(g.payload)); r.total != g.total || have > g.total || last != (have == g.total) {
		return nil, fmt.Errorf("%w: descriptor: %d bytes of a payload of %d, last piece %v", transport.ErrCorrupt, have, g.total, last)
	}
	if !last {
		return nil, nil
	}
	delete(l.groups, r.group)
	return g.payload, nil
}

// sayClosed tells the peer that nothing more comes. Having the turn, and never
// giving it back, it is the last that this end says: senders see stop and give up.
// A bell that fails here is broken, and the peer learns by the end of this process.
func (l *Link) sayClosed() {
	step.Send(l.turn)
	l.turn <- struct{}{}
	l.events.Add(trace.Ended, 0)
	l.shared.Closed[l.side].Store(1)
	l.ringPeer()
}
