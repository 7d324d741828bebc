package hub

import (
	"fmt"
	"io"

	"ddc/slot"
	"ddc/wake"
)

// State is a link as its shared memory shows it at one moment: a snapshot of
// words that go on changing, for people to read.
type State struct {
	Name     string
	Attached bool
	// Sides are what belongs to the host's end, then to the peer's: the ring that
	// carries frames to it, and the doorbell that wakes it.
	Sides [2]SideState
	// Caller is the doorbell of the host's goroutine that receives in its pump's place.
	Caller BellState
}

// SideState is one side of a State.
type SideState struct {
	Produced, Consumed uint64
	// Starved says that the sender of this ring has announced that it waits for room.
	Starved bool
	Closed  bool
	Signals uint32
	BellState
}

// BellState is one doorbell of a State.
type BellState struct {
	Seq              uint32
	Sleeping, Parked bool
	// Token says that a token waits to be consumed; false too where nobody can tell.
	Token bool
	Bell  wake.Stats
}

// State takes a snapshot. The zero State is that of a link that has ended.
func (l *Link) State() State {
	if !l.uses.enter() {
		return State{Name: l.name}
	}
	defer l.uses.leave()
	s := State{Name: l.name, Attached: l.shared.Attached.Load() == l.shared.Incarnation.Load(), Caller: l.bellState(l.caller, callerBell)}
	for side := range s.Sides {
		bell := l.bell
		if side != l.side {
			bell = l.peerBell
		}
		page := &l.shared.Rings[side]
		s.Sides[side] = SideState{
			Produced: page.Produced.Load(), Consumed: page.Consumed.Load(), Starved: page.Starved.Load() == 1,
			Closed: l.shared.Closed[side].Load() != 0, Signals: l.shared.Signals[side].Load(), BellState: l.bellState(bell, side),
		}
	}
	return s
}

func (l *Link) bellState(bell *wake.Doorbell, index int) BellState {
	words := &l.shared.Bells[index]
	token, err := bell.Pending()
	return BellState{
		Seq: words.Seq.Load(), Sleeping: words.Sleeping.Load() == 1, Parked: words.Parked.Load() == 1,
		Token: token && err == nil, Bell: bell.Stats(),
	}
}

// Print writes a snapshot, two lines a link, one for each direction.
func (s State) Print(w io.Writer) {
	if !s.Attached {
		fmt.Fprintln(w, "  not attached")
	}
	for side, to := range [...]string{"to host", "to plugin"} {
		d := s.Sides[side]
		fmt.Fprintf(w, "  %-9s  ring %d unread (produced %d, consumed %d)%s   bell %s, seq %d, token %v, signals %#x%s   %d sent, %d suppressed, %d spurious\n",
			to, d.Produced-d.Consumed, d.Produced, d.Consumed, mark(d.Starved, ", sender waits for room"),
			d.sleeper(), d.Seq, d.Token, d.Signals, mark(d.Closed, ", closed"), d.Bell.Sent, d.Bell.Suppressed, d.Bell.Spurious)
	}
	if c := s.Caller; c.Parked || c.Sleeping {
		fmt.Fprintf(w, "  a caller receives in the pump's place: %s, seq %d, token %v\n", c.sleeper(), c.Seq, c.Token)
	}
}

func (d BellState) sleeper() string {
	switch {
	case d.Parked:
		return "asleep"
	case d.Sleeping:
		return "about to sleep"
	}
	return "awake"
}

func mark(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

// PrintUsage writes the pool's slots, one line a class that is in use.
func PrintUsage(w io.Writer, usage []slot.Usage) {
	for _, u := range usage {
		if used := u.Filling + u.Sent + u.Held; used > 0 {
			fmt.Fprintf(w, "slots of %d bytes: %d of %d in use (%d filling, %d sent, %d held)\n", u.Size, used, u.Count, u.Filling, u.Sent, u.Held)
		}
	}
}
