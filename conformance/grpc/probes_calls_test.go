package grpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
)

// tagged tells a stream from what it wraps.
type tagged struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *tagged) Context() context.Context { return s.ctx }

func interceptorsProbe(n *notes) (setup, func(*testing.T, *ends)) {
	unary := func(name string) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			in := req.(*packet)
			n.serve(name, info.FullMethod, info.Server != nil, in.GetText(), outcome(grpc.SetHeader(ctx, metadata.Pairs("h", name))))
			if in.GetText() == "stop "+name {
				return nil, status.Error(codes.PermissionDenied, "app: "+name)
			}
			out, err := handler(context.WithValue(ctx, tagKey{}, name), req)
			n.serve(name, "after", outcome(err), outcome(grpc.SetTrailer(ctx, metadata.Pairs("t", name))), outcome(grpc.SetHeader(ctx, metadata.Pairs("h", name+" late"))))
			if in.GetText() == "turn" {
				return &packet{Text: "turned"}, nil
			}
			return out, err
		}
	}
	streamed := func(name string) grpc.StreamServerInterceptor {
		return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			n.serve(name, *info, srv != nil, outcome(stream.SetHeader(metadata.Pairs("h", name))))
			err := handler(srv, &tagged{stream, context.WithValue(stream.Context(), tagKey{}, name)})
			stream.SetTrailer(metadata.Pairs("t", name))
			n.serve(name, "after", outcome(err))
			if name == "one" && status.Code(err) == codes.Aborted {
				return nil
			}
			return err
		}
	}
	return setup{unary: []grpc.UnaryServerInterceptor{unary("one"), unary("two")}, stream: []grpc.StreamServerInterceptor{streamed("one"), streamed("two")}, service: &service{
			echo: func(ctx context.Context, in *packet) (*packet, error) {
				n.serve("handler", ctx.Value(tagKey{}))
				if in.GetText() == "turn" {
					return nil, status.Error(codes.Aborted, "app: turn me")
				}
				return in, nil
			},
			chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
				n.serve("handler", stream.Context().Value(tagKey{}))
				return status.Error(codes.Aborted, "app: turn me")
			},
		}}, func(t *testing.T, e *ends) {
			for _, text := range []string{"go", "stop one", "stop two", "turn"} {
				var header, trailer metadata.MD
				got, err := e.client.Echo(t.Context(), &packet{Text: text}, grpc.Header(&header), grpc.Trailer(&trailer))
				n.see(got.GetText(), outcome(err), header["h"], trailer["t"])
			}
			stream, err := e.client.Chat(t.Context())
			n.see(outcome(err))
			_, err = stream.Recv()
			header, _ := stream.Header()
			n.see(outcome(err), header["h"], stream.Trailer()["t"])
			got := &packet{}
			n.see(outcome(e.Invoke(t.Context(), chatMethod, &packet{}, got)))
			one, err := e.NewStream(t.Context(), anyStream, echoMethod)
			n.see(outcome(err), outcome(one.SendMsg(&packet{Text: "stop one"})), outcome(one.CloseSend()), outcome(one.RecvMsg(got)))
		}
}

// Both ends' contexts end with the call, and the handler's streams with it.
func contextsProbe(n *notes) (setup, func(*testing.T, *ends)) {
	left := make(chan grpc.ServerStream, 1)
	contexts := make(chan context.Context, 1)
	return setup{service: &service{
			echo: func(ctx context.Context, in *packet) (*packet, error) {
				contexts <- ctx
				return in, nil
			},
			chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
				left <- stream
				return stream.Send(&packet{})
			},
		}}, func(t *testing.T, e *ends) {
			_, err := e.client.Echo(t.Context(), &packet{})
			ctx := <-contexts
			await.Closed(t, "the handler's context to end", ctx.Done())
			n.see(outcome(err), ctx.Err())
			n.see(outcome(grpc.SetHeader(ctx, metadata.Pairs("k", "v"))), outcome(grpc.SendHeader(ctx, metadata.Pairs("k", "v"))))
			stream, err := e.client.Chat(t.Context())
			n.see(outcome(err))
			server := <-left
			await.Closed(t, "the stream's context to end", server.Context().Done())
			await.Until(t, "the end to arrive", func() bool { return stream.Send(&packet{}) != nil })
			n.see("unread", stream.Context().Err())
			_, err = stream.Recv()
			n.see(outcome(err), stream.Context().Err())
			_, err = stream.Recv()
			n.see(outcome(err), stream.Context().Err())
			n.see(outcome(server.SendMsg(&packet{})), outcome(server.SetHeader(metadata.Pairs("k", "v"))), outcome(server.SendHeader(metadata.Pairs("k", "v"))))
			_, err = stream.Recv()
			n.see(outcome(err))
		}
}

// gone is a service that says what it sees when the other end goes.
func gone(n *notes, began, ended chan struct{}) *service {
	return &service{chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
		defer close(ended)
		close(began)
		_, err := stream.Recv()
		n.serve("server", outcome(err), stream.Context().Err(), outcome(stream.Send(&packet{})), outcome(stream.SetHeader(metadata.Pairs("k", "v"))))
		return err
	}}
}

func closedProbe(n *notes) (setup, func(*testing.T, *ends)) {
	began, ended := make(chan struct{}), make(chan struct{})
	return setup{service: gone(n, began, ended)}, func(t *testing.T, e *ends) {
		stream, err := e.client.Chat(t.Context())
		n.see(outcome(err))
		await.Closed(t, "the handler", began)
		n.see(e.close())
		await.Closed(t, "the handler's end", ended)
		_, err = stream.Recv()
		n.see(outcome(err), stream.Context().Err(), outcome(stream.Send(&packet{})))
		_, err = e.client.Echo(t.Context(), &packet{}, grpc.WaitForReady(true))
		n.see(outcome(err))
	}
}

