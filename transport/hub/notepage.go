package hub

import (
	"bytes"
	"os"
	"structs"
	"sync/atomic"

	"ddc/internal/printable"
	"ddc/internal/sys"
	"ddc/internal/trace"
	"ddc/shm"
)

// notePage is the part of a link's page that is there to be looked at, by
// people and from other processes. No decision rests on it, so its words are
// ordinary atomics, which the model checker does not step through.
type notePage struct {
	_ structs.HostLayout
	// Name is the peer's, cut to fit.
	Name [32]byte
	// PIDs[s] is the process of side s.
	PIDs [2]atomic.Uint32
	// Objects are what package sys calls the kernel objects of each
	// doorbell's files.
	Objects [numBells][2]atomic.Uint64
	// Handlers is one more than the calls that the peer is at work on; 0 is a
	// peer that does not count them.
	Handlers atomic.Int32
	_        [36]byte
	// Ends[s] is why side s ended the link, once it has.
	Ends [2]endPage
	// Waits[s] says since when senders of side s wait, by trace's
	// clock; 0 is nobody.
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

const notePageSize = 104 * shm.CacheLine

// reset forgets the peer that had the place before.
func (n *notePage) reset() {
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
func (n *notePage) introduce(name string) {
	copy(n.Name[:], name)
	n.PIDs[HostSide].Store(uint32(os.Getpid()))
}

// objects notes what a doorbell's files are, so that others find them among the
// descriptors of this process.
func (n *notePage) objects(bell int, files []*os.File) {
	for i := range min(len(files), len(n.Objects[bell])) {
		n.Objects[bell][i].Store(sys.ObjectID(files[i]))
	}
}

// name is what others wrote: only its length is sure.
func (n *notePage) name() string {
	name := n.Name
	text, _, _ := bytes.Cut(name[:], []byte{0})
	return printable.Line(string(text))
}
