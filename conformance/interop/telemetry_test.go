package interop_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/stats"

	"ddc/rpc"
	"ddc/transport/hub"
)

// OpenTelemetry's own stats handlers go on both ends unchanged: a call is a
// span at each end, and the server's is the client's child.
func TestOpenTelemetrysHandlersTraceCallsFromEndToEnd(t *testing.T) {
	current = t
	spans := tracetest.NewSpanRecorder()
	options := []otelgrpc.Option{
		otelgrpc.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))), otelgrpc.WithPropagators(propagation.TraceContext{}),
	}
	h, err := hub.Create(hub.Options{Peers: 2})
	require.NoError(t, err)
	ours, theirs, err := h.Pair("traced")
	require.NoError(t, err)
	server := rpc.NewServer(rpc.ServerOptions{Stats: []stats.Handler{otelgrpc.NewServerHandler(options...)}})
	testpb.RegisterTestServiceServer(server, interop.NewTestServer())
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background(), theirs) }()
	conn := rpc.NewConn(ours, rpc.ConnOptions{Name: "traced", Stats: []stats.Handler{otelgrpc.NewClientHandler(options...)}})
	client := testpb.NewTestServiceClient(conn)
	interop.DoLargeUnaryCall(t.Context(), client)
	interop.DoPingPong(t.Context(), client)
	require.NoError(t, conn.Close())
	require.NoError(t, <-served)
	require.NoError(t, h.Close())

	ended := spans.Ended()
	require.Len(t, ended, 4)
	names := map[string][]sdktrace.ReadOnlySpan{}
	for _, span := range ended {
		names[span.Name()] = append(names[span.Name()], span)
	}
	for _, name := range []string{"grpc.testing.TestService/UnaryCall", "grpc.testing.TestService/FullDuplexCall"} {
		require.Len(t, names[name], 2, name)
		a, b := names[name][0], names[name][1]
		assert.Equal(t, a.SpanContext().TraceID(), b.SpanContext().TraceID(), name)
		assert.True(t, a.Parent().SpanID() == b.SpanContext().SpanID() || b.Parent().SpanID() == a.SpanContext().SpanID(), name)
	}
}