func stoppedProbe(n *notes) (setup, func(*testing.T, *ends)) {
	began, ended := make(chan struct{}), make(chan struct{})
	return setup{service: gone(n, began, ended)}, func(t *testing.T, e *ends) {
		stream, err := e.client.Chat(t.Context())
		n.see(outcome(err))
		await.Closed(t, "the handler", began)
		e.server.Stop()
		await.Closed(t, "the handler's end", ended)
		_, err = stream.Recv()
		n.see(outcome(err), stream.Context().Err(), outcome(stream.Send(&packet{})))
	}
}

func nestedProbe(n *notes) (setup, func(*testing.T, *ends)) {
	inner, innerEnded := make(chan struct{}), make(chan error, 1)
	var outer atomic.Pointer[ends]
	return setup{service: &service{echo: func(ctx context.Context, in *packet) (*packet, error) {
			switch in.GetText() {
			case "outer":
				md, _ := metadata.FromIncomingContext(ctx)
				n.serve(md["k"])
				return outer.Load().client.Echo(ctx, &packet{Text: "inner"})
			case "inner":
				md, _ := metadata.FromIncomingContext(ctx)
				n.serve("does not go on by itself:", md["k"])
				close(inner)
				<-ctx.Done()
				innerEnded <- ctx.Err()
				return nil, ctx.Err()
			}
			return in, nil
		}}}, func(t *testing.T, e *ends) {
			outer.Store(e)
			ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(t.Context(), "k", "v"))
			answered := make(chan error, 1)
			go func() {
				_, err := e.client.Echo(ctx, &packet{Text: "outer"})
				answered <- err
			}()
			await.Closed(t, "the inner call", inner)
			cancel()
			n.see(outcome(await.Value(t, "the answer", answered)), await.Value(t, "the inner call's end", innerEnded))
		}
}

func credentialsProbe(n *notes) (setup, func(*testing.T, *ends)) {
	return setup{service: &service{echo: func(ctx context.Context, in *packet) (*packet, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			n.serve(md["k"], md["bin-bin"])
			return in, nil
		}}}, func(t *testing.T, e *ends) {
			ctx := metadata.AppendToOutgoingContext(t.Context(), "k", "of the context")
			for _, data := range []map[string]string{{"k": "of the credentials"}, {"K": "upper"}, {"bin-bin": "\x00\xff"}, {}, nil, {"te": "x"}, {"k": "a\nb"}} {
				_, err := e.client.Echo(ctx, &packet{}, grpc.PerRPCCredentials(asking{data: data}))
				n.see(outcome(err))
			}
			over, cancel := context.WithCancel(ctx)
			cancel()
			for _, err := range []error{context.Canceled, context.DeadlineExceeded, status.Error(codes.Unauthenticated, "app: who"), fmt.Errorf("app: wrapped: %w", status.Error(codes.PermissionDenied, "app: no"))} {
				_, got := e.client.Echo(ctx, &packet{}, grpc.PerRPCCredentials(asking{err: err}))
				n.see(outcome(got))
				_, got = e.client.Chat(over, grpc.PerRPCCredentials(asking{err: err}))
				n.see(outcome(got))
			}
		}
}

// Both ends send much more than any window before either reads.
func floodProbe(n *notes) (setup, func(*testing.T, *ends)) {
	const messages, size = 100, 40_000
	flood := func(send func(*packet) error, receive func() (*packet, error)) (got int, _ error) {
		sent := make(chan error, 1)
		go func() {
			for range messages {
				if err := send(filled(size, 7)); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		for range messages {
			p, err := receive()
			if err != nil {
				return got, err
			}
			got += len(p.GetData())
		}
		return got, <-sent
	}
	return setup{service: &service{chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
			got, err := flood(stream.Send, stream.Recv)
			_, end := stream.Recv()
			n.serve("server", got, outcome(err), outcome(end))
			return nil
		}}}, func(t *testing.T, e *ends) {
			stream, err := e.client.Chat(t.Context())
			n.see(outcome(err))
			got, err := flood(stream.Send, stream.Recv)
			mine := fmt.Sprint("client ", got, outcome(err))
			closed := outcome(stream.CloseSend())
			_, err = stream.Recv()
			n.see(closed, mine, outcome(err))
		}
}

// Header, RecvMsg and SendMsg of one stream may wait at once.
func atOnceProbe(n *notes) (setup, func(*testing.T, *ends)) {
	return setup{service: &service{chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
			if _, err := stream.Recv(); err != nil {
				return err
			}
			if err := stream.SendHeader(metadata.Pairs("h", "x")); err != nil {
				return err
			}
			return stream.Send(&packet{Text: "answer"})
		}}}, func(t *testing.T, e *ends) {
			stream, err := e.client.Chat(t.Context())
			n.see(outcome(err))
			headers, answers := make(chan metadata.MD, 1), make(chan string, 1)
			go func() { md, _ := stream.Header(); headers <- md }()
			go func() {
				got, err := stream.Recv()
				answers <- got.GetText() + " " + outcome(err)
			}()
			n.see(outcome(stream.Send(&packet{})))
			n.see(await.Value(t, "the header", headers)["h"], await.Value(t, "the answer", answers))
			_, err = stream.Recv()
			n.see(errors.Is(err, io.EOF))
		}
}
