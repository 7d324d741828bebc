package scenario

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"ddc/wake"
)

// Observer is a strategy that makes another strategy's wakers, and reports what
// their sleepers do. A transport that is built on it, and embeds it, is judged
// by state. Any other is judged only by whether its frames move.
type Observer struct {
	wake.Strategy

	mu     sync.Mutex
	wakers []*observed
}

// Observe makes an observer of a strategy.
func Observe(s wake.Strategy) *Observer { return &Observer{Strategy: s} }

// Open opens a waker, and looks on.
func (o *Observer) Open(tokens *wake.Tokens, files []*os.File) (wake.Waker, error) {
	w, err := o.Strategy.Open(tokens, files)
	if err != nil {
		return nil, err
	}
	seen := &observed{Waker: w}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wakers = append(o.wakers, seen)
	return seen, nil
}

// Sleepers looks at every waker that is open.
func (o *Observer) Sleepers() ([]Snapshot, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []Snapshot
	for n, w := range o.wakers {
		if w.closed.Load() {
			continue
		}
		s := Snapshot{Name: fmt.Sprintf("waker %d", n), Sleeper: wake.Sleeper{Parked: w.waiting.Load()}}
		// Ended before begun: a ring that is made meanwhile counts as owed.
		ended := w.ended.Load()
		s.Bell.Received, s.Bell.Sent = w.returned.Load(), w.begun.Load()
		s.Owed = s.Bell.Sent - ended
		pending, err := w.Pending()
		if err != nil && !w.closed.Load() {
			return nil, err
		}
		s.Token = pending
		all = append(all, s)
	}
	return all, nil
}

type observed struct {
	wake.Waker
	waiting, closed        atomic.Bool
	returned, begun, ended atomic.Uint64
}

func (w *observed) Ring() error {
	w.begun.Add(1)
	defer w.ended.Add(1)
	return w.Waker.Ring()
}

func (w *observed) Wait() error {
	w.waiting.Store(true)
	defer func() {
		w.waiting.Store(false)
		w.returned.Add(1)
	}()
	return w.Waker.Wait()
}

func (w *observed) Close() error {
	w.closed.Store(true)
	return w.Waker.Close()
}
