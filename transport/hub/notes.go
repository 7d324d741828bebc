package hub

import (
	"bytes"
	"os"
	"structs"
	"sync/atomic"
	"time"

	"ddc/internal/printable"
	"ddc/internal/sys"
	"ddc/internal/trace"
	"ddc/shm"
	"ddc/transport"
	"ddc/wake"
)

// notes is the part of a link's page that is there to be looked at, by people
// and from other processes. No decision rests on it, so its words are ordinary
// atomics, which the model checker does not step through.
type notes struct {
	_ structs.HostLayout
	// Name is the peer's, cut to fit.
	Name [32]byte
	// PIDs[s] is the process of side s.
	PIDs [2]atomic.Uint32
	// Objects are what package sys calls the kernel objects of each doorbell's files.
	Objects [numBells][2]atomic.Uint64
	// Handlers is one more than the calls that the peer is at work on; 0 is a peer that
	// does not count them.
	Handlers atomic.Int32
	_        [36]byte
	// Ends[s] is why side s ended the link, once it has.
	Ends [2]ending
	// Waits[s] says since when senders of side s wait, by trace's clock; 0 is nobody.
	Waits [2]struct {
		Space, Slot atomic.Int64
		// Slots is how many wait for a slot: the last one out clears Slot.
		Slots atomic.Int32
		_     [shm.CacheLine - 20]byte
	}
	// Events[s] counts the events of side s.
	Events [2]trace.Page
	Calls  trace.Calls
}

const notesSize = 104 * shm.CacheLine

// reset forgets the peer that had the place before.
func (n *notes) reset() {
	n.Name = [32]byte{}
	for s := range 2 {
		n.PIDs[s].Store(0)
		n.Ends[s].Kind.Store(0)
		n.Waits[s].Space.Store(0)
		n.Waits[s].Slot.Store(0)
		n.Waits[s].Slots.Store(0)
	}
	for i := range n.Objects {
		for k := range n.Objects[i] {
			n.Objects[i][k].Store(0)
		}
	}
	n.Handlers.Store(0)
	n.Calls.Reset()
}

// introduce says whom the place is offered to, and by whom.
func (n *notes) introduce(name string) {
	copy(n.Name[:], name)
	n.PIDs[HostSide].Store(uint32(os.Getpid()))
}

// objects notes what a doorbell's files are, so that others find them among the
// descriptors of this process.
func (n *notes) objects(bell int, files []*os.File) {
	for i := range min(len(files), len(n.Objects[bell])) {
		n.Objects[bell][i].Store(sys.ObjectID(files[i]))
	}
}

// name is what others wrote: only its length is sure.
func (n *notes) name() string {
	name := n.Name
	text, _, _ := bytes.Cut(name[:], []byte{0})
	return printable.Line(string(text))
}

func (v view) events(segment *shm.Segment, k *link, peer, side int) (*trace.Events, error) {
	cells, err := shm.Views[trace.Cell](segment, v.layout.eventsOffset(peer, side), v.layout.events)
	if err != nil {
		return nil, err
	}
	return trace.NewEvents(&k.Notes.Events[side], cells), nil
}

// notedWaker notes what its end does with a waker.
type notedWaker struct {
	wake.Waker
	events *trace.Events
	bell   uint64
}

func (w *notedWaker) Ring() error {
	w.events.Add(trace.Token, w.bell)
	return w.Waker.Ring()
}

func (w *notedWaker) Wait() error {
	w.events.Add(trace.Asleep, w.bell)
	err := w.Waker.Wait()
	w.events.Add(trace.Awake, w.bell)
	return err
}

func (l *Link) noteSpaceWait() {
	now := trace.Now()
	l.events.AddAt(now, trace.SpaceWait, 0)
	l.shared.Notes.Waits[l.side].Space.Store(now)
}

func (l *Link) noteSpace() {
	l.shared.Notes.Waits[l.side].Space.Store(0)
	l.events.Add(trace.SpaceCame, 0)
}

func (l *Link) noteSlotWait() {
	now := trace.Now()
	l.events.AddAt(now, trace.SlotWait, 0)
	w := &l.shared.Notes.Waits[l.side]
	w.Slots.Add(1)
	w.Slot.CompareAndSwap(0, now)
}

func (l *Link) noteSlot() {
	if w := &l.shared.Notes.Waits[l.side]; w.Slots.Add(-1) == 0 {
		w.Slot.Store(0)
	}
	l.events.Add(trace.SlotCame, 0)
}

var _ transport.CallLog = (*Link)(nil)

// NameMethod notes a method's name.
func (l *Link) NameMethod(id uint16, name string) {
	if l.side == HostSide && l.uses.enter() {
		defer l.uses.leave()
		l.shared.Notes.Calls.Name(id, name)
	}
}

// CallBegan notes a call at the host's end, a handler at the peer's.
func (l *Link) CallBegan(stream uint32, method uint16, about string, at time.Time) {
	if !l.uses.enter() {
		return
	}
	when, kind := trace.At(at), trace.HandlerBegan
	if l.side == HostSide {
		kind = trace.CallBegan
		l.shared.Notes.Calls.Began(stream, method, about, when)
	} else {
		l.shared.Notes.Handlers.Add(1)
	}
	if l.tracing {
		l.events.AddAt(when, kind, trace.Call(stream, method))
	}
	l.uses.leave()
}

// CallEnded notes the end of either.
func (l *Link) CallEnded(stream uint32) {
	if !l.uses.enter() {
		return
	}
	kind := trace.HandlerEnded
	if l.side == HostSide {
		kind = trace.CallEnded
		l.shared.Notes.Calls.Ended(stream)
	} else {
		l.shared.Notes.Handlers.Add(-1)
	}
	if l.tracing {
		l.events.Add(kind, trace.Call(stream, 0))
	}
	l.uses.leave()
}
