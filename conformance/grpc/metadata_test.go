package grpc_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func TestRequestMetadataIsValidated(t *testing.T) {
	overEach(t, setup{}, func(t *testing.T, e *ends) {
		for name, md := range map[string]metadata.MD{
			"an empty key":          {"": {"x"}},
			"a key with a space":    {"a key": {"x"}},
			"a key with a letter é": {"é": {"x"}},
			"a key with a slash":    {"a/b": {"x"}},
			"a line break":          {"key": {"a\nb"}},
			"not ASCII":             {"key": {"ok", "é"}},
		} {
			ctx := metadata.NewOutgoingContext(t.Context(), md)
			_, err := e.client.Echo(ctx, &packet{})
			assertCode(t, codes.Internal, err)
			_, err = e.client.Chat(ctx)
			assertCode(t, codes.Internal, err)
			assert.NotContains(t, err.Error(), "\n", name)
		}
	})
}

// Reserved names do not travel. Binary values travel as they are.
func TestReservedNamesAreDroppedAndOthersTravel(t *testing.T) {
	reserved := []string{"content-type", "user-agent", "grpc-message-type", "grpc-encoding", "grpc-message", "grpc-status", "grpc-timeout", "te", ":path", ":anything"}
	mine := func() metadata.MD {
		md := metadata.MD{"key": {"a", " b ", ""}, "data-bin": {"\x00\xff\n", ""}, "under_score.dot-dash9": {"x"}}
		for _, name := range reserved {
			md[name] = []string{"mine"}
		}
		return md
	}
	travelled := func(t *testing.T, md metadata.MD) {
		t.Helper()
		assert.Equal(t, []string{"a", " b ", ""}, md["key"])
		assert.Equal(t, []string{"\x00\xff\n", ""}, md["data-bin"])
		assert.Equal(t, []string{"x"}, md["under_score.dot-dash9"])
		for _, name := range reserved {
			assert.NotContains(t, md[name], "mine", name)
		}
	}
	incoming := make(chan metadata.MD, 1)
	s := setup{service: &service{
		echo: func(ctx context.Context, in *packet) (*packet, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			incoming <- md
			assert.NoError(t, grpc.SetHeader(ctx, mine()))
			assert.NoError(t, grpc.SetTrailer(ctx, mine()))
			return in, nil
		},
		count: func(_ *packet, stream grpc.ServerStreamingServer[packet]) error {
			md, _ := metadata.FromIncomingContext(stream.Context())
			incoming <- md
			assert.NoError(t, stream.SendHeader(mine()))
			stream.SetTrailer(mine())
			return nil
		},
	}}
	overEach(t, s, func(t *testing.T, e *ends) {
		ctx := metadata.NewOutgoingContext(t.Context(), mine())
		var header, trailer metadata.MD
		_, err := e.client.Echo(ctx, &packet{}, grpc.Header(&header), grpc.Trailer(&trailer))
		require.NoError(t, err)
		for _, md := range []metadata.MD{<-incoming, header, trailer} {
			travelled(t, md)
		}
		stream, err := e.client.Count(ctx, &packet{})
		require.NoError(t, err)
		header, err = stream.Header()
		require.NoError(t, err)
		_, err = stream.Recv()
		require.Error(t, err)
		for _, md := range []metadata.MD{<-incoming, header, stream.Trailer()} {
			travelled(t, md)
		}
	})
}

func TestAHandlersMetadataIsValidated(t *testing.T) {
	bad := []metadata.MD{{"Upper": {"x"}}, {"a key": {"x"}}, {"key": {"\x01"}}, {"": {"x"}}}
	s := setup{service: &service{chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
		for _, md := range bad {
			assertCode(t, codes.Internal, stream.SetHeader(md))
			assertCode(t, codes.Internal, stream.SendHeader(md))
		}
		assert.NoError(t, stream.SetHeader(metadata.Pairs("good", "1")))
		assert.NoError(t, stream.SendHeader(nil))
		assert.Error(t, stream.SendHeader(nil), "it has been sent")
		assert.Error(t, stream.SetHeader(metadata.Pairs("late", "1")))
		assert.NoError(t, stream.SetHeader(nil), "nothing comes too late")
		return nil
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		stream, err := e.client.Chat(t.Context())
		require.NoError(t, err)
		header, err := stream.Header()
		require.NoError(t, err)
		assert.Equal(t, []string{"1"}, header["good"])
		_, err = stream.Recv()
		assert.ErrorContains(t, err, "EOF")
	})
}

