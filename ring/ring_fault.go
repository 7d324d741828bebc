//go:build ddcfault

package ring

import (
	"ddc/internal/fault"
	"ddc/internal/step"
)

// early is the sender's flag as it was before the index that makes room was
// stored.
type early struct{ flag bool }

func (e *early) look(p *Page) {
	e.flag = p.Starved.Load() == 1
	fault.Widen(fault.MissingFence)
}

func (e *early) starved() bool { return e.flag }

// Index is the producer index as everybody sees it, for a sender that keeps it.
func (p *Producer) Index() uint64 { return p.page.Produced.Load() }

// PushAt is TryPush of a sender that has read the index before, and takes it
// for the index still.
func (p *Producer) PushAt(index uint64, d *Descriptor) bool {
	if index-p.page.Consumed.Load() >= uint64(len(p.cells)) {
		return false
	}
	cell := &p.cells[index&uint64(len(p.cells)-1)]
	step.Write(cell[:])
	*cell = *d
	fault.Widen(fault.StaleIndex)
	p.produced = index + 1
	p.page.Produced.Store(index + 1)
	return true
}

// AnnounceAt is AnnounceStarved of such a sender.
func (p *Producer) AnnounceAt(index uint64) (room bool) {
	p.page.Starved.Swap(1)
	return index-p.page.Consumed.Load() < uint64(len(p.cells))
}
