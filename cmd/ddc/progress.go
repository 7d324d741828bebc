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

// liveLine is one line on a terminal that says which plugin is doing what.
type liveLine struct {
	out screen

	mu    sync.Mutex
	busy  map[string][]string // subjects under way, by plugin
	calls int
	drawn time.Time
	shown bool
}

// redrawEvery bounds how often the line changes: faster is only flicker.
const redrawEvery = 60 * time.Millisecond

// newLiveLine returns nil if out is no terminal, or one that can't go back in a
// line (TERM=dumb).
func newLiveLine(out screen) *liveLine {
	if os.Getenv("TERM") == "dumb" || out.width() == 0 {
		return nil
	}
	return &liveLine{out: out, busy: map[string][]string{}}
}

func (l *liveLine) event(e site.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	subjects := l.busy[e.Plugin]
	if !e.Done {
		l.busy[e.Plugin] = append(subjects, e.Subject)
		l.calls++
	} else if i := slices.Index(subjects, e.Subject); i >= 0 {
		l.busy[e.Plugin] = slices.Delete(subjects, i, i+1)
	}
	if now := time.Now(); now.Sub(l.drawn) >= redrawEvery {
		l.drawn = now
		l.draw()
	}
}

// draw writes the line over the old one. The caller holds the lock.
func (l *liveLine) draw() {
	var parts []string
	for plugin, subjects := range l.busy {
		switch len(subjects) {
		case 0:
		case 1:
			parts = append(parts, plugin+" "+subjects[0])
		default:
			parts = append(parts, fmt.Sprintf("%s %s +%d", plugin, subjects[0], len(subjects)-1))
		}
	}
	slices.Sort(parts)
	line := []rune(printable.Line(fmt.Sprintf("%d calls  %s", l.calls, strings.Join(parts, " · "))))
	if width := l.out.width() - 1; width > 0 && len(line) > width {
		line = append(line[:width-1], '…')
	}
	_ = l.out.Control(printable.EraseLine, string(line)) // a terminal that has gone sees nothing
	l.shown = true
}

func (l *liveLine) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shown {
		_ = l.out.Control(printable.EraseLine, "") // as above
		l.shown = false
	}
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

func (p *printer) endProgress() {
	if p.live != nil {
		p.live.clear()
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
