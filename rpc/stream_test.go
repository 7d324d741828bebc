package rpc_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"ddc/internal/await"
	"ddc/rpc"
	"ddc/rpc/rpctestpb"
	"ddc/transport"
)

func TestServerStreamsArriveInOrderThenEOF(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{})
		for _, messages := range []int64{0, 1, 5000} {
			stream, err := p.client.Count(t.Context(), &packet{Number: messages, Data: bytesOf(200)})
			require.NoError(t, err)
			for i := range messages {
				got, err := stream.Recv()
				require.NoError(t, err)
				require.Equal(t, i, got.GetNumber())
			}
			_, err = stream.Recv()
			assert.ErrorIs(t, err, io.EOF)
			_, err = stream.Recv()
			assert.ErrorIs(t, err, io.EOF, "and again")
		}
		assert.Empty(t, p.conn.Calls())
	})
}

func TestClientStreamsAreAnsweredAfterCloseSend(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{})
		stream, err := p.client.Sum(t.Context())
		require.NoError(t, err)
		for i := range 5000 {
			require.NoError(t, stream.Send(&packet{Number: int64(i)}))
		}
		got, err := stream.CloseAndRecv()
		require.NoError(t, err)
		assert.EqualValues(t, 5000*4999/2, got.GetNumber())
		assert.Error(t, stream.Send(&packet{}), "after CloseSend")
	})
}

func TestHalfCloseLeavesTheOtherHalfOpen(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{service: &service{chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
			for {
				if _, err := stream.Recv(); err != nil {
					assert.ErrorIs(t, err, io.EOF)
					break
				}
			}
			for i := range 10 {
				if err := stream.Send(&packet{Number: int64(i)}); err != nil {
					return err
				}
			}
			return nil
		}}})
		stream, err := p.client.Chat(t.Context())
		require.NoError(t, err)
		require.NoError(t, stream.Send(&packet{}))
		require.NoError(t, stream.CloseSend())
		for i := range 10 {
			got, err := stream.Recv()
			require.NoError(t, err)
			assert.EqualValues(t, i, got.GetNumber())
		}
		_, err = stream.Recv()
		assert.ErrorIs(t, err, io.EOF)
	})
}

func TestStreamMessagesOfAllSizes(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{})
		stream, err := p.client.Chat(t.Context())
		require.NoError(t, err)
		for _, n := range []int{0, 1, 40, 129, 5000, 1 << 20, 5 << 20} { // the last is larger than the window
			sent := &packet{Data: bytesOf(n), Number: 1}
			for range 2 {
				require.NoError(t, stream.Send(sent))
				got, err := stream.Recv()
				require.NoError(t, err)
				assert.True(t, proto.Equal(sent, got), "%d bytes", n)
			}
		}
		require.NoError(t, stream.CloseSend())
	})
}

func TestStreamStatusHeaderAndTrailer(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		finish := make(chan struct{})
		p := connect(t, tr, setup{service: &service{count: func(in *packet, stream grpc.ServerStreamingServer[packet]) error {
			md, _ := metadata.FromIncomingContext(stream.Context())
			assert.NoError(t, stream.SetHeader(metadata.Pairs("a", "1")))
			if in.GetText() == "early" {
				assert.NoError(t, stream.SendHeader(metadata.MD{"b": md["asked"]}))
				<-finish
			}
			stream.SetTrailer(metadata.Pairs("t", "1"))
			if in.GetText() != "empty" {
				assert.NoError(t, stream.Send(&packet{}))
			}
			return status.Error(codes.OutOfRange, "that was all")
		}}})
		for _, text := range []string{"early", "late", "empty"} {
			ctx := metadata.AppendToOutgoingContext(t.Context(), "asked", "x")
			var header, trailer metadata.MD
			var finished error
			stream, err := p.client.Count(ctx, &packet{Text: text}, grpc.Header(&header), grpc.Trailer(&trailer), grpc.OnFinish(func(err error) { finished = err }))
			require.NoError(t, err)
			got, err := stream.Header() // with early, before there is anything else
			require.NoError(t, err)
			want := metadata.Pairs("a", "1")
			if text == "early" {
				want = metadata.Pairs("a", "1", "b", "x")
				close(finish)
			}
			assert.Equal(t, want, got, text)
			if text != "empty" {
				_, err = stream.Recv()
				require.NoError(t, err)
			}
			_, err = stream.Recv()
			assertStatus(t, err, codes.OutOfRange, "that was all")
			assert.Equal(t, metadata.Pairs("t", "1"), stream.Trailer())
			assert.Equal(t, want, header)
			assert.Equal(t, metadata.Pairs("t", "1"), trailer)
			assert.Equal(t, codes.OutOfRange, status.Code(finished))
		}
	})
}

