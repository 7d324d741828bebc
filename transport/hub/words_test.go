package hub

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/trace"
	"ddc/shm"
	"ddc/slot"
	"ddc/transport"
	"ddc/wake"
)

func TestLayoutHasItsLimits(t *testing.T) {
	one := []slot.Class{{Size: 64, Count: 64}}
	classes := func(n int) (all []slot.Class) {
		for range n {
			all = append(all, one[0])
		}
		return all
	}
	for _, c := range []struct {
		layout
		want string // "" is sound
	}{
		{layout{1, 1, 1, one}, ""},
		{layout{maxPeers, 1 << 16, 1 << 20, classes(maxClasses)}, ""},
		{layout{0, 1, 1, one}, "0 peers: a hub has 1 to 32"},
		{layout{maxPeers + 1, 1, 1, one}, "33 peers"},
		{layout{-1, 1, 1, one}, "-1 peers"},
		{layout{1, 0, 1, one}, "rings of 0 descriptors"},
		{layout{1, -4, 1, one}, "rings of -4"},
		{layout{1, 3, 1, one}, "rings of 3"},
		{layout{1, 1 << 17, 1, one}, "rings of 131072"},
		{layout{1, 1, 0, one}, "0 events"},
		{layout{1, 1, 6, one}, "6 events"},
		{layout{1, 1, 1 << 21, one}, "2097152 events"},
		{layout{1, 1, 1, nil}, "0 slot classes"},
		{layout{1, 1, 1, classes(maxClasses + 1)}, "9 slot classes"},
	} {
		err := c.check()
		if c.want == "" {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, c.want)
		}
	}
	_, err := Create(Options{Peers: maxPeers + 1})
	assert.ErrorContains(t, err, "create hub: 33 peers")
	_, err = Create(Options{Classes: []slot.Class{{Size: 65, Count: 1}}})
	assert.ErrorContains(t, err, "create hub: ")
	_, err = Create(Options{Classes: []slot.Class{{Size: 1 << 30, Count: 1 << 20}}})
	assert.ErrorContains(t, err, "create hub: ", "no process has so many addresses")
}

func TestPartsOfALayoutFollowEachOther(t *testing.T) {
	l := layout{peers: 3, cells: 4, events: 8, classes: []slot.Class{{Size: 64, Count: 64}}}
	assert.Equal(t, headerSize, l.linkOffset(0))
	for peer := range l.peers {
		at := l.linkOffset(peer)
		assert.Equal(t, at+linkPageSize, l.cellsOffset(peer, HostSide))
		assert.Equal(t, at+linkPageSize+4*64, l.cellsOffset(peer, PeerSide))
		assert.Equal(t, at+linkPageSize+2*4*64, l.eventsOffset(peer, HostSide))
		assert.Equal(t, at+linkPageSize+2*4*64+8*16, l.eventsOffset(peer, PeerSide))
		assert.Equal(t, at+linkPageSize+2*4*64+2*8*16, l.linkOffset(peer+1))
	}
	assert.Zero(t, l.slotsOffset()%4096)
	assert.GreaterOrEqual(t, l.slotsOffset(), l.linkOffset(3))
	assert.Less(t, l.slotsOffset(), l.linkOffset(3)+4096)
	assert.Equal(t, l.slotsOffset()+slot.Size(l.classes), l.size())
}

