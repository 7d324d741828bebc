package hub

import (
	"fmt"
	"os"

	"ddc/internal/sys"
	"ddc/internal/trace"
	"ddc/shm"
)

// Observer looks at a hub from a process that has no part in it. It maps the
// hub for reading, so it can neither help nor harm. The processes that have the
// hub may run, stand still or be gone.
type Observer struct {
	view
	segment *shm.Segment
	links   []*linkPage
	noted   [][2]*trace.Events
}

// Observe opens a hub's memory, or a copy of it. It takes over f, also when it
// fails.
func Observe(f *os.File) (*Observer, error) {
	segment, err := shm.OpenToRead(f)
	if err != nil {
		return nil, fmt.Errorf("observe hub: %w", err)
	}
	o := &Observer{segment: segment}
	if err := o.open(); err != nil {
		_ = segment.Close()
		return nil, fmt.Errorf("observe hub: %w", err)
	}
	return o, nil
}

func (o *Observer) open() (err error) {
	if o.view, err = openView(o.segment); err != nil {
		return err
	}
	for peer := range o.layout.peers {
		page, err := shm.View[linkPage](o.segment, o.layout.linkOffset(peer))
		if err != nil {
			return err
		}
		var noted [2]*trace.Events
		for side := range noted {
			if noted[side], err = o.events(o.segment, page, peer, side); err != nil {
				return err
			}
		}
		o.links, o.noted = append(o.links, page), append(o.noted, noted)
	}
	return nil
}

// Snapshot looks at every place that was ever offered. Tokens in the kernel are
// unknown to it.
func (o *Observer) Snapshot() Snapshot {
	var looks []LinkSnapshot
	for peer, page := range o.links {
		if page.Incarnation.Load() != 0 {
			looks = append(looks, lookAt(page, readState(page, peer, o.layout.cells)))
		}
	}
	return o.snapshot(looks)
}

// Event is what an end of a link has noted: its Number, from 0, of all that
// this end has noted; When, by CLOCK_MONOTONIC in nanoseconds; its Kind, which
// String puts in words; and Arg, a number that goes with Kind.
type Event = trace.Event

// Events are the last events of a link's host's end, and of its peer's. A place
// that does not exist has none.
func (o *Observer) Events(peer int) [2][]Event {
	if peer < 0 || peer >= len(o.noted) {
		return [2][]Event{}
	}
	return [2][]Event{o.noted[peer][HostSide].Last(), o.noted[peer][PeerSide].Last()}
}

// LinkName is a link, and what it calls its methods.
type LinkName struct {
	State
	page *linkPage
}

// Method is the name of a method's id on this link, "" where it was not noted.
func (n *LinkName) Method(id uint16) string { return n.page.Notes.Calls.Method(id) }

// Links are the links of every place that was ever offered.
func (o *Observer) Links() []LinkName {
	var links []LinkName
	for peer, page := range o.links {
		if page.Incarnation.Load() != 0 {
			links = append(links, LinkName{readState(page, peer, o.layout.cells), page})
		}
	}
	return links
}

// EventsFrom are the events of one side of a link from a number on, and the
// number to go on with. Those that were overwritten are left out.
func (o *Observer) EventsFrom(peer, side int, number uint64) ([]Event, uint64) {
	return o.noted[peer][side].From(number)
}

// Observer looks at this hub as a process without part in it would.
func (h *Hub) Observer() (*Observer, error) {
	f, err := sys.Dup(h.segment.File())
	if err != nil {
		return nil, fmt.Errorf("observe hub: %w", err)
	}
	return Observe(f)
}

// Events are those of one of the host's own links.
func (h *Hub) Events(peer int) [2][]Event {
	for _, l := range h.hostLinks() {
		if l.place != peer || !l.life.uses.Enter() {
			continue
		}
		defer l.life.uses.Leave()
		if theirs, err := h.events(h.segment, l.page, peer, PeerSide); err == nil {
			return [2][]Event{l.notes.events.Last(), theirs.Last()}
		}
	}
	return [2][]Event{}
}

// Rescue is [Link.Rescue] of one of the host's own links, by its place.
func (h *Hub) Rescue(peer int) {
	for _, l := range h.hostLinks() {
		if l.place == peer {
			l.Rescue()
		}
	}
}

// Close lets the memory go.
func (o *Observer) Close() error { return o.segment.Close() }
