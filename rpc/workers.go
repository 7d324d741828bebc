package rpc

import (
	"sync"
	"sync/atomic"
)

// workers are the goroutines of one session that run handlers. The pump hands
// them the calls.
type workers struct {
	work    chan *serverStream // to idle ones
	idle    atomic.Int32       // how many there are
	running sync.WaitGroup
}

// maxIdle is how many workers may wait for work: as many as the calls that a
// host has under way at most times. Each keeps a grown stack, some 8 KiB.
const maxIdle = 128

// run gives st to an idle worker, or else to a new one. It never waits.
func (w *workers) run(st *serverStream) {
	select {
	case w.work <- st:
	default:
		w.running.Add(1)
		go w.worker(st)
	}
}

// worker runs handlers, one after the other. A goroutine is reused because its
// stack has grown by then: growing a fresh one costs more than the rest of a
// small call.
func (w *workers) worker(st *serverStream) {
	defer w.running.Done()
	for open := true; open; {
		st.run()
		if w.idle.Add(1) > maxIdle {
			w.idle.Add(-1)
			return
		}
		st, open = <-w.work
		w.idle.Add(-1)
	}
}

// end waits for the end of every worker. Nobody may call run any more.
func (w *workers) end() {
	close(w.work)
	w.running.Wait()
}
