package watch

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"ddc/inspect"
	"ddc/internal/absence"
	"ddc/internal/activity"
	"ddc/internal/dump"
	"ddc/internal/printable"
	"ddc/plugin/host"
	"ddc/transport/hub"
)

// OnHang is what a watchdog does about a hang once it has reported it.
type OnHang string

// The choices of OnHang.
const (
	// ReportHang goes on waiting.
	ReportHang OnHang = "report"
	// AbortHang gives up.
	AbortHang OnHang = "abort"
	// RescueHang rings everybody on the link again. It hides nothing: the hang
	// is reported and counted as any other.
	RescueHang OnHang = "rescue"
)

// ParseOnHang reads what the flag --on-hang takes.
func ParseOnHang(s string) (OnHang, error) {
	switch o := OnHang(s); o {
	case ReportHang, AbortHang, RescueHang:
		return o, nil
	}
	return "", fmt.Errorf("%q is none of report, abort, rescue", s)
}

// Options configure a watchdog. The zero value is usable.
type Options struct {
	// OnHang is what to do, or "" for AbortHang.
	OnHang OnHang
	// Bound is how long a wake-up must have been lost before it is reported, or
	// 0 for 5 s. A stuck handler, or slots that have run out, are reported
	// after half the time that a call may take. They are never aborted, since
	// the call's own time limit ends them.
	Bound time.Duration
	// Folder is where reports go; "" is os.TempDir().
	Folder string
	// Abort is called with a [HangError] if OnHang is AbortHang.
	Abort func(error)
	// Say gets one line for each report, as soon as it is written.
	Say func(string)
	// Calls, if not nil, are those that are under way. The watchdog rests while
	// there are none: only a call waits for a wake-up.
	Calls Calls
}

// Calls tells whether any call is under way. Its methods are called by one
// goroutine, the watchdog's.
type Calls interface {
	// Resting says that none is.
	Resting() bool
	// Await waits until one is. It returns false once stop is closed.
	Await(stop <-chan struct{}) bool
}

// HangError is a hang that a watchdog has found.
type HangError struct {
	inspect.Diagnosis
	// File is the report, "" if it could not be written.
	File string
}

// Error names plugin, diagnosis and file.
func (e *HangError) Error() string {
	text := fmt.Sprintf("plugin %s hangs: %v", e.Name, e.Diagnosis)
	if e.File != "" {
		text += "; the report is in " + e.File
	}
	return text
}

// Watchdog looks at the links of a host all the time. It reads the words of the
// hub a few times in each bound, which takes some 100 µs. It reads /proc only
// if a link has something to do and has not moved since the last look.
type Watchdog struct {
	host    *host.Host
	options Options
	stop    chan struct{}
	done    chan struct{}
	once    sync.Once

	// The fields below belong to the watching goroutine.
	before   []inspect.Snapshot // by hub
	seen     map[suspect]int    // looks in a row
	told     map[suspect]int64  // when what was reported last began
	absences absence.Log

	mu    sync.Mutex
	hangs []HangError
}

// suspect is a link in one run of its plugin, and what seems wrong with it.
type suspect struct {
	hub, place  int
	incarnation uint32
	kind        inspect.Kind
}

// sighting is a suspect at one look.
type sighting struct {
	suspect
	began int64 // on the clock of the hub, 0 if nobody knows
}

const looksPerBound = 5

// Start starts a watchdog. Stop it before the host is closed.
func Start(h *host.Host, o Options) *Watchdog {
	if o.OnHang == "" {
		o.OnHang = AbortHang
	}
	if o.Bound == 0 {
		o.Bound = 5 * time.Second
	}
	if o.Calls == nil {
		o.Calls = (*activity.Activity)(nil) // never rests
	}
	w := &Watchdog{host: h, options: o, stop: make(chan struct{}), done: make(chan struct{}), seen: map[suspect]int{}, told: map[suspect]int64{}}
	w.absences.Every = o.Bound / looksPerBound
	go w.run()
	return w
}

// Stop ends the watch, and waits for a report that is being written.
func (w *Watchdog) Stop() {
	w.once.Do(func() { close(w.stop) })
	<-w.done
}

// Hangs lists what was found so far.
func (w *Watchdog) Hangs() []HangError {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]HangError(nil), w.hangs...)
}

func (w *Watchdog) run() {
	defer close(w.done)
	w.absences.Begin(time.Now())
	tick := time.NewTicker(w.absences.Every)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-tick.C:
			w.note(time.Now())
			for i, h := range w.host.Hubs() {
				w.look(i, h)
			}
			if w.options.Calls.Resting() {
				tick.Stop()
				if !w.options.Calls.Await(w.stop) {
					return
				}
				tick.Reset(w.absences.Every)
				w.absences.Begin(time.Now()) // it was this goroutine that was absent, and not the machine
			}
		}
	}
}

