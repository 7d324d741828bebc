package inproc_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/transport"
	"ddc/transport/inproc"
)

// An end has one pump, whoever starts it and however often.
func TestEndThatIsStartedAgainGoesOnWithItsFirstReceiver(t *testing.T) {
	host, peer := pair(t)
	got := make(chan uint64, 100)
	peer.Start(func(f *transport.Frame) { got <- f.Header.Arg })
	for range 3 {
		peer.Start(func(*transport.Frame) { t.Error("a second receiver got a frame") })
	}
	for n := range uint64(100) {
		require.NoError(t, host.Send(t.Context(), transport.Header{Arg: n}, nil))
	}
	for n := range uint64(100) {
		require.Equal(t, n, <-got)
	}
}

func TestEndThatIsClosedBeforeItStartsReceivesNothing(t *testing.T) {
	host, peer := pair(t)
	require.NoError(t, host.Send(t.Context(), transport.Header{}, nil))
	require.NoError(t, peer.Close())
	peer.Start(func(*transport.Frame) { t.Error("a closed end got a frame") })
	<-peer.Done()
	assert.ErrorIs(t, peer.Err(), transport.ErrClosed)
}

// A frame is counted before it is delivered, so that whoever gets one and looks
// finds it in the counts.
func TestFrameIsCountedBeforeItIsDelivered(t *testing.T) {
	host, peer := pair(t)
	seen := make(chan transport.Stats, 2)
	peer.Start(func(*transport.Frame) { seen <- peer.Stats() })
	require.NoError(t, host.Send(t.Context(), transport.Header{}, payloadOf(1, 10)))
	assert.Equal(t, transport.Stats{FramesIn: 1, BytesIn: 10}, <-seen)
	require.NoError(t, host.Send(t.Context(), transport.Header{}, payloadOf(1, 1000)))
	assert.Equal(t, transport.Stats{FramesIn: 2, BytesIn: 1010}, <-seen)
	assert.Equal(t, transport.Stats{FramesOut: 2, BytesOut: 1010}, host.Stats())
}

// A link is made before its transport closes, and is closed with it, or not at
// all. Under the race detector this also says what the lock is for.
func TestPairBesideCloseIsClosedTooOrRefused(t *testing.T) {
	for range 300 {
		tr := inproc.New()
		var made sync.WaitGroup
		for range 2 {
			made.Go(func() {
				host, peer, err := tr.Pair("peer")
				if err != nil {
					assert.ErrorIs(t, err, transport.ErrClosed)
					return
				}
				<-host.Done()
				<-peer.Done()
			})
		}
		require.NoError(t, tr.Close())
		await.All(t, "every pair to end", &made)
	}
}

// Nothing is delivered once Close has returned, and nothing is being delivered.
func TestCloseWaitsForTheReceiver(t *testing.T) {
	host, peer := pair(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	var left atomic.Bool
	peer.Start(func(*transport.Frame) {
		close(entered)
		<-leave
		left.Store(true)
	})
	require.NoError(t, host.Send(t.Context(), transport.Header{}, nil))
	await.Closed(t, "the frame", entered)
	closed := make(chan bool, 1)
	go func() {
		assert.NoError(t, peer.Close())
		closed <- left.Load()
	}()
	await.Until(t, "the end to be closed", func() bool { return peer.Send(t.Context(), transport.Header{}, nil) != nil })
	assert.Empty(t, closed)
	close(leave)
	assert.True(t, await.Value(t, "Close to return", closed))
}

// asking is a context that calls asked when somebody asks for its end.
type asking struct {
	context.Context
	asked func()
}

func (a asking) Done() <-chan struct{} {
	a.asked()
	return a.Context.Done()
}

// The queue is closed once no Send is under way: a Send that has found the end
// open and the queue full must not meet a closed queue, which panics. A select
// takes any of two cases that are ready, hence the rounds.
func TestSendUnderWayMeetsNoClosedQueue(t *testing.T) {
	for range 20 {
		host, _ := pair(t)
		fillUp(t, host)
		closed := make(chan error, 1)
		begun := false
		ctx := asking{t.Context(), func() { // the Send is about to wait for room
			if begun {
				return
			}
			begun = true
			go func() { closed <- host.Close() }()
			await.Until(t, "Close to wait for the Send", aCloseWaits)
		}}
		assert.ErrorIs(t, host.Send(ctx, transport.Header{}, nil), transport.ErrClosed)
		assert.True(t, begun)
		assert.NoError(t, await.Value(t, "Close to return", closed))
	}
}

// aCloseWaits says whether some goroutine waits in Close for senders.
func aCloseWaits() bool { return await.Goroutines("sync.RWMutex.Lock", "inproc.(*end).Close(") > 0 }
