package matrix

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ddc/plugin/host"
	"ddc/transport/hub"
)

const (
	// lookEvery is the pause between two looks at all links.
	lookEvery = 20 * time.Millisecond
	// settle is how long nothing may move, with calls under way and idle
	// processors, until a cell counts as hung. It is longer than a stopping
	// host waits for a plugin's last words (half a second), and shorter than an
	// ending link waits until it rings again (a second).
	settle = 800 * time.Millisecond
	// settleAtEnd is settle for a closing host. It gives a plugin five seconds
	// to end and then kills it, so it is not hung before that.
	settleAtEnd = 5*time.Second + 2*settle
	// lookLasts bounds how much time one look counts for: if the judge could
	// not run, neither could what it looks at.
	lookLasts = 4 * lookEvery
	// idleShare is how much of one processor all threads of an idle cell may
	// use, or be ready to use. The looks themselves take about a twentieth.
	idleShare = 0.25
	// stallTime is how long a sleeper must lie over work without a token to be
	// counted.
	stallTime = 60 * time.Millisecond
	// enoughStalls is how many stalls end a cell: it is known to be slow then.
	enoughStalls = 30
	// patience bounds a cell that is never idle and never done, and
	// patienceStarved one whose threads mostly wait for a processor.
	patience        = 90 * time.Second
	patienceStarved = 10 * patience
)

// view is all that one look sees. If two views are equal, nothing happened in
// between.
type view struct {
	plugins map[string]host.Look
	// waited counts the calls under way by plugin, as their callers see it.
	waited                 map[string]int64
	begun, ended, answered int64
}

func (w *workload) look() view {
	v := view{plugins: map[string]host.Look{}, waited: map[string]int64{}, ended: w.ended.Load(), answered: w.answered.Load(), begun: w.begun.Load()}
	for _, p := range w.host.Plugins() {
		if l, ok := p.Look(); ok {
			v.plugins[p.Name()] = l
			t := w.plugins[p.Name()]
			ended := t.ended.Load()
			v.waited[p.Name()] = t.begun.Load() - ended
		}
	}
	return v
}

// same compares what moves when anything does.
func (v view) same(o view) bool {
	if v.begun != o.begun || v.ended != o.ended || v.answered != o.answered || len(v.plugins) != len(o.plugins) {
		return false
	}
	for name, a := range v.plugins {
		b, ok := o.plugins[name]
		if !ok || a.PID != b.PID || a.Link != b.Link {
			return false
		}
	}
	return true
}

// underway says that somebody waits.
func (v view) underway() bool { return v.begun > v.ended }

// due says that a side of a link sleeps and has something to do.
func due(s hub.State, side int) bool {
	look := s.Sleeper(side)
	return look.Parked && look.Due
}

// lost says that it also has no token.
func lost(s hub.State, side int) bool { return s.Sleeper(side).Lost() }

// stallBook counts the sleepers that lay over work.
type stallBook struct {
	since map[stallKey]stallBegin
	Stalls
}

type stallKey struct {
	name string
	side int
}

type stallBegin struct {
	state hub.SideState
	at    time.Time
}

// note enters a look in the book. A stall is counted when it is over. Before
// its first frame a plugin may sleep because it has not yet begun to receive.
func (b *stallBook) note(v view, now time.Time) {
	if b.since == nil {
		b.since = map[stallKey]stallBegin{}
	}
	for name, l := range v.plugins {
		for side := range l.Link.Sides {
			key, state := stallKey{name, side}, l.Link.Sides[side]
			begin, known := b.since[key]
			is := lost(l.Link, side) && state.Consumed > 0
			if known && (!is || begin.state.Received != state.Received) {
				if held := now.Sub(begin.at); held >= stallTime {
					b.Count++
					b.Sum += held
					b.Longest = max(b.Longest, held)
				}
				delete(b.since, key)
				known = false
			}
			if is && !known {
				b.since[key] = stallBegin{state, now}
			}
		}
	}
}

