package hub

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/trace"
	"ddc/slot"
	"ddc/transport"
)

// oneSlot makes payloads travel in each way that there is: those of
// waysToTravel.
var (
	oneSlot      = Options{Peers: 1, Cells: 4, Classes: []slot.Class{{Size: 64, Count: 1}}}
	waysToTravel = map[string]int{"in its descriptor": inlineMax, "in a slot": inlineMax + 1, "in pieces": 65}
)

func assertSlotsFree(t *testing.T, h *Hub) {
	t.Helper()
	for _, u := range h.Usage() {
		assert.Zero(t, u.Filling+u.Sent+u.Held, "slots of %d bytes", u.Size)
	}
}

// The frame after one that was not sent comes alone, and whole.
func assertNextComesAlone(t *testing.T, host *Link, came <-chan []byte, n int) {
	t.Helper()
	frames, sent := host.Stats().FramesOut, host.Stats().BytesOut
	want := pattern(n, 9)
	fill := func(buf []byte) error { copy(buf, want); return nil }
	require.NoError(t, host.Fill(t.Context(), transport.Header{}, n, fill))
	assert.True(t, bytes.Equal(want, await.Value(t, "the frame after it", came)))
	assert.EqualValues(t, frames+1, host.Stats().FramesOut)
	assert.EqualValues(t, sent+uint64(n), host.Stats().BytesOut)
}

func TestAFillThatFailsSendsNothing(t *testing.T) {
	for way, n := range waysToTravel {
		t.Run(way, func(t *testing.T) {
			h, host, peer := pair(t, oneSlot)
			came := make(chan []byte, 4)
			peer.Start(func(f *transport.Frame) { came <- bytes.Clone(f.Payload) })
			failure := errors.New("nothing to send")
			err := host.Fill(t.Context(), transport.Header{}, n, func(buf []byte) error {
				assert.Len(t, buf, n)
				assert.Equal(t, n, cap(buf), "nothing is written behind it")
				return failure
			})
			assert.Equal(t, failure, err)
			assertSlotsFree(t, h)
			assertNextComesAlone(t, host, came, n)
		})
	}
}

func TestAContextThatIsOverSendsNothing(t *testing.T) {
	for way, n := range waysToTravel {
		t.Run(way, func(t *testing.T) {
			h, host, peer := pair(t, oneSlot)
			came := make(chan []byte, 4)
			peer.Start(func(f *transport.Frame) { came <- bytes.Clone(f.Payload) })
			over, cancel := context.WithCancel(t.Context())
			cancel()
			assert.ErrorIs(t, host.Send(over, transport.Header{}, pattern(n, 1)), context.Canceled)
			assertSlotsFree(t, h)
			assert.Zero(t, host.sender.aborts.count.Load(), "no piece of it is on the way")
			assert.Zero(t, host.page.Rings[PeerSide].Produced.Load())
			assertNextComesAlone(t, host, came, n)
		})
	}
}

// The link is closed, so a size that is allowed meets that instead.
func TestSizesThatNoPayloadHasAreRefused(t *testing.T) {
	_, host, _ := pair(t, oneSlot)
	require.NoError(t, host.Close())
	fill := func([]byte) error { t.Error("it is asked for the payload"); return nil }
	for n, want := range map[int]error{
		-1: transport.ErrTooLarge, 0: transport.ErrClosed,
		transport.MaxPayload: transport.ErrClosed, transport.MaxPayload + 1: transport.ErrTooLarge,
	} {
		assert.ErrorIs(t, host.Fill(t.Context(), transport.Header{}, n, fill), want, "%d bytes", n)
	}
}

// waits are the three things that a sender waits for, and how to bring it
// there.
var waits = map[string]struct {
	what    string
	payload []byte
	noted   []trace.Kind
	begin   func(t *testing.T, host *Link)
	end     func(host *Link)
	waiting func(host *Link) bool
}{
	"its turn": {
		"send to fonts: ", nil, nil,
		func(_ *testing.T, host *Link) { host.sender.turn <- struct{}{} }, // as another sender, who waits for room
		func(host *Link) { <-host.sender.turn },
		func(*Link) bool { return true }, // it does not get its turn, whether it has begun to wait or not
	},
	"room": {
		"send to fonts: wait for ring space", nil, []trace.Kind{trace.SpaceWait, trace.SpaceCame},
		func(t *testing.T, host *Link) {
			for range oneSlot.Cells {
				require.NoError(t, host.Send(t.Context(), transport.Header{}, nil))
			}
		},
		func(*Link) {},
		func(host *Link) bool { return host.State().Sides[PeerSide].SpaceSince != 0 },
	},
	"a slot": {
		"send to fonts: wait for a slot", pattern(64, 0), []trace.Kind{trace.SlotWait, trace.SlotCame},
		func(t *testing.T, host *Link) {
			require.NoError(t, host.Send(t.Context(), transport.Header{}, pattern(64, 0)))
		},
		func(*Link) {},
		func(host *Link) bool { return host.State().Sides[PeerSide].SlotSince != 0 },
	},
}

