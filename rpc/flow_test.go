package rpc

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/transport"
)

// exactly is a message that costs n of credit.
func exactly(n int) int { return n - messageCost }

// A sender that has used its window to the last byte waits, and goes on with
// the first byte that it is granted.
func TestAWindowThatIsUsedToTheByteStopsItsSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c credit
		c.open()
		require.NoError(t, c.take(t.Context(), exactly(windowSize-1)))
		require.NoError(t, c.take(t.Context(), exactly(1)), "one byte is left, and lets a message through")
		require.Zero(t, c.left)
		took := make(chan error, 1)
		take := func(n int) {
			go func() { took <- c.take(t.Context(), n) }()
			synctest.Wait()
		}
		take(1000)
		require.Empty(t, took, "nothing is left, so it waits")
		c.grant(1)
		assert.NoError(t, <-took, "whatever its size")
		take(0)
		require.Empty(t, took, "that was a debt")
		c.grant(1000 + messageCost - 1)
		synctest.Wait()
		require.Empty(t, took, "which is paid to the byte, and nothing is left")
		c.grant(1)
		assert.NoError(t, <-took)
	})
}

// A context that is over takes no credit, however much is left.
func TestACallThatIsOverTakesNoCredit(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	var c credit
	c.open()
	assert.Equal(t, codes.Canceled, status.Code(c.take(over, 1)))
	assert.EqualValues(t, windowSize, c.left)
	ended := errors.New("ended")
	c.end(ended)
	assert.Same(t, ended, c.take(over, 1), "an end that came first says more")
}

// The receiver's half counts the same bytes: it takes what a sound sender
// sends, and no message more.
func TestAWindowThatIsUsedToTheByteIsTakenWhole(t *testing.T) {
	push := func(b *inbox, cost int) error {
		f := transport.NewFrame(transport.Header{}, make([]byte, exactly(cost)), nil, 0)
		return b.push(&f, 0)
	}
	var b inbox
	b.open()
	require.NoError(t, push(&b, windowSize-messageCost))
	require.NoError(t, push(&b, messageCost), "one message is left")
	require.Zero(t, b.room)
	assert.ErrorIs(t, push(&b, messageCost), errOverrun)

	_, granted, err := b.pop(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, windowSize-messageCost, granted)
	_, again, err := b.pop(t.Context())
	require.NoError(t, err)
	assert.Zero(t, again, "less than half a window is not worth a frame")
	require.NoError(t, push(&b, int(granted)))
	assert.ErrorIs(t, push(&b, messageCost), errOverrun, "what was not granted is not room")
}

// Half a window that was read, to the byte, is granted: the sender of messages
// of that size would wait for ever otherwise.
func TestHalfAWindowToTheByteIsGranted(t *testing.T) {
	for _, c := range []struct{ read, granted int }{{windowSize/2 - 1, 0}, {windowSize / 2, windowSize / 2}} {
		var b inbox
		b.open()
		f := transport.NewFrame(transport.Header{}, make([]byte, exactly(c.read)), nil, 0)
		require.NoError(t, b.push(&f, 0))
		_, granted, err := b.pop(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, c.granted, granted, "%d bytes were read", c.read)
	}
}
