package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/internal/trace"
	"ddc/ring"
	"ddc/shm"
	"ddc/slot"
	"ddc/transport"
	"ddc/wake"
)

// Link is one end of a link through a hub.
//
// # Who may touch what
//
//	producer                         whoever holds turn
//	consumer, groups, frame, batch   whoever holds receiving: the pump, or a caller in its place
//	everything mapped                whoever is inside uses, or holds the segment
//
// # How it ends
//
// fail records the first reason and closes stop. Senders see stop and give up;
// the pump sees it, delivers what the ring still holds if the reason allows
// that, tells the peer, and closes done. Close then waits for the last use and
// gives everything back.
type Link struct {
	faults faults // of no size, but for faults
	name   string
	peer   int
	side   int
	shared *link
	view   view
	// relay tells every party that waits for a slot that one came free. At the
	// peer's end, in a process of its own, it is nil: the host is asked to.
	relay func()

	segment  *shm.Segment
	bell     *wake.Doorbell // wakes this end's pump
	peerBell *wake.Doorbell // wakes the other's
	// caller wakes the host's goroutine that receives in its pump's place: the host
	// awaits it, both ends ring it.
	caller *wake.Doorbell
	// standing is the hub's, and nil at the peer's end, where nobody stands in.
	standing *step.Bool
	uses     *gate
	events   *trace.Events // what this end notes of itself
	tracing  bool          // calls are events too

	// turn holds a value while somebody is the ring's producer. A channel, not a
	// mutex: waiting for it must end with the sender's context.
	turn     chan struct{}
	producer *ring.Producer
	aborts   aborts
	group    step.Uint32
	// space gets a value when the peer made room that was waited for.
	space chan struct{}
	slots broadcast

	receiving step.Mutex
	consumer  *ring.Consumer
	batch     [batchSize]ring.Descriptor
	groups    map[uint32]*group
	pieces    int             // bytes allocated for groups
	frame     transport.Frame // the one being received
	over      bool            // the pump has ended: guarded by receiving
	receive   step.Pointer[func(*transport.Frame)]

	reason   step.Pointer[error]
	stop     chan struct{}
	done     chan struct{}
	released chan struct{} // closed when this end has let go of everything
	closed   step.Once
	dead     step.Bool // the peer's process is known to have ended
	pair     *Link     // the peer's end, where it is in this process and cannot die alone: guarded by Hub.mu

	flood flood
	// leases are the slots of the peer's that this process reads: delivered, and not yet given back.
	// Whether there are any decides what a dead peer's place may lose, so it is a step.
	leases step.Int64

	framesIn, framesOut, bytesIn, bytesOut atomic.Uint64
	// final is what the doorbells' words counted, once they are out of reach.
	final atomic.Pointer[transport.Stats]
}

var _ transport.Link = (*Link)(nil)

type linkOptions struct {
	name       string
	peer, side int
	strategy   wake.Strategy
	bells      [numBells][]*os.File
	spin       wake.Spin
	relay      func()
	standing   *step.Bool
}

