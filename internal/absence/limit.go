package absence

import (
	"sync"
	"time"
)

// Limit is a bound on how long something else may take. Time in which this
// process did not run does not count.
type Limit struct {
	limit time.Duration
	over  func()
	now   func() time.Time

	mu    sync.Mutex
	began time.Time
	log   Log
	timer *time.Timer // nil once it has fired for the last time, or was stopped
}

// looksPerLimit is how often a limit looks at the clock until it is over, and
// looksApart bounds the time between two looks.
const (
	looksPerLimit = 20
	looksApart    = time.Second
)

// After calls over in a goroutine of its own when the limit is over. The limit
// begins now. Stop it in any case.
func After(limit time.Duration, over func()) *Limit { return after(limit, over, time.Now) }

func after(limit time.Duration, over func(), now func() time.Time) *Limit {
	l := &Limit{limit: limit, over: over, now: now, began: now()}
	l.log.Every = min(max(limit/looksPerLimit, time.Millisecond), looksApart)
	l.log.Begin(l.began)
	l.mu.Lock() // look may come before there is a timer
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(min(l.log.Every, limit), l.look)
	return l
}

func (l *Limit) look() {
	if l.isOver() {
		l.over()
	}
}

func (l *Limit) isOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer == nil {
		return false
	}
	now := l.now()
	l.log.Note(now)
	left := l.limit - (now.Sub(l.began) - l.log.Since(l.began, now))
	if left <= 0 {
		l.timer = nil
		return true
	}
	l.timer.Reset(min(l.log.Every, left))
	return false
}

// Stop ends the limit. It does not wait for over, if that was called.
func (l *Limit) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}

// Away is how long this process did not run since the limit began, until it is
// stopped.
func (l *Limit) Away() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Since(l.began, l.now())
}
