package wake

import (
	"context"

	"ddc/internal/fault"
	"ddc/internal/step"
)

// watch makes the end of ctx ring this bell: cancelling is one more change
// that the sleeper is to find, and so needs no mechanism of its own.
//
// A context that comes for the first time is watched until Await returns. One
// that was made for a call ends soon afterwards, and to be told of that takes a
// goroutine and a thread to run it: as long as the call. One that comes again
// is watched until another comes, so that a loop registers it no more than
// twice.
func (d *Doorbell) watch(ctx context.Context) {
	done := ctx.Done()
	if d.keeps && done == d.watched {
		return
	}
	d.keeps = done == d.watched
	d.watched = done
	d.closing.Lock()
	defer d.closing.Unlock()
	d.stopWatching()
	if done != nil && !d.closed.Load() {
		d.unwatch = step.AfterFunc(ctx, d.ended)
	}
}

// watchNoMore lets go of a context that has come for the first time.
func (d *Doorbell) watchNoMore() {
	if !d.keeps {
		d.closing.Lock()
		defer d.closing.Unlock()
		d.stopWatching()
	}
}

// ended rings, unless Close was faster.
func (d *Doorbell) ended() {
	fault.Widen(fault.CallerLeavesSilently)
	d.closing.Lock()
	defer d.closing.Unlock()
	if !d.closed.Load() {
		_ = d.Ring()
	}
}

func (d *Doorbell) stopWatching() {
	if d.unwatch != nil {
		d.unwatch()
		d.unwatch = nil
	}
}