// openLink opens one end, and starts its pump. It keeps none of the files.
func openLink(segment *shm.Segment, v view, o linkOptions) (*Link, error) {
	l := &Link{
		name: o.name, peer: o.peer, side: o.side, view: v, relay: o.relay, standing: o.standing, segment: segment, uses: newGate(),
		turn: make(chan struct{}, 1), space: make(chan struct{}, 1), groups: make(map[uint32]*group),
		stop: make(chan struct{}), done: make(chan struct{}), released: make(chan struct{}),
	}
	l.slots.ch = make(chan struct{})
	var err error
	if l.shared, err = shm.View[link](segment, v.layout.linkOffset(o.peer)); err != nil {
		return nil, fmt.Errorf("open link: %w", err)
	}
	in, err := v.cells(segment, o.peer, o.side)
	if err != nil {
		return nil, fmt.Errorf("open link: %w", err)
	}
	out, err := v.cells(segment, o.peer, 1-o.side)
	if err != nil {
		return nil, fmt.Errorf("open link: %w", err)
	}
	if l.consumer, err = ring.NewConsumer(&l.shared.Rings[o.side], in); err != nil {
		return nil, fmt.Errorf("open link: %w", err)
	}
	if l.producer, err = ring.NewProducer(&l.shared.Rings[1-o.side], out); err != nil {
		return nil, fmt.Errorf("open link: %w", err)
	}
	if l.events, err = v.events(segment, l.shared, o.peer, o.side); err != nil {
		return nil, fmt.Errorf("open link: %w", err)
	}
	l.tracing = v.header.Tracing.Load() == 1
	// The memory is held until Close has let go of everything in it.
	if err := segment.Hold(); err != nil {
		return nil, fmt.Errorf("open link: %w", err)
	}
	if err := l.openBells(o); err != nil {
		segment.Release()
		return nil, fmt.Errorf("open link: %w", err)
	}
	if fault.Enabled && (fault.On(fault.WrongPeerDoorbell) || fault.On(fault.WorkersBlocked)) {
		l.settleDown()
	}
	step.Go(l.pump)
	return l, nil
}

func (l *Link) openBells(o linkOptions) error {
	gates := [numBells]*shm.Word32{HostSide: &l.view.header.Gate, PeerSide: &l.shared.Gate, callerBell: &l.shared.CallerGate}
	var bells [numBells]*wake.Doorbell
	for i := range bells {
		waker, err := l.openWaker(i, gates[i], o)
		if err != nil {
			for _, b := range bells[:i] {
				err = errors.Join(err, b.Close())
			}
			return err
		}
		spin := o.spin
		if i == 1-o.side {
			spin = wake.SpinOff // nobody awaits it here
		}
		bells[i] = wake.NewDoorbell(&l.shared.Bells[i], &notedWaker{waker, l.events, uint64(i)}, spin)
	}
	l.bell, l.peerBell, l.caller = bells[o.side], bells[1-o.side], bells[callerBell]
	return nil
}

func (l *Link) openWaker(bell int, gate *shm.Word32, o linkOptions) (wake.Waker, error) {
	waker, err := o.strategy.Open(l.shared.Bells[bell].Tokens(gate), o.bells[bell])
	if err == nil && fault.On(fault.MovedDoorbell) {
		waker = moved(waker, bell, o)
	}
	return waker, err
}

// Name is the peer's name.
func (l *Link) Name() string { return l.name }

// Start begins to deliver frames.
func (l *Link) Start(receive func(*transport.Frame)) {
	l.receive.Store(&receive)
	l.wakeSelf()
}

// wakeSelf makes the pump look again, and whoever stands in for it, whatever
// became of their flags.
func (l *Link) wakeSelf() {
	if l.uses.enter() {
		defer l.uses.leave()
		_ = l.bell.Repay()
		l.repayCaller()
	}
}

// Rescue makes both ends look at everything again, whoever sleeps and whatever
// became of flags and tokens. A sound hub never needs it: it is there to get a
// process out of a hang whose cause is yet to be found.
func (l *Link) Rescue() {
	if !l.uses.enter() {
		return
	}
	defer l.uses.leave()
	for side := range 2 {
		l.shared.Signals[side].Or(signalSpace | signalSlot)
	}
	for _, bell := range []*wake.Doorbell{l.bell, l.peerBell, l.caller} {
		_ = bell.Repay()
	}
}

// fail ends the link for a reason; the first one counts.
func (l *Link) fail(reason error) {
	if l.reason.CompareAndSwap(nil, &reason) {
		step.At(l.stop)
		close(l.stop)
	}
}

func (l *Link) ending() bool { return l.reason.Load() != nil }

// why is the reason for which the link ends. It is asked after stop was closed.
func (l *Link) why() error { return *l.reason.Load() }

