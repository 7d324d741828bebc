package wake

import (
	"context"

	"ddc/internal/fault"
	"ddc/internal/step"
)

// watch makes the end of ctx ring this bell: cancelling is one more change
// that the sleeper is to find, and so needs no mechanism of its own.
func (d *Doorbell) watch(ctx context.Context) {
	done := ctx.Done()
	if done == d.watched {
		return
	}
	d.watched = done
	d.closing.Lock()
	defer d.closing.Unlock()
	d.stopWatching()
	if done != nil && !d.closed.Load() {
		d.unwatch = step.AfterFunc(ctx, d.ended)
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
