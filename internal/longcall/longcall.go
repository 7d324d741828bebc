// Package longcall runs calls that Go's scheduler cannot interrupt, such as an
// encoder compiled to WebAssembly, in a process that must go on receiving
// frames on its only processor.
//
//	limiter := longcall.New()
//	err := limiter.Do(ctx, func() error { return encode(w, picture) })
//	...
//	limiter.Close() // waits for what still runs
//
// Code that wazero compiled has no preemption points. On GOMAXPROCS=1 it keeps
// every other goroutine waiting until it returns to Go, and with more
// processors it still does so as soon as a garbage collection wants to stop the
// world. For a picture of 1920 x 1280 the longest gap in a ticker of 10 ms was
//
//	                                                WebP      JPEG XL, effort 3
//	GOMAXPROCS=1                                    226 ms    156 to 720 ms, once 5.2 s at effort 7
//	GOMAXPROCS=2, collector as it is                257 ms    498 ms
//	wazero's WithCloseOnContextDone, a check a loop  41 ms    442 ms, and the encoder 3 to 10 times slower
//	GOMAXPROCS=2, collector held off                 14 ms    17 ms
//
// (2 shared cores, other goroutines allocating.) So a limiter in a process with
// one processor lends it a second one for as long as a call lasts and holds the
// collector off; afterwards it puts both back and collects. The price is
// garbage: a JPEG XL encode peaks at 1.1 GB instead of 0.86 GB, since
// WebAssembly memory grows by copying. Above memoryLimit the collector runs all
// the same, and then the others wait again: slow, never wrong.
package longcall

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// memoryLimit is the heap at which collecting matters more than answering
// quickly.
const memoryLimit = 1536 << 20

// processor is held by the call for which the process's settings are changed.
// They belong to the process, so this does too: two limiters that saved each
// other's settings would leave the collector off for good.
var processor = make(chan struct{}, 1)

// A Limiter lets through as many calls at once as there are processors; the
// others wait.
type Limiter struct {
	slots   func() chan struct{} // made at first use, when the process has settled on its GOMAXPROCS
	wanted  atomic.Int64         // calls that wait or run
	running sync.WaitGroup
}

// New makes a limiter as wide as GOMAXPROCS is when it is first used.
func New() *Limiter {
	return &Limiter{slots: sync.OnceValue(func() chan struct{} { return make(chan struct{}, runtime.GOMAXPROCS(0)) })}
}

// Do runs call and returns its error. If ctx ends first, Do returns ctx's error
// at once; a call that has begun cannot be stopped, so it goes on, keeping its
// place in the limiter, and its result is lost.
func (l *Limiter) Do(ctx context.Context, call func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	slots := l.slots()
	l.wanted.Add(1)
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		l.wanted.Add(-1)
		return ctx.Err()
	}
	done := make(chan error, 1)
	l.running.Go(func() {
		defer func() { <-slots }()
		done <- l.undisturbed(ctx, call)
	})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close waits for the calls that are still running. No call of Do may begin
// after it.
func (l *Limiter) Close() { l.running.Wait() }

// undisturbed runs call with a processor for the others beside it.
func (l *Limiter) undisturbed(ctx context.Context, call func() error) error {
	defer l.wanted.Add(-1)
	if runtime.GOMAXPROCS(0) > 1 {
		return guarded(call)
	}
	select {
	case processor <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-processor }()

	percent := debug.SetGCPercent(-1)
	limit := debug.SetMemoryLimit(-1)
	debug.SetMemoryLimit(min(limit, memoryLimit))
	runtime.GOMAXPROCS(2)
	defer func() {
		runtime.GOMAXPROCS(1)
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
		// The next call would fault in again, page by page, what is given back
		// here: that doubles its time.
		if l.wanted.Load() > 1 {
			runtime.GC()
		} else {
			debug.FreeOSMemory()
		}
	}()
	return guarded(call)
}

// guarded turns a panic of call into an error, since here no server stands
// above it to do so.
func guarded(call func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	return call()
}
