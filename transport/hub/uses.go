package hub

import "ddc/internal/step"

// uses counts the uses of what must not be freed under its users, so that
// closing can wait for them. Uses may nest. A use that comes too late is
// refused, never made to wait.
//
//	count < shutting      open
//	count >= shutting     shutting: the rest are uses that run, or are being refused
//	count >= 2*shutting   shut, and idle is closed
//
// Anybody at this end moves the count by enter and leave; shut moves it on by
// shutting, and the last leave after that by shutting once more.
type uses struct {
	count step.Int64
	idle  chan struct{}
}

const shutting = 1 << 32

// enter begins a use, and says whether it may.
func (u *uses) enter() bool {
	if u.count.Add(1) > shutting {
		u.leave()
		return false
	}
	return true
}

// leave ends a use. The last one out closes idle: exactly one leave moves the
// count on from shutting to twice that.
func (u *uses) leave() {
	if u.count.Add(-1) == shutting && u.count.CompareAndSwap(shutting, 2*shutting) {
		step.At(u.idle)
		close(u.idle)
	}
}

// shut refuses new uses and waits for those under way. It is called once. While
// it waits it calls again, in case a hostile peer keeps a use from learning
// that it is to end: see Link.awaitEnd.
func (u *uses) shut(again func()) {
	u.count.Add(shutting + 1)
	u.leave()
	insistOn(u.idle, again)
}
