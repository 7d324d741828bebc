// Package absence knows when this process did not run: a signal had stopped it,
// its virtual machine slept, or others had every processor. A limit on how long
// others may take does not count such time. (The sleep of a laptop is no
// absence: Go's clock stands still meanwhile.)
//
//	log := absence.Log{Every: time.Second}
//	log.Begin(time.Now())
//	log.Note(time.Now())                 // once each second
//	away := log.Since(began, time.Now()) // of the time since then
package absence

import (
	"slices"
	"time"
)

// Log holds the absences of a while. Its owner calls Note every so often: a
// note that comes late by more than Every tells of an absence. One goroutine at
// a time may use it.
type Log struct {
	// Every is the time between two notes. It is set before Begin.
	Every time.Duration
	last  time.Time
	noted []absence // by time; none overlap
}

type absence struct {
	until time.Time
	lasts time.Duration
}

// Begin starts to look, after a pause without looks.
func (l *Log) Begin(now time.Time) { l.last = now }

// Note takes the time of a note.
func (l *Log) Note(now time.Time) {
	if late := l.late(now); late > 0 {
		l.noted = append(l.noted, absence{now, late})
	}
	l.last = now
}

// late is by how much a note is late, or 0 where that is the usual delay.
func (l *Log) late(now time.Time) time.Duration {
	if late := now.Sub(l.last) - l.Every; late > l.Every {
		return late
	}
	return 0
}

// Since says how much of the time from then until now was absence.
func (l *Log) Since(then, now time.Time) (sum time.Duration) {
	if late := l.late(now); late > 0 {
		sum = min(late, now.Sub(then))
	}
	for _, x := range slices.Backward(l.noted) {
		if !x.until.After(then) {
			break
		}
		sum += min(x.lasts, x.until.Sub(then))
	}
	return sum
}

// Forget drops what ended before then.
func (l *Log) Forget(then time.Time) {
	l.noted = slices.DeleteFunc(l.noted, func(x absence) bool { return !x.until.After(then) })
}
