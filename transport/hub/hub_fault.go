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
	"ddc/slot"
	"ddc/transport"
	"ddc/wake"
)

// faults is what a link's end remembers for its faults.
type faults struct {
	// senders are inside push, for full-then-ring.
	senders atomic.Int32
	// rings counts those of the peer's bell, for wrong-peer-doorbell.
	rings atomic.Int32
	// pushes counts those of a peer, for trusted-index: the sender that has the
	// turn counts.
	pushes int
	// workers are the threads that serve a link, for workers-blocked: a value
	// for each that is taken.
	workers chan struct{}
}

// ringsOtherwise says that a push does not ring when it has published.
func ringsOtherwise() bool {
	return fault.On(fault.RingBeforePublish) || fault.On(fault.FullThenRing)
}

// ringOtherwise rings before the push that follows; or has senders who come
// together ring once, when the last of them goes.
func (s *sender) ringOtherwise() (after func()) {
	if fault.On(fault.RingBeforePublish) {
		s.bells.ringPeer()
		fault.Widen(fault.RingBeforePublish)
		return func() {}
	}
	s.bells.faults.senders.Add(1)
	return func() {
		if s.bells.faults.senders.Add(-1) == 0 {
			s.bells.ringPeer()
		}
	}
}

// pushAnnouncedOnce is pushInTurn for a sender that announces itself once.
func (s *sender) pushAnnouncedOnce(ctx context.Context, d *ring.Descriptor) error {
	for announced := false; ; announced = true {
		if ok, err := s.tryPush(d); ok || err != nil {
			return err
		}
		if !announced && s.producer.AnnounceStarved() {
			continue
		}
		if err := s.awaitSpace(ctx); err != nil {
			return err
		}
	}
}

// pushStale is pushInTurn for a sender that reads the index once. A sender that
// got room lets the next one look, since there is one token for all that wait.
func (s *sender) pushStale(ctx context.Context, d *ring.Descriptor) error {
	if _, err := s.flushAborts(); err != nil {
		return s.bells.corrupt(err)
	}
	for index := s.producer.Index(); !s.producer.PushAt(index, d); {
		if s.producer.AnnounceAt(index) {
			continue
		}
		if err := s.awaitSpace(ctx); err != nil {
			return err
		}
	}
	s.spaceCame()
	return nil
}

// takeWorker takes one of the threads that serve this end, until it is given
// back or the link ends.
func (b *bells) takeWorker() (give func()) {
	take, _, stop := step.SendOrRecv(b.faults.workers, nil, b.life.stop)
	select {
	case take <- struct{}{}:
		return func() {
			step.At(b.faults.workers)
			<-b.faults.workers
		}
	case <-stop:
		return func() {}
	}
}

// workersOf are the threads that serve an end of a link.
var workersOf = [2]int{HostSide: 2, PeerSide: 1}

// acknowledge sends a frame for those received, from the goroutine that
// receives, and waits for room. The frame is an abort of nothing.
func (r *receiver) acknowledge(received []ring.Descriptor) {
	if !slices.ContainsFunc(received, func(d ring.Descriptor) bool { return d[2] != kindAbort }) {
		return
	}
	var d ring.Descriptor
	encodeReference(&d, transport.Header{}, kindAbort, reference{})
	_ = r.sender.push(context.Background(), &d, 0, rung) // fails when the link ends
}

// allocAnnouncedOnce is allocPiece for a sender that announces itself once.
func (s *slots) allocAnnouncedOnce(ctx context.Context, size int) (slot.Ref, error) {
	for announced := false; ; announced = true {
		freed := s.freed.wait()
		if !announced {
			s.view.header.SlotWaiters.Or(1 << s.party())
		}
		if ref, ok := s.view.pool.AllocPiece(s.party(), size); ok {
			return ref, nil
		}
		if err := s.awaitSlot(ctx, freed); err != nil {
			return 0, err
		}
		fault.Widen(fault.SlotAnnouncedOnce)
	}
}