// PeerDied tells the link that its peer's process has ended. Frames that the
// peer sent before are delivered, then the link ends with
// [transport.ErrPeerDead]. At the host's end every slot that the dead had is
// free when PeerDied returns, and its place can be offered again once Close
// was called. It must not be called on the pump.
func (l *Link) PeerDied(cause error) {
	l.dead.Store(true)
	err := fmt.Errorf("%s: %w", l.name, transport.ErrPeerDead)
	if cause != nil {
		err = fmt.Errorf("%s: %w: %w", l.name, transport.ErrPeerDead, cause)
	}
	l.fail(err)
	// The peer may have died between taking this end's flag and leaving the token.
	l.awaitEnd()
	l.bury()
}

// bury frees what a dead peer had, and tells those who wait for a slot.
func (l *Link) bury() {
	l.reap()
	if l.relay != nil {
		l.relay()
	}
}

// insist is the pause of insistOn.
const insist = time.Second

// awaitEnd wakes the pump, which is to find that the link ends, and waits until
// it has. Once is enough among sound peers. Another peer of the hub that writes
// where it must not may take the token back, and must not keep this process from
// ending a link for it: hence again, until it has. No other wait is like this one.
func (l *Link) awaitEnd() {
	l.wakeSelf()
	insistOn(l.done, l.wakeSelf)
}

// insistOn waits for ch to be closed, and meanwhile calls again, again and again.
func insistOn(ch <-chan struct{}, again func()) {
	step.Recv(ch)
	for {
		select {
		case <-ch:
			return
		case <-time.After(insist):
			again()
		}
	}
}

// reap frees the slots of a link whose ends are both done with it: also those
// that the dead peer had accepted, but not those that this process still reads.
func (l *Link) reap() {
	if l.side != HostSide || l.segment.Hold() != nil {
		return
	}
	defer l.segment.Release()
	if l.dead.Load() {
		states := []slot.State{slot.Filling, slot.Sent}
		if l.leases.Load() == 0 {
			states = append(states, slot.Held) // nobody holds it, whatever the word says
		}
		l.view.pool.Reclaim(party(l.peer, PeerSide), states...)
		states = []slot.State{slot.Sent, slot.Held}
		if l.letGo() {
			states = append(states, slot.Filling) // no sender of this end is at work any more
		}
		l.view.pool.Reclaim(party(l.peer, HostSide), states...)
	} else {
		l.view.pool.Reclaim(party(l.peer, PeerSide), slot.Sent)
		l.view.pool.Reclaim(party(l.peer, HostSide), slot.Sent)
	}
}

// gone says whether neither end will touch the link's place again. That an end
// has said that it is closed is not enough: it may still be about to ring. The
// caller has Hub.mu.
func (l *Link) gone() bool {
	return l.letGo() && (l.dead.Load() || l.pair != nil && l.pair.letGo())
}

// ownsSlots says whether a slot with this link for owner may be somebody's. The
// caller has Hub.mu.
func (l *Link) ownsSlots() bool {
	return !l.gone() || l.leases.Load() > 0 || l.pair != nil && l.pair.leases.Load() > 0
}

func (l *Link) letGo() bool {
	step.Poll(l.released)
	select {
	case <-l.released:
		return true
	default:
		return false
	}
}

// Close ends the link in good order. Lost is only what the peer had sent and
// this end had not yet received.
func (l *Link) Close() error {
	var err error
	l.closed.Do(func() {
		l.fail(fmt.Errorf("%s: %w", l.name, transport.ErrClosed))
		l.awaitEnd()
		soFar := l.count()
		l.final.Store(&soFar) // for those who come too late, and must not wait for the last use
		l.uses.shut(func() { _ = l.caller.Repay() })
		inAll := l.count()
		l.final.Store(&inAll)
		err = errors.Join(l.bell.Close(), l.peerBell.Close(), l.caller.Close())
		step.At(l.released)
		close(l.released)
		if l.dead.Load() {
			l.bury() // what this end's senders had in their hands when the peer died is nobody's now
		}
		l.segment.Release()
	})
	if err != nil {
		return fmt.Errorf("close link to %s: %w", l.name, err)
	}
	return nil
}

