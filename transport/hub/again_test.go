package hub

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/slot"
	"ddc/transport"
	"ddc/wake"
)

// A pair has closed over a frame that nobody received, whose slot is free once
// its place is offered again. A sender that waits for a slot meanwhile is told.
func TestSlotsThatAnOfferFreesGoToWhoWaits(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		h := newHub(t, Options{Strategy: s, Peers: 2, Classes: []slot.Class{{Size: 64, Count: 1}}})
		host, first, err := h.Pair("first")
		require.NoError(t, err)
		other, waiter, err := h.Pair("waiter")
		require.NoError(t, err)
		other.Start(func(*transport.Frame) {})
		require.NoError(t, first.Send(t.Context(), transport.Header{}, pattern(60, 0)))
		require.NoError(t, first.Close())
		require.NoError(t, host.Close())

		sent := make(chan error, 1)
		go func() { sent <- waiter.Send(context.Background(), transport.Header{}, pattern(60, 0)) }()
		await.Until(t, "a sender to wait for a slot", func() bool { return h.header.SlotWaiters.Load() != 0 })
		_, _, err = h.Pair("again")
		require.NoError(t, err)
		require.NoError(t, await.Value(t, "the sender to be told of the slot", sent))
	})
}

// Pairs are made and closed by many at once. Under the race detector this also
// says what the lock is for.
func TestPairsAreMadeByManyAtOnce(t *testing.T) {
	h := newHub(t, Options{Peers: 32, Cells: 1, Classes: oneSlot.Classes})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				_, peer, err := h.Pair("one of many")
				if assert.NoError(t, err) {
					assert.NoError(t, peer.Send(t.Context(), transport.Header{}, nil))
				}
			}
		})
	}
	await.All(t, "every pair to be made and closed", &all)
	assert.Len(t, h.pairs, 20)
}

// Places are offered, and taken again, while the host tells those who wait for
// a slot. Under the race detector this says that they share the list of links.
func TestPlacesAreOfferedWhileWaitersAreTold(t *testing.T) {
	h := newHub(t, Options{Peers: 16})
	var told sync.WaitGroup
	told.Go(func() {
		for range 200 {
			h.header.SlotWaiters.Or(1<<32 - 1)
			h.relay()
		}
	})
	for range 16 {
		_, _, err := h.Pair("fonts")
		require.NoError(t, err)
	}
	told.Wait()
}
