package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
	"ddc/ring"
	"ddc/slot"
	"ddc/transport"
	"ddc/wake"
	"ddc/wake/strategy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func newHub(t testing.TB, o Options) *Hub {
	t.Helper()
	h, err := Create(o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.Close()) })
	return h
}

func everyStrategy(t *testing.T, test func(*testing.T, wake.Strategy)) {
	t.Helper()
	for _, s := range strategy.All() {
		t.Run(s.Name(), func(t *testing.T) { test(t, s) })
	}
}

// echo sends every frame back, from a goroutine of its own: the
// pump never sends.
func echo(t testing.TB, l transport.Link) {
	type message struct {
		transport.Header
		lease transport.Lease
	}
	queue := make(chan message, 1<<16)
	l.Start(func(f *transport.Frame) { queue <- message{f.Header, f.Keep()} })
	var sender sync.WaitGroup
	sender.Go(func() {
		for m := range queue {
			err := l.Send(context.Background(), m.Header, m.lease.Payload)
			m.lease.Release()
			if err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		close(queue)
		await.All(t, "the echo to have sent all", &sender)
	})
}

func pattern(n int, seed byte) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7) ^ byte(i>>8) ^ seed
	}
	return p
}

func TestPayloadsOfEverySizeComeBackWhole(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		h := newHub(t, Options{Strategy: s})
		a, b, err := h.Pair("echo")
		require.NoError(t, err)
		echo(t, b)
		got := make(chan []byte, 1)
		a.Start(func(f *transport.Frame) { got <- bytes.Clone(f.Payload) })
		for _, n := range []int{0, 1, 47, 48, 49, 1024, 1025, 16 << 10, 300 << 10, 1 << 20, 16<<20 - 1, 16 << 20, 16<<20 + 1, 40 << 20} {
			want := pattern(n, byte(n))
			require.NoError(t, a.Send(t.Context(), transport.Header{Op: 1, Stream: uint32(n), Arg: 1 << 60}, want))
			require.True(t, bytes.Equal(want, <-got), "%d bytes", n)
		}
		assertNoSlotInUse(t, h)
	})
}

// assertNoSlotInUse waits for nothing: an end that got an answer knows that the
// request's slot was given back before the answer was sent; the answer's own
// goes back as the pump returns from receive, which closing waits for.
func assertNoSlotInUse(t *testing.T, h *Hub) {
	t.Helper()
	h.mu.Lock()
	links := append([]*Link(nil), h.pairs...)
	links = append(links, h.links...)
	h.mu.Unlock()
	for _, l := range links {
		if l != nil {
			require.NoError(t, l.Close())
		}
	}
	for _, u := range h.Usage() {
		assert.Zero(t, u.Filling+u.Sent+u.Held, "slots of %d bytes", u.Size)
	}
}

var tiny = []slot.Class{{Size: 64, Count: 8, Reserve: 1}, {Size: 256, Count: 2}}

func TestBothDirectionsFullIsNoDeadlock(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		h := newHub(t, Options{Strategy: s, Cells: 2, Peers: 2, Classes: tiny})
		a, b, err := h.Pair("flood")
		require.NoError(t, err)
		const senders, frames = 4, 500
		var all sync.WaitGroup
		for _, l := range []transport.Link{a, b} {
			var received int
			whole := make(chan struct{})
			next := make([]uint64, senders)
			l.Start(func(f *transport.Frame) {
				assert.Equal(t, next[f.Stream], f.Arg, "frames of one sender come in order")
				next[f.Stream]++
				assert.True(t, bytes.Equal(pattern(int(f.Arg%700), byte(f.Stream)), f.Payload))
				if received++; received == senders*frames {
					close(whole)
				}
			})
			for sender := range senders {
				all.Go(func() {
					for n := range uint64(frames) {
						assert.NoError(t, l.Send(context.Background(), transport.Header{Stream: uint32(sender), Arg: n}, pattern(int(n%700), byte(sender))))
					}
				})
			}
			all.Go(func() { <-whole })
		}
		await.All(t, "everything to be sent and received", &all)
		assertNoSlotInUse(t, h)
	})
}

