package hub

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
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
		await.Until(t, "the peer to sleep without a token", func() bool {
			own := b.(*Link).State().Sides[PeerSide]
			return own.Sleeping && own.Parked && !own.Token
		})

		// As abort leaves it where somebody else has the turn.
		link := a.(*Link)
		link.sender.aborts.groups = append(link.sender.aborts.groups, 1, 2, 3)
		link.sender.aborts.count.Add(3)
		ctx, cancel := context.WithTimeout(t.Context(), minute)
		defer cancel()
		require.NoError(t, a.Send(ctx, transport.Header{Arg: 7}, nil))
		assert.Equal(t, uint64(7), <-got)
	})
}

// muteStrategy makes wakers of which the second, which is the host's way to
// wake the peer, cannot ring.
type muteStrategy struct {
	wake.Strategy
	opened int
}

func (m *muteStrategy) Open(tokens *wake.Tokens, files []*os.File) (wake.Waker, error) {
	w, err := m.Strategy.Open(tokens, files)
	if m.opened++; m.opened == 2 {
		return muteWaker{w}, err
	}
	return w, err
}

type muteWaker struct{ wake.Waker }

var errNoMemory = errors.New("no memory for a token")

func (muteWaker) Ring() error { return errNoMemory }

// The flag is taken and no token left, so nobody would ever
// ring the peer again.
func TestDoorbellThatCannotRingEndsTheLink(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		h := newHub(t, Options{Strategy: &muteStrategy{Strategy: s}})
		a, b, err := h.Pair("deaf")
		require.NoError(t, err)
		// It is not started, so nothing but a frame will ring it.
		await.Until(t, "the peer to sleep", func() bool { return b.(*Link).State().Sides[PeerSide].Parked })

		// The frame is in the ring, where its slot must stay its own.
		require.NoError(t, a.Send(t.Context(), transport.Header{}, pattern(1000, 0)))
		ctx, cancel := context.WithTimeout(t.Context(), minute)
		defer cancel()
		select {
		case <-a.Done():
		case <-ctx.Done():
			require.NoError(t, ctx.Err(), "the link goes on, though its peer cannot be woken")
		}
		assert.ErrorIs(t, a.Err(), transport.ErrCorrupt)
		assert.ErrorIs(t, a.Err(), errNoMemory)
		assert.Equal(t, 1, h.Usage()[0].Sent)
		require.NoError(t, b.Close())
	})
}

// An end that has said that it is closed still rings: on a place that somebody
// else has by then it would take a sleeper's flag, and leave the token
// elsewhere.
func TestPlaceOfAPairIsKeptUntilBothEndsHaveLetGo(t *testing.T) {
	h := newHub(t, Options{Peers: 1})
	a, b, err := h.Pair("slow to go")
	require.NoError(t, err)
	peer := b.(*Link)
	require.True(t, peer.life.uses.Enter()) // as a sender that has pushed and is about to ring
	closed := make(chan error, 1)
	go func() { closed <- b.Close() }()
	<-b.Done()
	require.NoError(t, a.Close())
	_, _, err = h.Pair("too early")
	assert.ErrorIs(t, err, ErrFull)
	peer.life.uses.Leave()
	require.NoError(t, <-closed)
	_, _, err = h.Pair("in time")
	assert.NoError(t, err)
}
