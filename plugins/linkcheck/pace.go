package linkcheck

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// pace keeps requests to one domain apart. Those that wait queue for the domain's turn; one that gives up leaves the queue without
// having used a turn.
type pace struct {
	mu    sync.Mutex
	turns map[string]*turn
}

// turn is held by whoever is next. It lies in ready while nobody is.
type turn struct {
	ready chan struct{}
	last  time.Time // of the last request; read and written by the holder only
}

func newPace() *pace { return &pace{turns: map[string]*turn{}} }

func (p *pace) turn(domain string) *turn {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.turns[domain]
	if t == nil {
		t = &turn{ready: make(chan struct{}, 1)}
		t.ready <- struct{}{}
		p.turns[domain] = t
	}
	return t
}

// wait returns when a request to the domain may be sent, or ctx ends.
func (p *pace) wait(ctx context.Context, domain string, delay time.Duration) error {
	t := p.turn(domain)
	select {
	case <-t.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { t.ready <- struct{}{} }()
	if !t.last.IsZero() {
		timer := time.NewTimer(time.Until(t.last.Add(delay)))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	t.last = time.Now()
	return nil
}

var errTimedOut = errors.New("request timed out")

// paced sends each request, the redirected ones too, when it is its domain's turn, and gives it its time from then on. Bodies are
// not read: that there is an answer is all that is asked.
type paced struct {
	next           http.RoundTripper
	pace           *pace
	delay, timeout time.Duration
}

// RoundTrip implements http.RoundTripper.
func (p *paced) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := p.pace.wait(req.Context(), domainOf(req.URL), p.delay); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(req.Context(), p.timeout, errTimedOut)
	defer cancel()
	res, err := p.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		if context.Cause(ctx) == errTimedOut {
			return nil, errTimedOut
		}
		return nil, err
	}
	res.Body.Close()
	res.Body = http.NoBody
	return res, nil
}
