package hub

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"structs"

	"ddc/internal/printable"
	"ddc/internal/trace"
	"ddc/ring"
	"ddc/shm"
	"ddc/slot"
	"ddc/wake"
)

// The layout of a hub, in bytes from the start of its segment:
//
//	0                    header                 4096
//	4096                 one link for each peer
//	                     linkPageSize + 2 rings of cells + 2 of events
//	then, page-aligned   the slot pool           slot.Size
//
// A change to any of it raises layoutVersion.
const (
	magic         = 0x31_62_75_68_63_64_64 // "ddchub1"
	layoutVersion = 5
	headerSize    = 4096
	maxPeers      = 32
	maxClasses    = 8
)

// The sides of a link, as State and all that is kept by side number them. A
// slot pool has two parties for each link.
const (
	HostSide = 0
	PeerSide = 1
)

// A link has a doorbell for the pump of each side, by side, and one more.
const (
	callerBell = 2
	numBells   = 3
)

func party(peer, side int) int { return 2*peer + side }

type header struct {
	_       structs.HostLayout
	Magic   shm.Word64
	Version shm.Word32
	Peers   shm.Word32
	// Hash covers everything that both sides must agree on: see layout.hash.
	Hash    shm.Word64
	Cells   shm.Word32
	Classes shm.Word32
	Class   [maxClasses]struct{ Size, Count, Reserve shm.Word32 }
	// Events is how many events each end of a link keeps, and Tracing is 1
	// where calls are events too.
	Events  shm.Word32
	Tracing shm.Word32
	_       [120]byte

	// SlotWaiters has a bit for each party that waits for a free slot.
	SlotWaiters shm.Word64
	_           [shm.CacheLine - 8]byte
	// Gate is the word that the host sleeps on for all its futex wakers.
	Gate shm.Word32
	_    [shm.CacheLine - 4]byte
}

// Bits of linkPage.Signals: what a ringer wants the pump to find.
const (
	signalSlot  = 1 << iota // a slot came free: try again
	signalRelay             // to the host: a slot came free, tell all who wait for one
	signalSpace             // cells of the full ring came free
)

// signals are all of them.
const signals = signalSlot | signalRelay | signalSpace

// linkPage is what the two sides of one link share, beside their rings' cells.
type linkPage struct {
	_ structs.HostLayout
	// Incarnation counts the peers that this place was offered to.
	Incarnation shm.Word32
	// Attached is the incarnation that has attached.
	Attached shm.Word32
	Strategy [16]byte
	_        [shm.CacheLine - 24]byte

	// The arrays are indexed by side. Bells[s] wakes the pump of side s;
	// Signals[s] is for its pump; Closed[s] is 1 once side s has closed;
	// Rings[s] carries frames to side s.
	Signals [2]struct {
		shm.Word32
		_ [shm.CacheLine - 4]byte
	}
	Closed [2]struct {
		shm.Word32
		_ [shm.CacheLine - 4]byte
	}
	// Gate is the word that the peer sleeps on for its futex waker.
	Gate shm.Word32
	_    [shm.CacheLine - 4]byte
	// CallerGate is the word that the host's caller sleeps on for
	// its futex waker.
	CallerGate shm.Word32
	_          [shm.CacheLine - 4]byte
	// Bells[callerBell] wakes the host's caller: see Link.Await.
	Bells [numBells]wake.Words
	Rings [2]ring.Page
	Notes notePage
}

const linkPageSize = 7*shm.CacheLine + numBells*wake.WordsSize + 2*ring.PageSize + notePageSize

// layout is what fixes every offset in a hub.
type layout struct {
	peers, cells int
	events       int
	classes      []slot.Class
}

func (l layout) check() error {
	switch {
	case l.peers < 1 || l.peers > maxPeers:
		return fmt.Errorf("%d peers: a hub has 1 to %d", l.peers, maxPeers)
	case l.cells < 1 || l.cells > 1<<16 || l.cells&(l.cells-1) != 0:
		return fmt.Errorf("rings of %d descriptors: a power of two up to 65536 is needed", l.cells)
	case l.events < 1 || l.events > 1<<20 || l.events&(l.events-1) != 0:
		return fmt.Errorf("%d events: a power of two up to 1048576 is needed", l.events)
	case len(l.classes) < 1 || len(l.classes) > maxClasses:
		return fmt.Errorf("%d slot classes: a hub has 1 to %d", len(l.classes), maxClasses)
	}
	return nil
}

