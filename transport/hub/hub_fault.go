//go:build ddcfault

package hub

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/ring"
	"ddc/shm"
	"ddc/transport"
	"ddc/wake"
)

// faults is what a link's end remembers for its faults.
type faults struct {
	// senders are inside push, for full-then-ring.
	senders atomic.Int32
	// rings counts those of the peer's bell, for wrong-peer-doorbell.
	rings atomic.Int32
	// pushes counts those of a peer, for trusted-index: whoever has the turn does.
	pushes int
	// workers are the threads that serve a link, for workers-blocked: a value for each that
	// is taken.
	workers chan struct{}
}

// ringsOtherwise says that a push does not ring when it has published.
func ringsOtherwise() bool {
	return fault.On(fault.RingBeforePublish) || fault.On(fault.FullThenRing)
}

// ringOtherwise rings before the push that follows; or has senders who come
// together ring once, when the last of them goes.
func (l *Link) ringOtherwise() (after func()) {
	if fault.On(fault.RingBeforePublish) {
		l.ringPeer()
		fault.Widen(fault.RingBeforePublish)
		return func() {}
	}
	l.faults.senders.Add(1)
	return func() {
		if l.faults.senders.Add(-1) == 0 {
			l.ringPeer()
		}
	}
}

// pushAnnouncedOnce is pushInTurn for a sender that announces itself once.
func (l *Link) pushAnnouncedOnce(ctx context.Context, d *ring.Descriptor) error {
	for announced := false; ; announced = true {
		if ok, err := l.tryPush(d); ok || err != nil {
			return err
		}
		if !announced && l.producer.AnnounceStarved() {
			continue
		}
		if err := l.awaitSpace(ctx); err != nil {
			return err
		}
	}
}

// pushStale is pushInTurn for a sender that reads the index once. Whoever got room
// lets the next one look, since there is one token for all that wait.
func (l *Link) pushStale(ctx context.Context, d *ring.Descriptor) error {
	if _, err := l.flushAborts(); err != nil {
		return l.corrupt(err)
	}
	for index := l.producer.Index(); !l.producer.PushAt(index, d); {
		if l.producer.AnnounceAt(index) {
			continue
		}
		if err := l.awaitSpace(ctx); err != nil {
			return err
		}
	}
	step.At(l.space)
	select {
	case l.space <- struct{}{}:
	default:
	}
	return nil
}

// takeWorker takes one of the threads that serve this end, until it is given back
// or the link ends.
func (l *Link) takeWorker() (give func()) {
	take, _, stop := step.SendOrRecv(l.faults.workers, nil, l.stop)
	select {
	case take <- struct{}{}:
		return func() {
			step.At(l.faults.workers)
			<-l.faults.workers
		}
	case <-stop:
		return func() {}
	}
}

// workersOf are the threads that serve an end of a link.
var workersOf = [2]int{HostSide: 2, PeerSide: 1}

// acknowledge sends a frame for those received, from the goroutine that
// receives, and waits for room. The frame is an abort of nothing.
func (l *Link) acknowledge(received []ring.Descriptor) {
	if !slices.ContainsFunc(received, func(d ring.Descriptor) bool { return d[2] != kindAbort }) {
		return
	}
	var d ring.Descriptor
	encodeReference(&d, transport.Header{}, kindAbort, reference{})
	_ = l.push(context.Background(), &d, 0) // fails when the link ends
}

// offerHere tells those who wait for a slot on this link, and nobody else.
func (l *Link) offerHere() {
	for side := range 2 {
		l.signal(side, signalSlot)
	}
}

// takeNoTurn and giveNoTurn let every sender push at once.
func (l *Link) takeNoTurn() error {
	if l.ending() {
		return l.sendError()
	}
	return nil
}

func (l *Link) giveNoTurn() {
	select {
	case <-l.turn:
	default:
	}
}

// goodPushes is how often a peer stores the right index before it stores one that cannot
// be, and nonsense how far off that is.
const (
	goodPushes = 20
	nonsense   = 1000
)

// storeNonsense is what trusted-index needs to meet: a peer, in a process of its
// own, that stores an index which no sound one does.
func (l *Link) storeNonsense() {
	if l.side != PeerSide || !fault.Peer() || !fault.Wide(fault.TrustedIndex) || fault.On(fault.TwoProducers) || fault.On(fault.StaleIndex) {
		return // a compound has indices that are wrong by themselves
	}
	if l.faults.pushes++; l.faults.pushes == goodPushes {
		l.shared.Rings[HostSide].Produced.Add(nonsense)
	}
}

// neighbours are the host's ends in each segment.
var neighbours struct {
	sync.Mutex
	of map[*shm.Segment][]*Link
}

// settleDown makes this end known to its neighbours.
func (l *Link) settleDown() {
	l.faults.workers = make(chan struct{}, workersOf[l.side])
	if l.side != HostSide {
		return
	}
	neighbours.Lock()
	defer neighbours.Unlock()
	if neighbours.of == nil {
		neighbours.of = map[*shm.Segment][]*Link{}
	}
	// Not letGo, which is a step where schedules are explored: links of other segments may be of
	// schedules before.
	released := func(l *Link) bool {
		select {
		case <-l.released:
			return true
		default:
			return false
		}
	}
	for segment, links := range neighbours.of {
		if neighbours.of[segment] = slices.DeleteFunc(links, released); len(neighbours.of[segment]) == 0 {
			delete(neighbours.of, segment)
		}
	}
	neighbours.of[l.segment] = append(neighbours.of[l.segment], l)
}

// goodRings is how often the host rings the right peer before it does not.
const goodRings = 10

// rangNeighbour rings another peer in this one's place, and says whether there
// was one to ring.
func (f *faults) rangNeighbour(l *Link) bool {
	if l.side != HostSide || f.rings.Add(1) <= goodRings {
		return false
	}
	neighbours.Lock()
	others := slices.Clone(neighbours.of[l.segment])
	neighbours.Unlock()
	mine := slices.Index(others, l)
	for i := range others {
		if other := others[(mine+1+i)%len(others)]; other != l && other.uses.enter() {
			_ = other.peerBell.Ring()
			other.uses.leave()
			return true
		}
	}
	return false
}

// unowned is a doorbell that somebody else has moved to himself: there is
// nothing left to ring.
type unowned struct{ wake.Waker }

func (unowned) Ring() error { return nil }

// moved takes the bells with files from whoever does not wait on them.
func moved(w wake.Waker, bell int, o linkOptions) wake.Waker {
	waits := bell == o.side || bell == callerBell && o.side == HostSide
	if waits || len(o.bells[bell]) == 0 {
		return w
	}
	return unowned{w}
}