func TestSenderThatGivesUpLeavesNothingBehind(t *testing.T) {
	h := newHub(t, Options{Cells: 2, Peers: 1, Classes: []slot.Class{{Size: 64, Count: 2}}})
	a, b, err := h.Pair("full")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- a.Send(ctx, transport.Header{}, pattern(1000, 1)) }()
	// Two pieces fill the ring, and the pool; the third waits.
	link := a.(*Link)
	await.Until(t, "a sender to wait for a slot", func() bool { return link.view.header.SlotWaiters.Load() != 0 })
	cancel()
	require.ErrorIs(t, <-result, context.Canceled)

	got := make(chan int, 1)
	b.Start(func(f *transport.Frame) { got <- len(f.Payload) })
	require.NoError(t, a.Send(t.Context(), transport.Header{}, pattern(200, 2)))
	assert.Equal(t, 200, <-got, "the abandoned pieces are never seen")
	assertNoSlotInUse(t, h)
}

func TestFreedSlotWakesAWaiterOfAnotherPeer(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		h := newHub(t, Options{Strategy: s, Peers: 2, Classes: []slot.Class{{Size: 64, Count: 1}}})
		_, holder, err := h.Pair("holder")
		require.NoError(t, err)
		_, waiter, err := h.Pair("waiter")
		require.NoError(t, err)
		// Without a relay of their own, as in processes of their own.
		holder.(*Link).slots.relay, waiter.(*Link).slots.relay = nil, nil
		hostOfHolder := h.links[0]
		leases := make(chan transport.Lease, 1)
		hostOfHolder.Start(func(f *transport.Frame) { leases <- f.Keep() })
		h.links[1].Start(func(*transport.Frame) {})
		require.NoError(t, holder.Send(t.Context(), transport.Header{}, pattern(60, 0)))
		lease := <-leases

		sent := make(chan error, 1)
		go func() { sent <- waiter.Send(context.Background(), transport.Header{}, pattern(60, 0)) }()
		await.Until(t, "a sender to wait for a slot", func() bool { return h.header.SlotWaiters.Load() != 0 })
		lease.Release()
		assert.NoError(t, <-sent)

		// And once more with the slot freed by a peer instead of the host.
		kept := make(chan transport.Lease, 1)
		holder.Start(func(f *transport.Frame) { kept <- f.Keep() })
		await.Until(t, "all slots to come back", func() bool { return h.Usage()[0].Sent+h.Usage()[0].Held == 0 })
		require.NoError(t, hostOfHolder.Send(t.Context(), transport.Header{}, pattern(60, 0)))
		lease = <-kept
		go func() { sent <- waiter.Send(context.Background(), transport.Header{}, pattern(60, 0)) }()
		await.Until(t, "a sender to wait for a slot", func() bool { return h.header.SlotWaiters.Load() != 0 })
		lease.Release()
		assert.NoError(t, <-sent)
	})
}

func TestCloseDeliversWhatWasSentBefore(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		h := newHub(t, Options{Strategy: s})
		a, b, err := h.Pair("closing")
		require.NoError(t, err)
		for n := range uint64(100) {
			require.NoError(t, a.Send(t.Context(), transport.Header{Arg: n}, pattern(100, byte(n))))
		}
		require.NoError(t, a.Close())
		assert.ErrorIs(t, a.Err(), transport.ErrClosed)
		assert.ErrorIs(t, a.Send(t.Context(), transport.Header{}, nil), transport.ErrClosed)
		var got []uint64
		b.Start(func(f *transport.Frame) { got = append(got, f.Arg) })
		<-b.Done()
		assert.ErrorIs(t, b.Err(), transport.ErrClosed)
		assert.Len(t, got, 100)
		assert.Equal(t, uint64(100), b.Stats().FramesIn)
		assertNoSlotInUse(t, h)
	})
}

func TestPlaceOfAClosedPairIsOfferedAgain(t *testing.T) {
	h := newHub(t, Options{Peers: 1})
	for range 5 {
		a, b, err := h.Pair("again")
		require.NoError(t, err)
		_, _, err = h.Pair("one too many")
		require.ErrorIs(t, err, ErrFull)
		require.NoError(t, a.Send(t.Context(), transport.Header{}, pattern(5000, 0)))
		require.NoError(t, b.Close())
		require.NoError(t, a.Close())
	}
}

func TestClosedHubOffersNothing(t *testing.T) {
	h := newHub(t, Options{})
	a, _, err := h.Pair("last")
	require.NoError(t, err)
	require.NoError(t, h.Close())
	require.NoError(t, h.Close())
	_, _, err = h.Pair("late")
	assert.ErrorIs(t, err, transport.ErrClosed)
	assert.ErrorIs(t, a.Send(t.Context(), transport.Header{}, nil), transport.ErrClosed)
	assert.Equal(t, uint64(0), a.Stats().FramesOut)
	a.(*Link).PeerDied(nil)
}