func TestASenderThatWaitsGoesWithItsContext(t *testing.T) {
	for what, w := range waits {
		t.Run(what, func(t *testing.T) {
			_, host, _ := pair(t, oneSlot)
			w.begin(t, host)
			defer w.end(host)
			host.bells.flood.signals.Store(5)
			ctx, cancel := context.WithCancel(t.Context())
			sent := make(chan error, 1)
			go func() { sent <- host.Send(ctx, transport.Header{}, w.payload) }()
			await.Until(t, "a sender to wait for "+what, func() bool { return w.waiting(host) })
			if what != "its turn" {
				assert.Zero(t, host.bells.flood.signals.Load(), "signals for it are no flood")
			}
			cancel()
			err := await.Value(t, "the sender to give up", sent)
			assert.ErrorIs(t, err, context.Canceled)
			assert.ErrorContains(t, err, w.what)
			s := host.State().Sides[PeerSide]
			assert.Zero(t, s.SpaceSince)
			assert.Zero(t, s.SlotSince)
			var noted []trace.Kind
			for _, e := range host.notes.events.Last() {
				if e.Kind >= trace.SpaceWait && e.Kind <= trace.SlotCame {
					noted = append(noted, e.Kind)
				}
			}
			assert.Equal(t, w.noted, noted)
		})
	}
}

func TestASenderThatWaitsGoesWithItsLink(t *testing.T) {
	for what, w := range waits {
		t.Run(what, func(t *testing.T) {
			_, host, _ := pair(t, oneSlot)
			w.begin(t, host)
			sent := make(chan error, 1)
			go func() { sent <- host.Send(t.Context(), transport.Header{}, w.payload) }()
			await.Until(t, "a sender to wait for "+what, func() bool { return w.waiting(host) })
			host.life.fail(transport.ErrPeerDead)
			assert.ErrorIs(t, await.Value(t, "the sender to give up", sent), transport.ErrPeerDead)
			w.end(host)
			// A later sender has its turn, is told the same, and gives the turn
			// back: the pump takes it last.
			assert.ErrorIs(t, host.Send(t.Context(), transport.Header{}, nil), transport.ErrPeerDead)
			host.bells.wakeSelf()
			await.Closed(t, "the pump to have the turn", host.Done())
		})
	}
}

// The peer moves the index of what it has received to where it cannot be.
func TestASenderWhoseRingIsSpoiltEndsTheLink(t *testing.T) {
	_, host, _ := pair(t, oneSlot)
	for range oneSlot.Cells {
		require.NoError(t, host.Send(t.Context(), transport.Header{}, nil))
	}
	host.page.Rings[PeerSide].Consumed.Store(1 << 40)
	err := host.Send(t.Context(), transport.Header{}, nil)
	assert.ErrorIs(t, err, transport.ErrCorrupt)
	assert.ErrorContains(t, err, "fonts: ")
	assert.ErrorContains(t, err, "Rings[peer]: ")
	await.Closed(t, "the link to end", host.Done())
	assert.Equal(t, EndCorrupt, host.State().Sides[HostSide].End.Kind)
}

func TestAnAbortMeetsASpoiltRingAsASendDoes(t *testing.T) {
	_, host, _ := pair(t, oneSlot)
	for range oneSlot.Cells {
		require.NoError(t, host.Send(t.Context(), transport.Header{}, nil))
	}
	host.page.Rings[PeerSide].Consumed.Store(1 << 40)
	host.sender.abort(1)
	assert.EqualValues(t, 1, host.sender.aborts.count.Load())
	assert.Empty(t, host.sender.turn, "the turn was given back")
	assert.ErrorIs(t, host.Send(t.Context(), transport.Header{}, nil), transport.ErrCorrupt)
	await.Closed(t, "the link to end", host.Done())
}

