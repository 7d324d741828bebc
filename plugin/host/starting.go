package host

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"ddc/internal/absence"
)

// ErrNeverAttached is the cause of a run that was killed because its program
// did not attach within Options.StartTime. It would not attach the next time
// either, so its calls are not repeated.
var ErrNeverAttached = errors.New("the program did not attach to the host")

// defaultStartTime is generous: a plugin attaches before it does anything else.
const defaultStartTime = 10 * time.Second

// starting kills a run that has not attached within its limit. Time in which
// this process did not run does not count. Nothing announces an attachment, so
// starting polls for it a few times.
type starting struct {
	limit    time.Duration
	attached func() bool
	victim   killable

	mu       sync.Mutex
	began    time.Time
	absences absence.Log
	timer    *time.Timer // nil once the run has attached, is killed or has ended
}

func startWithin(limit time.Duration, attached func() bool, victim killable) *starting {
	s := &starting{limit: limit, attached: attached, victim: victim, began: time.Now()}
	s.absences.Every = min(max(limit/looksPerLimit, time.Millisecond), looksApart)
	s.absences.Begin(s.began)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(s.absences.Every, s.look)
	return s
}

func (s *starting) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer == nil {
		return
	}
	now := time.Now()
	s.absences.Note(now)
	left := s.limit - (now.Sub(s.began) - s.absences.Since(s.began, now))
	switch {
	case s.attached():
		s.timer = nil
	case left <= 0:
		s.timer = nil
		s.victim.kill(fmt.Errorf("%w within %v: is it a plugin?", ErrNeverAttached, s.limit))
	default:
		s.timer = time.AfterFunc(min(s.absences.Every, left), s.look)
	}
}

// stop ends the polling. It is called for a run that has ended.
func (s *starting) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}
