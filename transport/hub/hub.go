// Package hub carries frames between a host and its peers through one segment
// of shared memory: for each peer two rings of descriptors and three
// doorbells, and a pool of payload slots for all.
//
// The host creates the hub and offers each peer a place in it; the peer, a
// process that inherits the offer's files, attaches:
//
//	h, err := hub.Create(hub.Options{})
//	offer, err := h.Offer("fonts", strategy)      // offer.Link is the host's end
//	cmd.ExtraFiles, cmd.Env = offer.Files, ...offer.Text
//
//	l, err := hub.Attach(text, files, strategy, spin) // in the peer
//
// # Who waits for what
//
// Each end has a doorbell and one goroutine that sleeps on it, the pump.
// Everything that end may be waiting for rings that bell: a frame came, room
// came free in a full ring, a slot came free, the peer closed. Senders that
// wait park on Go channels, which the pump wakes. So a ring never has to choose
// whom to wake, and the pump, woken for whatever reason, looks at everything.
//
// The third doorbell is for one caller of the host at a time, which waits for a
// reply and receives in the pump's place ([Link.Await]).
//
// A freed slot may be waited for by any peer, but a plugin has no other
// plugin's doorbell. It rings the host. The host's pump then tells every party
// that has announced that it waits (label: slot-waiters).
//
// # Rules of an end
//
// Every end keeps three rules, also an end of one thread in another language.
// On an ordinary hub a broken rule may stay hidden for millions of frames. It
// shows once rings are short and slots few (package conformance/peer, and the
// peer of one thread in conformance/explore). In brackets are the faults that
// break them.
//
//   - No slot is held while another is waited for. Among the frames that one
//     goroutine has to send, only the next to go has a slot. A received payload
//     is given back before its answer waits for a slot. Otherwise all slots may
//     be held by those who wait for one (slot-held-for-slot).
//   - An end receives while its own sends wait. Otherwise two full rings are a
//     deadlock (pump-sends, workers-blocked).
//   - An announcement (Starved, a bit of SlotWaiters) holds for one wake-up.
//     An end that wakes and finds nothing announces again, and looks once more,
//     before it sleeps. Otherwise the next ring is for nobody (announce-once,
//     slot-announced-once).
package hub

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"slices"

	"ddc/internal/step"
	"ddc/internal/sys"
	"ddc/ring"
	"ddc/shm"
	"ddc/slot"
	"ddc/transport"
	"ddc/wake"
	"ddc/wake/strategy"
)

// defaultCells is the length of a ring if nothing is said. A stream flat out
// has its sender woken for each half ring: 1.0 to 1.3 wake-ups for a hundred
// messages with 256 cells, 0.4 to 0.7 with 512. With 1024 the sender waits for
// the 648 slots of 1 KiB that one party can have, and is woken more often.
const defaultCells = 512

// DefaultPeers is how many peers may be attached at once if nothing is said.
const DefaultPeers = 24

// Options describe a hub. The zero Options are a sound choice.
type Options struct {
	// Peers is how many peers may be attached at once: 1 to 32, or 0 for
	// DefaultPeers.
	Peers int
	// Cells is the length of each ring, a power of two, or 0 for 512.
	Cells int
	// Classes are the payload slots, small to large, or nil for
	// slot.DefaultClasses.
	Classes []slot.Class
	// Spin is how long the host's pumps spin before they sleep.
	Spin wake.Spin
	// Strategy is what Pair uses, or nil for the default one.
	Strategy wake.Strategy
	// Trace keeps many more events of each end of a link than the last 128, and
	// those of calls as well.
	Trace bool
}

// How many events each end keeps, without a trace and with one. Memory is used
// once written: 16 bytes an event.
const (
	lastEvents  = 128
	traceEvents = 1 << 16
)

// Hub is the host's side.
type Hub struct {
	view
	segment  *shm.Segment
	spin     wake.Spin
	strategy wake.Strategy

	mu     step.Mutex
	closed bool
	links  []*Link // the host's ends by peer; nil where no peer has been
	pairs  []*Link // peers' ends that live in this process
}

var _ transport.Transport = (*Hub)(nil)

