package watch

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"ddc/inspect"
	"ddc/internal/dump"
	"ddc/internal/printable"
	"ddc/plugin/host"
)

// settle is the time between the two looks of a dump: long enough for a sleeper
// that is about to wake to do so.
const settle = 100 * time.Millisecond

// Dump writes what every plugin of a host is doing. A summary comes last, where
// a terminal still shows it: what each waiter in the transport waits for, as
// the host sees it, what is wrong, if anything, and the name of a file with the
// stacks of this process's goroutines. Dump takes no lock that a caller could
// hold while waiting.
func Dump(h *host.Host, w io.Writer) {
	plugins := h.Plugins()
	fmt.Fprintf(w, "host: %s known, transport %s\n", printable.Count(len(plugins), "plugin"), h.Transport())
	for _, p := range plugins {
		dumpPlugin(p, w)
	}
	hubs := h.Hubs()
	before := make([]inspect.Snapshot, len(hubs))
	for i, hub := range hubs {
		before[i] = inspect.Own(hub)
	}
	if len(hubs) > 0 {
		time.Sleep(settle)
	}
	for i, hub := range hubs {
		report := inspect.NewReport("", before[i], inspect.Own(hub))
		report.PrintSlots(w)
		report.Print(w, true)
	}
	if err := dump.File(os.TempDir(), w); err != nil {
		fmt.Fprintln(w, err)
	}
}

// DumpOnSignal dumps to standard error on each SIGUSR1, and has every plugin do
// the same, until the function it returns is called.
func DumpOnSignal(h *host.Host) (stop func()) {
	dumps := dump.Notify()
	dumps.Each(func(w io.Writer) {
		h.Signal(syscall.SIGUSR1) // before, so that what the host says comes last
		Dump(h, w)
	})
	return dumps.Stop
}

// dumpPlugin writes what the transport does not know: calls in the host's own
// process are noted in no hub.
func dumpPlugin(p *host.Plugin, w io.Writer) {
	stats := p.Stats()
	calls, runs := p.Calls()
	if !runs {
		return
	}
	fmt.Fprintf(w, "plugin %s: pid %d, wake %s, %s, %s, %s\n", p.Name(), stats.PID, stats.Wake,
		printable.Count(stats.Calls, "call"), printable.Count(stats.Errors, "error"), printable.Count(stats.Restarts, "restart"))
	dump.Calls(w, calls)
}
