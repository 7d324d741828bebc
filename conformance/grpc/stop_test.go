package grpc_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"ddc/internal/await"
)

// held is a service whose calls wait until they are told to go on.
func held(began chan<- string, goOn <-chan struct{}) *service {
	return &service{
		echo: func(ctx context.Context, in *packet) (*packet, error) {
			if in.GetText() == "probe" {
				return in, nil
			}
			began <- "echo"
			select {
			case <-goOn:
				return in, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
		chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
			began <- "chat"
			for {
				in, err := stream.Recv()
				if err != nil {
					if errors.Is(err, io.EOF) {
						return nil
					}
					return err
				}
				if err := stream.Send(in); err != nil {
					return err
				}
			}
		},
	}
}

// begin begins a unary call and a stream of a service that is held.
func begin(t *testing.T, e *ends, began <-chan string) (echoed chan error, stream grpc.BidiStreamingClient[packet, packet]) {
	t.Helper()
	echoed = make(chan error, 1)
	go func() {
		_, err := e.client.Echo(t.Context(), &packet{})
		echoed <- err
	}()
	stream, err := e.client.Chat(t.Context())
	require.NoError(t, err)
	await.Value(t, "a call to begin", began)
	await.Value(t, "the other call to begin", began)
	return echoed, stream
}

func TestGracefulStopLetsCallsEndAndRefusesNewOnes(t *testing.T) {
	began, goOn := make(chan string, 2), make(chan struct{}, 1)
	overEach(t, setup{service: held(began, goOn)}, func(t *testing.T, e *ends) {
		echoed, stream := begin(t, e, began)

		stopped := make(chan struct{})
		go func() { defer close(stopped); e.server.GracefulStop() }()
		await.Until(t, "new calls to be refused", func() bool {
			_, err := e.client.Echo(t.Context(), &packet{Text: "probe"})
			if err != nil {
				assertCode(t, codes.Unavailable, err)
			}
			return err != nil
		})
		require.NoError(t, stream.Send(&packet{Text: "still here"}))
		got, err := stream.Recv()
		require.NoError(t, err)
		assert.Equal(t, "still here", got.GetText())
		select {
		case <-stopped:
			assert.Fail(t, "GracefulStop returned while calls were under way")
		default:
		}
		goOn <- struct{}{}
		assert.NoError(t, await.Value(t, "the unary call's end", echoed))
		require.NoError(t, stream.CloseSend())
		_, err = stream.Recv()
		assert.Same(t, io.EOF, err)
		await.Closed(t, "GracefulStop to return", stopped)
	})
}

func TestStopEndsCallsAtOnce(t *testing.T) {
	began, goOn := make(chan string, 2), make(chan struct{})
	overEach(t, setup{service: held(began, goOn)}, func(t *testing.T, e *ends) {
		echoed, stream := begin(t, e, began)
		graceful := make(chan struct{})
		go func() { defer close(graceful); e.server.GracefulStop() }()
		e.server.Stop()
		await.Closed(t, "GracefulStop to return, too", graceful)
		assertCode(t, codes.Unavailable, await.Value(t, "the unary call's end", echoed))
		_, err := stream.Recv()
		assertCode(t, codes.Unavailable, err)
	})
}

func TestSendMsgAfterCloseSendEndsTheStreamWithAnError(t *testing.T) {
	s := setup{service: &service{chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
		<-stream.Context().Done()
		return stream.Context().Err()
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		stream, err := e.client.Chat(t.Context())
		require.NoError(t, err)
		require.NoError(t, stream.Send(&packet{}))
		require.NoError(t, stream.CloseSend())
		require.NoError(t, stream.CloseSend(), "a second time is nothing")
		assertCode(t, codes.Internal, stream.Send(&packet{}))
		_, err = stream.Recv()
		assertCode(t, codes.Internal, err)
		assertCode(t, codes.Internal, stream.Send(&packet{}))
	})
}

func TestACallOnAClosedConnectionIsCanceled(t *testing.T) {
	overEach(t, setup{}, func(t *testing.T, e *ends) {
		_, err := e.client.Echo(t.Context(), &packet{})
		require.NoError(t, err)
		require.NoError(t, e.close())
		_, err = e.client.Echo(t.Context(), &packet{})
		assertCode(t, codes.Canceled, err)
		_, err = e.client.Chat(t.Context())
		assertCode(t, codes.Canceled, err)
	})
}

// Also where the server had gone before.
func TestACallOnAConnectionThatWasClosedAfterItsServerIsCanceled(t *testing.T) {
	overEach(t, setup{}, func(t *testing.T, e *ends) {
		e.server.Stop()
		await.Until(t, "calls to fail", func() bool {
			_, err := e.client.Echo(t.Context(), &packet{})
			if err != nil {
				assertCode(t, codes.Unavailable, err)
			}
			return err != nil
		})
		require.NoError(t, e.close())
		_, err := e.client.Echo(t.Context(), &packet{})
		assertCode(t, codes.Canceled, err)
	})
}

func TestCallsUnderWayAreCanceledByClose(t *testing.T) {
	began, goOn := make(chan string, 2), make(chan struct{})
	overEach(t, setup{service: held(began, goOn)}, func(t *testing.T, e *ends) {
		echoed, stream := begin(t, e, began)
		require.NoError(t, e.close())
		assertCode(t, codes.Canceled, await.Value(t, "the unary call's end", echoed))
		_, err := stream.Recv()
		assertCode(t, codes.Canceled, err)
	})
}
