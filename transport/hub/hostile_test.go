package hub

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/ring"
	"ddc/shm"
	"ddc/slot"
	"ddc/transport"
	"ddc/wake"
)

// hostileWords are the words that a peer can write, but for those of slots and
// cells: by name, of its own link and of the hub.
func hostileWords(l *Link) map[string][]*shm.Word32 {
	words := map[string][]*shm.Word32{
		"Incarnation": {&l.page.Incarnation}, "Attached": {&l.page.Attached}, "Gate": {&l.page.Gate}, "CallerGate": {&l.page.CallerGate},
		"header.Gate": {&l.view.header.Gate}, "header.Version": {&l.view.header.Version}, "header.Peers": {&l.view.header.Peers},
		"header.Cells": {&l.view.header.Cells}, "header.Classes": {&l.view.header.Classes}, "header.Events": {&l.view.header.Events},
		"header.Tracing": {&l.view.header.Tracing},
	}
	for side, name := range sides {
		words["Signals["+name+"]"] = []*shm.Word32{&l.page.Signals[side].Word32}
		words["Closed["+name+"]"] = []*shm.Word32{&l.page.Closed[side].Word32}
		words["Rings["+name+"].Starved"] = []*shm.Word32{&l.page.Rings[side].Starved}
	}
	for i, name := range []string{"host", "peer", "caller"} {
		b := &l.page.Bells[i]
		words["Bells["+name+"]"] = []*shm.Word32{&b.Seq, &b.Left, &b.Sleeping, &b.Parked, &b.Taken}
	}
	for i := range l.view.header.Class {
		c := &l.view.header.Class[i]
		words[fmt.Sprintf("header.Class[%d]", i)] = []*shm.Word32{&c.Size, &c.Count, &c.Reserve}
	}
	return words
}

func hostileWords64(l *Link) map[string]*shm.Word64 {
	words := map[string]*shm.Word64{"header.Magic": &l.view.header.Magic, "header.Hash": &l.view.header.Hash, "header.SlotWaiters": &l.view.header.SlotWaiters}
	for side, name := range sides {
		words["Rings["+name+"].Produced"] = &l.page.Rings[side].Produced
		words["Rings["+name+"].Consumed"] = &l.page.Rings[side].Consumed
	}
	for i, name := range []string{"host", "peer", "caller"} {
		b := &l.page.Bells[i]
		words["Bells["+name+"].Sent"], words["Bells["+name+"].Received"] = &b.Sent, &b.Received
	}
	return words
}

// Whatever a peer writes into whichever word, its neighbour's frames arrive,
// its own link ends when it dies, and its place is as good as new.
func TestNoWordOfAPeerHarmsItsNeighbour(t *testing.T) {
	values := []uint64{0, 1, 2, 7, 255, 256, 257, 1 << 16, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, 1<<64 - 1}
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		h := newHub(t, Options{Strategy: s, Peers: 3, Cells: 4})
		near, far, err := h.Pair("neighbour")
		require.NoError(t, err)
		got := make(chan uint64, 1)
		far.Start(func(f *transport.Frame) { got <- f.Arg })
		back := make(chan uint64, 1)
		near.Start(func(f *transport.Frame) { back <- f.Arg })

		names := map[string]bool{}
		attack := func(name string, write func(l *Link, value uint64)) {
			names[name] = true
			for _, value := range values {
				offer, err := h.Offer("hostile", s)
				require.NoError(t, err, "%s = %#x", name, value)
				attached, err := Attach(offer.Text, dup(t, offer.Files), s, wake.SpinOff)
				offer.Close()
				require.NoError(t, err, "%s = %#x", name, value)
				offer.Link.Start(func(*transport.Frame) {})
				write(attached, value)
				attached.bells.ring(attached.bells.peers)
				ctx, cancel := context.WithTimeout(t.Context(), minute)
				require.NoError(t, near.Send(ctx, transport.Header{Arg: value}, pattern(100, 0)), "%s = %#x", name, value)
				require.NoError(t, far.Send(ctx, transport.Header{Arg: value}, pattern(100, 0)), "%s = %#x", name, value)
				require.Equal(t, value, <-got)
				require.Equal(t, value, <-back)
				cancel()
				// In a process of its own it would be killed; here
				// it is asked to go.
				attached.life.fail(transport.ErrClosed)
				require.NoError(t, attached.Close())
				offer.Link.PeerDied(nil)
				require.NoError(t, offer.Link.Close())
			}
		}
		probe, err := h.Offer("hostile", s)
		require.NoError(t, err)
		probe.Close()
		for name, words := range hostileWords(probe.Link) {
			for i := range words {
				attack(name, func(l *Link, value uint64) { hostileWords(l)[name][i].Store(uint32(value)) })
			}
		}
		for name := range hostileWords64(probe.Link) {
			attack(name, func(l *Link, value uint64) { hostileWords64(l)[name].Store(value) })
		}
		probe.Link.PeerDied(nil)
		require.NoError(t, probe.Link.Close())
		assert.GreaterOrEqual(t, len(names), 30)
	})
}

func TestWhatIsCorruptIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		write func(l *Link)
		want  string
	}{
		"unknown signal":       {func(l *Link) { l.page.Signals[HostSide].Store(0x80) }, "corrupt hub: Signals[host] are 0x80"},
		"closed by two":        {func(l *Link) { l.page.Closed[PeerSide].Store(2) }, "corrupt hub: Closed[peer] is 0x2"},
		"index ahead":          {func(l *Link) { l.page.Rings[HostSide].Produced.Store(1 << 20) }, "corrupt hub: Rings[host]: ring index out of bounds: producer index 1048576"},
		"index behind":         {func(l *Link) { l.page.Rings[HostSide].Produced.Store(1<<64 - 1) }, "corrupt hub: Rings[host]: ring index out of bounds: producer index"},
		"the other's own":      {func(l *Link) { l.page.Rings[HostSide].Consumed.Store(9) }, "corrupt hub: Rings[host]: ring index out of bounds: consumer index"},
		"neighbour's slot":     {func(l *Link) { sendForeign(l) }, "corrupt hub: descriptor: stale slot reference"},
		"signals without end":  {func(l *Link) { go repeat(l, func() { l.page.Signals[HostSide].Or(signalSlot) }) }, ""},
		"rings without end":    {func(l *Link) { go repeat(l, func() { l.page.Bells[HostSide].Seq.Add(1) }) }, ""},
		"payloads without end": {func(l *Link) { hoard(l) }, "others under way"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, Options{})
			a, b, err := h.Pair("hostile")
			require.NoError(t, err)
			a.Start(func(*transport.Frame) { t.Error("a corrupt frame was delivered") })
			peer := b.(*Link)
			c.write(peer)
			peer.bells.ring(peer.bells.peers)
			if c.want == "" { // it costs time, and only time
				require.NoError(t, b.Close())
				<-a.Done()
				return
			}
			await.Closed(t, "what was written to be found out", a.Done())
			assert.ErrorIs(t, a.Err(), transport.ErrCorrupt)
			assert.ErrorContains(t, a.Err(), c.want)
		})
	}
}

// sendForeign names a slot that the host has sent to somebody else.
func sendForeign(l *Link) {
	ref, _ := l.view.pool.Alloc(party(l.place+1, HostSide), 10)
	_ = l.view.pool.Send(ref)
	var d ring.Descriptor
	encodeReference(&d, transport.Header{}, kindSlot, reference{ref: ref, length: 5})
	_, _ = l.sender.producer.TryPush(&d)
}

// repeat does something until the host's end has ended the link.
func repeat(l *Link, f func()) {
	for !l.life.ending() {
		for range 1000 {
			f()
		}
		l.bells.ring(l.bells.peers)
	}
}

// hoard begins many payloads and ends none.
func hoard(l *Link) {
	for group := range uint32(maxGroups + 1) {
		ref, ok := l.view.pool.Alloc(l.slots.party(), 10)
		for !ok {
			ref, ok = l.view.pool.Alloc(l.slots.party(), 10)
		}
		if l.sender.pushSlot(context.Background(), transport.Header{}, kindPiece, reference{ref: ref, length: 10, group: group, total: transport.MaxPayload}, rung) != nil {
			return
		}
	}
}

func TestPayloadsBegunAreBoundedInBytes(t *testing.T) {
	h := newHub(t, Options{})
	a, b, err := h.Pair("hoarder")
	require.NoError(t, err)
	a.Start(func(*transport.Frame) {})
	peer, host := b.(*Link), a.(*Link)
	for group := range uint32(maxGroups) {
		ref, err := peer.slots.allocPiece(t.Context(), 10)
		require.NoError(t, err)
		require.NoError(t, peer.sender.pushSlot(t.Context(), transport.Header{}, kindPiece, reference{ref: ref, length: 10, group: group, total: transport.MaxPayload}, rung))
	}
	await.Until(t, "all announced groups to be held", func() bool {
		host.receiver.receiving.Lock()
		defer host.receiver.receiving.Unlock()
		return len(host.receiver.pieces.groups) == maxGroups
	})
	host.receiver.receiving.Lock()
	held := 0
	for _, g := range host.receiver.pieces.groups {
		held += cap(g.payload)
	}
	assert.Equal(t, held, host.receiver.pieces.bytes)
	host.receiver.receiving.Unlock()
	assert.LessOrEqual(t, held, maxFirst+maxGroups*64, "a gigabyte was announced for each")
	for group := range uint32(maxGroups) {
		peer.sender.abort(group)
	}
	require.NoError(t, peer.Send(t.Context(), transport.Header{}, nil)) // and with it the aborts
	await.Until(t, "the aborted groups to go", func() bool {
		host.receiver.receiving.Lock()
		defer host.receiver.receiving.Unlock()
		return len(host.receiver.pieces.groups) == 0 && host.receiver.pieces.bytes == 0
	})
}