// Each number of the header is read, and one that is another is refused.
func TestHeaderIsReadAsItWasWritten(t *testing.T) {
	l := layout{peers: 3, cells: 4, events: 8, classes: slot.DefaultClasses(6)}
	var h header
	l.write(&h)
	got, err := readLayout(&h, l.size())
	require.NoError(t, err)
	assert.Equal(t, l, got)
	_, err = readLayout(&h, l.size()-1)
	assert.ErrorIs(t, err, errLayout)
	assert.ErrorContains(t, err, "bytes, want")

	var odd header
	layout{peers: 3, cells: 3, events: 8, classes: l.classes}.write(&odd) // with the hash that belongs to it
	_, err = readLayout(&odd, 1<<40)
	assert.ErrorIs(t, err, errLayout)
	assert.ErrorContains(t, err, "a power of two")

	words := map[string]*shm.Word32{"version": &h.Version, "peers": &h.Peers, "cells": &h.Cells, "events": &h.Events, "classes": &h.Classes}
	for i := range l.classes {
		words["size"+string(rune('0'+i))], words["count"+string(rune('0'+i))] = &h.Class[i].Size, &h.Class[i].Count
		words["reserve"+string(rune('0'+i))] = &h.Class[i].Reserve
	}
	for name, word := range words {
		before := word.Load()
		for _, other := range []uint32{before + 1, 0x8000_0000 | before} {
			word.Store(other)
			_, err = readLayout(&h, 1<<40)
			assert.ErrorIs(t, err, errLayout, name)
		}
		word.Store(before)
	}
	for name, word := range map[string]*shm.Word64{"magic": &h.Magic, "hash": &h.Hash} {
		word.Add(1)
		_, err = readLayout(&h, l.size())
		assert.ErrorIs(t, err, errLayout)
		assert.ErrorContains(t, err, name)
		word.Store(word.Load() - 1)
	}
	_, err = readLayout(&h, l.size())
	assert.NoError(t, err)
}

// What a peer that had the place before has left must not meet the next.
func TestAPlaceIsOfferedWithNothingOfThePeerBefore(t *testing.T) {
	p := new(linkPage)
	p.Incarnation.Store(5)
	copy(p.Strategy[:], "socketpair")
	var zero []interface{ Load() uint32 }
	var zero64 []interface{ Load() uint64 }
	for s := range 2 {
		p.Signals[s].Store(7)
		p.Closed[s].Store(1)
		p.Rings[s].Produced.Store(9)
		p.Rings[s].Consumed.Store(9)
		p.Rings[s].Starved.Store(1)
		zero = append(zero, &p.Signals[s], &p.Closed[s], &p.Rings[s].Starved)
		zero64 = append(zero64, &p.Rings[s].Produced, &p.Rings[s].Consumed)
	}
	for i := range p.Bells {
		b := &p.Bells[i]
		b.Sleeping.Store(1)
		b.Parked.Store(1)
		zero = append(zero, &b.Sleeping, &b.Parked)
		for _, counter := range []*shm.Word64{&b.Sent, &b.Suppressed, &b.Received, &b.Spurious} {
			counter.Store(3)
			zero64 = append(zero64, counter)
		}
	}
	n := &p.Notes
	copy(n.Name[:], "a peer with a long name")
	for s := range 2 {
		n.PIDs[s].Store(1)
		n.Ends[s].Kind.Store(1)
		n.Waits[s].Space.Store(1)
		n.Waits[s].Slot.Store(1)
		n.Waits[s].Slots.Store(1)
	}
	for i := range n.Objects {
		for k := range n.Objects[i] {
			n.Objects[i][k].Store(1)
		}
	}
	n.Handlers.Store(4)
	n.Calls.Name(1, "/fonts.Fonts/Subset")
	n.Calls.Began(7, 1, "content/index.md", 5)

	assert.EqualValues(t, 6, p.offer("pipe"))
	assert.EqualValues(t, 6, p.Incarnation.Load())
	assert.Equal(t, "pipe", p.strategy())
	for i, word := range zero {
		assert.Zero(t, word.Load(), "word %d", i)
	}
	for i, word := range zero64 {
		assert.Zero(t, word.Load(), "counter %d", i)
	}
	assert.Empty(t, n.name())
	assert.Empty(t, n.Calls.List())
	assert.Empty(t, n.Calls.Method(1))
	assert.Zero(t, n.Handlers.Load())
	for s := range 2 {
		assert.Zero(t, n.PIDs[s].Load())
		assert.Zero(t, n.Ends[s].read())
		assert.Zero(t, n.Waits[s].Space.Load())
		assert.Zero(t, n.Waits[s].Slot.Load())
		assert.Zero(t, n.Waits[s].Slots.Load())
	}
	assert.Equal(t, [numBells][2]uint64{}, lookAt(p, State{}).Objects)
}

