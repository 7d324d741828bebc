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

// A handler hears that its caller has gone, also where the caller waits in
// RecvMsg and so may be the first to see that its context is over.
func TestAHandlerHearsOfEveryCancel(t *testing.T) {
	began, ended := make(chan struct{}, 1), make(chan error, 1)
	s := setup{service: &service{chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
		began <- struct{}{}
		_, err := stream.Recv()
		ended <- err
		return err
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		for range 100 {
			over := make(chan struct{})
			ctx := &lateContext{t.Context(), over}
			stream, err := e.client.Chat(ctx, grpc.OnFinish(func(error) {}))
			require.NoError(t, err)
			await.Closed(t, "the handler", began)
			received := make(chan error, 1)
			go func() { _, err := stream.Recv(); received <- err }()
			close(over)
			assertCode(t, codes.DeadlineExceeded, await.Value(t, "the caller's end", received))
			assertCode(t, codes.Canceled, await.Value(t, "the handler to hear of it", ended))
		}
	})
}

// An error of the handler's SendMsg or RecvMsg is the end of the call: what the
// handler returns comes too late.
func TestAnErrorOfTheHandlersStreamEndsTheCallAtOnce(t *testing.T) {
	goOn, ended := make(chan struct{}), make(chan error, 1)
	s := setup{maxMessage: 1000, service: &service{chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
		in, err := stream.Recv()
		if err == nil && in.GetText() == "answer" {
			assertCode(t, codes.ResourceExhausted, stream.Send(filled(1001, 0)))
		}
		await.Closed(t, "the stream's context to end", stream.Context().Done())
		goOn <- struct{}{}
		ended <- stream.Send(&packet{})
		return nil
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		for _, first := range []*packet{{Text: "answer"}, filled(1001, 0)} {
			stream, err := e.client.Chat(t.Context())
			require.NoError(t, err)
			require.NoError(t, stream.Send(first))
			_, err = stream.Recv()
			assertCode(t, codes.ResourceExhausted, err)
			await.Closed(t, "the handler", goOn)
			assertCode(t, codes.Canceled, await.Value(t, "the handler's last message", ended))
		}
	})
}

// A stream's context lives until its caller has read the end, so that what came
// before the end can still be worked on with it.
func TestTheCallersContextLivesUntilTheEndIsRead(t *testing.T) {
	overEach(t, setup{}, func(t *testing.T, e *ends) {
		stream, err := e.client.Chat(t.Context())
		require.NoError(t, err)
		require.NoError(t, stream.Send(&packet{Text: "x"}))
		require.NoError(t, stream.CloseSend())
		_, err = stream.Recv()
		require.NoError(t, err)

		counted, err := e.client.Count(t.Context(), &packet{Number: 3})
		require.NoError(t, err)
		_, err = stream.Recv() // by when the other call's end has come, too
		assert.Same(t, io.EOF, err)
		for range 3 {
			_, err := counted.Recv()
			require.NoError(t, err)
			assert.NoError(t, counted.Context().Err())
		}
		_, err = counted.Recv()
		assert.Same(t, io.EOF, err)
		assert.ErrorIs(t, counted.Context().Err(), context.Canceled)
	})
}

// A message over the caller's limit is an error where the caller gets to it,
// not before.
func TestAMessageOverTheCallersLimitWaitsForItsTurn(t *testing.T) {
	s := setup{service: &service{chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
		return errors.Join(stream.Send(&packet{Text: "small"}), stream.Send(filled(1001, 0)), stream.Send(&packet{Text: "small"}))
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		stream, err := e.client.Chat(t.Context(), grpc.MaxCallRecvMsgSize(1000))
		require.NoError(t, err)
		await.Until(t, "all to have come", func() bool { return stream.Send(&packet{}) != nil })
		assert.Same(t, io.EOF, stream.Send(&packet{}))
		got, err := stream.Recv()
		require.NoError(t, err)
		assert.Equal(t, "small", got.GetText())
		_, err = stream.Recv()
		assertCode(t, codes.ResourceExhausted, err)
	})
}