// view is a mapped hub, as both the host and a peer see it.
type view struct {
	layout layout
	header *header
	pool   *slot.Pool
}

// Create makes a hub.
func Create(o Options) (*Hub, error) {
	l := layout{peers: o.Peers, cells: o.Cells, events: lastEvents, classes: o.Classes}
	if l.peers == 0 {
		l.peers = DefaultPeers
	}
	if l.cells == 0 {
		l.cells = defaultCells
	}
	if o.Trace {
		l.events = traceEvents
	}
	if l.classes == nil {
		l.classes = slot.DefaultClasses(l.parties())
	}
	if o.Strategy == nil {
		var err error
		if o.Strategy, err = strategy.ByName(strategy.Default); err != nil {
			return nil, err
		}
	}
	if err := l.check(); err != nil {
		return nil, fmt.Errorf("create hub: %w", err)
	}
	segment, err := shm.Create("ddc-hub", l.size())
	if err != nil {
		return nil, fmt.Errorf("create hub: %w", err)
	}
	h := &Hub{segment: segment, spin: o.Spin, strategy: o.Strategy, links: make([]*Link, l.peers)}
	if h.header, err = shm.View[header](segment, 0); err == nil {
		h.layout = l
		h.pool, err = slot.Open(segment, l.slotsOffset(), l.classes, l.parties())
	}
	if err != nil {
		_ = segment.Close()
		return nil, fmt.Errorf("create hub: %w", err)
	}
	h.pool.Format()
	if o.Trace {
		h.header.Tracing.Store(1)
	}
	l.write(h.header)
	return h, nil
}

// Name is "shm".
func (h *Hub) Name() string { return "shm" }

// Offer is a place in a hub for a peer to attach to.
type Offer struct {
	// Link is the host's end. Sending works at once; what is sent
	// waits for the peer.
	Link *Link
	// Files are for the peer to inherit, in this order. Close closes them.
	Files []*os.File
	// Text is what the peer passes to Attach.
	Text string
}

// Close closes the files, once the peer has inherited them.
func (o *Offer) Close() {
	for _, f := range o.Files {
		_ = f.Close()
	}
	o.Files = nil
}

// ErrFull is returned by Offer when every place is taken. Close a link first,
// or create the hub with more Peers.
var ErrFull = errors.New("hub is full")

// Offer makes a place for one peer, which wakes and is woken by s. All futex
// strategies that a process passes must be one and the same, since its wakers
// share a word.
func (h *Hub) Offer(name string, s wake.Strategy) (*Offer, error) {
	offer, err := h.offerLocked(name, s)
	if err == nil {
		h.relay() // a place that was used before has given back its slots
	}
	return offer, err
}

func (h *Hub) offerLocked(name string, s wake.Strategy) (*Offer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, fmt.Errorf("offer place to %s: hub: %w", name, transport.ErrClosed)
	}
	// A place that nobody had comes first: the notes of peers that are gone can
	// then still be looked at.
	peer := slices.Index(h.links, nil)
	if peer < 0 {
		peer = slices.IndexFunc(h.links, (*Link).gone)
	}
	if peer < 0 {
		return nil, fmt.Errorf("offer place to %s: %w: %d peers", name, ErrFull, len(h.links))
	}
	if old := h.links[peer]; old != nil {
		old.slots.reap()
	}
	shared, err := shm.View[linkPage](h.segment, h.layout.linkOffset(peer))
	if err != nil {
		return nil, fmt.Errorf("offer place to %s: %w", name, err)
	}
	h.mend()
	incarnation := shared.offer(s.Name())
	shared.Notes.introduce(name)
	memfd, err := sys.Dup(h.segment.File())
	if err != nil {
		return nil, fmt.Errorf("offer place to %s: %w", name, err)
	}
	offer := &Offer{Files: []*os.File{memfd}}
	var bells [numBells][]*os.File
	for i := range bells {
		if bells[i], err = s.Make(); err != nil {
			offer.Close()
			return nil, fmt.Errorf("offer place to %s: %w", name, err)
		}
		shared.Notes.objects(i, bells[i])
		offer.Files = append(offer.Files, bells[i]...)
	}
	offer.Text = place{peer: peer, incarnation: incarnation, strategy: s.Name(), files: len(offer.Files)}.String()
	offer.Link, err = openLink(h.segment, h.view, linkOptions{
		name: name, place: peer, side: HostSide, strategy: s, bells: bells, spin: h.spin, relay: h.relay,
	})
	if err != nil {
		offer.Close()
		return nil, fmt.Errorf("offer place to %s: %w", name, err)
	}
	h.links[peer] = offer.Link
	return offer, nil
}