// The slot that a sender has filled is not its own any more: somebody has
// written over its word.
func TestASlotThatWasTakenFromItsSenderEndsTheLink(t *testing.T) {
	h, host, _ := pair(t, oneSlot)
	err := host.Fill(t.Context(), transport.Header{}, 64, func([]byte) error {
		h.pool.Reclaim(party(0, HostSide), slot.Filling)
		return nil
	})
	assert.ErrorIs(t, err, transport.ErrCorrupt)
	assert.ErrorIs(t, err, slot.ErrStale)
	await.Closed(t, "the link to end", host.Done())
}

// An abort goes at once where nobody has the turn, and the receiver is rung
// for it. Where somebody has, the next push sends it first.
func TestAnAbortGoesAtOnceOrWithTheNextFrame(t *testing.T) {
	_, host, _ := pair(t, oneSlot)
	ring := &host.page.Rings[PeerSide]
	rung := func() uint32 { return host.page.Bells[PeerSide].Seq.Load() }
	before := rung()
	host.sender.abort(1)
	assert.EqualValues(t, 1, ring.Produced.Load())
	assert.Equal(t, before+1, rung())

	host.sender.turn <- struct{}{}
	host.sender.abort(2)
	host.sender.abort(3)
	<-host.sender.turn
	assert.EqualValues(t, 1, ring.Produced.Load())
	assert.Equal(t, before+1, rung())
	require.NoError(t, host.Send(t.Context(), transport.Header{}, nil))
	assert.EqualValues(t, 4, ring.Produced.Load())
	assert.Zero(t, host.sender.aborts.count.Load())
	assert.Equal(t, before+3, rung(), "once for the aborts, once for the frame")
	assert.Empty(t, host.sender.turn)
}

// The receiver has a piece of what was given up, and forgets it.
func TestAPayloadGivenUpBetweenItsPiecesIsForgotten(t *testing.T) {
	_, host, peer := pair(t, oneSlot)
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan error, 1)
	go func() { sent <- host.Send(ctx, transport.Header{}, pattern(130, 0)) }()
	await.Until(t, "the sender to wait for a slot", func() bool { return host.State().Sides[PeerSide].SlotSince != 0 })
	cancel()
	assert.ErrorIs(t, await.Value(t, "the sender to give up", sent), context.Canceled)
	ring := &peer.page.Rings[PeerSide]
	assert.EqualValues(t, 2, ring.Produced.Load(), "a piece, and its abort")
	assert.Zero(t, host.Stats().FramesOut)
	assert.EqualValues(t, 64, host.Stats().BytesOut)

	came := make(chan []byte, 1)
	peer.Start(func(f *transport.Frame) { came <- bytes.Clone(f.Payload) })
	assertNextComesAlone(t, host, came, 5)
	peer.receiver.receiving.Lock()
	defer peer.receiver.receiving.Unlock()
	assert.Empty(t, peer.receiver.pieces.groups)
	assert.Zero(t, peer.receiver.pieces.bytes)
}

// A payload that is kept is this process's to read, also when the link is long
// closed. Once it is given back, nothing in the place is anybody's.
func TestAPlaceOwnsSlotsWhileSomebodyReadsThem(t *testing.T) {
	for side, name := range sides {
		t.Run(name, func(t *testing.T) {
			h, host, peer := pair(t, oneSlot)
			from, to := host, peer
			if side == HostSide {
				from, to = peer, host
			}
			kept := make(chan transport.Lease, 1)
			to.Start(func(f *transport.Frame) { kept <- f.Keep() })
			require.NoError(t, from.Send(t.Context(), transport.Header{}, pattern(64, 3)))
			lease := await.Value(t, "the payload", kept)
			assert.EqualValues(t, 1, to.slots.leases.Load())
			require.NoError(t, host.Close())
			require.NoError(t, peer.Close())
			assert.True(t, host.ownsSlots())
			_, _, err := h.Pair("the place is offered again")
			require.NoError(t, err)
			assert.Equal(t, 1, h.Usage()[0].Held)
			assert.True(t, bytes.Equal(pattern(64, 3), lease.Payload))
			lease.Release()
			assert.Zero(t, to.slots.leases.Load())
			assert.False(t, host.ownsSlots())
			assertSlotsFree(t, h)
		})
	}
}

