package plugin

import (
	"sync"
	"time"
)

// patience finds the attempts of calls that last longer than they may, and kills
// the run that each was made on. All have the same limit and one timer between
// them: with a context that ends, and so a timer, for each, a parked call of 64
// bytes took 22 µs instead of 16.
type patience struct {
	limit time.Duration

	mu       sync.Mutex
	attempts map[*attempt]struct{}
	timer    *time.Timer // nil unless it is to fire
}

// attempt is one that is under way.
type attempt struct {
	method string
	run    run
	began  time.Time
	hung   bool // guarded by patience.mu
}

func newPatience(limit time.Duration) *patience {
	return &patience{limit: limit, attempts: map[*attempt]struct{}{}}
}

func (p *patience) begin(r run, method string) *attempt {
	a := &attempt{method: method, run: r, began: time.Now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.attempts[a] = struct{}{}
	if p.timer == nil {
		p.timer = time.AfterFunc(p.limit, p.look)
	}
	return a
}

// end says whether the attempt was found to last too long.
func (p *patience) end(a *attempt) (hung bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.attempts, a)
	return a.hung
}

// look ends what has lasted too long, and comes again when the next might have.
func (p *patience) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = nil
	wait := p.limit
	for a := range p.attempts {
		left := p.limit - time.Since(a.began)
		if left > 0 {
			wait = min(wait, left)
		} else if !a.hung {
			a.hung = true
			a.run.kill(errHung{a.method, p.limit})
		}
	}
	if len(p.attempts) > 0 {
		p.timer = time.AfterFunc(wait, p.look)
	}
}

// stop lets go of the timer. Nobody begins an attempt after it, or the timer fires in vain.
func (p *patience) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}
