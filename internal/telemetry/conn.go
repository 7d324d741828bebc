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

// Conn makes each unary call over conn a span. A nil Telemetry returns conn.
func (t *Telemetry) Conn(plugin string, conn grpc.ClientConnInterface) grpc.ClientConnInterface {
	if t == nil {
		return conn
	}
	return &spannedConn{conn, t, plugin}
}

// spannedConn leaves streams as they are.
type spannedConn struct {
	grpc.ClientConnInterface
	telemetry *Telemetry
	plugin    string
}

func (c *spannedConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	about := []attribute.KeyValue{
		attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", strings.TrimPrefix(method, "/")), attribute.String("ddc.plugin", c.plugin),
	}
	begun := time.Now()
	ctx, span := c.telemetry.tracer.Start(ctx, strings.TrimPrefix(method, "/"), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(about...))
	err := c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
	code := attribute.String("rpc.response.status_code", status.Code(err).String())
	span.SetAttributes(code)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
	c.telemetry.duration.Record(ctx, time.Since(begun).Seconds(), metric.WithAttributes(append(about, code)...))
	return err
}
