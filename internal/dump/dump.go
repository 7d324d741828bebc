// Package dump is what a process of ddc says of itself on SIGUSR1, whichever
// side of a link it is: its calls, and its goroutines under what they wait for
// in the transport's own words.
//
//	dumps := dump.Notify()              // from here on the signal ends nobody
//	dumps.Each(func(w io.Writer) { dump.Brief(w) })
//	defer dumps.Stop()
package dump

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"ddc/internal/printable"
	"ddc/rpc"
)

// Dumps are the SIGUSR1s that this process gets from Notify until Stop.
type Dumps struct {
	signals chan os.Signal
	once    sync.Once
	dumping sync.WaitGroup
}

// Notify takes the signals. The first is kept until Each is called.
func Notify() *Dumps {
	d := &Dumps{signals: make(chan os.Signal, 1)}
	signal.Notify(d.signals, syscall.SIGUSR1)
	return d
}

// Each answers every signal with a dump to standard error.
func (d *Dumps) Each(dump func(io.Writer)) {
	d.dumping.Go(func() {
		for range d.signals {
			dump(printable.NewWriter(os.Stderr))
		}
	})
}

// Stop leaves later signals to whoever else takes them, and waits for a dump
// that is being written.
func (d *Dumps) Stop() {
	d.once.Do(func() {
		signal.Stop(d.signals)
		close(d.signals)
	})
	d.dumping.Wait()
}

// Calls writes a line for each call.
func Calls(w io.Writer, calls []rpc.Call) {
	for _, c := range calls {
		fmt.Fprintf(w, "  call %s, stream %d, since %v\n", c.Method, c.Stream, time.Since(c.Started).Round(time.Millisecond))
	}
}