// mend writes the header again if some peer has written over it, since no
// new peer could attach. This process uses its own copy of the layout.
// Slots that such a peer gave to nobody, or to a peer that is gone, come
// back. The caller has mu.
func (h *Hub) mend() {
	if _, err := readLayout(h.header, h.segment.Size()); err != nil {
		h.layout.write(h.header)
	}
	h.pool.Mend(func(party int) bool {
		l := h.links[party/2]
		return l != nil && l.ownsSlots()
	})
}

// Pair makes both ends of a link in this process, through the same memory and
// the same wakers that two processes would use.
func (h *Hub) Pair(name string) (host, peer transport.Link, err error) {
	offer, err := h.Offer(name, h.strategy)
	if err != nil {
		return nil, nil, err
	}
	defer offer.Close()
	attached, err := h.attachOwn(offer)
	if err != nil {
		offer.Link.PeerDied(err) // it never was, so the place is free again
		return nil, nil, errors.Join(err, offer.Link.Close())
	}
	return offer.Link, attached, nil
}

// attachOwn opens the peer's end of an offer in this process.
func (h *Hub) attachOwn(offer *Offer) (*Link, error) {
	files := make([]*os.File, 0, len(offer.Files))
	for _, f := range offer.Files {
		copied, err := sys.Dup(f)
		if err != nil {
			for _, f := range files {
				_ = f.Close()
			}
			return nil, err
		}
		files = append(files, copied)
	}
	attached, err := Attach(offer.Text, files, h.strategy, h.spin)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	closed := h.closed // then Close has not seen this end, and will not close it
	if !closed {
		offer.Link.pair = attached
		h.pairs = slices.DeleteFunc(h.pairs, func(l *Link) bool { return l.life.letGo() })
		h.pairs = append(h.pairs, attached)
	}
	h.mu.Unlock()
	if closed {
		return nil, errors.Join(fmt.Errorf("attach to hub: %w", transport.ErrClosed), attached.Close())
	}
	return attached, nil
}

// Close closes every link and frees the memory. Peers that are still attached
// keep theirs until they close or end.
func (h *Hub) Close() error {
	h.mu.Lock()
	h.closed = true
	links := append([]*Link(nil), h.pairs...)
	for _, l := range h.links {
		if l != nil {
			links = append(links, l)
		}
	}
	h.mu.Unlock()
	var errs []error
	for _, l := range links {
		errs = append(errs, l.Close())
	}
	return errors.Join(append(errs, h.segment.Close())...)
}

// Usage counts the pool's slots by class and state; nothing once
// the hub is closed.
func (h *Hub) Usage() []slot.Usage {
	if h.segment.Hold() != nil {
		return nil
	}
	defer h.segment.Release()
	return h.pool.Usage(-1)
}

// relay tells every party that has announced that it waits for a slot to try
// again (pairs with: slot-waiters). Bits are taken before the bells are rung,
// so an announcement made meanwhile stays.
func (h *Hub) relay() {
	if h.segment.Hold() != nil {
		return // nobody waits for a slot that is not there any more
	}
	defer h.segment.Release()
	for waiters := h.header.SlotWaiters.Swap(0); waiters != 0; waiters &= waiters - 1 {
		waiter := bits.TrailingZeros64(waiters)
		h.mu.Lock()
		var l *Link
		if waiter/2 < len(h.links) { // the mask is shared memory: a peer may have set any bit
			l = h.links[waiter/2]
		}
		h.mu.Unlock()
		if l != nil {
			l.bells.signal(waiter%2, signalSlot)
		}
	}
}

// Attach opens the peer's end of an offer. It takes over files, also when it
// fails.
func Attach(text string, files []*os.File, s wake.Strategy, spin wake.Spin) (*Link, error) {
	l, err := attach(text, files, s, spin, openLink)
	for _, f := range files {
		_ = f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("attach to hub: %w", err)
	}
	return l, nil
}

