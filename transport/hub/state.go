package hub

import (
	"ddc/internal/trace"
	"ddc/shm"
	"ddc/slot"
	"ddc/wake"
)

// State is a link as its shared memory shows it at one moment: a snapshot of
// words that go on changing, for people to read. Two States that are equal saw
// nothing happen in between.
type State struct {
	Name     string
	Strategy string
	// Peer is the link's place in the hub.
	Peer        int
	Incarnation uint32
	Attached    bool
	// PIDs are the processes that say they are the host and the
	// peer; 0 is none yet.
	PIDs [2]int
	// Cells is the length of each ring.
	Cells int
	// Sides are what belongs to the host's end, then to the peer's: the ring
	// that carries frames to it, and the doorbell that wakes it.
	Sides [2]SideState
	// Caller is the doorbell of the host's goroutine that receives in its
	// pump's place.
	Caller BellState
}

// SideState is one side of a State.
type SideState struct {
	Produced, Consumed uint64
	// Starved says that the sender of this ring has announced that
	// it waits for room.
	Starved bool
	// SpaceSince and SlotSince say since when senders into this ring wait for
	// room, or for a slot, by CLOCK_MONOTONIC in nanoseconds; 0 is nobody.
	SpaceSince, SlotSince int64
	Closed                bool
	// End is why the end that receives from this ring has ended the link.
	End     End
	Signals uint32
	BellState
}

// Unread is the number of descriptors in the ring. Untrusted: it can be
// anything at all.
func (s *SideState) Unread() uint64 { return s.Produced - s.Consumed }

// Behind says that the producer's index is behind the consumer's. Then two
// senders have stored it, and one of them stored a value that it had read long
// before. Indices wrap, so the shorter way round counts.
func (s *SideState) Behind() bool { return int64(s.Produced-s.Consumed) < 0 }

// BellState is one doorbell of a State.
type BellState struct {
	wake.State
	// Token says that a token waits to be consumed; Blind that
	// nobody could tell.
	Token, Blind bool
}

// State takes a snapshot. The zero State is that of a link that has ended.
func (l *Link) State() State {
	if !l.life.uses.Enter() {
		return State{Name: l.name}
	}
	defer l.life.uses.Leave()
	return l.state()
}

// state is State for those inside uses.
func (l *Link) state() State {
	s := readState(l.page, l.place, l.view.layout.cells)
	s.Name = l.name
	for _, b := range []struct {
		bell  *wake.Doorbell
		state *BellState
	}{{l.bells.own, &s.Sides[l.side].BellState}, {l.bells.peers, &s.Sides[1-l.side].BellState}, {l.bells.caller, &s.Caller}} {
		token, err := b.bell.Pending()
		b.state.Token, b.state.Blind = token && err == nil, err != nil
	}
	return s
}

// readState reads what the words of a link say by themselves. Tokens in the
// kernel are not among them.
func readState(page *linkPage, peer, cells int) State {
	s := State{
		Name: page.Notes.name(), Strategy: page.strategy(), Peer: peer, Cells: cells,
		Incarnation: page.Incarnation.Load(), Caller: readBell(&page.Bells[callerBell], page.strategy()),
	}
	s.Attached = s.Incarnation != 0 && page.Attached.Load() == s.Incarnation
	for side := range s.Sides {
		s.PIDs[side] = int(page.Notes.PIDs[side].Load())
		ring, waits := &page.Rings[side], &page.Notes.Waits[1-side]
		// The consumer's index first: of a ring in use the length is then never
		// less than none.
		consumed := ring.Consumed.Load()
		s.Sides[side] = SideState{
			Produced: ring.Produced.Load(), Consumed: consumed, Starved: ring.Starved.Load() == 1,
			SpaceSince: waits.Space.Load(), SlotSince: waits.Slot.Load(),
			Closed: page.Closed[side].Load() != 0, End: page.Notes.Ends[side].read(), Signals: page.Signals[side].Load(),
			BellState: readBell(&page.Bells[side], page.strategy()),
		}
	}
	return s
}