// The clock is the test's: as many signals take longer than floodTime
// on a busy machine.
func TestSignalsForNothingAreCounted(t *testing.T) {
	var f flood
	clock := time.Hour.Nanoseconds()
	now := func() int64 { return clock }
	count := func() (last bool) {
		for range floodSignals - 1 {
			require.False(t, f.tooMuch(now))
		}
		return f.tooMuch(now)
	}
	for range floodSignals - 1 {
		require.False(t, f.tooMuch(now))
	}
	f.calm() // a frame has come
	assert.True(t, count())
	assert.True(t, count(), "the next are counted anew")
	for range floodSignals - 1 {
		require.False(t, f.tooMuch(now))
	}
	clock += floodTime // as many as that, in a longer time, may be an honest peer's
	assert.False(t, f.tooMuch(now))
}

// A dead peer has lost slots to words that are no words of slots, and to owners
// that there are none of: they come back.
func TestSlotsThatWereWrittenOverComeBack(t *testing.T) {
	h := newHub(t, Options{Peers: 1, Classes: []slot.Class{{Size: 64, Count: 8}}})
	_, b, err := h.Pair("vandal")
	require.NoError(t, err)
	peer := b.(*Link)
	pool, err := h.segment.Bytes(h.layout.slotsOffset(), 8*64)
	require.NoError(t, err)
	for i := range 8 {
		pool[i*64] = byte(0x11 * (i + 1))   // state
		pool[i*64+1] = byte(0x21 * (i + 1)) // owner
	}
	_, ok := peer.view.pool.Alloc(peer.slots.party(), 10)
	require.False(t, ok)
	assert.Equal(t, 8, h.pool.Mend(func(int) bool { return true }))
	_, ok = peer.view.pool.Alloc(peer.slots.party(), 10)
	assert.True(t, ok)
}

// A peer takes back the token that tells the caller of the link's end, as a
// scribbler once did: Close waited for the caller for ever.
func TestCallerWhoseTokenWasStolenLearnsOfTheEnd(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		h := newHub(t, Options{Strategy: s})
		a, _, err := h.Pair("thief")
		require.NoError(t, err)
		host := a.(*Link)
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			host.Await(context.Background(), func() bool { return false })
		}()
		await.Until(t, "the caller to sleep in the pump's place", func() bool { return host.State().Caller.Parked })
		host.bells.standing.Store(false) // so that the end tells nobody: as if its token had gone
		require.NoError(t, a.Close())
		<-gone
	})
}

// Room for a payload is made once, on the word of its first piece, as long as
// there is not too much of it.
func TestRoomForAPayloadIsMadeWhileThereIsLittleOfIt(t *testing.T) {
	a := newReassembly()
	begin := func(group uint32) int {
		g, err := a.begin(reference{group: group, total: 1000})
		require.NoError(t, err)
		return cap(g.payload)
	}
	assert.Equal(t, 1000, begin(1))
	assert.Equal(t, 1000, a.bytes)
	a.bytes = maxFirst - 1000
	assert.Equal(t, 1000, begin(2))
	assert.Zero(t, begin(3))
	assert.Equal(t, maxFirst, a.bytes)
	assert.Len(t, a.groups, 3)
}

// What a peer sends in pieces it may also never end.
func TestPiecesUnderWayAreBoundedInBytes(t *testing.T) {
	a := newReassembly()
	a.bytes = maxPieces - 10 // those of other payloads
	r := reference{group: 1, length: 10, total: 100}
	_, err := a.add(r, make([]byte, 10), false)
	require.NoError(t, err, "as much as there may be")
	r.length = 1
	_, err = a.add(r, make([]byte, 1), false)
	assert.ErrorIs(t, err, transport.ErrCorrupt)
	assert.ErrorContains(t, err, "in pieces under way")
	assert.Len(t, a.groups[1].payload, 10, "it was not taken")
}
