//go:build !ddcfault

package hub

import (
	"context"

	"ddc/ring"
	"ddc/wake"
)

// What the faults of this package do instead is in hub_fault.go. Here it is never
// called.

type faults struct{}

func ringsOtherwise() bool { return false }

func moved(w wake.Waker, _ int, _ linkOptions) wake.Waker { return w }

func (*Link) ringOtherwise() func()                                     { return nil }
func (*Link) pushAnnouncedOnce(context.Context, *ring.Descriptor) error { return nil }
func (*Link) acknowledge([]ring.Descriptor)                             {}
func (*Link) offerHere()                                                {}
func (*Link) takeNoTurn() error                                         { return nil }
func (*Link) giveNoTurn()                                               {}
func (*Link) storeNonsense()                                            {}
func (*Link) pushStale(context.Context, *ring.Descriptor) error         { return nil }
func (*Link) takeWorker() func()                                        { return nil }
func (*faults) rangNeighbour(*Link) bool                                { return false }
func (*Link) settleDown()                                               {}
