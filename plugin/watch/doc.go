// Package watch observes a host's plugins while they work: it finds hangs,
// writes traces, and says what everybody waits for.
//
//	w := watch.Start(h, watch.Options{Abort: cancel}) // a watchdog
//	defer w.Stop()
//	defer watch.DumpOnSignal(h)()                     // kill -USR1
//	tracer, err := watch.Trace(h, file)               // for ui.perfetto.dev
//
// It needs no help from what it watches: it reads the words of the hubs, as
// package inspect does from another process. A program may leave it out, and
// nothing else changes.
package watch
