// Package watch looks on while a host's plugins work: it finds hangs, writes
// traces, and says what everybody waits for.
//
//	w := watch.Start(h, watch.Options{Abort: cancel}) // a watchdog
//	defer w.Stop()
//	defer watch.DumpOnSignal(h)()                     // kill -USR1
//	tracer, err := watch.Trace(h, file)               // for ui.perfetto.dev
//
// It asks nothing of those whom it watches: it reads the words of their hubs, as
// package inspect does from another process. It may be left out, and nothing else
// changes.
package watch
