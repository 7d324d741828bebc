package hub

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/sys"
	"ddc/internal/trace"
	"ddc/transport"
	"ddc/wake"
	"ddc/wake/eventfd"
)

// The cause of a hang is looked for in these words.
func TestStateShowsEachWordOfAPage(t *testing.T) {
	p := new(linkPage)
	assert.False(t, readState(p, 0, 4).Attached, "the place was offered to nobody")
	p.Incarnation.Store(5)
	copy(p.Strategy[:], "pipe")
	p.Notes.introduce("fonts")
	want := State{Name: "fonts", Strategy: "pipe", Peer: 3, Incarnation: 5, Cells: 4}
	want.Caller.Blind = true
	for side := range want.Sides {
		n := uint32(10 * (1 + side))
		p.Notes.PIDs[side].Store(n)
		p.Rings[side].Produced.Store(uint64(n + 3))
		p.Rings[side].Consumed.Store(uint64(n + 1))
		p.Notes.Waits[side].Space.Store(int64(n + 4))
		p.Notes.Waits[side].Slot.Store(int64(n + 5))
		p.Signals[side].Store(n + 6)
		want.PIDs[side] = int(n)
		want.Sides[side] = SideState{Produced: uint64(n + 3), Consumed: uint64(n + 1), Signals: n + 6, BellState: BellState{Blind: true}}
	}
	for side := range want.Sides { // who sends into a ring is at its other side
		n := int64(10 * (2 - side))
		want.Sides[side].SpaceSince, want.Sides[side].SlotSince = n+4, n+5
	}
	assert.Equal(t, want, readState(p, 3, 4))

	p.Attached.Store(5)
	p.Rings[PeerSide].Starved.Store(1)
	p.Closed[HostSide].Store(1)
	p.Bells[callerBell].Seq.Store(8)
	want.Attached, want.Sides[PeerSide].Starved, want.Sides[HostSide].Closed, want.Caller.Seq = true, true, true, 8
	assert.Equal(t, want, readState(p, 3, 4))
}

// A wait is two events and, while it lasts, a time.
func TestAWaitIsNotedFromBothItsEnds(t *testing.T) {
	for side := range sides {
		page := new(notePage)
		n := notes{page: page, side: side, events: trace.NewEvents(&page.Events[side], make([]trace.Cell, 8))}
		waits := &page.Waits[side]
		n.spaceWait()
		began := waits.Space.Load()
		assert.Positive(t, began)
		n.spaceCame()
		assert.Zero(t, waits.Space.Load())
		n.slotWait()
		first := waits.Slot.Load()
		assert.Positive(t, first)
		n.slotWait()
		n.slotCame()
		assert.Equal(t, first, waits.Slot.Load(), "another waits still")
		n.slotCame()
		assert.Zero(t, waits.Slot.Load())
		assert.Zero(t, waits.Slots.Load())
		var kinds []trace.Kind
		for _, e := range n.events.Last() {
			kinds = append(kinds, e.Kind)
			assert.Zero(t, e.Arg)
		}
		assert.Equal(t, []trace.Kind{trace.SpaceWait, trace.SpaceCame, trace.SlotWait, trace.SlotWait, trace.SlotCame, trace.SlotCame}, kinds)
		assert.Equal(t, began, n.events.Last()[0].When)
		assert.Equal(t, first, n.events.Last()[2].When)
		assert.Equal(t, [2]int64{}, [2]int64{page.Waits[1-side].Space.Load(), page.Waits[1-side].Slot.Load()})
	}
}

// The host can ask the kernel for the tokens of its own links.
func TestHostSeesTokensInTheKernelAndTheObjectsThatHaveThem(t *testing.T) {
	h, err := Create(Options{})
	require.NoError(t, err)
	defer h.Close() //nolint:errcheck // the test is over
	offer, err := h.Offer("fonts", eventfd.Strategy{})
	require.NoError(t, err)
	defer offer.Close()
	look := h.Snapshot().Links[0]
	for _, bell := range []BellState{look.Sides[HostSide].BellState, look.Sides[PeerSide].BellState, look.Caller} {
		assert.False(t, bell.Blind)
	}
	for bell := range numBells {
		assert.Equal(t, sys.ObjectID(offer.Files[1+bell]), look.Objects[bell][0])
		assert.NotZero(t, look.Objects[bell][0])
	}
}