// judge runs the workload, looks at it all the while, and says what came of it.
func (w *workload) judge(ctx context.Context) Outcome {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		if !w.Hold { // then those who wait go on waiting
			cancel()
		}
	}()
	done := make(chan error, 1)
	go func() { done <- w.run(ctx) }()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	begun := time.Now()
	spent := newLedger()
	still := newStillness(w.look(), begun, spent.turns)
	for {
		select {
		case err := <-done:
			return w.finished(err)
		case <-tick.C:
		}
		v, now := w.look(), time.Now()
		w.stalls.note(v, now)
		if w.stalls.Count >= enoughStalls {
			return w.finished(nil)
		}
		late, why := isLate(now.Sub(begun), spent.turns)
		switch held, share := still.look(v, now); {
		case held == 0 && late:
			return w.hung(v, 1, why)
		case held < settle, w.now() == stageEnd && held < settleAtEnd:
		case share <= idleShare && !waitsForProcessor():
			return w.hung(v, share, nil)
		case late:
			return w.hung(v, share, errors.New("nothing moves, and somebody is busy"))
		case share > idleShare:
			still.restart(now)
		}
	}
}

// isLate says that a cell has had its time, and how its threads spent it. Where
// they have mostly waited for a processor, and have run for less than the
// patience, they may yet come to their end: a sound cell runs for a tenth of
// that, and for a quarter where thirty others empty the caches. A cell that
// spins on an idle machine has not waited.
func isLate(since time.Duration, turns func() turns) (bool, error) {
	if since <= patience {
		return false, nil
	}
	t := turns()
	if since <= patienceStarved && t.ran < t.waited && t.ran < patience {
		return false, nil
	}
	return true, fmt.Errorf("not at its end after %v, of which its threads ran %v and waited %v for a processor",
		since.Round(time.Second), t.ran.Round(time.Second), t.waited.Round(time.Second))
}

// stillness measures for how long nothing has moved.
type stillness struct {
	last      view
	at, since time.Time
	held      time.Duration // since then, as far as the judge ran
	used      turns         // at since
	turns     func() turns
}

func newStillness(v view, now time.Time, turns func() turns) *stillness {
	s := &stillness{last: v, at: now, turns: turns}
	s.restart(now)
	return s
}

func (s *stillness) restart(now time.Time) { s.since, s.held, s.used = now, 0, s.turns() }

// look says for how long nothing has moved although calls are under way, and
// what share of a processor was used meanwhile. The share is known once the
// time is up.
func (s *stillness) look(v view, now time.Time) (held time.Duration, share float64) {
	ran := min(now.Sub(s.at), lookLasts)
	s.at = now
	if !v.same(s.last) || !v.underway() {
		s.last = v
		s.restart(now)
		return 0, 0
	}
	if s.held += ran; s.held >= settle {
		used := s.turns()
		if used.ended > s.used.ended { // a thread that ends moves, too
			s.restart(now)
			return 0, 0
		}
		share = float64(used.demand()-s.used.demand()) / float64(now.Sub(s.since))
	}
	return s.held, share
}

// finished is the outcome of a workload that has come to an end.
func (w *workload) finished(err error) Outcome {
	o := Outcome{Verdict: Immune, Answered: int(w.answered.Load()), Stalls: w.stalls.Stalls, Latency: w.watch.latencies()}
	switch {
	case o.Stalls.Count >= enoughStalls:
		o.Verdict, o.Stage = Slow, w.now()
		o.Why = o.Stalls.String()
		return o
	case err == nil:
		o.Why = fmt.Sprintf("%d calls and a site, all as they should be", o.Answered)
		return o
	}
	o.Verdict, o.Stage, o.Why = verdictOf(err), w.now(), err.Error()
	var call *callError
	if errors.As(err, &call) {
		o.Plugin, o.AnsweredByPlugin = call.plugin, int(w.plugins[call.plugin].answered.Load())
	}
	return o
}

// tell reports the workload's progress, twice a second.
func (w *workload) tell(ctx context.Context, say func(news)) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.telling.Lock()
		over := w.over
		if !over {
			say(news{Stage: w.now(), Answered: int(w.answered.Load())})
		}
		w.telling.Unlock()
		if over {
			return
		}
	}
}

// quiet ends tell.
func (w *workload) quiet() {
	w.telling.Lock()
	defer w.telling.Unlock()
	w.over = true
}
