package host

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/internal/subject"
	"ddc/plugin"
	"ddc/rpc/rpctestpb"
)

const page = "content/guide/quick-start.md:14"

func TestHungStreamIsToldWithCallPageAndWhatThePluginWaitsFor(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		o.CallTimeout = time.Hour
		h := newHost(t, o)
		client := rpctestpb.NewTestClient(h.Conn("runner"))
		stream, err := client.Count(subject.With(t.Context(), page), &rpctestpb.Packet{Text: "process"})
		require.NoError(t, err)
		received := make(chan error, 1)
		go func() { _, err := stream.Recv(); received <- err }()
		outlast(t, h.Plugin("runner"), 0, "the plugin to wait for its process", func(pid int) bool {
			return waitsForSleep(pid) && h.Plugin("runner").patience.waits()
		})
		err = await.Value(t, "the stream to be given up", received)
		require.Equal(t, codes.Unavailable, status.Code(err))
		assert.Contains(t, status.Convert(err).Message(), "plugin runner was killed: /ddc.rpctest.Test/Count for "+page+" had no message in either direction for 1h0m0s; the plugin waits for process ")
		assert.ErrorContains(t, err, " (sleep)")

		stream, err = client.Count(t.Context(), &rpctestpb.Packet{Text: "and other streams go on"})
		require.NoError(t, err)
		_, err = stream.Recv()
		require.NoError(t, err)
		_, err = stream.Recv()
		assert.ErrorIs(t, err, io.EOF)
		assert.Equal(t, 1, h.Plugin("runner").Stats().Restarts)
	})
}

// waits says whether somebody waits for the plugin.
func (p *patience) waits() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.attempts) > 0
}

// The stream's credit is soon used up, and then the sender waits. The plugin
// has come to receive by then: how long it takes to begin is no matter of this.
func TestStreamThatThePluginDoesNotReadIsGivenUp(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		_, err := echo(t, h, "deaf", &rpctestpb.Packet{})
		require.NoError(t, err)
		h.Plugin("deaf").patience.limit = 2 * time.Second // nobody waits for it now
		stream, err := rpctestpb.NewTestClient(h.Conn("deaf")).Sum(subject.With(t.Context(), page))
		require.NoError(t, err)
		packet := &rpctestpb.Packet{Text: "deaf", Data: make([]byte, 100_000)}
		for err == nil {
			err = stream.Send(packet)
		}
		if errors.Is(err, io.EOF) { // the call has ended, and receiving says how
			_, err = stream.CloseAndRecv()
		}
		require.Equal(t, codes.Unavailable, status.Code(err))
		assert.Contains(t, status.Convert(err).Message(), "plugin deaf was killed: /ddc.rpctest.Test/Sum for "+page+" had no message in either direction for 2s")
	})
}

func TestHungStreamOfThisProcessHoldsUpNeitherItsCallerNorStop(t *testing.T) {
	h, err := New(Options{Local: func(string) (plugin.Service, error) { return testService{}, nil }, CallTimeout: 10 * time.Millisecond})
	require.NoError(t, err)
	client := rpctestpb.NewTestClient(h.Conn("here"))
	ctx := subject.With(t.Context(), page)
	waits, err := client.Count(ctx, &rpctestpb.Packet{Text: "wait"})
	require.NoError(t, err)
	_, err = waits.Recv()
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
	assert.ErrorContains(t, err, "plugin here: /ddc.rpctest.Test/Count for "+page+" had no message in either direction for 10ms")

	headless, err := client.Count(ctx, &rpctestpb.Packet{Text: "wait"})
	require.NoError(t, err)
	_, _ = headless.Header() // which nobody sends: it ends with the stream, and receiving says how
	_, err = headless.Recv()
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
	assert.NoError(t, h.Stop(t.Context()))
}

func TestEachMessageOfAStreamGivesItItsTimeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatience(time.Minute)
		runs := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
		var v victim
		a := &attempt{method: "Chat", stream: true, victim: &v}
		for range 10 {
			p.wait(a) // to receive
			runs(40 * time.Second)
			p.wait(a) // to send, which it could at once
			p.passed(a)
			assert.False(t, p.end(a))
			runs(40 * time.Second)
			p.passed(a)
			assert.False(t, p.end(a))
			runs(time.Hour) // while nobody waits for the plugin
		}
		assert.NoError(t, v.cause())
		p.wait(a)
		runs(59 * time.Second)
		assert.NoError(t, v.cause())
		runs(2 * time.Second)
		assert.EqualError(t, v.cause(), "Chat had no message in either direction for 1m0s")
		assert.True(t, p.end(a))
		p.stop()
	})
}

// A stream's own context once hid the stream's end: whoever received it a
// moment later was told Canceled.
func TestStreamOfThisProcessEndsAsItsServiceSays(t *testing.T) {
	h, err := New(Options{Local: func(string) (plugin.Service, error) { return testService{}, nil }})
	require.NoError(t, err)
	client := rpctestpb.NewTestClient(h.Conn("here"))
	for range 200 {
		sum, err := client.Sum(t.Context())
		require.NoError(t, err)
		require.NoError(t, sum.Send(&rpctestpb.Packet{}))
		_, err = sum.CloseAndRecv()
		require.NoError(t, err)

		count, err := client.Count(t.Context(), &rpctestpb.Packet{Text: "x"})
		require.NoError(t, err)
		_, err = count.Recv()
		require.NoError(t, err)
		_, err = count.Recv()
		require.ErrorIs(t, err, io.EOF)
	}
	require.NoError(t, h.Stop(t.Context()))
}
