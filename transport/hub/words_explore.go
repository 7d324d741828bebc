//go:build explore

package hub

import (
	"ddc/slot"
	"ddc/wake"
)

var bellNames = [numBells]string{"host", "peer", "caller"}

// Bells names the words of each bell of the link as a whole.
func (l *Link) Bells(name func(bell string, words *wake.Words)) {
	for i := range l.page.Bells {
		name(bellNames[i], &l.page.Bells[i])
	}
}

// Words names the words that the two ends of a link share, for the explorer.
// Words that are only looked at from outside have no name.
func (l *Link) Words(prefix string, name func(word any, name string)) {
	for i := range l.page.Bells {
		b, of := &l.page.Bells[i], prefix+"bell."+bellNames[i]
		name(&b.Seq, of+".seq")
		name(&b.Left, of+".left")
		name(&b.Sleeping, of+".sleeping")
		name(&b.Taken, of+".taken")
		for _, counter := range []any{&b.Sent, &b.Suppressed, &b.Received, &b.Spurious} {
			name(counter, "")
		}
		name(&b.Parked, "")
	}
	for side := range 2 {
		page, to := &l.page.Rings[side], prefix+"ring.to-"+sides[side]
		name(&page.Produced, to+".produced")
		name(&page.Consumed, to+".consumed")
		name(&page.Starved, to+".starved")
		name(&l.page.Signals[side].Word32, prefix+"signals."+sides[side])
		name(&l.page.Closed[side].Word32, prefix+"closed."+sides[side])
	}
	name(&l.page.Gate, prefix+"gate.peer")
	name(&l.view.header.Gate, "gate.host")
	name(&l.page.CallerGate, prefix+"gate.caller")
	name(&l.view.header.SlotWaiters, "slot-waiters")
	own := prefix + sides[l.side] + "."
	name((<-chan struct{})(l.sender.turn), own+"turn")
	name((<-chan struct{})(l.sender.space), own+"space")
	name((<-chan struct{})(l.life.stop), own+"stop")
	name((<-chan struct{})(l.life.done), own+"done")
	name(&l.receiver.receive, own+"receive")
	name(&l.life.reason, own+"reason")
	name(&l.receiver.receiving, own+"receiving")
	name(l.life.uses.Word(), own+"uses")
	name(&l.life.dead, own+"dead")
	name(&l.bells.standing, own+"standing")
	name(&l.callers.since, "")
	name(&l.callers.wanted, own+"wanted")
}

// Sleepers are those of this end who may sleep, with what they wait for and
// whether somebody has told them. Nobody sleeps at an end that has let go of
// everything, whose words may be another's by then.
func (l *Link) Sleepers(tell func(name string, asleep, ready, told func() bool)) {
	each := func(name string, asleep, ready, told func() bool) {
		tell(name, func() bool { return !l.life.letGo() && asleep() }, ready, told)
	}
	pending := func(b *wake.Doorbell) func() bool {
		return func() bool { is, err := b.Pending(); return is && err == nil }
	}
	own := [...]string{"host", "peer"}[l.side]
	parked := func(bell int) func() bool {
		return func() bool { return l.page.Bells[bell].Parked.Peek() == 1 }
	}
	each(own+"'s pump", parked(l.side), l.receiver.ready, pending(l.bells.own))
	if l.side == HostSide {
		each("the host's caller", parked(callerBell), l.receiver.ready, pending(l.bells.caller))
	}
	waits := &l.page.Notes.Waits[l.side]
	each(own+"'s sender, for room,", func() bool { return waits.Space.Load() != 0 }, l.sender.producer.HasRoom,
		func() bool { return len(l.sender.space) > 0 || l.page.Signals[l.side].Peek()&signalSpace != 0 })
	each(own+"'s sender, for a slot,", func() bool { return waits.Slot.Load() != 0 },
		func() bool { return free(l.view.pool.Usage(-1)) },
		func() bool { return l.page.Signals[l.side].Peek()&signalSlot != 0 })
}

func free(usage []slot.Usage) bool {
	for _, u := range usage {
		if u.Count > u.Filling+u.Sent+u.Held {
			return true
		}
	}
	return false
}