func TestStateOfARingInItsWords(t *testing.T) {
	for _, c := range []struct {
		produced, consumed, unread uint64
		behind                     bool
	}{{0, 0, 0, false}, {7, 3, 4, false}, {3, 7, 1<<64 - 4, true}, {1, 1<<64 - 1, 2, false}} {
		s := SideState{Produced: c.produced, Consumed: c.consumed}
		assert.Equal(t, c.unread, s.Unread())
		assert.Equal(t, c.behind, s.Behind())
	}
}

// A sleeper has something to do if its ring has, or a signal is left, or the
// other side is closed; while nobody is attached it has not.
func TestSleeperIsDueForWhatItWouldFind(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *State)
		want   wake.Sleeper
	}{
		"nothing":      {func(*State) {}, wake.Sleeper{Parked: true}},
		"awake":        {func(s *State) { s.Sides[HostSide].Parked = false }, wake.Sleeper{}},
		"token":        {func(s *State) { s.Sides[HostSide].Token = true }, wake.Sleeper{Parked: true, Token: true}},
		"frame":        {func(s *State) { s.Sides[HostSide].Produced = 1 }, wake.Sleeper{Parked: true, Due: true}},
		"signal":       {func(s *State) { s.Sides[HostSide].Signals = 1 }, wake.Sleeper{Parked: true, Due: true}},
		"closed":       {func(s *State) { s.Sides[PeerSide].Closed = true }, wake.Sleeper{Parked: true, Due: true}},
		"its own end":  {func(s *State) { s.Sides[HostSide].Closed = true }, wake.Sleeper{Parked: true}},
		"other's ring": {func(s *State) { s.Sides[PeerSide].Produced = 1 }, wake.Sleeper{Parked: true}},
		"nobody there": {func(s *State) { s.Sides[HostSide].Produced, s.Attached = 1, false }, wake.Sleeper{Parked: true}},
	} {
		s := State{Attached: true}
		s.Sides[HostSide].Parked = true
		c.change(&s)
		assert.Equal(t, c.want, s.Sleeper(HostSide), name)
	}
}

// Each end says that it has ended: the events of a link that is gone tell which
// of the two went first.
func TestEndOfALinkIsAnEvent(t *testing.T) {
	h, host, peer := pair(t, Options{})
	o, err := h.Observer()
	require.NoError(t, err)
	for side, l := range []*Link{HostSide: host, PeerSide: peer} {
		require.NoError(t, l.Close())
		seen := o.Events(0)[side]
		require.NotEmpty(t, seen)
		assert.Contains(t, kinds(seen), trace.Ended)
	}
	require.NoError(t, o.Close())
}

