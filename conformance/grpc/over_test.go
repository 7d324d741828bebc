package grpc_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"ddc/internal/await"
)

func TestNoUnaryCallIsExecutedAfterItsContextIsOver(t *testing.T) {
	var executed atomic.Int64
	s := setup{service: &service{echo: func(_ context.Context, in *packet) (*packet, error) {
		executed.Add(1)
		return in, nil
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		executed.Store(0)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 20 {
			_, err := e.client.Echo(ctx, &packet{})
			assertCode(t, codes.Canceled, err)
		}
		late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
		defer cancel()
		_, err := e.client.Echo(late, &packet{})
		assertCode(t, codes.DeadlineExceeded, err)
		_, err = e.client.Echo(t.Context(), &packet{}) // comes behind whatever was sent
		require.NoError(t, err)
		assert.EqualValues(t, 1, executed.Load())
	})
}

// Both sides fail to send from the moment at which their context is over, and
// what was sent before is not taken for a complete upload.
func TestSendMsgFailsOnBothSidesOnceTheContextIsOver(t *testing.T) {
	type seen struct{ send, receive error }
	began, ended := make(chan struct{}, 1), make(chan seen, 1)
	s := setup{service: &service{chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
		if _, err := stream.Recv(); err != nil {
			return err
		}
		began <- struct{}{}
		<-stream.Context().Done()
		for {
			if _, err := stream.Recv(); err != nil {
				ended <- seen{stream.Send(&packet{}), err}
				return nil
			}
		}
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			stream, err := e.client.Chat(ctx)
			require.NoError(t, err)
			require.NoError(t, stream.Send(&packet{}))
			await.Closed(t, "the first message", began)
			cancel()
			await.Until(t, "SendMsg to fail", func() bool { return stream.Send(&packet{}) != nil })
			assert.Same(t, io.EOF, stream.Send(&packet{}), "RecvMsg says why")
			assert.NoError(t, stream.CloseSend())
			_, err = stream.Recv()
			assertCode(t, codes.Canceled, err)
			got := await.Value(t, "the handler to see it", ended)
			assertCode(t, codes.Canceled, got.send)
			assertCode(t, codes.Canceled, got.receive)
		}
	})
}

// Ours fails with the very next SendMsg; grpc-go may need a moment.
func TestNothingIsSentByTheFirstSendMsgAfterCancel(t *testing.T) {
	received := make(chan int, 1)
	s := setup{service: &service{sum: func(stream grpc.ClientStreamingServer[packet, packet]) error {
		for n := 0; ; n++ {
			if _, err := stream.Recv(); err != nil {
				received <- n
				return err
			}
		}
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		if !e.ours {
			t.Skip("grpc-go writes on another goroutine")
		}
		for range 50 {
			ctx, cancel := context.WithCancel(t.Context())
			stream, err := e.client.Sum(ctx)
			require.NoError(t, err)
			cancel()
			assert.Same(t, io.EOF, stream.Send(&packet{}))
			assert.NoError(t, stream.CloseSend())
			assert.Zero(t, await.Value(t, "the handler's end", received))
		}
	})
}

// A handler that answers nothing after its deadline races with its caller's
// own: the call has timed out either way. grpc-go may let the reply through.
func TestANilReplyAfterTheDeadlineIsATimeout(t *testing.T) {
	s := setup{register: func(srv server) {
		srv.RegisterService(untyped(func(ctx context.Context) (any, error) {
			<-ctx.Done()
			return nil, nil
		}), nil)
	}}
	overEach(t, s, func(t *testing.T, e *ends) {
		for range 50 {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
			err := e.Invoke(ctx, untypedMethod, &packet{}, &packet{})
			cancel()
			if err != nil || e.ours {
				assertCode(t, codes.DeadlineExceeded, err)
			}
		}
	})
}

const untypedMethod = "/ddc.untyped.Untyped/Answer"

// untyped is a service whose only method answers with whatever it likes.
func untyped(answer func(context.Context) (any, error)) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{ServiceName: "ddc.untyped.Untyped", Methods: []grpc.MethodDesc{{
		MethodName: "Answer",
		Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			if err := decode(&packet{}); err != nil {
				return nil, err
			}
			return answer(ctx)
		},
	}}}
}
