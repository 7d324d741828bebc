package host

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/rpc"
	"ddc/rpc/rpctestpb"
)

// It would answer so again: the call is not repeated, and nothing more is
// believed of that run.
func TestPluginThatAnswersMoreThanItMayIsKilledAndItsCallFails(t *testing.T) {
	everyProcess(t, func(t *testing.T, o Options) {
		o.Calls.Replies = func(method string) rpc.Bounds {
			assert.Contains(t, []string{rpctestpb.Test_Echo_FullMethodName, rpctestpb.Test_Count_FullMethodName}, method)
			return rpc.Bounds{Bytes: 1000}
		}
		h := newHost(t, o)
		first, err := echo(t, h, "liar", &rpctestpb.Packet{Text: "pid"})
		require.NoError(t, err)
		_, err = echo(t, h, "liar", &rpctestpb.Packet{Text: "large 2000"})
		assert.Equal(t, codes.ResourceExhausted, status.Code(err))
		assert.ErrorContains(t, err, "plugin liar sent too much in answer to /ddc.rpctest.Test/Echo: ")
		assert.Regexp(t, `received a message of 2003 bytes: at most 1000|received message larger than max \(2003 vs. 1000\)`, err)
		second := awaitNewRun(t, h, "liar", first.Number)
		assert.Equal(t, 1, h.Plugin("liar").Stats().Restarts)

		stream, err := rpctestpb.NewTestClient(h.Conn("liar")).Count(t.Context(), &rpctestpb.Packet{Number: 1, Data: make([]byte, 2000)})
		require.NoError(t, err)
		_, err = stream.Recv()
		assert.ErrorIs(t, err, rpc.ErrExcess)
		awaitNewRun(t, h, "liar", second)
	})
}

// awaitNewRun asks until another process answers. The old one may still answer
// for a moment.
func awaitNewRun(t *testing.T, h *Host, name string, old int64) int64 {
	t.Helper()
	var now int64
	await.Until(t, "another process to answer", func() bool {
		p, err := echo(t, h, name, &rpctestpb.Packet{Text: "pid"})
		require.NoError(t, err)
		now = p.Number
		return now != old
	})
	return now
}

// Field 9 is one that nobody knows.
func TestPluginRefusesARequestOverItsBound(t *testing.T) {
	h := newHost(t, Options{Calls: Calls{Requests: rpc.Bounds{Fields: 2999, Bytes: 1 << 20}}})
	request := &rpctestpb.Packet{}
	request.ProtoReflect().SetUnknown(bytes.Repeat([]byte{9 << 3, 1}, 3000))
	_, err := echo(t, h, "bounded", request)
	assert.Equal(t, codes.ResourceExhausted, status.Code(err))
	assert.ErrorContains(t, err, "received a message of more than 2999 fields")
	_, err = echo(t, h, "bounded", &rpctestpb.Packet{Data: make([]byte, 1<<20)})
	assert.ErrorContains(t, err, "cannot send a message of")
	assert.Zero(t, h.Plugin("bounded").Stats().Restarts)
}

// A bound on requests says nothing of replies: a plugin whose reply was larger
// than it was once killed for that.
func TestBoundOfRequestsIsNoBoundOfReplies(t *testing.T) {
	h := newHost(t, Options{Calls: Calls{Requests: rpc.Bounds{Bytes: 1000}}})
	got, err := echo(t, h, "generous", &rpctestpb.Packet{Text: "large 2000"})
	require.NoError(t, err)
	assert.Len(t, got.Data, 2000)
	assert.Zero(t, h.Plugin("generous").Stats().Restarts)
}

func TestMaxMessageBoundsRequestsAndReplies(t *testing.T) {
	h := newHost(t, Options{Calls: Calls{MaxMessage: 1000}})
	_, err := echo(t, h, "modest", &rpctestpb.Packet{Data: make([]byte, 1001)})
	assert.ErrorContains(t, err, "cannot send a message of")
	_, err = echo(t, h, "modest", &rpctestpb.Packet{Text: "large 2000"})
	assert.ErrorContains(t, err, "plugin modest sent too much in answer to /ddc.rpctest.Test/Echo: received a message of 2003 bytes: at most 1000")
}

// What follows decoding is part of the call too, so the test can hold it up
// there until the call's time is over.
func TestCallTimeCoversDecoding(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		o.CallTimeout = time.Hour
		h := newHost(t, o)
		runs, pid := 0, 0
		held := grpc.OnFinish(func(err error) {
			assert.NoError(t, err, "the answer came")
			runs++
			p := h.Plugin("prompt")
			p.mu.Lock()
			current := p.current
			p.mu.Unlock()
			pid = outlast(t, p, pid, "the call's process", func(int) bool { return true })
			await.Closed(t, "the call's time to end", current.connection().Done())
		})
		_, err := rpctestpb.NewTestClient(h.Conn("prompt")).Echo(t.Context(), &rpctestpb.Packet{}, held)
		assert.Equal(t, codes.Unavailable, status.Code(err))
		assert.ErrorContains(t, err, "plugin prompt was killed: /ddc.rpctest.Test/Echo was not answered within 1h0m0s")
		assert.Equal(t, hungAttempts, runs)
	})
}

// It would exhaust every run. The bystander's call is repeated, and answered.
func TestCallThatExhaustsItsPluginIsAFaultOfWhatWasAsked(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		o.Memory.Live = 48 << 20
		h := newHost(t, o)
		bystander := make(chan error, 1)
		_, err := echo(t, h, "hoarder", &rpctestpb.Packet{})
		require.NoError(t, err)
		go func() {
			_, err := rpctestpb.NewTestClient(h.Conn("hoarder")).Echo(t.Context(), &rpctestpb.Packet{})
			bystander <- err
		}()
		for _, kind := range []string{"hoard", "descend"} { // a heap, a stack
			_, err = echo(t, h, "hoarder", &rpctestpb.Packet{Text: kind})
			assert.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
			assert.ErrorContains(t, err, "takes more than 50 MB of memory in plugin hoarder")
		}
		assert.NoError(t, <-bystander)
		_, err = echo(t, h, "hoarder", &rpctestpb.Packet{})
		assert.NoError(t, err)
	})
}
