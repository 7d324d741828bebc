package hub

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/transport"
	"ddc/wake"
)

// The aborts of many frames can fill the ring before the frame that was to
// follow them: the receiver must be rung for them, or both sides wait.
func TestAbortsThatFillTheRingWakeTheReceiver(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		h := newHub(t, Options{Strategy: s, Cells: 1})
		a, b, err := h.Pair("aborts")
		require.NoError(t, err)
		got := make(chan uint64, 1)
		b.Start(func(f *transport.Frame) { got <- f.Arg })
		require.Eventually(t, func() bool { return b.(*Link).State().Sides[peerSide].Parked }, minute, tick)

		// As abort leaves it where somebody else has the turn.
		link := a.(*Link)
		link.aborts.groups = append(link.aborts.groups, 1, 2, 3)
		link.aborts.count.Add(3)
		ctx, cancel := context.WithTimeout(t.Context(), minute)
		defer cancel()
		require.NoError(t, a.Send(ctx, transport.Header{Arg: 7}, nil))
		assert.Equal(t, uint64(7), <-got)
	})
}