// place is what the text of an offer says.
type place struct {
	peer        int
	incarnation uint32
	strategy    string
	files       int
}

const offerFormat = "v%d peer=%d incarnation=%d wake=%s files=%d"

func (p place) String() string {
	return fmt.Sprintf(offerFormat, layoutVersion, p.peer, p.incarnation, p.strategy, p.files)
}

func parseOffer(text string) (p place, err error) {
	var version int
	if _, err := fmt.Sscanf(text, offerFormat, &version, &p.peer, &p.incarnation, &p.strategy, &p.files); err != nil {
		return p, fmt.Errorf("offer %q is not one: %w", text, err)
	}
	if version != layoutVersion {
		return p, fmt.Errorf("%w (offer of version %d, want %d)", errLayout, version, layoutVersion)
	}
	if p.files < 1 || (p.files-1)%numBells != 0 {
		return p, fmt.Errorf("offer %q is not one: %d files", text, p.files)
	}
	return p, nil
}

// ParseOffer says what a process needs to know before it can attach: the name
// of the strategy, and how many files it has inherited for the hub.
func ParseOffer(text string) (strategy string, files int, err error) {
	p, err := parseOffer(text)
	return p.strategy, p.files, err
}

// opener opens an end of a link.
type opener func(*shm.Segment, view, linkOptions) (*Link, error)

func attach(text string, files []*os.File, s wake.Strategy, spin wake.Spin, open opener) (*Link, error) {
	p, err := parseOffer(text)
	if err != nil {
		return nil, err
	}
	if p.files != len(files) {
		return nil, fmt.Errorf("offer of %d files came with %d", p.files, len(files))
	}
	memfd, err := sys.Dup(files[0])
	if err != nil {
		return nil, err
	}
	segment, err := shm.Open(memfd)
	if err != nil {
		return nil, err
	}
	// The link holds the memory from here on; without one this closes all.
	defer segment.Close() //nolint:errcheck // the mapping is the link's, the descriptor nobody's
	v, err := openView(segment)
	if err != nil {
		return nil, err
	}
	if p.peer < 0 || p.peer >= v.layout.peers {
		return nil, fmt.Errorf("offer of place %d in a hub of %d", p.peer, v.layout.peers)
	}
	shared, err := shm.View[linkPage](segment, v.layout.linkOffset(p.peer))
	if err != nil {
		return nil, err
	}
	if hub := shared.strategy(); p.strategy != hub || s.Name() != hub {
		return nil, fmt.Errorf("wake strategies differ: the hub says %q, the offer %q, this process %q", hub, p.strategy, s.Name())
	}
	if now := shared.Incarnation.Load(); now != p.incarnation {
		return nil, fmt.Errorf("offer %d is void: place %d has been offered again (%d)", p.incarnation, p.peer, now)
	}
	var bells [numBells][]*os.File
	each := (p.files - 1) / numBells
	for i := range bells {
		bells[i] = files[1+i*each : 1+(i+1)*each]
	}
	l, err := open(segment, v, linkOptions{
		name: "host", place: p.peer, side: PeerSide, strategy: s, bells: bells, spin: spin,
	})
	if err == nil {
		shared.Notes.PIDs[PeerSide].Store(uint32(os.Getpid()))
		shared.Notes.Handlers.Add(1)
		shared.Attached.Store(p.incarnation)
	}
	return l, err
}

func openView(segment *shm.Segment) (view, error) {
	h, err := shm.View[header](segment, 0)
	if err != nil {
		return view{}, err
	}
	l, err := readLayout(h, segment.Size())
	if err != nil {
		return view{}, err
	}
	pool, err := slot.Open(segment, l.slotsOffset(), l.classes, l.parties())
	if err != nil {
		return view{}, err
	}
	return view{layout: l, header: h, pool: pool}, nil
}

func (v view) cells(segment *shm.Segment, peer, side int) ([]ring.Descriptor, error) {
	return shm.Views[ring.Descriptor](segment, v.layout.cellsOffset(peer, side), v.layout.cells)
}
