package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"ddc/internal/printable"
	"ddc/site"
)

// liveLine is one line on a terminal that says how far a build is: how long it
// takes, the steps that are under way, and what the plugins have been at the
// longest.
//
//	12 s  templates 120/300 · pictures 12/40 · jxl photos/hill.jpg 8 s
type liveLine struct {
	out screen
	now func() time.Time

	mu     sync.Mutex
	begun  time.Time
	steps  []site.Step // under way, in the order in which they began
	calls  []underWay  // the oldest first
	drawn  time.Time
	shown  bool
	ticker *time.Timer // draws the line when nothing happens
}

// underWay is a call that a plugin is at.
type underWay struct {
	plugin, subject string
	since           time.Time
}

const (
	// redrawEvery bounds how often the line changes: faster is only flicker.
	redrawEvery = 60 * time.Millisecond
	// tickEvery is how often it changes if nothing happens: what is slow gets
	// older.
	tickEvery = time.Second
	// slow is how long a call takes that is told with its time.
	slow = 2 * time.Second
)

// newLiveLine returns nil if out is no terminal, or one that can't go back in a
// line (TERM=dumb).
func newLiveLine(out screen) *liveLine {
	if os.Getenv("TERM") == "dumb" || out.width() == 0 {
		return nil
	}
	return &liveLine{out: out, now: time.Now}
}

func (l *liveLine) event(e site.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !e.Done {
		l.calls = append(l.calls, underWay{e.Plugin, e.Subject, l.now()})
	} else if i := slices.IndexFunc(l.calls, func(c underWay) bool { return c.plugin == e.Plugin && c.subject == e.Subject }); i >= 0 {
		l.calls = slices.Delete(l.calls, i, i+1)
	}
	l.changed()
}

func (l *liveLine) step(s site.Step) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.steps, func(other site.Step) bool { return other.Name == s.Name })
	switch {
	case i < 0 && s.Done < s.Of:
		l.steps = append(l.steps, s)
	case i >= 0 && s.Done < s.Of:
		l.steps[i] = s
	case i >= 0:
		l.steps = slices.Delete(l.steps, i, i+1)
	}
	l.changed()
}

// changed draws the line, unless it was drawn just now. The caller holds the
// lock.
func (l *liveLine) changed() {
	now := l.now()
	if l.begun.IsZero() {
		l.begun = now
	}
	if l.ticker == nil {
		l.ticker = time.AfterFunc(tickEvery, l.tick)
	}
	if now.Sub(l.drawn) >= redrawEvery {
		l.draw(now)
	}
}

func (l *liveLine) tick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ticker == nil {
		return // it has ended meanwhile
	}
	if len(l.calls)+len(l.steps) > 0 {
		l.draw(l.now())
	}
	l.ticker.Reset(tickEvery)
}

// draw writes the line over the old one. The caller holds the lock.
func (l *liveLine) draw(now time.Time) {
	l.drawn = now
	line := []rune(printable.Line(l.text(now)))
	if width := l.out.width() - 1; width > 0 && len(line) > width {
		line = append(line[:width-1], '…')
	}
	_ = l.out.Control(printable.EraseLine, string(line)) // a terminal that has gone sees nothing
	l.shown = true
}

func (l *liveLine) text(now time.Time) string {
	var parts []string
	for _, s := range l.steps {
		parts = append(parts, fmt.Sprintf("%s %d/%d", s.Name, s.Done, s.Of))
	}
	if len(l.calls) > 0 {
		oldest := l.calls[0]
		part := strings.TrimSpace(oldest.plugin + " " + oldest.subject)
		if took := now.Sub(oldest.since); took >= slow {
			part += " " + seconds(took)
		}
		parts = append(parts, part)
	}
	return seconds(now.Sub(l.begun)) + "  " + strings.Join(parts, " · ")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%d s", int(d.Seconds())) }

func (l *liveLine) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
}

// erase takes the line away. The caller holds the lock.
func (l *liveLine) erase() {
	if l.shown {
		_ = l.out.Control(printable.EraseLine, "") // as above
		l.shown = false
	}
}

// end takes the line away until there is another event, which begins anew.
func (l *liveLine) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
	if l.ticker != nil {
		l.ticker.Stop()
	}
	l.ticker, l.begun, l.steps, l.calls = nil, time.Time{}, nil, nil
}

// progress takes a build's events.
func (p *printer) progress() func(site.Event) {
	switch {
	case p.verbose:
		return func(e site.Event) {
			if e.Done {
				p.logger.Debug("call", "plugin", e.Plugin, "subject", e.Subject, "took", e.Elapsed.Round(time.Microsecond))
			}
		}
	case p.live != nil:
		return p.live.event
	}
	return nil
}

// steps takes how far the steps of a build are; nil if nobody looks.
func (p *printer) steps() func(site.Step) {
	if p.live == nil {
		return nil
	}
	return p.live.step
}

func (p *printer) endProgress() {
	if p.live != nil {
		p.live.end()
	}
}

// aboveLiveLine is where to log. The live line makes way, and comes back with
// the next event.
func (p *printer) aboveLiveLine() io.Writer {
	if p.live == nil {
		return p.stderr
	}
	return writerFunc(func(b []byte) (int, error) {
		p.live.clear()
		return p.stderr.Write(b)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
