// Package activity tells whether anybody is at work, so that what looks at
// something from time to time rests while nobody is. A process that serves for
// weeks then wakes up for nothing but work.
//
//	a := activity.New()
//	a.Begin()               // those who work
//	defer a.End()
//	for a.Await(stop) { … } // those who look
package activity

import (
	"sync"
	"sync/atomic"
)

// Activity counts who is at work. On a nil one, somebody always is.
//
// Begin raises workers, then looks at waiting. Await raises waiting, then looks
// at workers. So one of the two sees the other.
type Activity struct {
	workers, waiting atomic.Int64

	mu    sync.Mutex
	begun chan struct{} // closed when somebody begins; nil until somebody waits
}

// New makes an Activity of nobody.
func New() *Activity { return &Activity{} }

// Begin says that somebody works, until they call End.
func (a *Activity) Begin() {
	if a == nil || a.workers.Add(1) > 1 || a.waiting.Load() == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.begun != nil {
		close(a.begun)
		a.begun = nil
	}
}

// End takes a Begin back.
func (a *Activity) End() {
	if a != nil {
		a.workers.Add(-1)
	}
}

// Resting says that nobody works.
func (a *Activity) Resting() bool { return a != nil && a.workers.Load() == 0 }

// Await waits until somebody works. It is false once stop is closed.
func (a *Activity) Await(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return false
	default:
	}
	if a == nil {
		return true
	}
	begun := a.wait()
	defer a.waiting.Add(-1)
	if a.workers.Load() > 0 {
		return true
	}
	select {
	case <-begun:
		return true
	case <-stop:
		return false
	}
}

func (a *Activity) wait() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting.Add(1)
	if a.begun == nil {
		a.begun = make(chan struct{})
	}
	return a.begun
}
