package host

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"ddc/plugin"
	"ddc/rpc/rpctestpb"
)

// tagging is a stats handler that marks the contexts of calls.
type tagging struct{ counting }

type tag struct{}

func (*tagging) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, tag{}, "tagged")
}

// optioned are the options of a plugin that says in its headers what wrapped
// its calls.
func optioned() plugin.Options {
	mark := func(ctx context.Context, kind string) metadata.MD {
		tagged, _ := ctx.Value(tag{}).(string)
		return metadata.Pairs("wrapped", kind+" "+tagged)
	}
	return plugin.Options{
		MaxMessage: 1000,
		Unknown: func(_ any, stream grpc.ServerStream) error {
			method, _ := grpc.MethodFromServerStream(stream)
			return stream.SendMsg(&rpctestpb.Packet{Text: method})
		},
		Stats: []stats.Handler{&tagging{}},
		Unary: []grpc.UnaryServerInterceptor{func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := grpc.SetHeader(ctx, mark(ctx, "unary")); err != nil {
				return nil, err
			}
			return next(ctx, req)
		}},
		Stream: []grpc.StreamServerInterceptor{func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if err := stream.SendHeader(mark(stream.Context(), "stream")); err != nil {
				return err
			}
			return next(srv, stream)
		}},
	}
}

func TestAPluginsProgramGivesInterceptorsStatsHandlersAndALimit(t *testing.T) {
	hubAndGRPC(t, callOptioned)
}

func callOptioned(t *testing.T, o Options) {
	h := newHost(t, o)
	t.Setenv(envRole, "optioned")
	client := rpctestpb.NewTestClient(h.Conn("optioned"))
	var header metadata.MD
	_, err := client.Echo(t.Context(), &rpctestpb.Packet{}, grpc.Header(&header))
	require.NoError(t, err)
	assert.Equal(t, []string{"unary tagged"}, header["wrapped"])

	stream, err := client.Chat(t.Context())
	require.NoError(t, err)
	header, err = stream.Header()
	require.NoError(t, err)
	assert.Equal(t, []string{"stream tagged"}, header["wrapped"])
	require.NoError(t, stream.CloseSend())

	_, err = client.Echo(t.Context(), &rpctestpb.Packet{Text: "large 2000"})
	assert.Equal(t, codes.ResourceExhausted, status.Code(err), "of %v", err)

	const nowhere = "/no.such.Service/Method"
	unknown := &rpctestpb.Packet{}
	require.NoError(t, h.Conn("optioned").Invoke(t.Context(), nowhere, &rpctestpb.Packet{}, unknown))
	assert.Equal(t, nowhere, unknown.GetText())
}