func TestCancellingAStreamCancelsItsHandler(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		ended := make(chan error, 1)
		p := connect(t, tr, setup{service: &service{chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
			if err := stream.Send(&packet{}); err != nil {
				return err
			}
			_, err := stream.Recv()
			ended <- err
			return err
		}}})
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := p.client.Chat(ctx)
		require.NoError(t, err)
		_, err = stream.Recv()
		require.NoError(t, err)
		cancel() // nobody is in Send or Recv
		assertStatus(t, <-ended, codes.Canceled, "canceled")
		_, err = stream.Recv()
		assertStatus(t, err, codes.Canceled, "canceled")
		await.Closed(t, "the stream's context", stream.Context().Done())
	})
}

func TestAStreamsDeadlineEndsBothSides(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		ended := make(chan error, 1)
		p := connect(t, tr, setup{service: &service{chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
			<-stream.Context().Done()
			ended <- stream.Context().Err()
			return stream.Context().Err()
		}}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		stream, err := p.client.Chat(ctx)
		if err == nil {
			_, err = stream.Recv()
			assert.Error(t, <-ended)
		}
		assertStatus(t, err, codes.DeadlineExceeded, "deadline")
	})
}

func TestAHandlerThatReturnsEarlyEndsTheSendersStream(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{service: &service{sum: func(stream grpc.ClientStreamingServer[packet, packet]) error {
			_, _ = stream.Recv()
			return status.Error(codes.FailedPrecondition, "enough")
		}}})
		stream, err := p.client.Sum(t.Context())
		require.NoError(t, err)
		for err == nil { // also when it waits for credit that never comes
			err = stream.Send(&packet{Data: bytesOf(100_000)})
		}
		assert.ErrorIs(t, err, io.EOF)
		_, err = stream.CloseAndRecv()
		assertStatus(t, err, codes.FailedPrecondition, "enough")
	})
}

func TestASingleReplyThatIsNoneOrTwoIsAnError(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		var replies shared[int]
		p := connect(t, tr, setup{service: &service{sum: func(stream grpc.ClientStreamingServer[packet, packet]) error {
			for range replies.get() {
				if err := stream.SendMsg(&packet{}); err != nil {
					return err
				}
			}
			return nil
		}}})
		for _, n := range []int{0, 2} {
			replies.set(n)
			stream, err := p.client.Sum(t.Context())
			require.NoError(t, err)
			_, err = stream.CloseAndRecv()
			assertStatus(t, err, codes.Internal, "message")
		}
	})
}

func TestAUnaryMethodCanBeCalledAsAStream(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{})
		stream, err := p.conn.NewStream(t.Context(), &grpc.StreamDesc{}, echoMethod)
		require.NoError(t, err)
		require.NoError(t, stream.SendMsg(&packet{Text: "hello"}))
		got := &packet{}
		require.NoError(t, stream.RecvMsg(got))
		assert.Equal(t, "hello", got.GetText())
	})
}

// A window is 1 MiB, and each message costs its length and 64 bytes.
const window, messageCost = 1 << 20, 64

func TestASlowReaderStopsItsSenderAndNobodyElse(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		read := make(chan struct{})
		p := connect(t, tr, setup{service: &service{sum: func(stream grpc.ClientStreamingServer[packet, packet]) error {
			<-read
			n := int64(0)
			for ; ; n++ {
				if _, err := stream.Recv(); err != nil {
					assert.ErrorIs(t, err, io.EOF)
					return stream.SendAndClose(&packet{Number: n})
				}
			}
		}}})
		stream, err := p.client.Sum(t.Context())
		require.NoError(t, err)
		message := &packet{Data: bytesOf(1000)}
		fits := int64((window + proto.Size(message) + messageCost - 1) / (proto.Size(message) + messageCost))
		for range fits {
			require.NoError(t, stream.Send(message))
		}
		// The window is spent, so no further message goes out, however long one
		// waits.
		const further = 3000
		sent := make(chan error, 1)
		go func() {
			for range further {
				if err := stream.Send(message); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		for range 500 {
			_, err := p.client.Echo(t.Context(), &packet{Data: bytesOf(100)})
			require.NoError(t, err)
		}
		assert.LessOrEqual(t, p.link.Stats().FramesIn, uint64(1+fits+500), "frames that the server was sent")
		select {
		case <-sent:
			assert.Fail(t, "the sender got through though nobody reads")
		default:
		}
		close(read)
		require.NoError(t, <-sent)
		got, err := stream.CloseAndRecv()
		require.NoError(t, err)
		assert.Equal(t, fits+further, got.GetNumber())
	})
}

