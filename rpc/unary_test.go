package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
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

const echoMethod = "/ddc.rpctest.Test/Echo"

type packet = rpctestpb.Packet

func TestUnaryCarriesMessagesOfAllSizes(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{})
		for _, n := range []int{0, 1, 40, 64, 120, 128, 129, 4096, 1 << 20, 9 << 20} {
			sent := &packet{Data: bytesOf(n), Number: int64(n)}
			got, err := p.client.Echo(t.Context(), sent)
			require.NoError(t, err)
			assert.True(t, proto.Equal(sent, got), "%d bytes", n)
		}
	})
}

func TestStatusArrivesWithCodeMessageAndDetails(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		detail := &errdetails.ErrorInfo{Reason: "no such font", Domain: "fonts"}
		for _, tt := range []struct {
			returned error
			code     codes.Code
			message  string
			details  []any
		}{
			{errors.New("plain"), codes.Unknown, "plain", nil},
			{status.Error(codes.NotFound, ""), codes.NotFound, "", nil},
			{status.Error(codes.InvalidArgument, "post.md:3:1: bad"), codes.InvalidArgument, "post.md:3:1: bad", nil},
			{fmt.Errorf("wrapped: %w", status.Error(codes.DataLoss, "gone")), codes.DataLoss, "wrapped: rpc error: code = DataLoss desc = gone", nil},
			{context.Canceled, codes.Canceled, "context canceled", nil},
			{fmt.Errorf("read: %w", context.DeadlineExceeded), codes.DeadlineExceeded, "read: context deadline exceeded", nil},
			{errWithDetail(t, detail), codes.FailedPrecondition, "woff2 is missing", []any{detail}},
			{status.Error(codes.Internal, "\xff"), codes.Internal, "\ufffd", nil},
			{status.Error(77, "own code"), 77, "own code", nil},
			{okError{}, codes.Unknown, "an error that says OK", nil},
		} {
			p := connect(t, tr, setup{service: &service{echo: func(context.Context, *packet) (*packet, error) { return nil, tt.returned }}})
			_, err := p.client.Echo(t.Context(), &packet{})
			s := status.Convert(err)
			assert.Equal(t, tt.code, s.Code())
			assert.Equal(t, tt.message, s.Message())
			require.Len(t, s.Details(), len(tt.details))
			for i := range tt.details {
				assert.True(t, proto.Equal(tt.details[i].(proto.Message), s.Details()[i].(proto.Message)))
			}
		}
	})
}

type okError struct{}

func (okError) Error() string              { return "an error that says OK" }
func (okError) GRPCStatus() *status.Status { return status.New(codes.OK, "") }

func errWithDetail(t *testing.T, detail *errdetails.ErrorInfo) error {
	s, err := status.New(codes.FailedPrecondition, "woff2 is missing").WithDetails(detail)
	require.NoError(t, err)
	return s.Err()
}

func TestMetadataHeaderAndTrailerTravel(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		var returned shared[error]
		p := connect(t, tr, setup{service: &service{echo: func(ctx context.Context, in *packet) (*packet, error) {
			md, ok := metadata.FromIncomingContext(ctx)
			assert.True(t, ok)
			method, ok := grpc.Method(ctx)
			assert.True(t, ok)
			assert.NoError(t, grpc.SetHeader(ctx, metadata.Pairs("method", method)))
			assert.NoError(t, grpc.SendHeader(ctx, metadata.MD{"seen": md["asked"]}))
			assert.Error(t, grpc.SetHeader(ctx, metadata.Pairs("late", "x")), "the header has been sent")
			assert.NoError(t, grpc.SetTrailer(ctx, metadata.Pairs("cost-bin", "\x00\xff")))
			assert.NoError(t, grpc.SetTrailer(ctx, metadata.Pairs("cost-bin", "")))
			return in, returned.get()
		}}})
		for _, want := range []error{nil, status.Error(codes.Aborted, "no")} {
			returned.set(want)
			var header, trailer metadata.MD
			ctx := metadata.AppendToOutgoingContext(t.Context(), "asked", "one", "Asked", "two")
			_, err := p.client.Echo(ctx, &packet{Text: "x"}, grpc.Header(&header), grpc.Trailer(&trailer))
			assert.Equal(t, status.Code(want), status.Code(err))
			assert.Equal(t, metadata.Pairs("method", echoMethod, "seen", "one", "seen", "two"), header)
			assert.Equal(t, metadata.Pairs("cost-bin", "\x00\xff", "cost-bin", ""), trailer)
		}
		_, err := p.client.Echo(metadata.AppendToOutgoingContext(t.Context(), "k", strings.Repeat("v", 2<<20)), &packet{})
		assertStatus(t, err, codes.ResourceExhausted, "metadata")
	})
}

