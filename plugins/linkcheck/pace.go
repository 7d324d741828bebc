package linkcheck

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"ddc/internal/absence"
)

// pace keeps requests to one domain apart. They queue for the domain's turn. A
// request that gives up leaves the queue without using a turn.
type pace struct {
	mu    sync.Mutex
	turns map[string]*turn
}

// turn is held by the request that is next. It lies in ready while there is
// none.
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

// paced sends each request, redirected ones too, when it is its domain's turn.
// The request's time counts from then on. Bodies are not read: only whether
// there is an answer matters.
type paced struct {
	next           http.RoundTripper
	pace           *pace
	delay, timeout time.Duration
}

// maxAsked bounds how often one request is sent.
const maxAsked = 3

// RoundTrip implements http.RoundTripper. If this process did not run for some
// time (it was stopped, or its machine slept), a request that failed then is
// sent again: the library's connections and time-outs may have ended meanwhile.
func (p *paced) RoundTrip(req *http.Request) (*http.Response, error) {
	for asked := 1; ; asked++ {
		res, away, err := p.once(req)
		if err == nil || away == 0 || asked == maxAsked || req.Context().Err() != nil {
			return res, err
		}
	}
}

// once sends the request once, and says for how long this process did not run.
func (p *paced) once(req *http.Request) (_ *http.Response, away time.Duration, _ error) {
	if err := p.pace.wait(req.Context(), domainOf(req.URL), p.delay); err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	defer cancel(nil)
	limit := absence.After(p.timeout, func() { cancel(errTimedOut) })
	defer limit.Stop()
	res, err := p.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		away = limit.Away()
		if errors.Is(context.Cause(ctx), errTimedOut) {
			return nil, 0, errTimedOut // in time in which we ran
		}
		return nil, away, err
	}
	res.Body.Close()
	res.Body = http.NoBody
	return res, 0, nil
}