func TestPeerDeathEndsTheLinkAndFreesItsSlots(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		h := newHub(t, Options{Strategy: s, Cells: 4, Peers: 1})
		a, b, err := h.Pair("mortal")
		require.NoError(t, err)
		host, peer := a.(*Link), b.(*Link)
		received := make(chan struct{}, 10)
		host.Start(func(*transport.Frame) { received <- struct{}{} })
		require.NoError(t, peer.Send(t.Context(), transport.Header{}, pattern(100, 0)))
		<-received
		// The peer dies while it fills one slot, has taken the host's flag
		// without leaving the token, and never reads what the host sent.
		_, ok := peer.view.pool.Alloc(peer.slots.party(), 5000)
		require.True(t, ok)
		for range 4 {
			require.NoError(t, host.Send(t.Context(), transport.Header{}, pattern(2000, 0)))
		}
		await.Until(t, "the pump to sleep", func() bool { return host.page.Bells[HostSide].Parked.Load() == 1 })
		host.page.Bells[HostSide].Sleeping.Store(0)
		blocked := make(chan error, 1)
		go func() { blocked <- host.Send(context.Background(), transport.Header{}, nil) }()
		await.Until(t, "a sender to wait for space", func() bool { return host.page.Rings[PeerSide].Starved.Load() == 1 })

		host.PeerDied(errors.New("signal: killed"))
		require.ErrorIs(t, <-blocked, transport.ErrPeerDead)
		assert.ErrorIs(t, host.Err(), transport.ErrPeerDead)
		assert.ErrorContains(t, host.Err(), "mortal: peer died: signal: killed")
		for _, u := range h.Usage() {
			assert.Zero(t, u.Filling+u.Sent+u.Held, "slots of %d bytes", u.Size)
		}
	})
}

func TestWhatNoSoundPeerWritesEndsTheLinkAsCorrupt(t *testing.T) {
	descriptor := func(write func(*ring.Descriptor)) func(*Link) {
		return func(l *Link) {
			var d ring.Descriptor
			write(&d)
			ok, err := l.sender.producer.TryPush(&d)
			if err == nil && ok {
				_ = l.bells.peers.Ring()
			}
		}
	}
	piece := func(kind uint8, total uint64) func(*Link) {
		return func(l *Link) {
			ref, _ := l.view.pool.Alloc(l.slots.party(), 10)
			_ = l.sender.pushSlot(context.Background(), transport.Header{}, kind, reference{ref: ref, length: 10, total: total}, rung)
		}
	}
	for name, scribble := range map[string]func(*Link){
		"kind":          descriptor(func(d *ring.Descriptor) { d[2] = 200 }),
		"inline length": descriptor(func(d *ring.Descriptor) { encodeInline(d, transport.Header{}, inlineMax+1) }),
		"slot never sent": descriptor(func(d *ring.Descriptor) {
			encodeReference(d, transport.Header{}, kindSlot, reference{ref: 1, length: 5})
		}),
		"slot class": descriptor(func(d *ring.Descriptor) {
			encodeReference(d, transport.Header{}, kindSlot, reference{ref: 200 << 24, length: 5})
		}),
		"producer index": func(l *Link) {
			l.page.Rings[HostSide].Produced.Store(1 << 40)
			_ = l.bells.peers.Ring()
		},
		"slot length": func(l *Link) {
			ref, _ := l.view.pool.Alloc(l.slots.party(), 10)
			_ = l.sender.pushSlot(context.Background(), transport.Header{}, kindSlot, reference{ref: ref, length: 1 << 30}, rung)
		},
		"slot of nothing": func(l *Link) {
			ref, _ := l.view.pool.Alloc(l.slots.party(), 10)
			_ = l.sender.pushSlot(context.Background(), transport.Header{}, kindSlot, reference{ref: ref}, rung)
		},
		"total of pieces": piece(kindPiece, 1<<60),
		"pieces of two totals": func(l *Link) {
			for _, total := range []uint64{30, 20} {
				ref, _ := l.view.pool.Alloc(l.slots.party(), 10)
				_ = l.sender.pushSlot(context.Background(), transport.Header{}, kindPiece, reference{ref: ref, length: 10, total: total}, rung)
			}
		},
		"more pieces than the total, and the last": piece(kindLast, 9),
		"more pieces than the total":               piece(kindPiece, 9),
		"last piece, and more to come":             piece(kindLast, 30),
		"whole, and not the last piece":            piece(kindPiece, 10),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, Options{})
			a, b, err := h.Pair("scribbler")
			require.NoError(t, err)
			a.Start(func(*transport.Frame) { t.Error("a corrupt frame was delivered") })
			scribble(b.(*Link))
			<-a.Done()
			assert.ErrorIs(t, a.Err(), transport.ErrCorrupt)
			assert.ErrorContains(t, a.Err(), "scribbler: ")
		})
	}
}