func TestDeadlinesTravel(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		ended := make(chan error, 1)
		var reached atomic.Bool
		p := connect(t, tr, setup{service: &service{echo: func(ctx context.Context, in *packet) (*packet, error) {
			deadline, ok := ctx.Deadline()
			if in.GetText() == "wait" {
				reached.Store(true)
				<-ctx.Done()
				select {
				case ended <- ctx.Err():
				default: // an earlier one came late
				}
				return nil, ctx.Err()
			}
			left := int64(0)
			if ok {
				left = int64(time.Until(deadline))
			}
			return &packet{Number: left}, nil
		}}})
		got, err := p.client.Echo(t.Context(), &packet{})
		require.NoError(t, err)
		assert.Zero(t, got.GetNumber(), "no deadline here, none there")

		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		got, err = p.client.Echo(ctx, &packet{})
		require.NoError(t, err)
		assert.InDelta(t, time.Hour, got.GetNumber(), float64(patience))

		// A busy machine may let a short time pass before the call is sent:
		// then no handler has it.
		for limit := 10 * time.Millisecond; !reached.Load(); limit *= 2 {
			ctx, cancel = context.WithTimeout(t.Context(), limit)
			defer cancel()
			_, err = p.client.Echo(ctx, &packet{Text: "wait"})
			assertStatus(t, err, codes.DeadlineExceeded, "deadline")
		}
		assert.Error(t, await.Value(t, "the handler's context to end", ended))

		_, err = p.client.Echo(ctx, &packet{})
		assertStatus(t, err, codes.DeadlineExceeded, "deadline")
	})
}

func TestCancellingACallCancelsItsHandler(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		began, ended := make(chan struct{}), make(chan error)
		p := connect(t, tr, setup{service: &service{echo: func(ctx context.Context, _ *packet) (*packet, error) {
			close(began)
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		}}})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-began; cancel() }()
		_, err := p.client.Echo(ctx, &packet{})
		assertStatus(t, err, codes.Canceled, "canceled")
		assert.ErrorIs(t, <-ended, context.Canceled)
		assert.Empty(t, p.conn.Calls())
	})
}

func TestUnknownMethodsAreUnimplemented(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{})
		for range 2 { // by name, then by id
			for method, message := range map[string]string{
				"/ddc.rpctest.Test/Nope": "unknown method Nope for service ddc.rpctest.Test",
				"/ddc.Other/Echo":        "unknown service ddc.Other",
				"nonsense":               "unknown service nonsense",
			} {
				assertStatus(t, p.conn.Invoke(t.Context(), method, &packet{}, &packet{}), codes.Unimplemented, message)
			}
		}
		_, err := p.client.Echo(t.Context(), &packet{})
		assert.NoError(t, err)
	})
}

func TestMoreMethodNamesThanTheTableHolds(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{})
		for i := range 1100 {
			err := p.conn.Invoke(t.Context(), fmt.Sprintf("/x/m%d", i), &packet{}, &packet{})
			require.Equal(t, codes.Unimplemented, status.Code(err))
		}
		_, err := p.client.Echo(t.Context(), &packet{})
		assert.NoError(t, err)
	})
}

func TestAHandlerThatPanicsFailsItsCallOnly(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{service: &service{echo: func(_ context.Context, in *packet) (*packet, error) {
			switch in.GetText() {
			case "panic":
				panic("no glyphs")
			case "exit":
				runtime.Goexit()
			}
			return in, nil
		}}})
		_, err := p.client.Echo(t.Context(), &packet{Text: "panic"})
		assertStatus(t, err, codes.Internal, echoMethod+" panicked: no glyphs")
		_, err = p.client.Echo(t.Context(), &packet{Text: "exit"})
		assertStatus(t, err, codes.Internal, echoMethod+" ended its goroutine")
		_, err = p.client.Echo(t.Context(), &packet{Text: "fine"})
		assert.NoError(t, err)
	})
}

