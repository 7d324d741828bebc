package host

import (
	"sync"
	"time"

	"ddc/inspect"
	"ddc/internal/absence"
	"ddc/internal/proc"
)

// patience finds attempts of calls that last too long, and streams that wait
// too long for a message, and kills the plugin of each. Time in which this
// process did not run does not count. All share one limit and one timer. A
// context with a deadline for each would mean a timer for each: a parked call
// of 64 bytes then took 22 µs instead of 16.
type patience struct {
	limit time.Duration
	now   func() time.Time

	mu       sync.Mutex
	attempts map[*attempt]struct{}
	timer    *time.Timer // nil unless it is to fire
	absences absence.Log // looked for while there is a timer
}

// looksPerLimit is how often an attempt is looked at until its time is over.
// looksApart bounds the time between two looks.
const (
	looksPerLimit = 20
	looksApart    = time.Second
)

// attempt is an attempt under way, or a stream.
type attempt struct {
	method, about string
	stream        bool
	victim        killable

	// The fields below are guarded by patience.mu.
	began   time.Time // of a stream the wait for a message
	waiters int       // those who wait for the plugin; without one no time counts
	seen    bool
	work    time.Duration // which the plugin had done when it was first seen under way
	killed  bool
	hung    errHung // why, once killed
}

// killable is killed when an attempt lasts too long.
type killable interface{ kill(cause error) }

// workOf is how long a run's processes have had a processor so far, or waited
// for one.
func workOf(victim killable) (sum time.Duration) {
	r, ok := victim.(run)
	if !ok || r.pid() == 0 {
		return 0
	}
	for _, d := range proc.Descendants(r.pid()) {
		if s, err := proc.Of(d.PID); err == nil {
			sum += s.Used + s.Reaped + queued(d.PID)
		}
	}
	return sum
}

// queued is how long the threads of a process have waited for processors.
func queued(pid int) (sum time.Duration) {
	threads, _ := proc.Threads(pid) // none of one that has ended
	for _, thread := range threads {
		if _, waited, err := proc.Turns(pid, thread); err == nil {
			sum += waited
		}
	}
	return sum
}

// awaited describes the processes that a run waits for, just before it is
// killed.
func awaited(victim killable) string {
	if r, ok := victim.(run); ok && r.pid() != 0 {
		return inspect.Awaited(r.pid())
	}
	return ""
}

func newPatience(limit time.Duration) *patience {
	p := &patience{limit: limit, now: time.Now, attempts: map[*attempt]struct{}{}}
	p.absences.Every = min(max(limit/looksPerLimit, time.Millisecond), looksApart)
	return p
}

func (p *patience) begin(victim killable, method, about string) *attempt {
	a := &attempt{method: method, about: about, victim: victim}
	p.wait(a)
	return a
}

// wait adds one waiter for the plugin. The time counts from the first one.
func (p *patience) wait(a *attempt) {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.waiters++; a.waiters > 1 {
		return
	}
	a.began, a.seen = now, false
	p.attempts[a] = struct{}{}
	if p.timer == nil {
		p.absences.Begin(now)
		p.timer = time.AfterFunc(min(p.absences.Every, p.limit), p.look)
	}
}

// passed notes that a message has passed: the time counts anew for those who
// still wait.
func (p *patience) passed(a *attempt) {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	a.began, a.seen = now, false
}

// end removes one waiter, and says whether the attempt was found to last too
// long.
func (p *patience) end(a *attempt) (hung bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.waiters--; a.waiters == 0 {
		delete(p.attempts, a)
	}
	return a.killed
}

// look ends what has lasted too long, and sets the timer for when the next
// attempt might.
func (p *patience) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = nil
	now, oldest := p.now(), time.Time{}
	p.absences.Note(now)
	wait := p.absences.Every
	for a := range p.attempts {
		if oldest.IsZero() || a.began.Before(oldest) {
			oldest = a.began
		}
		left := p.limit - (now.Sub(a.began) - p.absences.Since(a.began, now))
		switch {
		case left > 0:
			wait = min(wait, left)
			if !a.seen {
				a.seen, a.work = true, workOf(a.victim)
			}
		case !a.killed:
			a.killed = true
			a.hung = errHung{method: a.method, about: a.about, stream: a.stream, after: p.limit, waits: awaited(a.victim)}
			if a.seen {
				a.hung.worked = workOf(a.victim) - a.work
			}
			a.victim.kill(a.hung)
		}
	}
	if len(p.attempts) > 0 {
		p.absences.Forget(oldest)
		p.timer = time.AfterFunc(wait, p.look)
	}
}

// stop stops the timer. If an attempt still begins after it, the timer fires in
// vain.
func (p *patience) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}