func TestFrameAllocatesNothing(t *testing.T) {
	h := newHub(t, Options{})
	a, b, err := h.Pair("frugal")
	require.NoError(t, err)
	received := make(chan struct{}, 1)
	b.Start(func(*transport.Frame) { received <- struct{}{} })
	for _, n := range []int{48, 64, 4096, 1 << 20} {
		payload := pattern(n, 0)
		allocs := testing.AllocsPerRun(100, func() {
			if err := a.Send(context.Background(), transport.Header{}, payload); err != nil {
				t.Error(err)
			}
			<-received
		})
		assert.Zero(t, allocs, "%d bytes", n)
	}
}

// An offer is void once its place has been offered again: its bearer is
// refused, and the place stays the other's.
func TestStaleOfferIsRefused(t *testing.T) {
	h := newHub(t, Options{Peers: 1})
	s, err := strategy.ByName(strategy.Default)
	require.NoError(t, err)
	stale, err := h.Offer("first", s)
	require.NoError(t, err)
	defer stale.Close()
	stale.Link.PeerDied(nil)
	require.NoError(t, stale.Link.Close())
	now, err := h.Offer("second", s)
	require.NoError(t, err)
	defer now.Close()
	_, err = Attach(stale.Text, dup(t, stale.Files), s, wake.SpinOff)
	require.ErrorContains(t, err, "is void")
	assert.False(t, now.Link.Attached())

	peer, err := Attach(now.Text, dup(t, now.Files), s, wake.SpinOff)
	require.NoError(t, err)
	came := make(chan struct{})
	peer.Start(func(*transport.Frame) { close(came) })
	require.NoError(t, now.Link.Send(t.Context(), transport.Header{}, nil))
	await.Closed(t, "the frame", came)
	require.NoError(t, peer.Close())
}

func TestOfferIsRefusedWhereItDoesNotFit(t *testing.T) {
	h := newHub(t, Options{})
	futex, err := strategy.ByName("futex")
	require.NoError(t, err)
	eventfd, err := strategy.ByName("eventfd")
	require.NoError(t, err)
	offer, err := h.Offer("picky", eventfd)
	require.NoError(t, err)
	defer offer.Close()
	v, p, i, f := layoutVersion, offer.Link.place, offer.Link.page.Incarnation.Load(), len(offer.Files)
	for text, want := range map[string]string{
		"nonsense": "is not one",
		fmt.Sprintf("v%d peer=%d incarnation=%d wake=eventfd files=%d", v+1, p, i, f): "do not speak the same hub layout",
		fmt.Sprintf("v%d peer=%d incarnation=%d wake=eventfd files=%d", v, 99, i, f):  "place 99",
		fmt.Sprintf("v%d peer=%d incarnation=%d wake=eventfd files=%d", v, p, i+1, f): "is void",
		fmt.Sprintf("v%d peer=%d incarnation=%d wake=eventfd files=%d", v, p, i, f+3): "came with",
		fmt.Sprintf("v%d peer=%d incarnation=%d wake=futex files=%d", v, p, i, f):     "wake strategies differ",
		fmt.Sprintf("v%d peer=%d incarnation=%d wake=eventfd files=%d", v, p, i, 0):   "is not one: 0 files",
		fmt.Sprintf("v%d peer=%d incarnation=%d wake=eventfd files=%d", v, p, i, f-1): "is not one: 3 files",
	} {
		_, err := Attach(text, dup(t, offer.Files), eventfd, wake.SpinOff)
		assert.ErrorContains(t, err, want)
	}
	_, err = Attach(offer.Text, dup(t, offer.Files), futex, wake.SpinOff)
	assert.ErrorContains(t, err, "wake strategies differ")
	files := dup(t, offer.Files)
	files[0] = files[1] // an eventfd, and no memory
	_, err = Attach(offer.Text, files, eventfd, wake.SpinOff)
	assert.ErrorContains(t, err, "open segment")
	files = dup(t, offer.Files)
	require.NoError(t, files[0].Close())
	_, err = Attach(offer.Text, files, eventfd, wake.SpinOff)
	assert.ErrorIs(t, err, syscall.EBADF)
	h.header.Hash.Add(1)
	_, err = Attach(offer.Text, dup(t, offer.Files), eventfd, wake.SpinOff)
	assert.ErrorContains(t, err, "layout hash")
	assert.ErrorIs(t, err, errLayout)
}