func TestMessagesOverTheLimitAreResourceExhausted(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		grow := &service{echo: func(_ context.Context, in *packet) (*packet, error) {
			return &packet{Data: bytes.Repeat(in.GetData(), int(in.GetNumber()))}, nil
		}}
		call := func(p *peers, n int, times int64, o ...grpc.CallOption) error {
			_, err := p.client.Echo(t.Context(), &packet{Data: bytesOf(n), Number: times}, o...)
			return err
		}
		p := connect(t, tr, setup{service: grow, conn: rpc.ConnOptions{MaxMessage: 1000}})
		assert.NoError(t, call(p, 900, 1))
		assertStatus(t, call(p, 1001, 1), codes.ResourceExhausted, "cannot send a message of")
		assertStatus(t, call(p, 100, 11), codes.ResourceExhausted, "received a message of")
		assertStatus(t, call(p, 100, 1, grpc.MaxCallSendMsgSize(99)), codes.ResourceExhausted, "at most 99")
		assertStatus(t, call(p, 90, 1, grpc.MaxCallRecvMsgSize(80)), codes.ResourceExhausted, "at most 80")
		p = connect(t, tr, setup{service: grow, server: rpc.ServerOptions{MaxMessage: 1000}})
		assert.NoError(t, call(p, 900, 1))
		assertStatus(t, call(p, 1001, 1), codes.ResourceExhausted, "received a message of")
		assertStatus(t, call(p, 100, 11), codes.ResourceExhausted, "cannot send a message of")
	})
}

func TestAHandlerThatBlocksHoldsUpNoOtherCall(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		release := make(chan struct{})
		p := connect(t, tr, setup{service: &service{echo: func(_ context.Context, in *packet) (*packet, error) {
			if in.GetText() == "block" {
				<-release
			}
			return in, nil
		}}})
		const blocked = 300 // more than the link's queue holds
		done := make(chan error, blocked)
		for range blocked {
			go func() {
				_, err := p.client.Echo(t.Context(), &packet{Text: "block", Data: bytesOf(1000)})
				done <- err
			}()
		}
		await.Until(t, "the calls to reach their handlers", func() bool { return len(p.server.Calls()) >= blocked })
		assert.Len(t, p.conn.Calls(), blocked)
		for range 100 {
			_, err := p.client.Echo(t.Context(), &packet{})
			require.NoError(t, err)
		}
		close(release)
		for range blocked {
			assert.NoError(t, <-done)
		}
	})
}

func TestInterceptorsWrapCallsInOrder(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		var order shared[[]string]
		client := func(name string) grpc.UnaryClientInterceptor {
			return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				order.set(append(order.get(), name+" "+method))
				return invoke(metadata.AppendToOutgoingContext(ctx, "by", name), method, req, reply, cc, opts...)
			}
		}
		server := func(name string) grpc.UnaryServerInterceptor {
			return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				order.set(append(order.get(), name+" "+info.FullMethod))
				return handler(ctx, req)
			}
		}
		p := connect(t, tr, setup{
			service: &service{echo: func(ctx context.Context, _ *packet) (*packet, error) {
				md, _ := metadata.FromIncomingContext(ctx)
				return &packet{Text: fmt.Sprint(md["by"])}, nil
			}},
			server: rpc.ServerOptions{Unary: []grpc.UnaryServerInterceptor{server("s1"), server("s2"), server("s3")}},
		})
		within := rpc.Intercept(p.conn, []grpc.UnaryClientInterceptor{client("c1"), client("c2")}, nil)
		got, err := rpctestpb.NewTestClient(within).Echo(t.Context(), &packet{})
		require.NoError(t, err)
		assert.Equal(t, "[c1 c2]", got.GetText())
		assert.Same(t, p.conn, rpc.Intercept(p.conn, nil, nil))
		assert.Equal(t, []string{"c1 " + echoMethod, "c2 " + echoMethod, "s1 " + echoMethod, "s2 " + echoMethod, "s3 " + echoMethod}, order.get())
	})
}

func TestCallOptionsThatCannotBeHonouredAreRefused(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{})
		_, err := p.client.Echo(t.Context(), &packet{}, grpc.UseCompressor("gzip"))
		assertStatus(t, err, codes.Internal, "is not registered")
		finished := errors.New("not called")
		_, err = p.client.Echo(t.Context(), &packet{}, grpc.WaitForReady(true), grpc.OnFinish(func(err error) { finished = err }))
		require.NoError(t, err)
		assert.NoError(t, finished)
		assertStatus(t, p.conn.Invoke(t.Context(), echoMethod, "text", &packet{}), codes.Internal, "not a protobuf message")
		assertStatus(t, p.conn.Invoke(t.Context(), echoMethod, &packet{}, new(string)), codes.Internal, "not a protobuf message")
		_, err = p.client.Echo(t.Context(), &packet{Text: "\xff"})
		assertStatus(t, err, codes.Internal, "UTF-8")
	})
}
