package rpc_test

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"ddc/internal/await"
	"ddc/rpc"
	"ddc/rpc/rpctestpb"
	"ddc/transport"
	"ddc/transport/inproc"
)

// An error that could be sent whole is not sent again in short.
func TestACallIsAnsweredByOneFrame(t *testing.T) {
	tr := inproc.New()
	defer tr.Close() //nolint:errcheck // its links have ended
	host, peer, err := tr.Pair("caller")
	require.NoError(t, err)
	server := rpc.NewServer(rpc.ServerOptions{})
	rpctestpb.RegisterTestServer(server, &service{echo: func(_ context.Context, in *packet) (*packet, error) {
		if in.Number == 0 {
			return nil, status.Error(codes.NotFound, "nothing")
		}
		return in, nil
	}})
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background(), peer) }()
	var replies []transport.Header
	const call, named, message, unary, reply = 1, 1, 16, 32, 7
	ended := make(chan struct{})
	host.Start(func(f *transport.Frame) { replies = append(replies, f.Header) })
	go func() { <-host.Done(); close(ended) }()
	for stream := range uint32(4) {
		request, err := proto.Marshal(&packet{Number: int64(stream % 2)})
		require.NoError(t, err)
		h := transport.Header{Op: call, Flags: named | message | unary, Stream: stream + 1, Arg: 1 << 48}
		require.NoError(t, host.Send(t.Context(), h, append([]byte("\x16/ddc.rpctest.Test/Echo"), request...)))
	}
	await.Until(t, "a reply to each call", func() bool { return host.Stats().FramesIn >= 4 })
	server.Stop() // so what the handlers send has been sent
	require.NoError(t, await.Value(t, "the server's end", served))
	await.Closed(t, "the link's end", ended)
	answered := map[uint32]uint64{}
	for _, r := range replies {
		if r.Op == reply {
			_, twice := answered[r.Stream]
			assert.False(t, twice, "call %d was answered twice", r.Stream)
			answered[r.Stream] = r.Arg
		}
	}
	assert.Equal(t, map[uint32]uint64{1: uint64(codes.NotFound), 2: 0, 3: uint64(codes.NotFound), 4: 0}, answered)
}

// What a link says of its end beyond the kind is said once.
func TestWhyALinkEndedIsToldWithItsKind(t *testing.T) {
	for text, err := range map[string]error{
		"plugin x died: exit status 1":                 fmt.Errorf("x: %w: exit status 1", transport.ErrPeerDead),
		"plugin x died: x: attach: peer died: starved": fmt.Errorf("x: attach: %w: starved", transport.ErrPeerDead),
		"plugin x closed the link":                     fmt.Errorf("x: %w", transport.ErrClosed),
	} {
		assertStatus(t, rpc.LinkEnded("plugin x", err), codes.Unavailable, text)
	}
}

// foreignContext is a context that package context has not made: whoever
// watches it takes a goroutine, and contexts made of it hear of its end late.
type foreignContext struct {
	context.Context
	done chan struct{}
	over atomic.Bool
}

func (c *foreignContext) Done() <-chan struct{} { return c.done }

func (c *foreignContext) Err() error {
	if c.over.Load() {
		return context.Canceled
	}
	return nil
}

// A caller that has gone has not ended its upload, though nobody else has heard
// of that yet.
func TestACallerThatHasGoneEndsNoUpload(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		saw := make(chan error, 1)
		p := connect(t, tr, setup{service: &service{
			echo: func(_ context.Context, in *packet) (*packet, error) { return in, nil },
			chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
				_, err := stream.Recv()
				saw <- err
				return err
			},
		}})
		ctx := &foreignContext{Context: t.Context(), done: make(chan struct{})}
		stream, err := p.client.Chat(ctx)
		require.NoError(t, err)
		ctx.over.Store(true)
		require.NoError(t, stream.CloseSend())
		_, err = p.client.Echo(t.Context(), &packet{}) // what was sent before has come
		require.NoError(t, err)
		close(ctx.done)
		assert.Equal(t, codes.Canceled, status.Code(await.Value(t, "the handler's Recv", saw)))
	})
}

// A stream that has ended lets go of its caller's context, which may live for
// long.
func TestAStreamThatHasEndedWatchesItsCallersContextNoMore(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{})
		ctx := &foreignContext{Context: t.Context(), done: make(chan struct{})}
		for range 3 {
			stream, err := p.client.Chat(ctx)
			require.NoError(t, err)
			require.NoError(t, stream.CloseSend())
			_, err = stream.Recv()
			require.ErrorIs(t, err, io.EOF)
		}
		await.Until(t, "nobody to watch the context", func() bool { return await.Goroutines("", "context.(*cancelCtx).propagateCancel") == 0 })
	})
}
