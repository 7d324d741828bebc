package telemetry

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// collector is what an OpenTelemetry collector is to its clients.
func collector(t *testing.T) (url string, spans func() map[string]string, metrics func() []string) {
	t.Helper()
	var mu sync.Mutex
	names, parents, measured := map[string]string{}, map[string]string{}, []string{}
	mux := http.NewServeMux()
	read := func(r *http.Request, into proto.Message) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.NoError(t, proto.Unmarshal(body, into))
	}
	mux.HandleFunc("/v1/traces", func(_ http.ResponseWriter, r *http.Request) {
		var request collectortrace.ExportTraceServiceRequest
		read(r, &request)
		mu.Lock()
		defer mu.Unlock()
		for _, resource := range request.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, s := range scope.Spans {
					names[string(s.SpanId)], parents[s.Name] = s.Name, string(s.ParentSpanId)
				}
			}
		}
	})
	mux.HandleFunc("/v1/metrics", func(_ http.ResponseWriter, r *http.Request) {
		var request collectormetrics.ExportMetricsServiceRequest
		read(r, &request)
		mu.Lock()
		defer mu.Unlock()
		for _, resource := range request.ResourceMetrics {
			for _, scope := range resource.ScopeMetrics {
				for _, m := range scope.Metrics {
					measured = append(measured, m.Name)
				}
			}
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, func() map[string]string {
			mu.Lock()
			defer mu.Unlock()
			byName := map[string]string{}
			for name, parent := range parents {
				byName[name] = names[parent]
			}
			return byName
		}, func() []string {
			mu.Lock()
			defer mu.Unlock()
			return measured
		}
}

func TestCallsAreSpansOfTheirBuild(t *testing.T) {
	url, spans, metrics := collector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
	tel, ctx, err := Start(t.Context(), "v1", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NotNil(t, tel)
	failure := status.Error(codes.Unavailable, "gone")
	call := func(plugin, method string, answer error) error {
		return tel.Interceptors(plugin)[0](ctx, method, nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return answer })
	}
	require.NoError(t, call("fonts", "/ddc.fonts.Fonts/Subset", nil))
	assert.Equal(t, failure, call("js", "/ddc.js.Js/Minify", failure))
	tel.Count("ddc.plugin.calls", 2, "{call}", Of("ddc.plugin", "fonts"))
	require.NoError(t, tel.Stop(ctx, failure))
	assert.Equal(t, map[string]string{"ddc build": "", "ddc.fonts.Fonts/Subset": "ddc build", "ddc.js.Js/Minify": "ddc build"}, spans())
	assert.ElementsMatch(t, []string{"rpc.client.call.duration", "ddc.plugin.calls", "ddc.build.duration"}, metrics())
}

func TestNothingIsDoneThatNobodyAskedFor(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"nothing":        {},
		"disabled":       {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1", "OTEL_SDK_DISABLED": "true"},
		"no exporters":   {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1", "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
		"another signal": {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://localhost:1"},
	} {
		t.Run(name, func(t *testing.T) {
			for key, value := range env {
				t.Setenv(key, value)
			}
			tel, ctx, err := Start(t.Context(), "v1", slog.New(slog.DiscardHandler))
			require.NoError(t, err)
			assert.Nil(t, tel)
			assert.Empty(t, tel.Interceptors("fonts"))
			tel.Count("x", 1, "")
			assert.NoError(t, tel.Stop(ctx, nil))
		})
	}
}

func TestAProtocolThatIsNotThereIsSaid(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:1")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	_, _, err := Start(t.Context(), "v1", slog.New(slog.DiscardHandler))
	assert.ErrorIs(t, err, ErrProtocol)
}
