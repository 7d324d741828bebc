package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"ddc/plugin"
)

// watch is who looks on while a build runs: the watchdog, and whoever writes the
// trace. Where plugins run in this process there are no wake-ups to be lost.
type watch struct {
	dog    *plugin.Watchdog
	tracer *plugin.Tracer
	file   *os.File // the trace
	cancel context.CancelCauseFunc
	ctx    context.Context // ended by a hang that is to abort the build
}

func startWatch(ctx context.Context, f buildFlags, host *plugin.Host, out *printer) (*watch, error) {
	w := &watch{}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	if f.transport == "inproc" {
		return w, nil
	}
	if err := w.startTrace(f, host); err != nil {
		w.cancel(nil)
		return nil, err
	}
	lines := out.aboveLiveLine()
	w.dog = host.Watch(plugin.WatchdogOptions{
		OnHang: plugin.OnHang(f.onHang), Bound: f.hangAfter, Abort: func(err error) { w.cancel(err) },
		Say: func(line string) { _, _ = io.WriteString(lines, "ddc: "+line+"\n") },
	})
	return w, nil
}

func (w *watch) startTrace(f buildFlags, host *plugin.Host) (err error) {
	if f.trace == "" {
		return nil
	}
	if w.file, err = os.Create(f.trace); err != nil {
		return usagef("--trace: %w", err)
	}
	w.tracer, err = host.Trace(w.file)
	return err
}

// over ends the watch over hangs, before the plugins are stopped. It returns what
// is to be said of a build that ended with err: that it hung, if that is why.
func (w *watch) over(err error) ([]hangReport, error) {
	reports := []hangReport{}
	if w.dog == nil {
		return reports, err
	}
	w.dog.Stop()
	for _, h := range w.dog.Hangs() {
		reports = append(reports, hangReport{Plugin: h.Name, Diagnosis: h.String(), File: h.File})
	}
	var hang *plugin.HangError
	if err != nil && errors.As(context.Cause(w.ctx), &hang) {
		err = fmt.Errorf("given up (--on-hang=abort): %w", hang)
	}
	return reports, err
}

// stop ends the trace, once the plugins have stopped.
func (w *watch) stop() error {
	w.cancel(nil)
	if w.tracer == nil {
		return nil
	}
	return errors.Join(w.tracer.Stop(), w.file.Close())
}

// checkWatch says what is wrong with the flags of a watch.
func (f buildFlags) checkWatch() error {
	if _, err := plugin.ParseOnHang(f.onHang); err != nil {
		return usagef("--on-hang: %w", err)
	}
	if f.hangAfter < 0 {
		return usagef("--hang-after %v: a time from some milliseconds, or 0 for the default", f.hangAfter)
	}
	if f.trace != "" && f.transport == "inproc" {
		return usagef("--trace: plugins in this process (--transport inproc) share no memory, and note no events")
	}
	return nil
}
