package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Table prints rows for people.
func Table(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(cells ...string) {
		for i, cell := range cells {
			if i == 0 { // the only column of words: aligned left
				cell = fmt.Sprintf("%-12s", cell)
			}
			fmt.Fprint(t, cell, "\t")
		}
		fmt.Fprintln(t)
	}
	line("round trip", "parked p50", "p99", "spinning p50", "p99", "busy p50", "p99", "wake-ups", "calls", "switches", "cpu")
	for _, r := range rows {
		line(r.Strategy, micro(r.Parked.P50), micro(r.Parked.P99), micro(r.Spinning.P50), micro(r.Spinning.P99),
			micro(r.Busy.P50), micro(r.Busy.P99),
			few(r.PerRoundTrip.Wakeups), few(r.PerRoundTrip.SystemCalls), few(r.PerRoundTrip.Switches), nano(r.PerRoundTrip.CPU))
	}
	line()
	line("one way", "messages/s", "wake-ups", "calls", "switches", "cpu")
	for _, r := range rows {
		line(r.Strategy, fmt.Sprintf("%.0f", r.MessagesPerSecond),
			few(r.PerMessage.Wakeups), few(r.PerMessage.SystemCalls), few(r.PerMessage.Switches), nano(r.PerMessage.CPU))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	return nil
}

func micro(d time.Duration) string { return fmt.Sprintf("%.1fµs", float64(d.Nanoseconds())/1000) }

func nano(ns float64) string {
	if ns < 1000 {
		return fmt.Sprintf("%.0fns", ns)
	}
	return fmt.Sprintf("%.1fµs", ns/1000)
}

func few(x float64) string { return fmt.Sprintf("%.3f", x) }
