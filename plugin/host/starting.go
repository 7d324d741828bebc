package host

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"ddc/internal/absence"
	"ddc/internal/proc"
)

// ErrNeverAttached is the cause of a run that was killed because its program
// did not attach within Options.StartTime. It would not attach the next time
// either, so its calls are not repeated.
var ErrNeverAttached = errors.New("the program did not attach to the host")

// defaultStartTime is generous: a plugin attaches before it does anything else.
const defaultStartTime = 10 * time.Second

// mostStarved is how many times its limit a run may take where processors are
// scarce.
const mostStarved = 10

// starting kills a run that has not attached within its limit. Time in which
// this process did not run does not count, and neither does time in which the
// program waited for a processor, up to mostStarved. Nothing announces an
// attachment, so starting polls for it a few times.
type starting struct {
	limit    time.Duration
	attached func() bool
	starved  func() time.Duration // how long the program has waited for a processor
	victim   killable

	mu       sync.Mutex
	began    time.Time
	absences absence.Log
	timer    *time.Timer // nil once the run has attached, is killed or has ended
}

func startWithin(limit time.Duration, attached func() bool, starved func() time.Duration, victim killable) *starting {
	s := &starting{limit: limit, attached: attached, starved: starved, victim: victim, began: time.Now()}
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
	if left <= 0 {
		left += min(s.starved(), (mostStarved-1)*s.limit)
	}
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

// starvation is how long the thread of a process that has waited most for a
// processor has waited for one; 0 if the process has ended.
func starvation(pid int) (most time.Duration) {
	threads, _ := proc.Threads(pid)
	for _, thread := range threads {
		if _, waited, err := proc.Turns(pid, thread); err == nil {
			most = max(most, waited)
		}
	}
	return most
}
