package plugin

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"ddc/inspect"
	"ddc/internal/printable"
	"ddc/rpc"
	"ddc/transport/hub"
)

// settle is how far apart the two looks of a dump are: long enough for whoever is
// about to wake to do so.
const settle = 100 * time.Millisecond

// Dump writes what every plugin is doing, what everyone who waits in the transport
// waits for, as the host sees it, and what is wrong, if anything; then the host's
// goroutines. It takes no lock that a caller could hold while waiting.
func (h *Host) Dump(w io.Writer) {
	plugins := h.Plugins()
	fmt.Fprintf(w, "host: %d plugins known, transport %s\n", len(plugins), h.transport.Name())
	for _, p := range plugins {
		p.dump(w)
	}
	hubs := h.hubs()
	before := make([]inspect.Snapshot, len(hubs))
	for i, hub := range hubs {
		before[i] = inspect.Own(hub)
	}
	if len(hubs) > 0 {
		time.Sleep(settle)
	}
	for i, hub := range hubs {
		report := inspect.NewReport("", before[i], inspect.Own(hub))
		report.Print(w, true)
		report.PrintSlots(w)
	}
	writeStacks(w)
}

// DumpOnSignal dumps to standard error on each SIGUSR1, and has every plugin do
// the same, until the function it returns is called.
func (h *Host) DumpOnSignal() (stop func()) {
	dumps := notifyDump()
	dumps.each(func(w io.Writer) {
		h.Dump(w)
		h.signal(syscall.SIGUSR1)
	})
	return dumps.stop
}

// dumps are the SIGUSR1s that this process gets from notifyDump until stop.
type dumps struct {
	signals chan os.Signal
	once    sync.Once
	dumping sync.WaitGroup
}

func notifyDump() *dumps {
	d := &dumps{signals: make(chan os.Signal, 1)}
	signal.Notify(d.signals, syscall.SIGUSR1)
	return d
}

// each answers every signal with a dump to standard error.
func (d *dumps) each(dump func(io.Writer)) {
	d.dumping.Go(func() {
		for range d.signals {
			dump(printable.NewWriter(os.Stderr))
		}
	})
}

func (d *dumps) stop() {
	d.once.Do(func() {
		signal.Stop(d.signals)
		close(d.signals)
	})
	d.dumping.Wait()
}

// signal sends a signal to every plugin process that has attached, and so is ready for it.
func (h *Host) signal(s syscall.Signal) {
	for _, p := range h.Plugins() {
		p.mu.Lock()
		r, ok := p.current.(*process)
		p.mu.Unlock()
		if ok && r.link.Attached() {
			_ = r.cmd.Process.Signal(s) // it may have ended just now
		}
	}
}

// dump says what the transport does not know. Calls in the host's own process have
// no hub to be noted in.
func (p *Plugin) dump(w io.Writer) {
	stats := p.Stats()
	p.mu.Lock()
	r := p.current
	p.mu.Unlock()
	if r == nil {
		return
	}
	fmt.Fprintf(w, "plugin %s: pid %d, wake %s, %d calls, %d errors, %d restarts\n", p.name, stats.PID, stats.Wake, stats.Calls, stats.Errors, stats.Restarts)
	dumpCalls(w, r.connection().Calls())
}

func dumpCalls(w io.Writer, calls []rpc.Call) {
	for _, c := range calls {
		fmt.Fprintf(w, "  call %s, stream %d, since %v\n", c.Method, c.Stream, time.Since(c.Started).Round(time.Millisecond))
	}
}

// dumpServer is the plugin's own side of a dump.
func dumpServer(w io.Writer, name string, link *hub.Link, server *rpc.Server) {
	fmt.Fprintf(w, "plugin %s: in its own words\n", name)
	dumpCalls(w, server.Calls())
	link.State().Print(w)
	writeStacks(w)
}
