//go:build explore

package hub

import (
	"context"
	"fmt"
	"os"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/ring"
	"ddc/slot"
	"ddc/transport"
	"ddc/wake"
)

// Lone is a peer's end of one thread, which receives and sends by turns and
// sleeps in one place: what docs/PROTOCOL.md has a plugin in another language
// do. It echoes frames. The frames that wait to be sent are in memory of its
// own, and none but the first of them has a slot.
type Lone struct {
	*Link
	batch   [2]ring.Descriptor
	waiting []lonely
	echoed  int
	// announced says that the first of waiting has announced itself. Only a
	// fault asks for it.
	announced bool
}

// lonely is a frame that waits to be sent.
type lonely struct {
	header  transport.Header
	payload []byte
	// ref is its slot, if it has one.
	ref slot.Ref
	has bool
	// request is the slot that it came in, if a fault has kept that.
	request *slot.Ref
}

// AttachLone opens the peer's end of an offer, for Echo. It takes over files.
func AttachLone(text string, files []*os.File, s wake.Strategy) (*Lone, error) {
	l, err := attach(text, files, s, wake.SpinOff, openEnd)
	for _, f := range files {
		_ = f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("attach to hub: %w", err)
	}
	receive := func(*transport.Frame) {}
	l.receiver.receive.Store(&receive) // ready asks for it
	return &Lone{Link: l}, nil
}

// Echo sends n frames back, each once, and returns when the last is in the
// ring.
func (l *Lone) Echo(n int) error {
	for l.echoed < n {
		if err := l.bells.own.Await(context.Background(), l.receiver.ready); err != nil {
			return err
		}
		if _, err := l.bells.takeSignals(); err != nil {
			return err
		}
		if err := l.receiveAll(); err != nil {
			return err
		}
		if err := l.flush(); err != nil {
			return err
		}
	}
	return nil
}

// receiveAll takes what is in the ring. What cannot be sent at once waits in
// memory of this process, so receiving never waits for sending.
func (l *Lone) receiveAll() error {
	for {
		n, err := l.receiver.consumer.TryPop(l.batch[:])
		if err != nil || n == 0 {
			return err
		}
		if l.receiver.consumer.TakeStarved() {
			l.bells.signal(HostSide, signalSpace)
		}
		for i := range n {
			f, err := l.take(&l.batch[i])
			if err != nil {
				return err
			}
			l.waiting = append(l.waiting, f)
		}
		if fault.On(fault.PumpSends) && len(l.waiting) > 0 {
			if err := l.sendOnThePump(); err != nil {
				return err
			}
		}
	}
}

// take copies a frame, and gives its slot back before an answer waits for one.
func (l *Lone) take(d *ring.Descriptor) (lonely, error) {
	h, kind := decodeHeader(d)
	f := lonely{header: h}
	switch kind {
	case kindInline:
		payload, err := decodeInline(d)
		f.payload = append(f.payload, payload...)
		return f, err
	case kindSlot, kindLast: // a payload that waited for its slot is a single piece
		r, err := l.slots.accept(d)
		if err != nil {
			return f, err
		}
		if kind == kindLast && r.total != uint64(r.length) {
			return f, fmt.Errorf("%w: descriptor: the last of several pieces", transport.ErrCorrupt)
		}
		payload := l.view.pool.Bytes(r.ref)[:r.length]
		step.Read(payload)
		f.payload = append(f.payload, payload...)
		if fault.On(fault.SlotHeldForSlot) {
			f.request = &r.ref
			return f, nil
		}
		l.slots.free(r.ref)
		return f, nil
	}
	return f, fmt.Errorf("%w: descriptor: kind %d", transport.ErrCorrupt, kind)
}

// flush sends what can be sent. What is left has announced that it waits, for
// one wake-up: flush is called again after each.
func (l *Lone) flush() error {
	for len(l.waiting) > 0 {
		sent, err := l.trySend(&l.waiting[0])
		if err != nil || !sent {
			return err
		}
		l.waiting, l.announced = l.waiting[1:], false
		l.echoed++
	}
	return nil
}

// sendOnThePump waits until the first frame is sent, and receives nothing
// meanwhile.
func (l *Lone) sendOnThePump() error {
	for {
		before := l.echoed
		if err := l.flush(); err != nil || l.echoed > before {
			return err
		}
		err := l.bells.own.Await(context.Background(), func() bool { return l.page.Signals[PeerSide].Load() != 0 })
		if err != nil {
			return err
		}
		if _, err := l.bells.takeSignals(); err != nil {
			return err
		}
	}
}

// trySend sends one frame. If there is no slot for it, or no room, it announces
// that, and looks once more.
func (l *Lone) trySend(f *lonely) (bool, error) {
	var d ring.Descriptor
	if n := len(f.payload); n <= inlineMax {
		encodeInline(&d, f.header, n)
		copy(d[inlineAt:], f.payload)
	} else {
		if !f.has && !l.claim(f) {
			return false, nil
		}
		encodeReference(&d, f.header, kindSlot, reference{ref: f.ref, length: n})
	}
	for {
		if ok, err := l.sender.producer.TryPush(&d); err != nil || ok {
			if ok {
				l.bells.ringPeer()
				l.giveRequest(f)
			}
			return ok, err
		}
		if l.announcedBefore(fault.AnnounceOnce) || !l.sender.producer.AnnounceStarved() {
			return false, nil
		}
	}
}

// claim takes a slot for a frame, and fills it.
func (l *Lone) claim(f *lonely) bool {
	n := len(f.payload)
	if f.ref, f.has = l.slots.alloc(n); !f.has {
		if !l.announcedBefore(fault.SlotAnnouncedOnce) {
			l.view.header.SlotWaiters.Or(1 << l.slots.party())
		}
		f.ref, f.has = l.slots.alloc(n)
	}
	if !f.has {
		return false
	}
	buf := l.view.pool.Bytes(f.ref)[:n]
	step.Write(buf)
	copy(buf, f.payload)
	if err := l.view.pool.Send(f.ref); err != nil {
		_ = l.bells.corrupt(err)
	}
	return true
}

// announcedBefore says that a fault keeps a frame from announcing itself again.
func (l *Lone) announcedBefore(by fault.Name) bool {
	before := l.announced && fault.On(by)
	l.announced = true
	return before
}

func (l *Lone) giveRequest(f *lonely) {
	if f.request != nil {
		l.slots.free(*f.request)
		f.request = nil
	}
}
