package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"google.golang.org/grpc"

	"ddc/internal/activity"
	"ddc/internal/printable"
	"ddc/internal/telemetry"
	"ddc/plugin/host"
	"ddc/plugin/watch"
	"ddc/rpc"
)

// onlookers observe a build: the watchdog, the tracer and telemetry. Without a
// hub there is only telemetry: no wake-up can be lost.
type onlookers struct {
	telemetry *telemetry.Telemetry
	dog       *watch.Watchdog
	tracer    *watch.Tracer
	file      *os.File // the trace
	cancel    context.CancelCauseFunc
	ctx       context.Context // ended by a hang that is to abort the build
}

func startWatch(ctx context.Context, f buildFlags, h *host.Host, calls *activity.Activity, out *printer) (*onlookers, error) {
	w := &onlookers{}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	var err error
	if w.telemetry, w.ctx, err = telemetry.Start(w.ctx, revision(), out.logger); err != nil {
		w.cancel(nil)
		return nil, usageError{err}
	}
	if !f.hasHub() {
		return w, nil
	}
	if err := w.startTrace(f, h); err != nil {
		w.cancel(nil)
		return nil, err
	}
	lines := out.aboveLiveLine()
	w.dog = watch.Start(h, watch.Options{
		Calls:  calls,
		OnHang: watch.OnHang(f.onHang), Bound: f.hangAfter, Abort: func(err error) { w.cancel(err) },
		Say: func(line string) { _, _ = io.WriteString(lines, "ddc: "+printable.Line(line)+"\n") },
	})
	return w, nil
}

func (w *onlookers) startTrace(f buildFlags, h *host.Host) (err error) {
	if f.trace == "" {
		return nil
	}
	if w.file, err = os.Create(f.trace); err != nil {
		return usagef("--trace: %w", err)
	}
	w.tracer, err = watch.Trace(h, w.file)
	return err
}

// abort ends the build with an error of its own.
func (w *onlookers) abort(err error) { w.cancel(err) }

// over ends the watchdog, before the plugins are stopped. It returns the error
// to report for a build that ended with err: the hang, if that is why it ended.
func (w *onlookers) over(err error) ([]hangReport, error) {
	reports := []hangReport{}
	if w.dog == nil {
		return reports, err
	}
	w.dog.Stop()
	for _, h := range w.dog.Hangs() {
		reports = append(reports, hangReport{Plugin: h.Name, Diagnosis: h.String(), File: h.File})
	}
	var hang *watch.HangError
	if err != nil && errors.As(context.Cause(w.ctx), &hang) {
		err = fmt.Errorf("given up (--on-hang=abort): %w", hang)
	}
	return reports, err
}

// stop ends the trace, once the plugins have stopped, and sends the build's
// telemetry. A collector that does not answer does not fail the build.
func (w *onlookers) stop(r *report, log *slog.Logger) error {
	w.cancel(nil)
	w.count(r)
	if err := w.telemetry.Stop(context.Background(), r.err); err != nil {
		log.Warn("nobody took the build's telemetry", "cause", err)
	}
	if w.tracer == nil {
		return nil
	}
	return errors.Join(w.tracer.Stop(), w.file.Close())
}

// count sends the metrics of the build, which are those of --json.
func (w *onlookers) count(r *report) {
	for _, p := range r.plugins {
		of := telemetry.Of("ddc.plugin", p.Name)
		for _, m := range []struct {
			name  string
			value uint64
			unit  string
		}{
			{"ddc.plugin.calls", p.Calls, "{call}"}, {"ddc.plugin.errors", p.Errors, "{call}"}, {"ddc.plugin.restarts", uint64(p.Restarts), "{restart}"},
			{"ddc.plugin.bytes_in", p.BytesIn, "By"}, {"ddc.plugin.bytes_out", p.BytesOut, "By"},
			{"ddc.wakeups.sent", p.WakeupsSent, "{wakeup}"}, {"ddc.wakeups.suppressed", p.WakeupsSuppressed, "{wakeup}"},
			{"ddc.wakeups.spurious", p.WakeupsSpurious, "{wakeup}"},
		} {
			w.telemetry.Count(m.name, int64(m.value), m.unit, of)
		}
	}
	w.telemetry.Count("ddc.hangs", int64(len(r.hangs)), "{hang}")
	w.telemetry.Count("ddc.memory.peak", r.peakMemory, "By")
}

// conns adds telemetry to the calls of connections, if there is any.
func (w *onlookers) conns(of func(string) grpc.ClientConnInterface) func(string) grpc.ClientConnInterface {
	return func(name string) grpc.ClientConnInterface {
		return rpc.Intercept(of(name), w.telemetry.Interceptors(name), nil)
	}
}

// checkWatch says what is wrong with the flags of a watch.
func (f buildFlags) checkWatch() error {
	if _, err := watch.ParseOnHang(f.onHang); err != nil {
		return usagef("--on-hang: %w", err)
	}
	if f.hangAfter < 0 {
		return usagef("--hang-after %v: a time from some milliseconds, or 0 for the default", f.hangAfter)
	}
	if f.trace != "" && !f.hasHub() {
		return usagef("--trace: with --transport %s plugins share no memory, and note no events", f.transport)
	}
	return nil
}
