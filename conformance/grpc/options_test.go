package grpc_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
)

// marked is an option of an interceptor's: grpc ignores it.
type marked struct {
	grpc.EmptyCallOption
	mark string
}

// wrapped is grpc's own option under another name: it counts.
type wrapped struct{ grpc.HeaderCallOption }

func TestForeignCallOptionsCountAsWhatTheyEmbed(t *testing.T) {
	s := setup{service: &service{echo: func(ctx context.Context, in *packet) (*packet, error) {
		return in, grpc.SetHeader(ctx, metadata.Pairs("mark", "here"))
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		var header, wrappedHeader, byPointer metadata.MD
		_, err := e.client.Echo(t.Context(), &packet{}, marked{mark: "x"}, &marked{}, grpc.Header(&header))
		require.NoError(t, err)
		assert.Equal(t, []string{"here"}, header["mark"])
		_, err = e.client.Echo(t.Context(), &packet{}, wrapped{grpc.HeaderCallOption{HeaderAddr: &wrappedHeader}})
		require.NoError(t, err)
		assert.Equal(t, []string{"here"}, wrappedHeader["mark"])
		_, err = e.client.Echo(t.Context(), &packet{}, &wrapped{grpc.HeaderCallOption{HeaderAddr: &byPointer}})
		require.NoError(t, err)
		assert.Equal(t, []string{"here"}, byPointer["mark"])
	})
}

func TestOptionsThatChangeNothingAreTaken(t *testing.T) {
	overEach(t, setup{}, func(t *testing.T, e *ends) {
		for name, option := range map[string]grpc.CallOption{
			"compressor identity": grpc.UseCompressor("identity"),
			"no compressor":       grpc.UseCompressor(""),
			"subtype proto":       grpc.CallContentSubtype("proto"),
			"subtype Proto":       grpc.CallContentSubtype("PROTO"),
			"codec":               grpc.ForceCodecV2(encoding.GetCodecV2("proto")),
			"retry buffer":        grpc.MaxRetryRPCBufferSize(1),
			"wait for ready":      grpc.WaitForReady(true),
			"static method":       grpc.StaticMethod(),
			"authority":           grpc.CallAuthority("somebody"),
		} {
			got, err := e.client.Echo(t.Context(), &packet{Text: "x"}, option)
			assert.NoError(t, err, name)
			assert.Equal(t, "x", got.GetText(), name)
			stream, err := e.client.Count(t.Context(), &packet{Number: 1}, option)
			require.NoError(t, err, name)
			_, err = stream.Recv()
			assert.NoError(t, err, name)
			_, err = stream.Recv()
			assert.Same(t, io.EOF, err, name)
		}
	})
}

func TestOptionsOfUnknownThingsFailTheCall(t *testing.T) {
	overEach(t, setup{}, func(t *testing.T, e *ends) {
		for _, option := range []grpc.CallOption{grpc.UseCompressor("no such"), grpc.CallContentSubtype("no such")} {
			finished := errNotCalled
			_, err := e.client.Echo(t.Context(), &packet{}, option, grpc.OnFinish(func(err error) { finished = err }))
			assertCode(t, codes.Internal, err)
			assert.Equal(t, err, finished)
			_, err = e.client.Chat(t.Context(), option)
			assertCode(t, codes.Internal, err)
		}
	})
}

// reversed is a codec that both ends know: it writes text back to front.
type reversed struct{ used *atomic.Int64 }

func (reversed) Name() string { return "reversed" }

func (c reversed) Marshal(v any) (mem.BufferSlice, error) {
	c.used.Add(1)
	b := []byte(v.(*packet).GetText())
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return mem.BufferSlice{mem.SliceBuffer(b)}, nil
}

func (c reversed) Unmarshal(data mem.BufferSlice, v any) error {
	b := data.Materialize()
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	v.(*packet).Text = string(b)
	return nil
}

var reversedUsed atomic.Int64

func init() { encoding.RegisterCodecV2(reversed{&reversedUsed}) }

func TestBothEndsUseTheCodecThatACallForces(t *testing.T) {
	contentTypes := make(chan []string, 1)
	s := setup{service: &service{echo: func(ctx context.Context, in *packet) (*packet, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		contentTypes <- md["content-type"]
		return in, nil
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		for _, option := range []grpc.CallOption{grpc.ForceCodecV2(reversed{&reversedUsed}), grpc.CallContentSubtype("reversed")} {
			before := reversedUsed.Load()
			got, err := e.client.Echo(t.Context(), &packet{Text: "abc"}, option)
			require.NoError(t, err)
			assert.Equal(t, "abc", got.GetText())
			assert.EqualValues(t, 2, reversedUsed.Load()-before, "the request's and the reply's")
			assert.Equal(t, []string{"application/grpc+reversed"}, <-contentTypes)
		}
		stream, err := e.client.Chat(t.Context(), grpc.ForceCodecV2(reversed{&reversedUsed}))
		require.NoError(t, err)
		require.NoError(t, stream.Send(&packet{Text: "abc"}))
		got, err := stream.Recv()
		require.NoError(t, err)
		assert.Equal(t, "abc", got.GetText())
		require.NoError(t, stream.CloseSend())
		_, err = stream.Recv()
		assert.Same(t, io.EOF, err)
	})
}

func TestPeerIsFilledInAtBothEnds(t *testing.T) {
	seen := make(chan *peer.Peer, 1)
	s := setup{service: &service{
		echo: func(ctx context.Context, in *packet) (*packet, error) {
			p, _ := peer.FromContext(ctx)
			seen <- p
			return in, nil
		},
		chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
			p, _ := peer.FromContext(stream.Context())
			seen <- p
			return nil
		},
	}}
	complete := func(t *testing.T, p *peer.Peer) {
		t.Helper()
		if assert.NotNil(t, p) && assert.NotNil(t, p.Addr) {
			assert.NotEmpty(t, p.Addr.String())
			assert.NotEmpty(t, p.Addr.Network())
		}
	}
	overEach(t, s, func(t *testing.T, e *ends) {
		var unary, streamed peer.Peer
		_, err := e.client.Echo(t.Context(), &packet{}, grpc.Peer(&unary))
		require.NoError(t, err)
		complete(t, &unary)
		complete(t, <-seen)

		stream, err := e.client.Chat(t.Context(), grpc.Peer(&streamed))
		require.NoError(t, err)
		_, err = stream.Recv()
		assert.Same(t, io.EOF, err)
		complete(t, &streamed)
		complete(t, <-seen)
		fromContext, _ := peer.FromContext(stream.Context())
		complete(t, fromContext)
	})
}

// asking are credentials of a call.
type asking struct {
	data   map[string]string
	err    error
	secure bool
}

func (a asking) GetRequestMetadata(_ context.Context, _ ...string) (map[string]string, error) {
	return a.data, a.err
}
func (a asking) RequireTransportSecurity() bool { return a.secure }

func TestPerRPCCredentialsAreHonoured(t *testing.T) {
	s := setup{service: &service{echo: func(ctx context.Context, in *packet) (*packet, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		if token := md["authorization"]; len(token) == 1 {
			return &packet{Text: token[0]}, nil
		}
		return nil, status.Error(codes.Unauthenticated, "no token")
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		ask := func(a asking) (string, error) {
			got, err := e.client.Echo(t.Context(), &packet{}, grpc.PerRPCCredentials(a))
			return got.GetText(), err
		}
		got, err := ask(asking{data: map[string]string{"Authorization": "token"}})
		assert.NoError(t, err)
		assert.Equal(t, "token", got)
		for want, a := range map[codes.Code]asking{
			codes.Unauthenticated:  {secure: true, data: map[string]string{"authorization": "token"}},
			codes.PermissionDenied: {err: status.Error(codes.PermissionDenied, "not you")},
			codes.Internal:         {err: errors.New("no token server")},
		} {
			_, err = ask(a)
			assertCode(t, want, err)
		}
		_, err = ask(asking{err: status.Error(codes.NotFound, "an application's code")})
		assertCode(t, codes.Internal, err)
		_, err = ask(asking{data: map[string]string{"bad key": "x"}})
		assertCode(t, codes.Internal, err)
	})
}

// finale is a way in which a call can end, and the code that it ends with.
type finale struct {
	code codes.Code
	end  func(t *testing.T, e *ends, ctx context.Context, cancel func(), o grpc.CallOption)
}

// obedient ends each call as its first message says.
func obedient() *service {
	return &service{
		echo: func(ctx context.Context, in *packet) (*packet, error) {
			if in.GetText() == "wait" {
				<-ctx.Done()
			}
			if in.GetNumber() != 0 {
				return nil, status.Error(codes.Code(in.GetNumber()), "asked for")
			}
			return in, nil
		},
		chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
			in, err := stream.Recv()
			if err != nil {
				return err
			}
			if in.GetNumber() != 0 {
				return status.Error(codes.Code(in.GetNumber()), "asked for")
			}
			if in.GetText() == "wait" {
				<-stream.Context().Done()
			}
			return nil
		},
	}
}

// firstMessage begins a chat.
func firstMessage(t *testing.T, e *ends, ctx context.Context, first *packet, o grpc.CallOption) grpc.BidiStreamingClient[packet, packet] {
	stream, err := e.client.Chat(ctx, o)
	require.NoError(t, err)
	require.NoError(t, stream.Send(first))
	return stream
}

func unaryFinales() map[string]finale {
	return map[string]finale{
		"unary, good": {codes.OK, func(t *testing.T, e *ends, ctx context.Context, _ func(), o grpc.CallOption) {
			_, _ = e.client.Echo(ctx, &packet{}, o)
		}},
		"unary, status": {codes.Aborted, func(t *testing.T, e *ends, ctx context.Context, _ func(), o grpc.CallOption) {
			_, _ = e.client.Echo(ctx, &packet{Number: int64(codes.Aborted)}, o)
		}},
		"unary, cancelled before": {codes.Canceled, func(t *testing.T, e *ends, ctx context.Context, cancel func(), o grpc.CallOption) {
			cancel()
			_, _ = e.client.Echo(ctx, &packet{}, o)
		}},
		"unary, cancelled": {codes.Canceled, func(t *testing.T, e *ends, ctx context.Context, cancel func(), o grpc.CallOption) {
			go cancel()
			_, _ = e.client.Echo(ctx, &packet{Text: "wait"}, o)
		}},
	}
}

func streamFinales() map[string]finale {
	return map[string]finale{
		"stream, good": {codes.OK, func(t *testing.T, e *ends, ctx context.Context, _ func(), o grpc.CallOption) {
			s := firstMessage(t, e, ctx, &packet{}, o)
			_, err := s.Recv()
			assert.Same(t, io.EOF, err)
			_, _ = s.Recv() // again
		}},
		"stream, status": {codes.Aborted, func(t *testing.T, e *ends, ctx context.Context, _ func(), o grpc.CallOption) {
			_, _ = firstMessage(t, e, ctx, &packet{Number: int64(codes.Aborted)}, o).Recv()
		}},
		"stream, cancelled and never read": {codes.Canceled, func(t *testing.T, e *ends, ctx context.Context, cancel func(), o grpc.CallOption) {
			firstMessage(t, e, ctx, &packet{Text: "wait"}, o)
			cancel()
		}},
		"stream, cancelled before it begins": {codes.Canceled, func(t *testing.T, e *ends, ctx context.Context, cancel func(), o grpc.CallOption) {
			cancel()
			_, err := e.client.Chat(ctx, o)
			assertCode(t, codes.Canceled, err)
		}},
		"stream, a message that cannot be sent": {codes.Internal, func(t *testing.T, e *ends, ctx context.Context, _ func(), o grpc.CallOption) {
			assert.Error(t, firstMessage(t, e, ctx, &packet{Text: "wait"}, o).SendMsg("no message"))
		}},
		"stream, SendMsg after CloseSend": {codes.Internal, func(t *testing.T, e *ends, ctx context.Context, _ func(), o grpc.CallOption) {
			s := firstMessage(t, e, ctx, &packet{Text: "wait"}, o)
			require.NoError(t, s.CloseSend())
			assertCode(t, codes.Internal, s.Send(&packet{}))
		}},
		"stream, ended unread and then cancelled": {codes.Canceled, func(t *testing.T, e *ends, ctx context.Context, cancel func(), o grpc.CallOption) {
			s := firstMessage(t, e, ctx, &packet{}, o)
			await.Until(t, "the server's end", func() bool { return s.Send(&packet{}) != nil })
			cancel()
		}},
		"stream, connection closed and never read": {codes.Canceled, func(t *testing.T, e *ends, ctx context.Context, _ func(), o grpc.CallOption) {
			firstMessage(t, e, ctx, &packet{Text: "wait"}, o)
			require.NoError(t, e.close())
		}},
		"stream, connection closed before": {codes.Canceled, func(t *testing.T, e *ends, ctx context.Context, _ func(), o grpc.CallOption) {
			require.NoError(t, e.close())
			_, err := e.client.Chat(ctx, o)
			assertCode(t, codes.Canceled, err)
		}},
	}
}

// Whatever ends a call, those who asked hear of it once.
func TestOnFinishIsCalledOnceOnEveryWayACallCanEnd(t *testing.T) {
	ways := unaryFinales()
	maps.Copy(ways, streamFinales())
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			overEach(t, setup{service: obedient()}, func(t *testing.T, e *ends) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var calls atomic.Int64
				finished := make(chan error, 10)
				way.end(t, e, ctx, cancel, grpc.OnFinish(func(err error) { calls.Add(1); finished <- err }))
				assertCode(t, way.code, await.Value(t, "OnFinish", finished))
				cancel() // what might call it again has its chance
				_ = e.close()
				assert.EqualValues(t, 1, calls.Load())
			})
		})
	}
}
