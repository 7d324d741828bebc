//go:build ddcfault

package ring

import "ddc/internal/fault"

// early is the sender's flag as it was before the index that makes room was
// stored.
type early struct{ flag bool }

func (e *early) look(p *Page) {
	e.flag = p.Starved.Load() == 1
	fault.Widen(fault.MissingFence)
}

func (e *early) starved() bool { return e.flag }
