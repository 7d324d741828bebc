package plugin

import (
	"slices"
	"time"
)

// absences knows when this process did not run: a signal had stopped it, its
// virtual machine slept, or others had every processor. Such time is nobody's
// fault, so it counts for no call. (The sleep of a laptop is no absence: Go's
// clock stands still meanwhile.)
//
// Its owner calls note every so often. One that comes late by more than that
// tells of an absence.
type absences struct {
	every time.Duration
	last  time.Time
	noted []absence // by time; none overlap
}

type absence struct {
	until time.Time
	lasts time.Duration
}

// begin starts to look, after a pause without looks.
func (a *absences) begin(now time.Time) { a.last = now }

func (a *absences) note(now time.Time) {
	if late := a.late(now); late > 0 {
		a.noted = append(a.noted, absence{now, late})
	}
	a.last = now
}

// late is by how much a note is late, or 0 where that is the usual delay.
func (a *absences) late(now time.Time) time.Duration {
	if late := now.Sub(a.last) - a.every; late > a.every {
		return late
	}
	return 0
}

// since says how much of the time from then until now was absence.
func (a *absences) since(then, now time.Time) (sum time.Duration) {
	if late := a.late(now); late > 0 {
		sum = min(late, now.Sub(then))
	}
	for _, x := range slices.Backward(a.noted) {
		if !x.until.After(then) {
			break
		}
		sum += min(x.lasts, x.until.Sub(then))
	}
	return sum
}

// forget drops what ended before then.
func (a *absences) forget(then time.Time) {
	a.noted = slices.DeleteFunc(a.noted, func(x absence) bool { return !x.until.After(then) })
}