// sendPiecesTogether is sendPieces for a sender that takes all slots of a
// payload before it sends the first.
func (s *sender) sendPiecesTogether(ctx context.Context, h transport.Header, payload []byte) error {
	r := reference{group: s.group.Add(1), total: uint64(len(payload))}
	var refs []slot.Ref
	for room := 0; room < len(payload); {
		ref, err := s.slots.allocPiece(ctx, len(payload)-room)
		if err != nil {
			for _, ref := range refs {
				s.slots.free(ref)
			}
			return err
		}
		refs = append(refs, ref)
		room += len(s.view.pool.Bytes(ref))
	}
	sent := 0
	for i, ref := range refs {
		buf := s.view.pool.Bytes(ref)
		r.ref, r.length = ref, min(len(buf), len(payload)-sent)
		step.Write(buf[:r.length])
		copy(buf, payload[sent:sent+r.length])
		sent += r.length
		kind := uint8(kindPiece)
		if sent == len(payload) {
			kind = kindLast
		}
		if err := s.pushSlot(ctx, h, kind, r, rung); err != nil {
			for _, ref := range refs[i+1:] {
				s.slots.free(ref)
			}
			return err
		}
	}
	return nil
}

// offerHere tells those who wait for a slot on this link, and nobody else.
func (s *slots) offerHere() {
	for side := range 2 {
		s.bells.signal(side, signalSlot)
	}
}

// takeNoTurn and giveNoTurn let every sender push at once.
func (s *sender) takeNoTurn() error {
	if s.life.ending() {
		return s.life.sendError()
	}
	return nil
}

func (s *sender) giveNoTurn() {
	select {
	case <-s.turn:
	default:
	}
}

// goodPushes is how often a peer stores the right index before it stores one
// that cannot be, and nonsense how far off that is.
const (
	goodPushes = 20
	nonsense   = 1000
)

// storeNonsense is what trusted-index needs to meet: a peer, in a process of
// its own, that stores an index which no sound one does.
func (s *sender) storeNonsense() {
	if s.side != PeerSide || !fault.Peer() || !fault.Wide(fault.TrustedIndex) || fault.On(fault.TwoProducers) || fault.On(fault.StaleIndex) {
		return // a compound has indices that are wrong by themselves
	}
	if s.bells.faults.pushes++; s.bells.faults.pushes == goodPushes {
		s.page.Rings[HostSide].Produced.Add(nonsense)
	}
}

// neighbours are the host's ends in each segment.
var neighbours struct {
	sync.Mutex
	of map[*shm.Segment][]*bells
}

// settleDown makes this end known to its neighbours.
func (b *bells) settleDown() {
	b.faults.workers = make(chan struct{}, workersOf[b.side])
	if b.side != HostSide {
		return
	}
	neighbours.Lock()
	defer neighbours.Unlock()
	if neighbours.of == nil {
		neighbours.of = map[*shm.Segment][]*bells{}
	}
	// Not letGo, which is a step where schedules are explored: links of other
	// segments may be of schedules before.
	released := func(other *bells) bool {
		select {
		case <-other.life.released:
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
	neighbours.of[b.segment] = append(neighbours.of[b.segment], b)
}

// goodRings is how often the host rings the right peer before it does not.
const goodRings = 10

// rangNeighbour rings another peer in this one's place, and says whether there
// was one to ring.
func (f *faults) rangNeighbour(b *bells) bool {
	if b.side != HostSide || f.rings.Add(1) <= goodRings {
		return false
	}
	neighbours.Lock()
	others := slices.Clone(neighbours.of[b.segment])
	neighbours.Unlock()
	mine := slices.Index(others, b)
	for i := range others {
		if other := others[(mine+1+i)%len(others)]; other != b && other.life.uses.Enter() {
			_ = other.peers.Ring()
			other.life.uses.Leave()
			return true
		}
	}
	return false
}

// unowned is a doorbell that somebody else has moved to himself: there is
// nothing left to ring.
type unowned struct{ wake.Waker }

func (unowned) Ring() error { return nil }

// moved takes the bells with files from the ends that do not wait on them.
func moved(w wake.Waker, bell int, o linkOptions) wake.Waker {
	waits := bell == o.side || bell == callerBell && o.side == HostSide
	if waits || len(o.bells[bell]) == 0 {
		return w
	}
	return unowned{w}
}