func readBell(w *wake.Words, strategy string) BellState {
	b := BellState{State: w.State()}
	// wake/futex keeps its tokens in words; the others in the kernel.
	if b.Blind = strategy != "futex"; !b.Blind {
		b.Token = w.Left.Load() != w.Taken.Load()
	}
	return b
}

// Sleeper is the goroutine that receives at a side, as its words show it. A
// token that cannot be looked for counts as none.
func (s *State) Sleeper(side int) wake.Sleeper {
	d := &s.Sides[side]
	due := d.Unread() > 0 || d.Signals != 0 || s.Sides[1-side].Closed
	return wake.Sleeper{Parked: d.Parked, Due: s.Attached && due, Token: d.Token}
}

// Call is a call under way, as the host's end has noted it.
type Call struct {
	Stream uint32
	Method string // "" where it was not noted
	// About is what the call works on, "" where nobody has said; of a
	// long one the end.
	About string
	Began int64 // CLOCK_MONOTONIC, in nanoseconds
}

// LinkSnapshot is all there is to see of a link.
type LinkSnapshot struct {
	State
	Calls []Call
	// Unnoted is how many calls under way found no room among Calls.
	Unnoted int
	// Handlers is how many calls the peer is at work on, or -1 where
	// it does not say.
	Handlers int
	// Slots are what the host's end owns, and the peer's.
	Slots [2]slot.Share
	// Objects are the kernel objects of the doorbells' files, as package sys
	// counts them: of the host's, the peer's and the caller's bell.
	Objects [numBells][2]uint64
}

// Snapshot is all there is to see of a hub at one moment.
type Snapshot struct {
	// At is when, by CLOCK_MONOTONIC in nanoseconds.
	At int64
	// SlotWaiters has a bit for each party that waits for a slot: 2*place for
	// the host's end of a link, 2*place+1 for the peer's.
	SlotWaiters uint64
	Classes     []slot.Usage
	// FreeSlots is how many of the slots that all share are free.
	FreeSlots int
	Links     []LinkSnapshot
}

func (v view) snapshot(links []LinkSnapshot) Snapshot {
	census := v.pool.Census()
	s := Snapshot{At: trace.Now(), SlotWaiters: v.header.SlotWaiters.Load(), Classes: census.Classes, FreeSlots: census.Free, Links: links}
	for i := range s.Links {
		for side := range s.Links[i].Slots {
			s.Links[i].Slots[side] = census.Parties[party(s.Links[i].Peer, side)]
		}
	}
	return s
}

func lookAt(page *linkPage, s State) LinkSnapshot {
	look := LinkSnapshot{State: s, Unnoted: int(page.Notes.Calls.Unnoted.Load()), Handlers: int(page.Notes.Handlers.Load()) - 1}
	for _, e := range page.Notes.Calls.List() {
		look.Calls = append(look.Calls, Call{Stream: e.Stream, Method: page.Notes.Calls.Method(e.Method), About: e.About, Began: e.Began})
	}
	for i := range look.Objects {
		for f := range look.Objects[i] {
			look.Objects[i][f] = page.Notes.Objects[i][f].Load()
		}
	}
	return look
}

// Snapshot looks at every place that was ever offered, from the host: also at
// links that are being closed and whose last user does not let go.
func (h *Hub) Snapshot() Snapshot {
	if h.segment.Hold() != nil {
		return Snapshot{At: trace.Now()}
	}
	defer h.segment.Release()
	open := map[int]*Link{}
	for _, l := range h.hostLinks() {
		open[l.place] = l
	}
	var looks []LinkSnapshot
	for peer := range h.layout.peers {
		page, err := shm.View[linkPage](h.segment, h.layout.linkOffset(peer))
		if err != nil || page.Incarnation.Load() == 0 {
			continue
		}
		s := readState(page, peer, h.layout.cells)
		if l := open[peer]; l != nil && l.life.uses.Enter() {
			s = l.state()
			l.life.uses.Leave()
		}
		looks = append(looks, lookAt(page, s))
	}
	return h.snapshot(looks)
}

func (h *Hub) hostLinks() []*Link {
	h.mu.Lock()
	defer h.mu.Unlock()
	var links []*Link
	for _, l := range h.links {
		if l != nil {
			links = append(links, l)
		}
	}
	return links
}