// remembers is how long an absence of this process is remembered: longer than
// any call may take.
const remembers = 24 * time.Hour

func (w *Watchdog) note(now time.Time) {
	w.absences.Note(now)
	w.absences.Forget(now.Add(-remembers))
}

// look compares a hub with its state at the last look. Looks are counted, not
// time: a suspended machine must not look like a hang.
func (w *Watchdog) look(index int, h *hub.Hub) {
	for len(w.before) <= index {
		w.before = append(w.before, inspect.Snapshot{})
	}
	before := w.before[index]
	now := inspect.Snapshot{Snapshot: h.Snapshot()}
	if inspect.Quiet(before, now) {
		now = inspect.Own(h)
	}
	w.before[index] = now
	if before.At == 0 {
		return
	}
	var found []sighting
	var what []inspect.Diagnosis
	for i, d := range inspect.Diagnose(before, now) {
		if !w.watched(d, time.Now()) {
			continue
		}
		s := sighting{suspect: suspect{index, d.Place, now.Links[i].Incarnation, d.Kind}}
		if d.Since != 0 {
			s.began = now.At - int64(d.Since)
		}
		found, what = append(found, s), append(what, d)
	}
	for _, i := range w.lasted(index, found) {
		w.report(h, before, now, what[i])
	}
}

// lasted counts one more look at a hub, at which these were found, and gives
// those that are to be reported, by their places in found. One that went and
// came back, as a handler seems to that has the processor for a moment, is
// reported once, if it is known when it began.
func (w *Watchdog) lasted(index int, found []sighting) (report []int) {
	still := map[suspect]int{}
	for i, s := range found {
		still[s.suspect] = w.seen[s.suspect] + 1
		if still[s.suspect] != looksPerBound || s.began != 0 && w.told[s.suspect] == s.began {
			continue
		}
		w.told[s.suspect] = s.began
		report = append(report, i)
	}
	for s := range w.seen {
		if s.hub == index && still[s] == 0 {
			delete(w.seen, s)
		}
	}
	maps.Copy(w.seen, still)
	return report
}

// watched says whether a diagnosis is reported if it lasts.
func (w *Watchdog) watched(d inspect.Diagnosis, now time.Time) bool {
	switch d.Kind {
	case inspect.LostWakeup, inspect.LostFrame, inspect.Deadlock:
		return true
	case inspect.SlotsExhausted, inspect.HandlerStuck:
		return d.Since-w.absences.Since(now.Add(-d.Since), now) >= w.host.CallTimeout(d.Name)/2
	}
	return false
}

func (w *Watchdog) report(h *hub.Hub, before, now inspect.Snapshot, d inspect.Diagnosis) {
	hang := HangError{Diagnosis: d}
	file, err := w.write(h, before, now, d)
	if err == nil {
		hang.File = file
	}
	w.mu.Lock()
	w.hangs = append(w.hangs, hang)
	w.mu.Unlock()
	if w.options.Say != nil {
		w.options.Say(hang.Error())
		if err != nil {
			w.options.Say(fmt.Sprintf("the report could not be written: %v", err))
		}
	}
	passes := d.Kind == inspect.SlotsExhausted || d.Kind == inspect.HandlerStuck // with the call's time
	switch {
	case w.options.OnHang == AbortHang && !passes && w.options.Abort != nil:
		w.options.Abort(&hang)
	case w.options.OnHang == RescueHang:
		if w.options.Say != nil {
			w.options.Say(fmt.Sprintf("plugin %s: everybody on its link is rung again (--on-hang=rescue); this is a defect all the same", d.Name))
		}
		h.Rescue(d.Place)
	}
}

// write writes a report, and returns its file's name.
func (w *Watchdog) write(h *hub.Hub, before, now inspect.Snapshot, d inspect.Diagnosis) (name string, err error) {
	f, err := os.CreateTemp(w.options.Folder, "ddc-hang-*.txt")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := printable.NewWriter(f) // people will read it on a terminal
	fmt.Fprintf(out, "%s  process %d\nplugin %s: %v\n\n", time.Now().Format(time.RFC3339), os.Getpid(), d.Name, d)
	report := inspect.NewReport("", before, now)
	report.Print(out, true)
	fmt.Fprintf(out, "\n%s: last events\n", d.Name)
	inspect.PrintEvents(out, now.At, h.Events(d.Place))
	fmt.Fprintf(out, "\nthe host's goroutines\n")
	dump.Stacks(out)
	return f.Name(), nil
}