// Metadata that must not be sent fails the call, whether or not the handler
// looks at errors.
func TestACallWhoseHandlerSendsBadMetadataFails(t *testing.T) {
	s := setup{service: &service{echo: func(ctx context.Context, in *packet) (*packet, error) {
		bad := metadata.MD{in.GetText(): {"x"}}
		if in.GetNumber() == 1 {
			_ = grpc.SetHeader(ctx, bad)
		} else {
			_ = grpc.SetTrailer(ctx, bad)
		}
		return in, nil
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		for _, key := range []string{"Upper", "a key", "a/b"} {
			for number := range 2 {
				_, err := e.client.Echo(t.Context(), &packet{Text: key, Number: int64(number)})
				t.Log(key, number, err)
				assertCode(t, codes.Internal, err)
			}
		}
	})
}

// A status keeps its code whatever does not fit with it, and says what was cut.
// grpc-go has the code as well, as long as the rest of the reply is small.
func TestAStatusOverTheLimitKeepsItsCode(t *testing.T) {
	large := strings.Repeat("v", 3<<20)
	many := &errdetails.ErrorInfo{Reason: "x"}
	s := setup{service: &service{echo: func(ctx context.Context, in *packet) (*packet, error) {
		refused := status.New(codes.FailedPrecondition, "refused")
		switch in.GetText() {
		case "header":
			_ = grpc.SetHeader(ctx, metadata.Pairs("k", large))
		case "trailer":
			_ = grpc.SetTrailer(ctx, metadata.Pairs("k", large))
		case "details":
			refused, _ = refused.WithDetails(&errdetails.ErrorInfo{Reason: large})
		case "many details":
			for range 500 {
				refused, _ = refused.WithDetails(many)
			}
		case "message":
			refused = status.New(codes.FailedPrecondition, large)
		case "good, but with a header":
			_ = grpc.SetHeader(ctx, metadata.Pairs("k", large))
			return in, nil
		}
		return nil, refused.Err()
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		if !e.ours {
			t.Skip("HTTP/2 has limits of its own")
		}
		for what, cut := range map[string]string{
			"header": "header metadata of 31457", "trailer": "trailer metadata of 31457", "details": "1 details of 31457",
			"many details": "500 details of ", "message": "bytes of this text",
		} {
			_, err := e.client.Echo(t.Context(), &packet{Text: what})
			assertCode(t, codes.FailedPrecondition, err)
			assert.Less(t, len(err.Error()), 2<<20)
			assert.Contains(t, err.Error(), cut, what)
		}
		_, err := e.client.Echo(t.Context(), &packet{Text: "good, but with a header"})
		assertCode(t, codes.ResourceExhausted, err)
		assert.ErrorContains(t, err, "header metadata of 31457")
	})
}

func TestAStatusThatFitsTravelsWhole(t *testing.T) {
	s := setup{service: &service{echo: func(context.Context, *packet) (*packet, error) {
		st, err := status.New(codes.FailedPrecondition, "tabs\tand\nlines, ☺ and 😈, 100%").WithDetails(&errdetails.ErrorInfo{Reason: "why"})
		assert.NoError(t, err)
		return nil, st.Err()
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		_, err := e.client.Echo(t.Context(), &packet{})
		assertCode(t, codes.FailedPrecondition, err)
		assert.Equal(t, "tabs\tand\nlines, ☺ and 😈, 100%", status.Convert(err).Message())
		require.Len(t, status.Convert(err).Details(), 1)
		assert.Equal(t, "why", status.Convert(err).Details()[0].(*errdetails.ErrorInfo).GetReason())
	})
}

// Bytes of a message that are no UTF-8 are replaced, not escaped. The rest
// stays.
func TestAStatusWithBrokenTextKeepsTheRest(t *testing.T) {
	s := setup{service: &service{echo: func(context.Context, *packet) (*packet, error) {
		return nil, status.Error(codes.NotFound, "a\xffb")
	}}}
	overEach(t, s, func(t *testing.T, e *ends) {
		_, err := e.client.Echo(t.Context(), &packet{})
		assertCode(t, codes.NotFound, err)
		assert.Equal(t, "a\uFFFDb", status.Convert(err).Message())
	})
}

func TestAMessageOverTheLimitSaysSo(t *testing.T) {
	overEach(t, setup{maxMessage: 1000}, func(t *testing.T, e *ends) {
		_, err := e.client.Echo(t.Context(), &packet{Data: make([]byte, 2000)})
		assertCode(t, codes.ResourceExhausted, err)
		_, err = e.client.Echo(t.Context(), &packet{Data: make([]byte, 500)}, grpc.MaxCallRecvMsgSize(100))
		assertCode(t, codes.ResourceExhausted, err)
		_, err = e.client.Echo(t.Context(), &packet{Data: make([]byte, 500)}, grpc.MaxCallSendMsgSize(100))
		assertCode(t, codes.ResourceExhausted, err)
	})
}
