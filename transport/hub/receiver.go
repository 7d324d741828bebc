package hub

import (
	"fmt"
	"sync/atomic"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/ring"
	"ddc/transport"
)

// batchSize is how many descriptors are popped at once. A sender that waits for
// room is rung once for each pop. Popping half a ring makes that one ring for
// 256 frames, and leaves as many to work on while the sender wakes.
const batchSize = 256

// sides are what errors call the sides of a link.
var sides = [...]string{HostSide: "host", PeerSide: "peer"}

// receiver is the receiving part of one end of a link. It touches, of shared
// memory:
//
//	Rings[own side]     Consumed: the goroutine that holds receiving;
//	                    Starved: taken after every pop that made room
//	Closed[other side]  read
//	the slots it reads  by way of slots
//
// The pump receives, or a caller in its place: the one that holds receiving.
//
//	waiting     receive is nil, frames stay in the ring
//	delivering  receive is called for each frame          by Link.Start
//	over        nothing is delivered any more             by finish: the pump
type receiver struct {
	*end
	life   *life
	bells  *bells
	slots  *slots
	sender *sender // told that room came

	receive step.Pointer[func(*transport.Frame)]

	receiving step.Mutex // guards what follows, up to the counters
	consumer  *ring.Consumer
	batch     [batchSize]ring.Descriptor
	pieces    reassembly
	frame     transport.Frame // the one being received
	over      bool

	frames, bytes atomic.Uint64
}

// ready says whether there is anything to do. It is what the doorbell asks
// between announcing and sleeping, so it must see everything that rings.
func (r *receiver) ready() bool {
	return r.page.Signals[r.side].Load() != 0 || r.life.ending() ||
		r.receive.Load() != nil && (!r.consumer.Empty() || r.page.Closed[1-r.side].Load() != 0)
}

// look does what there is to do, for the pump or a caller in its place, and
// says whether there may be more.
func (r *receiver) look() (more bool, err error) {
	if fault.Enabled && fault.On(fault.WorkersBlocked) {
		defer r.bells.takeWorker()()
	}
	if err := r.answerSignals(); err != nil {
		return false, err
	}
	return r.deliver()
}

// answerSignals takes the bits that ringers left, and wakes the senders that
// they are for.
func (r *receiver) answerSignals() error {
	bits, err := r.bells.takeSignals()
	if err != nil {
		return err
	}
	if bits&signalSpace != 0 {
		r.sender.spaceCame()
	}
	r.slots.cameFree(bits)
	return nil
}

// deliver receives up to one batch of descriptors, and says whether there may
// be more. An end that was closed here delivers nothing any more.
func (r *receiver) deliver() (more bool, err error) {
	r.receiving.Lock()
	defer r.receiving.Unlock()
	receive := r.receive.Load()
	if receive == nil || r.over || r.life.ending() && !r.life.dead.Load() {
		return false, nil
	}
	n, err := r.consumer.TryPop(r.batch[:])
	if err != nil {
		return false, fmt.Errorf("%w: Rings[%s]: %w", transport.ErrCorrupt, sides[r.side], err)
	}
	if n > 0 {
		r.bells.flood.calm()
	}
	// pairs with: space-announced. The cells are free, and a sender that
	// announced that it waits for one is told, by every pop that made room.
	if n > 0 && r.consumer.TakeStarved() {
		r.bells.signal(1-r.side, signalSpace)
		fault.Widen(fault.AnnounceOnce)
	}
	for i := range n {
		if err := r.receiveOne(&r.batch[i], *receive); err != nil {
			return false, err
		}
	}
	if fault.On(fault.PumpSends) {
		r.acknowledge(r.batch[:n])
	}
	return n > 0, nil
}

func (r *receiver) receiveOne(d *ring.Descriptor, receive func(*transport.Frame)) error {
	h, kind := decodeHeader(d)
	switch kind {
	case kindInline:
		payload, err := decodeInline(d)
		if err != nil {
			return err
		}
		r.hand(receive, transport.NewFrame(h, payload, nil, 0))
	case kindSlot:
		ref, err := r.slots.accept(d)
		if err != nil {
			return err
		}
		payload, err := r.slots.lease(ref)
		if err != nil {
			return err
		}
		r.hand(receive, transport.NewFrame(h, payload, r.slots, uint64(ref.ref)))
	case kindPiece, kindLast:
		payload, err := r.addPiece(d, kind == kindLast)
		if err != nil || payload == nil {
			return err
		}
		r.hand(receive, transport.NewFrame(h, payload, heap{}, 0))
	case kindAbort:
		r.pieces.forget(decodeReference(d).group)
	default:
		return fmt.Errorf("%w: descriptor: kind %d", transport.ErrCorrupt, kind)
	}
	return nil
}

// hand passes a frame to the receive function, in a variable of the receiver's
// own so that it costs no allocation.
func (r *receiver) hand(receive func(*transport.Frame), f transport.Frame) {
	r.frames.Add(1)
	r.bytes.Add(uint64(len(f.Payload)))
	r.frame = f
	receive(&r.frame)
	r.frame.Drop()
	r.frame = transport.Frame{}
}

// addPiece copies a piece out of its slot, and returns the payload
// once it is whole.
func (r *receiver) addPiece(d *ring.Descriptor, last bool) ([]byte, error) {
	ref, err := r.slots.accept(d)
	if err != nil {
		return nil, err
	}
	defer r.slots.free(ref.ref)
	piece := r.view.pool.Bytes(ref.ref)[:ref.length]
	return r.pieces.add(ref, piece, last)
}

// finish ends the delivery, and forgets the payloads that never became whole.
func (r *receiver) finish() {
	r.receiving.Lock()
	r.over, r.pieces = true, reassembly{}
	r.receiving.Unlock()
}
