package grpc_test

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"ddc/rpc/rpctestpb"
)

var anyStream = &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}

// A method with one request and one reply can be invoked, whatever its kind.
func TestInvokeWorksWhateverTheMethodsKind(t *testing.T) {
	s := setup{service: &service{count: func(in *packet, stream grpc.ServerStreamingServer[packet]) error {
		if err := stream.SetHeader(metadata.Pairs("header", "h")); err != nil {
			return err
		}
		stream.SetTrailer(metadata.Pairs("trailer", "t"))
		for range in.GetNumber() {
			if err := stream.Send(in); err != nil {
				return err
			}
		}
		if in.GetText() != "" {
			return status.Error(codes.Aborted, in.GetText())
		}
		return nil
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		for _, method := range []string{echoMethod, sumMethod, chatMethod, countMethod} {
			got := &packet{}
			require.NoError(t, e.Invoke(t.Context(), method, &packet{Number: 1}, got), method)
			assert.EqualValues(t, 1, got.GetNumber(), method)
		}
		var header, trailer metadata.MD
		require.NoError(t, e.Invoke(t.Context(), countMethod, &packet{Number: 1}, &packet{}, grpc.Header(&header), grpc.Trailer(&trailer)))
		assert.Equal(t, []string{"h"}, header["header"])
		assert.Equal(t, []string{"t"}, trailer["trailer"])
		invoke := func(in *packet) error { return e.Invoke(t.Context(), countMethod, in, &packet{}) }
		assertCode(t, codes.Internal, invoke(&packet{Number: 0}))
		assertCode(t, codes.Internal, invoke(&packet{Number: 2}))
		assertCode(t, codes.Aborted, invoke(&packet{Number: 0, Text: "without one"}))
		failed := &packet{}
		header = nil
		assertCode(t, codes.Aborted, e.Invoke(t.Context(), countMethod, &packet{Number: 1, Text: "after the reply"}, failed, grpc.Header(&header)))
		assert.Equal(t, "after the reply", failed.GetText(), "the reply had come before")
		assert.Equal(t, []string{"h"}, header["header"])
		assertCode(t, codes.ResourceExhausted, e.Invoke(t.Context(), countMethod, &packet{Number: 1, Text: "after the reply"}, failed, grpc.MaxCallRecvMsgSize(3)))
		large := &packet{Number: 1, Data: make([]byte, 3<<20)}
		got := &packet{}
		require.NoError(t, e.Invoke(t.Context(), countMethod, large, got))
		assert.Len(t, got.GetData(), 3<<20)
	})
}

// A unary method can be called as a stream.
func TestAStreamOfAUnaryMethodHasOneMessageEachWay(t *testing.T) {
	overEach(t, setup{}, func(t *testing.T, e *ends) {
		stream, err := e.NewStream(t.Context(), anyStream, echoMethod)
		require.NoError(t, err)
		require.NoError(t, stream.SendMsg(&packet{Text: "x"}))
		require.NoError(t, stream.CloseSend())
		got := &packet{}
		require.NoError(t, stream.RecvMsg(got))
		assert.Equal(t, "x", got.GetText())
		assert.Same(t, io.EOF, stream.RecvMsg(got))

		for _, messages := range []int{0, 2} {
			stream, err = e.NewStream(t.Context(), anyStream, echoMethod)
			require.NoError(t, err)
			for range messages {
				require.NoError(t, stream.SendMsg(&packet{Text: "x"}))
			}
			require.NoError(t, stream.CloseSend())
			assertCode(t, codes.Internal, stream.RecvMsg(got))
		}
	})
}

// A server's stream has one request, and its client sends no second.
func TestAServersStreamHasOneRequest(t *testing.T) {
	overEach(t, setup{}, func(t *testing.T, e *ends) {
		one := &grpc.StreamDesc{ServerStreams: true}
		stream, err := e.NewStream(t.Context(), one, countMethod)
		require.NoError(t, err)
		require.NoError(t, stream.SendMsg(&packet{Number: 1}), "which ends the sending side, too")
		require.NoError(t, stream.RecvMsg(&packet{}))
		assert.Same(t, io.EOF, stream.RecvMsg(&packet{}))

		stream, err = e.NewStream(t.Context(), one, countMethod)
		require.NoError(t, err)
		require.NoError(t, stream.SendMsg(&packet{Number: 1}))
		assertCode(t, codes.Internal, stream.SendMsg(&packet{Number: 1}))

		stream, err = e.NewStream(t.Context(), anyStream, countMethod)
		require.NoError(t, err)
		require.NoError(t, stream.SendMsg(&packet{Number: 1}))
		require.NoError(t, stream.SendMsg(&packet{Number: 1}))
		require.NoError(t, stream.CloseSend())
		assertCode(t, codes.Internal, stream.RecvMsg(&packet{}))
	})
}

func TestAnUntypedNilReplyIsAnEmptyMessage(t *testing.T) {
	s := setup{register: func(srv server) {
		srv.RegisterService(untyped(func(context.Context) (any, error) { return nil, nil }), nil)
	}, service: &service{chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
		return stream.SendMsg(nil)
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		got := &packet{Text: "left over"}
		require.NoError(t, e.Invoke(t.Context(), untypedMethod, &packet{}, got))
		assert.Empty(t, got.GetText())
		got.Text = "left over"
		require.NoError(t, e.Invoke(t.Context(), echoMethod, nil, got), "an untyped nil request, too")
		assert.Empty(t, got.GetText())
		var none *packet
		require.NoError(t, e.Invoke(t.Context(), echoMethod, none, got), "and a typed one")
		stream, err := e.client.Chat(t.Context())
		require.NoError(t, err)
		_, err = stream.Recv()
		assert.NoError(t, err)
	})
}

// Messages of the API before this one, which generated code of old has, still
// travel.
func TestMessagesOfTheOldAPITravel(t *testing.T) {
	overEach(t, setup{}, func(t *testing.T, e *ends) {
		got := &oldPacket{}
		require.NoError(t, e.Invoke(t.Context(), echoMethod, &oldPacket{Text: "x"}, got))
		assert.Equal(t, "x", got.Text)
		stream, err := e.NewStream(t.Context(), anyStream, chatMethod)
		require.NoError(t, err)
		require.NoError(t, stream.SendMsg(&oldPacket{Text: "y"}))
		require.NoError(t, stream.RecvMsg(got))
		assert.Equal(t, "y", got.Text)
		require.NoError(t, stream.CloseSend())
		assert.Same(t, io.EOF, stream.RecvMsg(got))
		assertCode(t, codes.Internal, e.Invoke(t.Context(), echoMethod, "no message", got))
		assertCode(t, codes.Internal, e.Invoke(t.Context(), echoMethod, got, new(string)))
	})
}

// oldPacket is a Packet as generators of the old API made it: its tags are all
// there is to know of its fields.
type oldPacket struct {
	Data   []byte `protobuf:"bytes,1,opt,name=data,proto3"`
	Number int64  `protobuf:"varint,2,opt,name=number,proto3"`
	Text   string `protobuf:"bytes,3,opt,name=text,proto3"`
}

var _ protoadapt.MessageV1 = (*oldPacket)(nil)

func (o *oldPacket) Reset()         { *o = oldPacket{} }
func (o *oldPacket) String() string { return o.Text }
func (o *oldPacket) ProtoMessage()  {}

func TestUnknownMethodsAreUnimplemented(t *testing.T) {
	overEach(t, setup{}, func(t *testing.T, e *ends) {
		service := rpctestpb.Test_ServiceDesc.ServiceName
		for _, method := range []string{"/" + service + "/Nope", "/no.such.Service/Echo", "/nothing"} {
			assertCode(t, codes.Unimplemented, e.Invoke(t.Context(), method, &packet{}, &packet{}))
			stream, err := e.NewStream(t.Context(), anyStream, method)
			require.NoError(t, err)
			assertCode(t, codes.Unimplemented, stream.RecvMsg(&packet{}))
		}
	})
}
