package hub

import "ddc/internal/step"

// gate counts the uses of what must not be freed under its users, so that
// closing can wait for them. Uses may nest: one that comes too late is
// refused, never made to wait.
//
//	uses < shutting      open
//	uses >= shutting     shutting: the rest are uses that still run, or are being refused
//	uses >= 2*shutting   shut, and idle is closed
type gate struct {
	uses step.Int64
	idle chan struct{}
}

const shutting = 1 << 32

func newGate() *gate { return &gate{idle: make(chan struct{})} }

// enter begins a use, and says whether it may.
func (g *gate) enter() bool {
	if g.uses.Add(1) > shutting {
		g.leave()
		return false
	}
	return true
}

// leave ends a use. The last one out of a shutting gate closes idle: exactly
// one leave moves the count on from shutting to twice that.
func (g *gate) leave() {
	if g.uses.Add(-1) == shutting && g.uses.CompareAndSwap(shutting, 2*shutting) {
		step.At(g.idle)
		close(g.idle)
	}
}

// shut refuses new uses and waits for those under way. It is called once. While
// it waits it calls again, in case a peer that means harm keeps a use from
// learning that it is to end: see Link.awaitEnd.
func (g *gate) shut(again func()) {
	g.uses.Add(shutting + 1)
	g.leave()
	insistOn(g.idle, again)
}
