// Package telemetry sends the spans and metrics of a build to an OpenTelemetry
// collector, where the usual variables of the environment name one; else it is
// nothing, and costs nothing.
//
//	tel, ctx, err := telemetry.Start(ctx, version, log)
//	conn = rpc.Intercept(conn, tel.Interceptors("fonts"), nil) // each call becomes a span of the build's
//	tel.Count("ddc.plugin.calls", 12, telemetry.Of("plugin", "fonts"))
//	err = tel.Stop(ctx, buildError)
//
// What it goes by: OTEL_EXPORTER_OTLP_ENDPOINT, ..._TRACES_ENDPOINT and
// ..._METRICS_ENDPOINT; OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER (otlp or
// none); OTEL_SDK_DISABLED; and whatever the exporters read themselves
// (headers, time-outs, certificates, OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES). The protocol is http/protobuf.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

const scope = "ddc"

// Telemetry is what is on its way. A nil Telemetry does nothing.
type Telemetry struct {
	tracer   trace.Tracer
	meter    metric.Meter
	duration metric.Float64Histogram
	build    trace.Span
	begun    time.Time
	flush    []func(context.Context) error
}

// ErrProtocol is returned where the environment asks for a protocol that this
// is not built with. Choose http/protobuf.
var ErrProtocol = errors.New("only OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf is there")

// patience bounds how long a build's end may wait for a collector.
const patience = 3 * time.Second

// wanted says whether a signal, "TRACES" or "METRICS", is to be sent.
func wanted(signal string) bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	switch os.Getenv("OTEL_" + signal + "_EXPORTER") {
	case "otlp":
		return true
	case "":
		return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != ""
	}
	return false
}

func checkProtocol(signal string) error {
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_" + signal + "_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if protocol := os.Getenv(variable); protocol != "" {
			if protocol != "http/protobuf" {
				return fmt.Errorf("%s=%s: %w", variable, protocol, ErrProtocol)
			}
			return nil
		}
	}
	return nil
}

// Start begins the span of a build, which the context that it returns is in;
// (nil, ctx, nil) where the environment asks for nothing. What cannot be sent
// later is warned of, and is no error.
func Start(ctx context.Context, version string, log *slog.Logger) (*Telemetry, context.Context, error) {
	traces, metrics := wanted("TRACES"), wanted("METRICS")
	if !traces && !metrics {
		return nil, ctx, nil
	}
	// The one way to hear of exports that failed; nobody else in this program
	// uses the package.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("telemetry", "cause", err) }))
	about, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "ddc"), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return nil, ctx, fmt.Errorf("telemetry: %w", err)
	}
	t := &Telemetry{tracer: tracenoop.NewTracerProvider().Tracer(scope), meter: metricnoop.NewMeterProvider().Meter(scope), begun: time.Now()}
	if traces {
		err = t.startTraces(ctx, about)
	}
	if metrics && err == nil {
		err = t.startMetrics(ctx, about)
	}
	if err == nil {
		t.duration, err = t.meter.Float64Histogram("rpc.client.call.duration", metric.WithUnit("s"), metric.WithDescription("how long calls of plugins took"))
	}
	if err != nil {
		return nil, ctx, fmt.Errorf("telemetry: %w", err)
	}
	ctx, t.build = t.tracer.Start(ctx, "ddc build")
	return t, ctx, nil
}

func (t *Telemetry) startTraces(ctx context.Context, about *resource.Resource) error {
	if err := checkProtocol("TRACES"); err != nil {
		return err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	t.tracer = provider.Tracer(scope)
	t.flush = append(t.flush, provider.Shutdown)
	return nil
}

func (t *Telemetry) startMetrics(ctx context.Context, about *resource.Resource) error {
	if err := checkProtocol("METRICS"); err != nil {
		return err
	}
	exporter, err := otlpmetrichttp.New(ctx)
	if err != nil {
		return err
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporter)), sdkmetric.WithResource(about))
	t.meter = provider.Meter(scope)
	t.flush = append(t.flush, provider.Shutdown)
	return nil
}

// Label says what a count is of.
type Label = attribute.KeyValue

// Of makes a label.
func Of(key, value string) Label { return attribute.String(key, value) }

// Count adds to a metric that only grows.
func (t *Telemetry) Count(name string, n int64, unit string, of ...Label) {
	if t == nil {
		return
	}
	if counter, err := t.meter.Int64Counter(name, metric.WithUnit(unit)); err == nil {
		counter.Add(context.Background(), n, metric.WithAttributes(of...))
	}
}

// Stop ends the build's span, with the error that the build ended with, and
// sends what is left. Its own error is for a warning.
func (t *Telemetry) Stop(ctx context.Context, ended error) error {
	if t == nil {
		return nil
	}
	if ended != nil {
		t.build.SetStatus(codes.Error, ended.Error())
	}
	t.build.End()
	if gauge, err := t.meter.Float64Gauge("ddc.build.duration", metric.WithUnit("s")); err == nil {
		gauge.Record(context.Background(), time.Since(t.begun).Seconds())
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var errs []error
	for _, flush := range t.flush {
		errs = append(errs, flush(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	return nil
}