func kinds(events []trace.Event) (kinds []trace.Kind) {
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func TestCallsAreEventsWhereATraceIsKept(t *testing.T) {
	for tracing, want := range map[bool][2][]trace.Kind{
		false: {}, true: {{trace.CallBegan, trace.CallEnded}, {trace.HandlerBegan, trace.HandlerEnded}},
	} {
		h, host, peer := pair(t, Options{Trace: tracing})
		for _, l := range []*Link{host, peer} {
			l.CallBegan(7, 3, "", time.Now())
			l.CallEnded(7)
		}
		o, err := h.Observer()
		require.NoError(t, err)
		for side, seen := range o.Events(0) {
			var calls []trace.Event
			for _, e := range seen {
				if e.Kind >= trace.CallBegan && e.Kind <= trace.HandlerEnded {
					calls = append(calls, e)
				}
			}
			require.Len(t, calls, len(want[side]))
			for i, kind := range want[side] {
				assert.Equal(t, kind, calls[i].Kind)
				assert.EqualValues(t, 7, calls[i].Stream())
				assert.LessOrEqual(t, calls[i].When, trace.Now())
			}
			if tracing {
				assert.EqualValues(t, 3, calls[0].Method())
			}
		}
		if tracing {
			assert.Equal(t, traceEvents, h.layout.events)
		} else {
			assert.Equal(t, lastEvents, h.layout.events)
		}
		require.NoError(t, o.Close())
	}
}

// An observer finds links and events by place, also at a hub of many places.
func TestObserverFindsEachLinkByItsPlace(t *testing.T) {
	h := newHub(t, Options{Peers: 3, Cells: 1})
	_, first, err := h.Pair("first")
	require.NoError(t, err)
	host, _, err := h.Pair("second")
	require.NoError(t, err)
	host.(*Link).NameMethod(4, "/fonts.Fonts/Subset")
	require.NoError(t, host.Send(t.Context(), transport.Header{}, nil))
	sent := make(chan error, 1)
	go func() { sent <- host.Send(t.Context(), transport.Header{}, nil) }()
	await.Until(t, "a sender to wait for space", func() bool { return host.(*Link).State().Sides[PeerSide].SpaceSince != 0 })

	o, err := h.Observer()
	require.NoError(t, err)
	links := o.Links()
	require.Len(t, links, 2)
	assert.Equal(t, "first", links[0].Name)
	assert.Equal(t, "second", links[1].Name)
	assert.Equal(t, 1, links[1].Peer)
	assert.Equal(t, "/fonts.Fonts/Subset", links[1].Method(4))
	assert.Empty(t, links[0].Method(4))
	require.Len(t, o.Snapshot().Links, 2)
	assert.Equal(t, "second", o.Snapshot().Links[1].Name)
	waits := func(events []trace.Event) (n int) {
		for _, e := range events {
			if e.Kind == trace.SpaceWait {
				n++
			}
		}
		return n
	}
	for place, want := range []int{0, 1, 0} {
		assert.Equal(t, want, waits(o.Events(place)[HostSide]), "place %d", place)
		assert.Zero(t, waits(o.Events(place)[PeerSide]))
		events, next := o.EventsFrom(place, HostSide, 0)
		assert.Equal(t, want, waits(events))
		assert.EqualValues(t, len(events), next)
		assert.Equal(t, want, waits(h.Events(place)[HostSide]), "place %d", place)
	}
	for _, nowhere := range []int{-1, 3} {
		assert.Equal(t, [2][]trace.Event{}, o.Events(nowhere))
		assert.Equal(t, [2][]trace.Event{}, h.Events(nowhere))
	}
	require.NoError(t, o.Close())

	rescued := func(l transport.Link) uint64 { return l.(*Link).State().Sides[HostSide].Received }
	h.Rescue(1)
	await.Until(t, "the second link to be woken", func() bool { return rescued(host) > 0 })
	assert.Zero(t, rescued(first))
	h.Rescue(2)
	host.(*Link).PeerDied(nil)
	assert.ErrorIs(t, await.Value(t, "the sender to give up", sent), transport.ErrPeerDead)
}

// What an end does with its bells is there to be looked at: each sleep, each
// waking, and each token that it leaves.
func TestAnEndNotesItsSleepsAndItsTokens(t *testing.T) {
	h, host, peer := pair(t, Options{})
	peer.Start(func(*transport.Frame) {})
	await.Until(t, "the pump to sleep", asleep(peer, PeerSide))
	o, err := h.Observer()
	require.NoError(t, err)
	var next [2]uint64 // event of each side
	for side := range next {
		await.Until(t, "the sleep of the "+sides[side]+"'s pump to be noted", func() bool {
			var events []trace.Event
			events, next[side] = o.EventsFrom(0, side, 0)
			return len(events) > 0 && events[len(events)-1].Kind == trace.Asleep
		})
	}
	require.NoError(t, host.Send(t.Context(), transport.Header{}, nil))
	type noted struct {
		kind trace.Kind
		bell uint64
	}
	since := func(side int) (all []noted) {
		events, _ := o.EventsFrom(0, side, next[side])
		for _, e := range events {
			all = append(all, noted{e.Kind, e.Arg})
		}
		return all
	}
	assert.Equal(t, []noted{{trace.Token, PeerSide}}, since(HostSide))
	await.Until(t, "the pump to sleep again", func() bool { return len(since(PeerSide)) >= 2 })
	assert.Equal(t, []noted{{trace.Awake, PeerSide}, {trace.Asleep, PeerSide}}, since(PeerSide))
	require.NoError(t, o.Close())
}
