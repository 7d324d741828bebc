package inproc_test

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/transport"
	"ddc/transport/inproc"
)

func pair(t *testing.T) (host, peer transport.Link) {
	t.Helper()
	tr := inproc.New()
	t.Cleanup(func() { assert.NoError(t, tr.Close()) })
	host, peer, err := tr.Pair("test")
	require.NoError(t, err)
	return host, peer
}

func ignore(*transport.Frame) {}

// payloadOf is n bytes that depend on seed.
func payloadOf(seed, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(seed + i)
	}
	return p
}

// fillUp sends until there is no room, and reports how many frames went in.
func fillUp(t *testing.T, l transport.Link) int {
	t.Helper()
	for n := 0; ; n++ {
		ctx, cancel := context.WithCancel(t.Context())
		sent := make(chan error, 1)
		go func() { sent <- l.Send(ctx, transport.Header{}, nil) }()
		if n < 256 {
			require.NoError(t, <-sent)
			cancel()
			continue
		}
		cancel() // the queue is full: only this ends the wait
		err := <-sent
		require.ErrorIs(t, err, context.Canceled)
		return n
	}
}

func TestFramesArriveInOrderWithHeaderAndPayload(t *testing.T) {
	host, peer := pair(t)
	sizes := []int{0, 1, 47, 48, 49, 1000, 1 << 16}
	const rounds = 200
	got := make(chan error, 1)
	seen := 0
	peer.Start(func(f *transport.Frame) {
		want := payloadOf(seen, sizes[seen%len(sizes)])
		header := transport.Header{Op: uint8(seen), Flags: 3, Stream: uint32(seen), Arg: uint64(seen) << 40}
		if f.Header != header || string(f.Payload) != string(want) {
			got <- errors.New("a frame differs or is out of order")
		}
		if seen++; seen == rounds {
			got <- nil
		}
	})
	for i := range rounds {
		h := transport.Header{Op: uint8(i), Flags: 3, Stream: uint32(i), Arg: uint64(i) << 40}
		p := payloadOf(i, sizes[i%len(sizes)])
		if i%2 == 0 {
			require.NoError(t, host.Send(t.Context(), h, p))
			clear(p) // Send copied it
		} else {
			require.NoError(t, host.Fill(t.Context(), h, len(p), func(buf []byte) error { copy(buf, p); return nil }))
		}
	}
	assert.NoError(t, <-got)
	assert.EqualValues(t, rounds, host.Stats().FramesOut)
	assert.Equal(t, host.Stats().BytesOut, peer.Stats().BytesIn)
}

func TestAKeptPayloadOutlivesTheFramesAfterIt(t *testing.T) {
	host, peer := pair(t)
	leases := make(chan transport.Lease, 4)
	peer.Start(func(f *transport.Frame) { leases <- f.Keep() })
	for i, n := range []int{0, 5, 48, 5000} {
		require.NoError(t, host.Send(t.Context(), transport.Header{}, payloadOf(i, n)))
	}
	kept := []transport.Lease{<-leases, <-leases, <-leases, <-leases}
	for i, n := range []int{0, 5, 48, 5000} {
		assert.Equal(t, string(payloadOf(i, n)), string(kept[i].Payload))
		kept[i].Release()
	}
}

func TestAFillThatFailsSendsNothing(t *testing.T) {
	host, peer := pair(t)
	failure := errors.New("no message")
	for _, n := range []int{10, 1000} {
		assert.Same(t, failure, host.Fill(t.Context(), transport.Header{}, n, func([]byte) error { return failure }))
	}
	require.NoError(t, host.Close())
	peer.Start(func(*transport.Frame) { t.Error("a frame came") })
	await.Closed(t, "the peer's end", peer.Done())
}

func TestAFullQueueHoldsTheSenderUntilItsContextEnds(t *testing.T) {
	host, _ := pair(t)
	assert.Equal(t, 256, fillUp(t, host))
}

func TestAFullQueueHoldsTheSenderUntilThereIsRoom(t *testing.T) {
	host, peer := pair(t)
	frames := fillUp(t, host)
	sent := make(chan error, 1)
	go func() { sent <- host.Send(t.Context(), transport.Header{}, nil) }()
	await.Until(t, "the sender to wait for room", aSenderWaits)
	peer.Start(ignore)
	assert.NoError(t, await.Value(t, "the sender to have room", sent))
	await.Until(t, "its frame to come", func() bool { return peer.Stats().FramesIn == uint64(frames+1) })
}

func TestAWaitingSenderGoesWithItsContext(t *testing.T) {
	host, _ := pair(t)
	frames := fillUp(t, host)
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan error, 1)
	go func() { sent <- host.Send(ctx, transport.Header{}, nil) }()
	await.Until(t, "the sender to wait for room", aSenderWaits)
	cancel()
	err := await.Value(t, "the sender to give up", sent)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "wait for room")
	assert.EqualValues(t, frames, host.Stats().FramesOut)
}

