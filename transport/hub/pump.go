package hub

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

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
			l.fail(fmt.Errorf("%s: %w: Bells[%s]: %w", l.name, transport.ErrCorrupt, sides[l.side], err))
			break
		}
		// Asked before the ring is looked at: what the peer pushed before it closed, or
		// died, is then found by this look.
		closed, ending := l.shared.Closed[1-l.side].Load(), l.ending()
		more, err := l.look()
		switch {
		case err != nil:
			l.fail(fmt.Errorf("%s: %w", l.name, err))
		case closed > 1:
			l.fail(fmt.Errorf("%s: %w: Closed[%s] is %#x", l.name, transport.ErrCorrupt, sides[1-l.side], closed))
		case more:
			l.ringCaller()
			// Those whom the frames were for run on this processor at once, rather than on
			// another whose thread has to be woken first.
			runtime.Gosched()
			continue
		case closed != 0 && l.receive.Load() != nil:
			l.fail(fmt.Errorf("%s: %w", l.name, errPeerClosed))
		case !ending:
			continue
		}
		break
	}
	l.receiving.Lock()
	l.over, l.groups, l.pieces = true, nil, 0
	l.receiving.Unlock()
	l.repayCaller()
	l.shared.Notes.Ends[l.side].note(l.name, l.why())
	l.sayClosed()
	step.At(l.done)
	close(l.done)
}

// look does what there is to do for whoever was woken, the pump or a caller in its
// place, and says whether there may be more.
func (l *Link) look() (more bool, err error) {
	if fault.Enabled && fault.On(fault.WorkersBlocked) {
		defer l.takeWorker()()
	}
	if err := l.answerSignals(); err != nil {
		return false, err
	}
	return l.deliver()
}

// ready says whether the pump has anything to do. It is what the doorbell asks
// between announcing and sleeping, so it must see everything that rings.
func (l *Link) ready() bool {
	return l.shared.Signals[l.side].Load() != 0 || l.ending() ||
		l.receive.Load() != nil && (!l.consumer.Empty() || l.shared.Closed[1-l.side].Load() != 0)
}

// sides are what errors call the sides of a link.
var sides = [...]string{HostSide: "host", PeerSide: "peer"}

// answerSignals takes the bits that ringers left, and wakes whom they are for.
func (l *Link) answerSignals() error {
	bits := l.shared.Signals[l.side].Swap(0)
	if bits == 0 {
		return nil
	}
	if bits&^signals != 0 {
		return fmt.Errorf("%w: Signals[%s] are %#x", transport.ErrCorrupt, sides[l.side], bits)
	}
	if l.flood.tooMuch(trace.Now) {
		return fmt.Errorf("%w: Signals[%s] are set again and again for nothing", transport.ErrCorrupt, sides[l.side])
	}
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
	return nil
}

// flood notices a peer that signals without end to keep the pump busy. A sound
// one signals what somebody waits for. So of a hundred thousand within two
// seconds, when no frame came and nobody here began to wait, most are for nothing.
type flood struct {
	signals step.Int64   // since the last frame or wait, or since the count began
	since   atomic.Int64 // when that was, by trace's clock
}

const (
	floodSignals = 1 << 17
	floodTime    = int64(2 * time.Second)
)

// tooMuch counts a signal. It asks now for the time twice in each count.
func (f *flood) tooMuch(now func() int64) bool {
	switch f.signals.Add(1) {
	case 1:
		f.since.Store(now())
	case floodSignals:
		f.signals.Store(0)
		return now()-f.since.Load() < floodTime
	}
	return false
}

// calm is called for every reason to signal.
func (f *flood) calm() {
	if f.signals.Load() != 0 {
		f.signals.Store(0)
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
		return false, fmt.Errorf("%w: Rings[%s]: %w", transport.ErrCorrupt, sides[l.side], err)
	}
	if n > 0 {
		l.flood.calm()
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
		l.leases.Add(1)
		l.hand(receive, transport.NewFrame(h, payload, l, uint64(r.ref)))
	case kindPiece, kindLast:
		payload, err := l.addPiece(d, kind == kindLast)
		if err != nil || payload == nil {
			return err
		}
		l.hand(receive, transport.NewFrame(h, payload, heap{}, 0))
	case kindAbort:
		l.forget(decodeReference(d).group)
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

// These bound what a peer can make this process remember: how many payloads
// under way; how many bytes of them in all; and how many before they have come,
// on the word of the first piece, for one payload and for all.
const (
	maxGroups  = 1024
	maxPieces  = transport.MaxPayload
	firstPiece = 64 << 20
	maxFirst   = 256 << 20
)

// forget drops what has come of a payload.
func (l *Link) forget(id uint32) {
	if g := l.groups[id]; g != nil {
		l.pieces -= cap(g.payload)
		delete(l.groups, id)
	}
}

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
		g = &group{total: r.total}
		if first := int(min(r.total, firstPiece)); l.pieces+first <= maxFirst {
			g.payload = make([]byte, 0, first)
			l.pieces += first
		}
		l.groups[r.group] = g
	}
	piece := l.view.pool.Bytes(r.ref)[:r.length]
	step.Read(piece)
	before := cap(g.payload)
	if l.pieces-before+len(g.payload)+r.length > maxPieces {
		return nil, fmt.Errorf("%w: descriptor: more than %d bytes in pieces under way", transport.ErrCorrupt, maxPieces)
	}
	g.payload = append(g.payload, piece...)
	l.pieces += cap(g.payload) - before
	if have := uint64(len(g.payload)); r.total != g.total || have > g.total || last != (have == g.total) {
		return nil, fmt.Errorf("%w: descriptor: %d bytes of a payload of %d, last piece %v", transport.ErrCorrupt, have, g.total, last)
	}
	if !last {
		return nil, nil
	}
	l.forget(r.group)
	return g.payload, nil
}

// sayClosed tells the peer that nothing more comes. Having the turn, and never
// giving it back, it is the last that this end says: senders see stop and give up.
// If this ring fails, the token that closing the bell leaves wakes the peer
// (wake.Waker), or else the end of this process tells it.
func (l *Link) sayClosed() {
	step.Send(l.turn)
	l.turn <- struct{}{}
	l.events.Add(trace.Ended, 0)
	l.shared.Closed[l.side].Store(1)
	l.ringPeer()
}
