package telemetry

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// Interceptors make each unary call of a plugin a span. A nil Telemetry has
// none.
func (t *Telemetry) Interceptors(plugin string) []grpc.UnaryClientInterceptor {
	if t == nil {
		return nil
	}
	return []grpc.UnaryClientInterceptor{func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		about := []attribute.KeyValue{
			attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", strings.TrimPrefix(method, "/")), attribute.String("ddc.plugin", plugin),
		}
		begun := time.Now()
		ctx, span := t.tracer.Start(ctx, strings.TrimPrefix(method, "/"), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(about...))
		err := next(ctx, method, req, reply, cc, opts...)
		code := attribute.String("rpc.response.status_code", status.Code(err).String())
		span.SetAttributes(code)
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
		t.duration.Record(ctx, time.Since(begun).Seconds(), metric.WithAttributes(append(about, code)...))
		return err
	}}
}
