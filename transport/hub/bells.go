package hub

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/internal/trace"
	"ddc/shm"
	"ddc/transport"
	"ddc/wake"
)

// bells are the doorbells of a link, as one end uses them, and the signals that
// say what a ring was for. They touch, of shared memory:
//
//	Bells     the words of all three doorbells: see package wake
//	Signals   bits: set by either end, taken by the end that receives there
//
// A signal is set before its bell is rung, and taken before what it stands for
// is looked at. So none is lost, and one may come for nothing.
type bells struct {
	*end
	life *life

	own   *wake.Doorbell // wakes this end's pump
	peers *wake.Doorbell // wakes the other's
	// caller wakes the host's goroutine that receives in its pump's place: the
	// host awaits it, both ends ring it.
	caller *wake.Doorbell
	// standing is true while a caller receives in the pump's place. At the
	// peer's end none does.
	standing step.Bool
	flood    flood
	faults   faults // of no size, but in a build with faults
}

// open opens the doorbells with the files that they are made of.
func (b *bells) open(o linkOptions, events *trace.Events) error {
	gates := [numBells]*shm.Word32{HostSide: &b.view.header.Gate, PeerSide: &b.page.Gate, callerBell: &b.page.CallerGate}
	var opened [numBells]*wake.Doorbell
	for i := range opened {
		waker, err := b.openWaker(i, gates[i], o)
		if err != nil {
			for _, bell := range opened[:i] {
				err = errors.Join(err, bell.Close())
			}
			return err
		}
		spin := o.spin
		if i == 1-b.side {
			spin = wake.SpinOff // nobody awaits it here
		}
		opened[i] = wake.NewDoorbell(&b.page.Bells[i], &notedWaker{waker, events, uint64(i)}, spin)
	}
	b.own, b.peers, b.caller = opened[b.side], opened[1-b.side], opened[callerBell]
	return nil
}

func (b *bells) openWaker(bell int, gate *shm.Word32, o linkOptions) (wake.Waker, error) {
	waker, err := o.strategy.Open(b.page.Bells[bell].Tokens(gate), o.bells[bell])
	if err == nil && fault.On(fault.MovedDoorbell) {
		waker = moved(waker, bell, o)
	}
	return waker, err
}

func (b *bells) close() error {
	return errors.Join(b.own.Close(), b.peers.Close(), b.caller.Close())
}

// ring rings, or ends the link. A bell that fails may have taken the sleeper's
// flag, so that no later ring would try to wake it. What was rung for is out
// already, so the caller gets no error: the link tells. The bells are closed
// after the last use, so it is the kernel that says no: for want of memory, or
// because the peer has spoilt the file.
func (b *bells) ring(bell *wake.Doorbell) (asleep bool) {
	asleep, err := bell.Wake()
	if err != nil && !fault.On(fault.FlagTakenRingFails) {
		_ = b.corrupt(err)
	}
	return asleep
}

// ringPeer wakes the goroutine that receives at the other end: the caller that
// stands in for the host's pump if it sleeps, else the pump. One of the two is
// enough. Each looks at everything, and the caller, before it goes, leaves what
// it has not looked at to the pump (pairs with: caller-leaves).
func (b *bells) ringPeer() {
	if fault.On(fault.WrongPeerDoorbell) && b.faults.rangNeighbour(b) {
		return
	}
	if b.side == PeerSide && b.ring(b.caller) {
		return
	}
	// A caller that attends has just sent, and is about to look (Link.Ask).
	if !(b.side == PeerSide && b.caller.Attended()) && b.ring(b.peers) {
		return
	}
	// The peer is awake: its answer may be near.
	b.own.Expect()
	b.caller.Expect()
}

// ringCaller tells the caller that the pump has delivered frames: its own may
// be among them. They were delivered before this look at standing, and a caller
// looks for them after having set it (pairs with: caller-stands).
func (b *bells) ringCaller() {
	if b.side == HostSide && b.standing.Load() {
		b.ring(b.caller)
	}
}

// repayCaller makes the caller look again, whatever became of its flag
// (pairs with: caller-stands).
func (b *bells) repayCaller() {
	if b.side == HostSide && b.standing.Load() {
		_ = b.caller.Repay()
	}
}

// wakeSelf makes the pump look again, whatever became of its flag. The caller
// in its place need not be told: the pump tells it of what it delivers, and of
// the end.
func (b *bells) wakeSelf() {
	if b.life.uses.Enter() {
		defer b.life.uses.Leave()
		_ = b.own.Repay()
	}
}

// rescue makes both ends look at everything again.
func (b *bells) rescue() {
	if !b.life.uses.Enter() {
		return
	}
	defer b.life.uses.Leave()
	for side := range 2 {
		b.page.Signals[side].Or(signalSpace | signalSlot)
	}
	for _, bell := range []*wake.Doorbell{b.own, b.peers, b.caller} {
		_ = bell.Repay()
	}
}

// corrupt ends the link because of what the peer wrote, or because it
// cannot be woken.
func (b *bells) corrupt(err error) error {
	reason := fmt.Errorf("%s: %w: %w", b.name, transport.ErrCorrupt, err)
	b.life.fail(reason)
	b.wakeSelf()
	return reason
}

// signal leaves a bit for the pump of one side, then rings its bell.
func (b *bells) signal(side int, bit uint32) {
	if !b.life.uses.Enter() {
		return
	}
	defer b.life.uses.Leave()
	b.page.Signals[side].Or(bit)
	if side == b.side {
		b.ring(b.own)
	} else {
		b.ringPeer()
	}
}

// takeSignals takes the bits that were left for this end's pump.
func (b *bells) takeSignals() (uint32, error) {
	bits := b.page.Signals[b.side].Swap(0)
	if bits == 0 {
		return 0, nil
	}
	if bits&^signals != 0 {
		return 0, fmt.Errorf("%w: Signals[%s] are %#x", transport.ErrCorrupt, sides[b.side], bits)
	}
	if b.flood.tooMuch(trace.Now) {
		return 0, fmt.Errorf("%w: Signals[%s] are set again and again for nothing", transport.ErrCorrupt, sides[b.side])
	}
	return bits, nil
}

// flood notices a peer that signals without end to keep the pump busy. A sound
// peer signals only what somebody waits for. Where a hundred thousand signals
// come within two seconds, and meanwhile no frame comes and nobody here begins
// to wait, most are for nothing.
type flood struct {
	signals step.Int64   // since the last frame or wait, or since the count began
	since   atomic.Int64 // when that was, by trace's clock
}

const (
	floodSignals = 1 << 17
	floodTime    = int64(2 * time.Second)
)

// tooMuch counts a signal. It asks now for the time twice in each count.
func (f *flood) tooMuch(now func() int64) bool {
	switch f.signals.Add(1) {
	case 1:
		f.since.Store(now())
	case floodSignals:
		f.signals.Store(0)
		return now()-f.since.Load() < floodTime
	}
	return false
}

// calm is called for every reason to signal.
func (f *flood) calm() {
	if f.signals.Load() != 0 {
		f.signals.Store(0)
	}
}