func (l layout) linkOffset(peer int) int {
	return headerSize + peer*(linkPageSize+2*l.cells*ring.CellSize+2*l.events*trace.CellSize)
}

func (l layout) cellsOffset(peer, side int) int {
	return l.linkOffset(peer) + linkPageSize + side*l.cells*ring.CellSize
}

func (l layout) eventsOffset(peer, side int) int {
	return l.cellsOffset(peer, 2) + side*l.events*trace.CellSize
}

func (l layout) slotsOffset() int { return (l.linkOffset(l.peers) + 4095) &^ 4095 }

func (l layout) parties() int { return 2 * l.peers }

func (l layout) size() int { return l.slotsOffset() + slot.Size(l.classes) }

// agreed are the numbers of the layout, and the sizes of its parts as this
// program was compiled, as text.
func (l layout) agreed() string {
	return fmt.Sprint(layoutVersion, headerSize, linkPageSize, wake.WordsSize, ring.PageSize, ring.CellSize, trace.CellSize, l.peers, l.cells, l.events, l.classes)
}

// hash is FNV-1a over what is agreed.
func (l layout) hash() uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(l.agreed())) // a hash never fails
	return h.Sum64()
}

// write fills a new hub's header. The magic comes last: what has it is whole.
func (l layout) write(h *header) {
	h.Version.Store(layoutVersion)
	h.Peers.Store(uint32(l.peers))
	h.Cells.Store(uint32(l.cells))
	h.Events.Store(uint32(l.events))
	h.Classes.Store(uint32(len(l.classes)))
	for i, c := range l.classes {
		h.Class[i].Size.Store(uint32(c.Size))
		h.Class[i].Count.Store(uint32(c.Count))
		h.Class[i].Reserve.Store(uint32(c.Reserve))
	}
	h.Hash.Store(l.hash())
	h.Magic.Store(magic)
}

var errLayout = errors.New("host and plugin do not speak the same hub layout: build both from the same version")

// readLayout copies the layout out of a header, and checks it.
func readLayout(h *header, size int) (layout, error) {
	if m := h.Magic.Load(); m != magic {
		return layout{}, fmt.Errorf("%w (magic %#x, want %#x)", errLayout, m, uint64(magic))
	}
	if v := h.Version.Load(); v != layoutVersion {
		return layout{}, fmt.Errorf("%w (version %d, want %d)", errLayout, v, layoutVersion)
	}
	l := layout{peers: int(h.Peers.Load()), cells: int(h.Cells.Load()), events: int(h.Events.Load())}
	for i := range min(h.Classes.Load(), maxClasses) {
		c := &h.Class[i]
		l.classes = append(l.classes, slot.Class{Size: int(c.Size.Load()), Count: int(c.Count.Load()), Reserve: int(c.Reserve.Load())})
	}
	if err := l.check(); err != nil {
		return layout{}, fmt.Errorf("%w: %w", errLayout, err)
	}
	if got, want := h.Hash.Load(), l.hash(); got != want {
		return layout{}, fmt.Errorf("%w (layout hash %#x, want %#x)", errLayout, got, want)
	}
	if size < l.size() {
		return layout{}, fmt.Errorf("%w (%d bytes, want %d)", errLayout, size, l.size())
	}
	return l, nil
}

// offer makes the link's place ready for a new peer: nobody else uses it.
func (p *linkPage) offer(strategy string) uint32 {
	for side := range 2 {
		p.Signals[side].Store(0)
		p.Closed[side].Store(0)
		p.Rings[side].Produced.Store(0)
		p.Rings[side].Consumed.Store(0)
		p.Rings[side].Starved.Store(0)
	}
	for i := range p.Bells {
		bell := &p.Bells[i]
		bell.Sleeping.Store(0)
		bell.Parked.Store(0)
		for _, counter := range []*shm.Word64{&bell.Sent, &bell.Suppressed, &bell.Received, &bell.Spurious} {
			counter.Store(0)
		}
	}
	p.Notes.reset()
	p.Strategy = [16]byte{}
	copy(p.Strategy[:], strategy)
	return p.Incarnation.Add(1)
}

func (p *linkPage) strategy() string {
	name := p.Strategy
	return printable.Line(string(bytes.TrimRight(name[:], "\x00")))
}