func TestAFrameIsNoFlood(t *testing.T) {
	_, host, peer := pair(t, oneSlot)
	came := make(chan struct{})
	host.Start(func(*transport.Frame) { close(came) })
	host.bells.flood.signals.Store(5)
	require.NoError(t, peer.Send(t.Context(), transport.Header{}, nil))
	await.Closed(t, "the frame", came)
	assert.Zero(t, host.bells.flood.signals.Load())
}

// Nobody waits for a slot, so nobody is rung for one that comes free.
func TestASlotThatNobodyWaitsForComesFreeInSilence(t *testing.T) {
	_, host, peer := pair(t, oneSlot)
	peer.slots.relay = nil // as in a process of its own
	kept := make(chan transport.Lease, 1)
	peer.Start(func(f *transport.Frame) { kept <- f.Keep() })
	require.NoError(t, host.Send(t.Context(), transport.Header{}, pattern(64, 0)))
	lease := await.Value(t, "the payload", kept)
	before := host.page.Bells[HostSide].Seq.Load()
	lease.Release()
	assert.Zero(t, host.page.Signals[HostSide].Load())
	assert.Equal(t, before, host.page.Bells[HostSide].Seq.Load())
}

// Several wait for a slot, and the time since when is that of the first, until
// the last has gone.
func TestTheWaitForASlotIsOverWithTheLastWhoWaits(t *testing.T) {
	_, host, _ := pair(t, oneSlot)
	require.NoError(t, host.Send(t.Context(), transport.Header{}, pattern(64, 0)))
	since := func() int64 { return host.State().Sides[PeerSide].SlotSince }
	var cancels [2]context.CancelFunc
	var sent [2]chan error
	var began int64
	for i := range sent {
		var ctx context.Context
		ctx, cancels[i] = context.WithCancel(t.Context())
		sent[i] = make(chan error, 1)
		go func() { sent[i] <- host.Send(ctx, transport.Header{}, pattern(64, 0)) }()
		await.Until(t, "a sender to wait for a slot", func() bool {
			return since() != 0 && host.page.Notes.Waits[HostSide].Slots.Load() == int32(i+1)
		})
		if i == 0 {
			began = since()
		}
	}
	for i := range sent {
		assert.Equal(t, began, since())
		cancels[i]()
		assert.ErrorIs(t, await.Value(t, "the sender to give up", sent[i]), context.Canceled)
	}
	assert.Zero(t, since())
}

// The link was closed before its peer died: nothing of either is left.
func TestTheDeathOfAPeerWhoseLinkIsClosedFreesItsSlots(t *testing.T) {
	for _, owner := range []int{HostSide, PeerSide} {
		for _, state := range []slot.State{slot.Filling, slot.Sent, slot.Held} {
			h, host, peer := pair(t, oneSlot)
			ref, ok := h.pool.Alloc(party(0, owner), 10)
			require.True(t, ok)
			if state != slot.Filling {
				require.NoError(t, h.pool.Send(ref))
			}
			if state == slot.Held {
				require.NoError(t, h.pool.Accept(ref, party(0, owner)))
			}
			s := h.Snapshot().Links[0].Slots
			assert.Equal(t, 1, s[owner].Slots)
			assert.Zero(t, s[1-owner].Slots)
			require.NoError(t, host.Close())
			require.NoError(t, peer.Close())
			host.PeerDied(nil)
			assertSlotsFree(t, h)
		}
	}
}

// While the link is open, its senders may be filling a slot of the host's, and
// somebody may be reading one of the peer's.
func TestTheDeathOfAPeerLeavesWhatThisProcessUses(t *testing.T) {
	h, host, peer := pair(t, Options{Peers: 1, Classes: []slot.Class{{Size: 64, Count: 2}}})
	kept := make(chan transport.Lease, 1)
	host.Start(func(f *transport.Frame) { kept <- f.Keep() })
	require.NoError(t, peer.Send(t.Context(), transport.Header{}, pattern(64, 3)))
	lease := await.Value(t, "the payload", kept)
	_, ok := h.pool.Alloc(party(0, HostSide), 10)
	require.True(t, ok)
	host.PeerDied(nil)
	assert.Equal(t, []slot.Usage{{Size: 64, Count: 2, Filling: 1, Held: 1}}, h.Usage())
	assert.True(t, bytes.Equal(pattern(64, 3), lease.Payload))
	lease.Release()
	assert.Equal(t, []slot.Usage{{Size: 64, Count: 2, Filling: 1}}, h.Usage())
}
