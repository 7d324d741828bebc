package hub

import (
	"time"

	"ddc/internal/trace"
	"ddc/shm"
	"ddc/wake"
)

// notes is what one end of a link writes down to be looked at from outside. It
// touches, of shared memory, its own side of the page's notes and events; the
// host's end also writes the calls. Nothing here decides anything.
type notes struct {
	page    *notePage
	side    int
	events  *trace.Events
	tracing bool // calls are events too
}

func openNotes(e *end) (notes, error) {
	events, err := e.view.events(e.segment, e.page, e.place, e.side)
	return notes{page: &e.page.Notes, side: e.side, events: events, tracing: e.view.header.Tracing.Load() == 1}, err
}

func (v view) events(segment *shm.Segment, page *linkPage, peer, side int) (*trace.Events, error) {
	cells, err := shm.Views[trace.Cell](segment, v.layout.eventsOffset(peer, side), v.layout.events)
	if err != nil {
		return nil, err
	}
	return trace.NewEvents(&page.Notes.Events[side], cells), nil
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

// spaceWait notes that a sender waits for room in the ring.
func (n *notes) spaceWait() {
	now := trace.Now()
	n.events.AddAt(now, trace.SpaceWait, 0)
	n.page.Waits[n.side].Space.Store(now)
}

func (n *notes) spaceCame() {
	n.page.Waits[n.side].Space.Store(0)
	n.events.Add(trace.SpaceCame, 0)
}

// slotWait notes that a sender waits for a slot; there may be others.
func (n *notes) slotWait() {
	now := trace.Now()
	n.events.AddAt(now, trace.SlotWait, 0)
	w := &n.page.Waits[n.side]
	w.Slots.Add(1)
	w.Slot.CompareAndSwap(0, now)
}

func (n *notes) slotCame() {
	if w := &n.page.Waits[n.side]; w.Slots.Add(-1) == 0 {
		w.Slot.Store(0)
	}
	n.events.Add(trace.SlotCame, 0)
}

func (n *notes) nameMethod(id uint16, name string) {
	if n.side == HostSide {
		n.page.Calls.Name(id, name)
	}
}

func (n *notes) callBegan(stream uint32, method uint16, about string, at time.Time) {
	when, kind := trace.At(at), trace.HandlerBegan
	if n.side == HostSide {
		kind = trace.CallBegan
		n.page.Calls.Began(stream, method, about, when)
	} else {
		n.page.Handlers.Add(1)
	}
	if n.tracing {
		n.events.AddAt(when, kind, trace.Call(stream, method))
	}
}

func (n *notes) callEnded(stream uint32) {
	kind := trace.HandlerEnded
	if n.side == HostSide {
		kind = trace.CallEnded
		n.page.Calls.Ended(stream)
	} else {
		n.page.Handlers.Add(-1)
	}
	if n.tracing {
		n.events.Add(kind, trace.Call(stream, 0))
	}
}