// aSenderWaits says whether some goroutine sleeps in the select of a send.
func aSenderWaits() bool { return await.Goroutines("select", "inproc.(*end).send(") > 0 }

func TestAWaitingSenderIsFreedWhenEitherEndCloses(t *testing.T) {
	for _, closer := range []string{"host", "peer"} {
		t.Run(closer, func(t *testing.T) {
			host, peer := pair(t)
			fillUp(t, host)
			sent := make(chan error, 1)
			go func() { sent <- host.Send(t.Context(), transport.Header{}, nil) }()
			await.Until(t, "the sender to wait for room", aSenderWaits)
			require.NoError(t, map[string]transport.Link{"host": host, "peer": peer}[closer].Close())
			assert.ErrorIs(t, await.Value(t, "the sender to give up", sent), transport.ErrClosed)
		})
	}
}

func TestEveryFrameSentBeforeCloseIsDelivered(t *testing.T) {
	host, peer := pair(t)
	frames := fillUp(t, host)
	require.NoError(t, host.Close())
	assert.NoError(t, peer.Err())
	peer.Start(ignore)
	await.Closed(t, "the peer's end", peer.Done())
	assert.EqualValues(t, frames, peer.Stats().FramesIn)
	assert.ErrorIs(t, peer.Err(), transport.ErrClosed)
	assert.ErrorIs(t, peer.Send(t.Context(), transport.Header{}, nil), transport.ErrClosed)
	assert.ErrorIs(t, host.Send(t.Context(), transport.Header{}, nil), transport.ErrClosed)
	assert.NoError(t, host.Close(), "a second Close")
}

func TestTwoFullQueuesAreNoDeadlock(t *testing.T) {
	host, peer := pair(t)
	const senders, frames = 8, 2000
	var group sync.WaitGroup
	for _, l := range []transport.Link{host, peer} {
		for range senders {
			group.Go(func() {
				for i := range frames {
					assert.NoError(t, l.Send(t.Context(), transport.Header{}, binary.NativeEndian.AppendUint64(nil, uint64(i))))
				}
			})
		}
	}
	var arrived sync.WaitGroup
	arrived.Add(2 * senders * frames)
	count := func(*transport.Frame) { arrived.Done() }
	host.Start(count)
	peer.Start(count)
	done := make(chan struct{})
	go func() { group.Wait(); arrived.Wait(); close(done) }()
	await.Closed(t, "senders on both sides", done)
	for _, l := range []transport.Link{host, peer} {
		assert.EqualValues(t, senders*frames, l.Stats().FramesOut)
		assert.EqualValues(t, 8*senders*frames, l.Stats().BytesOut)
	}
}

func TestACancelledContextSendsNothing(t *testing.T) {
	host, _ := pair(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, host.Send(ctx, transport.Header{}, nil), context.Canceled)
	assert.Zero(t, host.Stats().FramesOut)
}

func TestATooLargePayloadIsRefused(t *testing.T) {
	host, _ := pair(t)
	asked := errors.New("asked for the payload")
	fill := func(n int) error {
		return host.Fill(t.Context(), transport.Header{}, n, func([]byte) error { return asked })
	}
	assert.ErrorIs(t, fill(transport.MaxPayload+1), transport.ErrTooLarge)
	assert.ErrorIs(t, fill(-1), transport.ErrTooLarge)
	assert.ErrorIs(t, fill(transport.MaxPayload), asked, "the largest that may be")
	// Nobody touches its pages, so it takes addresses and no memory.
	assert.ErrorIs(t, host.Send(t.Context(), transport.Header{}, make([]byte, transport.MaxPayload+1)), transport.ErrTooLarge)
	assert.Zero(t, host.Stats().FramesOut)
}

func TestAClosedTransportMakesNoLinks(t *testing.T) {
	tr := inproc.New()
	host, _, err := tr.Pair("test")
	require.NoError(t, err)
	require.NoError(t, tr.Close())
	assert.ErrorIs(t, host.Err(), transport.ErrClosed)
	_, _, err = tr.Pair("test")
	assert.ErrorIs(t, err, transport.ErrClosed)
}

func BenchmarkSend64(b *testing.B) {
	tr := inproc.New()
	defer tr.Close() //nolint:errcheck // the benchmark is over
	host, peer, err := tr.Pair("bench")
	require.NoError(b, err)
	peer.Start(ignore)
	payload := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if err := host.Send(b.Context(), transport.Header{}, payload); err != nil {
			b.Fatal(err)
		}
	}
}