// An end spins before it sleeps as it is told, at each bell that it awaits.
func TestAnEndSpinsAsItIsTold(t *testing.T) {
	spin := wake.SpinFor(time.Second)
	_, host, peer := pair(t, Options{Spin: spin})
	want := spinLimit(wake.NewDoorbell(new(wake.Words), nil, spin))
	assert.Equal(t, want, spinLimit(host.bells.own))
	assert.Equal(t, want, spinLimit(host.bells.caller))
	assert.Equal(t, want, spinLimit(peer.bells.own))
}

// What was closed here delivers no more, whoever looks, and neither does an end
// that is over.
func TestAnEndThatIsClosedDeliversNothingMore(t *testing.T) {
	_, host, peer := pair(t, Options{})
	frames := 0
	first, goOn := make(chan struct{}), make(chan struct{})
	host.Start(func(*transport.Frame) {
		if frames++; frames == 1 {
			close(first)
			<-goOn
		}
	})
	require.NoError(t, peer.Send(t.Context(), transport.Header{}, nil))
	await.Closed(t, "the first frame", first)
	require.NoError(t, peer.Send(t.Context(), transport.Header{}, nil))
	host.life.fail(transport.ErrClosed)
	close(goOn)
	await.Closed(t, "the pump to end", host.Done())
	assert.Equal(t, 1, frames)

	host.life.dead.Store(true)
	more, err := host.receiver.deliver()
	require.NoError(t, err)
	assert.False(t, more)
	assert.Equal(t, 1, frames)
}

func TestAnOfferWhoseMemoryCannotBePassedOnIsNone(t *testing.T) {
	h, err := Create(Options{})
	require.NoError(t, err)
	require.NoError(t, h.segment.File().Close())
	_, err = h.Offer("fonts", eventfd.Strategy{})
	assert.ErrorIs(t, err, syscall.EBADF)
	assert.ErrorIs(t, h.Close(), os.ErrClosed)
}

func TestAnOfferThatCameWithoutFilesIsRefused(t *testing.T) {
	h := newHub(t, Options{})
	offer, err := h.Offer("fonts", eventfd.Strategy{})
	require.NoError(t, err)
	defer offer.Close()
	_, err = Attach(offer.Text, nil, eventfd.Strategy{}, wake.SpinOff)
	assert.ErrorContains(t, err, "came with 0")
}

// A lease holds the memory, and gives it back.
func TestMemoryIsGoneWithTheLastOfItsLeases(t *testing.T) {
	h, host, peer := pair(t, Options{})
	kept := make(chan transport.Lease, 1)
	host.Start(func(f *transport.Frame) { kept <- f.Keep() })
	peer.Start(func(*transport.Frame) {})
	require.NoError(t, host.Send(t.Context(), transport.Header{}, pattern(100, 0)))
	require.NoError(t, peer.Send(t.Context(), transport.Header{}, pattern(100, 0)))
	lease := await.Value(t, "the frame", kept)
	await.Until(t, "the other frame", func() bool { return peer.receiver.frames.Load() == 1 })
	require.NoError(t, h.Close())
	require.NoError(t, host.segment.Hold(), "somebody reads there")
	host.segment.Release()
	lease.Release()
	assert.Error(t, host.segment.Hold())
	assert.Error(t, peer.segment.Hold())
}

// Slots are the host's to give back: whatever the peer's process has of them
// ends with it.
func TestAPeerWhoseHostHasDiedFreesNoSlots(t *testing.T) {
	_, _, peer := pair(t, Options{})
	ref, ok := peer.slots.alloc(100)
	require.True(t, ok)
	before := peer.view.pool.Census()
	peer.PeerDied(nil)
	assert.Equal(t, before, peer.view.pool.Census())
	peer.slots.free(ref)
}
