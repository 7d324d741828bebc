package rpc_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"ddc/rpc"
	"ddc/rpc/rpctestpb"
	"ddc/slot"
	"ddc/transport"
	"ddc/transport/hub"
)

// oneSlot is a link whose hub has a single slot, which the test holds until it
// calls free.
func oneSlot(t *testing.T, o rpc.ServerOptions, s *service) (client rpctestpb.TestClient, free func()) {
	t.Helper()
	h, err := hub.Create(hub.Options{Peers: 2, Classes: []slot.Class{{Size: 1024, Count: 1}}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.Close()) })
	from, to, err := h.Pair("holder")
	require.NoError(t, err)
	held := make(chan transport.Lease, 1)
	to.Start(func(f *transport.Frame) { held <- f.Keep() })
	require.NoError(t, from.Send(t.Context(), transport.Header{}, make([]byte, 500)))
	lease := <-held
	t.Cleanup(lease.Release)

	host, peer, err := h.Pair("server")
	require.NoError(t, err)
	server := rpc.NewServer(o)
	rpctestpb.RegisterTestServer(server, s)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(context.Background(), peer) // ends with the connection
	}()
	conn := rpc.NewConn(host, rpc.ConnOptions{})
	t.Cleanup(func() {
		assert.NoError(t, conn.Close())
		<-served
	})
	return rpctestpb.NewTestClient(conn), lease.Release
}

// A caller that never hears of its dropped reply waits for ever.
func TestAReplyWithoutASlotReachesItsCallerAsAnError(t *testing.T) {
	large := &rpctestpb.Packet{Data: make([]byte, 600)}
	client, free := oneSlot(t, rpc.ServerOptions{ReplyTime: 50 * time.Millisecond}, &service{
		echo: func(context.Context, *rpctestpb.Packet) (*rpctestpb.Packet, error) { return large, nil },
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := client.Echo(ctx, &rpctestpb.Packet{})
	assert.Equal(t, codes.ResourceExhausted, status.Code(err), err)
	assert.ErrorContains(t, err, "no room for a reply of 603 bytes")

	free()
	require.Eventually(t, func() bool { // the time of a reply may be over on a busy machine
		_, err = client.Echo(ctx, &rpctestpb.Packet{})
		return err == nil
	}, patience, time.Millisecond, "the slot is free")
}

func TestAnErrorWithoutASlotKeepsItsCodeAndTheBeginningOfItsText(t *testing.T) {
	client, _ := oneSlot(t, rpc.ServerOptions{ReplyTime: 50 * time.Millisecond}, &service{
		echo: func(context.Context, *rpctestpb.Packet) (*rpctestpb.Packet, error) {
			return nil, status.Error(codes.NotFound, strings.Repeat("ä page that is not there; ", 20))
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := client.Echo(ctx, &rpctestpb.Packet{})
	assert.Equal(t, codes.NotFound, status.Code(err), err)
	assert.ErrorContains(t, err, "ä page that is not there; ä page")
}

// Trailers come on top of a message within the limit, and beyond what a frame
// may be.
func TestAReplyOverTheTransportsLimitReachesItsCallerAsAnError(t *testing.T) {
	client, _ := oneSlot(t, rpc.ServerOptions{MaxMessage: transport.MaxPayload, ReplyTime: 50 * time.Millisecond}, &service{
		echo: func(ctx context.Context, _ *rpctestpb.Packet) (*rpctestpb.Packet, error) {
			err := grpc.SetTrailer(ctx, metadata.Pairs("key", strings.Repeat("v", 1000)))
			return &rpctestpb.Packet{Data: make([]byte, transport.MaxPayload-100)}, err
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := client.Echo(ctx, &rpctestpb.Packet{})
	assert.Equal(t, codes.ResourceExhausted, status.Code(err), err)
	assert.ErrorContains(t, err, "is too large")
}
