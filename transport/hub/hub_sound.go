//go:build !ddcfault

package hub

import (
	"context"

	"ddc/ring"
	"ddc/slot"
	"ddc/transport"
	"ddc/wake"
)

// What the faults of this package do instead is in hub_fault.go. Here it is
// never called.

type faults struct{}

func ringsOtherwise() bool { return false }

func moved(w wake.Waker, _ int, _ linkOptions) wake.Waker { return w }

func (*sender) ringOtherwise() func()                                              { return nil }
func (*sender) pushAnnouncedOnce(context.Context, *ring.Descriptor) error          { return nil }
func (*sender) pushStale(context.Context, *ring.Descriptor) error                  { return nil }
func (*sender) takeNoTurn() error                                                  { return nil }
func (*sender) giveNoTurn()                                                        {}
func (*sender) storeNonsense()                                                     {}
func (*receiver) acknowledge([]ring.Descriptor)                                    {}
func (*slots) allocAnnouncedOnce(context.Context, int) (slot.Ref, error)           { return 0, nil }
func (*sender) sendPiecesTogether(context.Context, transport.Header, []byte) error { return nil }
func (*slots) offerHere()                                                          {}
func (*bells) takeWorker() func()                                                  { return nil }
func (*faults) rangNeighbour(*bells) bool                                          { return false }
func (*bells) settleDown()                                                         {}