func TestASlowCallerStopsTheHandlerAndNobodyElse(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{})
		const messages = 5000
		stream, err := p.client.Count(t.Context(), &packet{Number: messages, Data: bytesOf(1000)})
		require.NoError(t, err)
		for range 500 {
			_, err := p.client.Echo(t.Context(), &packet{Data: bytesOf(100)})
			require.NoError(t, err)
		}
		assert.Less(t, p.link.Stats().FramesOut, uint64(window/1000+1+500))
		for i := range int64(messages) {
			got, err := stream.Recv()
			require.NoError(t, err)
			require.Equal(t, i, got.GetNumber())
		}
		_, err = stream.Recv()
		assert.ErrorIs(t, err, io.EOF)
	})
}

func TestBothSidesStreamingFlatOutIsNoDeadlock(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		const streams, messages = 8, 1500
		p := connect(t, tr, setup{service: &service{chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
			return flatOut(messages, stream.Send, stream.Recv, func() error { return nil })
		}}})
		var group sync.WaitGroup
		for range streams {
			group.Go(func() {
				stream, err := p.client.Chat(t.Context())
				if !assert.NoError(t, err) {
					return
				}
				assert.NoError(t, flatOut(messages, stream.Send, stream.Recv, stream.CloseSend))
			})
		}
		await.All(t, "both sides to have sent all", &group)
	})
}

// flatOut sends and receives messages at the same time, none in answer to
// another.
func flatOut(messages int, send func(*packet) error, receive func() (*packet, error), closeSend func() error) error {
	sent := make(chan error, 1)
	go func() {
		message := &packet{Data: bytesOf(3000)}
		for range messages {
			if err := send(message); err != nil {
				sent <- err
				return
			}
		}
		sent <- closeSend()
	}()
	for range messages {
		if _, err := receive(); err != nil {
			return err
		}
	}
	return <-sent
}

func TestStreamMessagesOverTheLimitAreResourceExhausted(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		chat := func(p *peers, n int) error {
			stream, err := p.client.Chat(t.Context())
			require.NoError(t, err)
			if err := stream.Send(&packet{Data: bytesOf(n)}); err != nil {
				return err
			}
			_, err = stream.Recv()
			return err
		}
		p := connect(t, tr, setup{conn: rpc.ConnOptions{MaxMessage: 1000}})
		assert.NoError(t, chat(p, 900))
		assertStatus(t, chat(p, 1001), codes.ResourceExhausted, "cannot send")
		stream, err := p.client.Count(t.Context(), &packet{Number: 1, Data: bytesOf(900)}, grpc.MaxCallRecvMsgSize(800))
		require.NoError(t, err)
		_, err = stream.Recv()
		assertStatus(t, err, codes.ResourceExhausted, "received")
		p = connect(t, tr, setup{server: rpc.ServerOptions{MaxMessage: 1000}})
		assertStatus(t, chat(p, 1001), codes.ResourceExhausted, "received")
	})
}

func TestAStreamHandlerThatPanicsFailsItsCallOnly(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{service: &service{count: func(*packet, grpc.ServerStreamingServer[packet]) error { panic("oh") }}})
		stream, err := p.client.Count(t.Context(), &packet{})
		require.NoError(t, err)
		_, err = stream.Recv()
		assertStatus(t, err, codes.Internal, "/ddc.rpctest.Test/Count panicked: oh")
		_, err = p.client.Echo(t.Context(), &packet{})
		assert.NoError(t, err)
	})
}

func TestStreamInterceptorsWrapCallsInOrder(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		var order shared[[]string]
		client := func(name string) grpc.StreamClientInterceptor {
			return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
				order.set(append(order.get(), name))
				return next(ctx, desc, cc, method, opts...)
			}
		}
		server := func(name string) grpc.StreamServerInterceptor {
			return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
				order.set(append(order.get(), name))
				assert.Equal(t, rpctestpb.Test_Chat_FullMethodName, info.FullMethod)
				assert.True(t, info.IsClientStream && info.IsServerStream)
				return handler(srv, stream)
			}
		}
		p := connect(t, tr, setup{
			server: rpc.ServerOptions{Stream: []grpc.StreamServerInterceptor{server("s1"), server("s2")}},
		})
		within := rpc.Intercept(p.conn, nil, []grpc.StreamClientInterceptor{client("c1"), client("c2")})
		stream, err := rpctestpb.NewTestClient(within).Chat(t.Context())
		require.NoError(t, err)
		require.NoError(t, stream.CloseSend())
		_, err = stream.Recv()
		assert.ErrorIs(t, err, io.EOF)
		assert.Equal(t, []string{"c1", "c2", "s1", "s2"}, order.get())
	})
}