// Done is closed when the pump has ended.
func (l *Link) Done() <-chan struct{} { return l.done }

// Err says why the link ended.
func (l *Link) Err() error {
	step.Poll(l.done)
	select {
	case <-l.done:
		return l.why()
	default:
		return nil
	}
}

// Attached says whether the peer has opened its end.
func (l *Link) Attached() bool {
	if !l.uses.enter() {
		return false
	}
	defer l.uses.leave()
	return l.shared.Attached.Load() == l.shared.Incarnation.Load()
}

// Stats counts what this end has done.
func (l *Link) Stats() transport.Stats {
	if l.uses.enter() {
		defer l.uses.leave()
		return l.count()
	}
	return *l.final.Load()
}

func (l *Link) count() transport.Stats {
	own, peers := l.bell.Stats(), l.peerBell.Stats()
	if callers := l.caller.Stats(); l.side == HostSide {
		own.Received += callers.Received
		own.Spurious += callers.Spurious
	} else {
		peers.Sent += callers.Sent
	}
	return transport.Stats{
		FramesIn: l.framesIn.Load(), FramesOut: l.framesOut.Load(), BytesIn: l.bytesIn.Load(), BytesOut: l.bytesOut.Load(),
		WakeupsSent: peers.Sent, WakeupsSuppressed: peers.Suppressed,
		WakeupsReceived: own.Received, WakeupsSpurious: own.Spurious,
	}
}

// signal leaves a bit for the pump of one side, then rings its bell.
func (l *Link) signal(side int, bit uint32) {
	if !l.uses.enter() {
		return
	}
	defer l.uses.leave()
	l.shared.Signals[side].Or(bit)
	if side == l.side {
		l.ring(l.bell)
	} else {
		l.ringPeer()
	}
}

// ReleaseLease frees a slot that a receiver kept, and tells those who wait for one.
func (l *Link) ReleaseLease(token uint64) {
	l.free(slot.Ref(token))
	l.leases.Add(-1)
	l.segment.Release()
}

func (l *Link) free(ref slot.Ref) {
	l.view.pool.Free(ref)
	if fault.On(fault.NoRingOnSlot) {
		return
	}
	if fault.On(fault.SlotWaitersOwnPeer) {
		l.offerHere()
		return
	}
	// pairs with: slot-waiters. Free comes before this look, as the announcement comes
	// before the waiter's second look for a slot: one of the two sees the other.
	if l.view.header.SlotWaiters.Load() == 0 {
		return
	}
	if l.relay != nil {
		l.relay()
		return
	}
	l.signal(HostSide, signalRelay)
}

// broadcast wakes everyone who waits.
type broadcast struct {
	mu step.Mutex
	ch chan struct{}
}

// wait gives a channel that the next wake closes.
func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ch
}

func (b *broadcast) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	step.At(b.ch)
	close(b.ch)
	b.ch = make(chan struct{})
}

// takeTurn makes the caller the ring's producer.
func (l *Link) takeTurn(ctx context.Context) error {
	if fault.On(fault.TwoProducers) || fault.On(fault.StaleIndex) {
		return l.takeNoTurn()
	}
	step.At(l.turn)
	select {
	case l.turn <- struct{}{}:
	default:
		turn, over, stop := step.SendOrRecv(l.turn, ctx.Done(), l.stop)
		select {
		case turn <- struct{}{}:
		case <-over:
			return fmt.Errorf("send to %s: %w", l.name, ctx.Err())
		case <-stop:
			return l.sendError()
		}
	}
	if l.ending() {
		l.giveTurn()
		return l.sendError()
	}
	return nil
}

func (l *Link) giveTurn() {
	if fault.On(fault.TwoProducers) || fault.On(fault.StaleIndex) {
		l.giveNoTurn()
		return
	}
	step.At(l.turn)
	<-l.turn
}

func (l *Link) sendError() error { return fmt.Errorf("send: %w", l.why()) }
