package hub

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/ring"
	"ddc/shm"
	"ddc/transport"
	"ddc/wake"
)

// Link is one end of a link through a hub. It is made of parts, each of which
// says at its head what it may touch of the shared memory, and who moves its
// states. A part uses those above it:
//
//	end        who this end is, and what it has mapped; nothing of it changes
//	life       open, ending, over, released
//	bells      the three doorbells, and the signals that say why one was rung
//	notes      what is there to be looked at from outside
//	slots      the payload slots: taken, waited for, leased, freed
//	sender     the turn to push, room in the ring, payloads in pieces
//	receiver   what the peer has pushed, in order, and pieces put together again
//	callers    who receives in the pump's place, and for how long
//
// The link itself moves them: the pump (pump.go), the caller in its place
// (caller.go), and the end (close.go). Beside what its parts touch, it touches:
//
//	Closed[own side]   set by the pump, as the last that it does
//	Attached           set by attach, at the peer's end
type Link struct {
	end
	life     life
	bells    bells
	notes    notes
	slots    slots
	sender   sender
	receiver receiver
	callers  callers

	closed step.Once
	// pair is the peer's end, where it is in this process and cannot die alone.
	// Hub.mu guards it.
	pair *Link
	// final is what the doorbells' words counted, once they are out of reach.
	final atomic.Pointer[transport.Stats]
}

var _ transport.Link = (*Link)(nil)

// end is what every part of one end of a link knows. It does not change once
// the link is open. A goroutine touches what is mapped only inside life.uses,
// or while it holds the segment.
type end struct {
	name    string // the peer's
	place   int    // the link's, in the hub
	side    int    // HostSide or PeerSide
	page    *linkPage
	view    view
	segment *shm.Segment
}

type linkOptions struct {
	name        string
	place, side int
	strategy    wake.Strategy
	bells       [numBells][]*os.File
	spin        wake.Spin
	relay       func()
}

// openLink opens one end, and starts its pump. It keeps none of the files.
func openLink(segment *shm.Segment, v view, o linkOptions) (*Link, error) {
	l, err := openEnd(segment, v, o)
	if err != nil {
		return nil, err
	}
	if fault.Enabled && (fault.On(fault.WrongPeerDoorbell) || fault.On(fault.WorkersBlocked)) {
		l.bells.settleDown()
	}
	step.Go(l.pump)
	return l, nil
}

// openEnd opens one end, on which nobody receives.
func openEnd(segment *shm.Segment, v view, o linkOptions) (*Link, error) {
	l := &Link{end: end{name: o.name, place: o.place, side: o.side, view: v, segment: segment}, life: newLife()}
	if err := l.open(o); err != nil {
		return nil, fmt.Errorf("open link: %w", err)
	}
	return l, nil
}

// open maps what the parts touch, and joins them.
func (l *Link) open(o linkOptions) error {
	v, e := l.view, &l.end
	var err error
	if l.page, err = shm.View[linkPage](l.segment, v.layout.linkOffset(l.place)); err != nil {
		return err
	}
	in, err := v.cells(l.segment, l.place, l.side)
	if err != nil {
		return err
	}
	out, err := v.cells(l.segment, l.place, 1-l.side)
	if err != nil {
		return err
	}
	consumer, err := ring.NewConsumer(&l.page.Rings[l.side], in)
	if err != nil {
		return err
	}
	producer, err := ring.NewProducer(&l.page.Rings[1-l.side], out)
	if err != nil {
		return err
	}
	if l.notes, err = openNotes(e); err != nil {
		return err
	}
	l.bells = bells{end: e, life: &l.life}
	l.slots = slots{end: e, life: &l.life, bells: &l.bells, notes: &l.notes, relay: o.relay, freed: newBroadcast()}
	l.sender = sender{
		end: e, life: &l.life, bells: &l.bells, slots: &l.slots, notes: &l.notes,
		turn: make(chan struct{}, 1), space: make(chan struct{}, 1), producer: producer,
	}
	l.receiver = receiver{
		end: e, life: &l.life, bells: &l.bells, slots: &l.slots, sender: &l.sender,
		consumer: consumer, pieces: newReassembly(),
	}
	// The memory is held until Close has let go of everything in it.
	if err := l.segment.Hold(); err != nil {
		return err
	}
	if err := l.bells.open(o, l.notes.events); err != nil {
		l.segment.Release()
		return err
	}
	return nil
}

// Name is the peer's name.
func (l *Link) Name() string { return l.name }

// Start begins to deliver frames.
func (l *Link) Start(receive func(*transport.Frame)) {
	l.receiver.receive.Store(&receive)
	l.bells.wakeSelf()
}

// Send sends a copy of payload.
func (l *Link) Send(ctx context.Context, h transport.Header, payload []byte) error {
	return l.sender.send(ctx, h, payload)
}

// Fill sends what fill writes, in place where there is a slot for it.
func (l *Link) Fill(ctx context.Context, h transport.Header, n int, fill func([]byte) error) error {
	return l.sender.fill(ctx, h, n, fill, rung)
}

// Done is closed when the pump has ended.
func (l *Link) Done() <-chan struct{} { return l.life.done }

// Err says why the link ended.
func (l *Link) Err() error { return l.life.err() }

// Attached says whether the peer has opened its end.
func (l *Link) Attached() bool {
	if !l.life.uses.Enter() {
		return false
	}
	defer l.life.uses.Leave()
	return l.page.Attached.Load() == l.page.Incarnation.Load()
}

// Rescue makes both ends look at everything again, also where a flag or a token
// was lost. A sound hub never needs it. It gets a process out of a hang whose
// cause nobody has found yet.
func (l *Link) Rescue() { l.bells.rescue() }

// Stats counts what this end has done.
func (l *Link) Stats() transport.Stats {
	if l.life.uses.Enter() {
		defer l.life.uses.Leave()
		return l.count()
	}
	return *l.final.Load()
}

func (l *Link) count() transport.Stats {
	own, peers := l.bells.own.Stats(), l.bells.peers.Stats()
	if callers := l.bells.caller.Stats(); l.side == HostSide {
		own.Received += callers.Received
		own.Spurious += callers.Spurious
	} else {
		peers.Sent += callers.Sent
	}
	return transport.Stats{
		FramesIn: l.receiver.frames.Load(), FramesOut: l.sender.frames.Load(),
		BytesIn: l.receiver.bytes.Load(), BytesOut: l.sender.bytes.Load(),
		WakeupsSent: peers.Sent, WakeupsSuppressed: peers.Suppressed,
		WakeupsReceived: own.Received, WakeupsSpurious: own.Spurious,
	}
}

// The calls under way are noted for those who look from outside: a call at the
// host's end, a handler at the peer's.
var _ transport.CallLog = (*Link)(nil)

// NameMethod notes a method's name.
func (l *Link) NameMethod(id uint16, name string) {
	if l.life.uses.Enter() {
		defer l.life.uses.Leave()
		l.notes.nameMethod(id, name)
	}
}

// CallBegan notes a call at the host's end, a handler at the peer's.
func (l *Link) CallBegan(stream uint32, method uint16, about string, at time.Time) {
	if l.life.uses.Enter() {
		l.notes.callBegan(stream, method, about, at)
		l.life.uses.Leave()
	}
}

// CallEnded notes the end of either.
func (l *Link) CallEnded(stream uint32) {
	if l.life.uses.Enter() {
		l.notes.callEnded(stream)
		l.life.uses.Leave()
	}
}
