//go:build explore

package explore

import (
	"fmt"

	"ddc/internal/sys"
)

// Planned is a scenario and how far it is searched.
type Planned struct {
	Scenario
	// Fast is how far for make test, All for make prove.
	Fast, All Extent
}

// Extent is how far a scenario is searched: exhaustively, or to a number of
// preemptions or delays.
type Extent struct {
	// Drawn, if not 0, is how many random schedules are run instead. It is for
	// scenarios where one more delay would mean a hundred times as many
	// schedules.
	Drawn  int
	Bound  int
	Delays bool
	Races  bool
}

// leastSchedules is how many schedules a row needs to show anything. With fewer
// its tasks hardly meet, and one order stands for all.
const leastSchedules = 5

var (
	exhaust = Extent{Bound: -1}
	skip    = Extent{Bound: -2}
)

func preemptions(n int) Extent { return Extent{Bound: n} }
func delays(n int) Extent      { return Extent{Bound: n, Delays: true} }
func drawn(n int) Extent       { return Extent{Drawn: n} }

// races is the schedules of n preemptions that reverse races.
func races(n int) Extent { return Extent{Bound: n, Races: true} }

// String is "all", "2 preemptions", "3 delays".
func (e Extent) String() string {
	switch {
	case e.Drawn > 0:
		return "drawn"
	case e == exhaust:
		return "all"
	case e == skip:
		return "none"
	case e.Races:
		return fmt.Sprintf("%d preemptions, races", e.Bound)
	case e.Delays:
		return fmt.Sprintf("%d delays", e.Bound)
	}
	return fmt.Sprintf("%d preemptions", e.Bound)
}

// Plan is the scenarios of one strategy: those over doorbells, rings and slots,
// then those over a hub's links with their pumps.
func Plan(strategy string) []Planned {
	return append(planBells(strategy), planLinks(strategy)...)
}

// planBells are the scenarios of wakers, doorbells, rings and slots.
func planBells(strategy string) []Planned {
	tiny := sys.Limits{Eventfd: 1, Pipe: 1, Socket: 1}
	// A futex waker makes twice as many steps as one with a descriptor: locks,
	// and the words of its tokens.
	either := func(descriptors, futex Extent) Extent {
		if strategy == "futex" {
			return futex
		}
		return descriptors
	}
	return []Planned{
		{oneWay("ring of 1, 1 frame", strategy, 1, 1), exhaust, exhaust},
		{oneWay("ring of 1, 2 frames", strategy, 1, 2), preemptions(2), exhaust},
		{oneWay("ring of 1, 3 frames", strategy, 1, 3), preemptions(1), either(preemptions(3), preemptions(2))},
		{oneWay("ring of 2, 3 frames", strategy, 2, 3), preemptions(1), either(exhaust, preemptions(3))},
		{bothWays("both directions full at once", strategy), delays(1), delays(2)},
		{twoSenders("two senders behind one ring", strategy), preemptions(1), either(exhaust, preemptions(2))},
		{oneWay("spin, then sleep", strategy, 1, 2, spinning), preemptions(1), either(exhaust, preemptions(3))},
		{oneWay("a signal in any system call", strategy, 1, 2, signals(1)), preemptions(1), preemptions(2)},
		{threeRings("three rings, one sleeper", strategy, sys.RealLimits), preemptions(2), either(exhaust, preemptions(3))},
		{threeRings("three rings, room for one token", strategy, tiny), preemptions(2), either(exhaust, preemptions(3))},
		{twoRingers("two ringers, one sleeper", strategy, tiny), preemptions(1), either(exhaust, preemptions(2))},
		{twoSleepers("two sleepers of one process", strategy), either(exhaust, preemptions(1)), either(exhaust, races(2))},
		{neighbours("two sleepers, one rung twice", strategy), delays(2), either(exhaust, races(2))},
		{turns("two calls and replies", strategy, 2), preemptions(2), either(preemptions(4), preemptions(2))},
		{closing("close at every step", strategy), exhaust, exhaust},
		{closingOne("close of one of two sleepers at every step", strategy), preemptions(1), either(preemptions(3), races(2))},
		{cancelling("cancel at every step", strategy), preemptions(1), either(exhaust, preemptions(2))},
		{contextsInTurn("two contexts in turn on one bell", strategy), preemptions(1), preemptions(1)},
		{endedLate("a context that ends while the bell closes", strategy), exhaust, exhaust},
		{repaying("repay and ring at once", strategy), preemptions(2), preemptions(3)},
		{waitingAgain("close of a waker that waits again", strategy), exhaust, exhaust},
		{sleepFails("two sleepers, one is refused", strategy), delays(2), races(2)},
		{dying("death of a sender at every step", strategy), preemptions(1), either(exhaust, preemptions(3))},
		{dyingWithSlot("death of a sender of slots at every step", strategy), preemptions(2), exhaust},
		{lying("a peer that stores nonsense", strategy), exhaust, exhaust},
		{lastSlot("the last slot, two parties"), exhaust, exhaust},
		{oneToken("one announcement, two ringers", strategy), exhaust, exhaust},
		{lateRing("two rings of one process, one late", strategy), preemptions(2), preemptions(3)},
		{onePoolSlot("one slot, three peers", strategy), preemptions(1), preemptions(2)},
	}
}

// planLinks are the scenarios of links, and of what they share.
func planLinks(strategy string) []Planned {
	// Pipes and sockets close as eventfds do, so these scenarios are about the
	// links.
	deeper, raced := delays(2), races(1)
	if strategy == "pipe" || strategy == "socketpair" {
		deeper, raced = delays(1), delays(1)
	}
	// What it is about lies above the strategy.
	once := delays(1)
	if strategy == "eventfd" {
		once = races(1)
	}
	return []Planned{
		{hubOneWay("link: 3 frames, ring of 1", strategy, 3, small), delays(1), races(2)},
		{hubOneWay("link: 3 payloads in one slot", strategy, 3, slotted), delays(1), races(1)},
		{hubOneWay("link: a payload in pieces, one slot", strategy, 1, large), delays(1), races(3)},
		{hubBothWays("link: both directions full at once", strategy, 2), delays(1), races(1)},
		{hubReplies("link: calls faster than the ring", strategy, 2), delays(1), races(1)},
		{hubSenders("link: two senders", strategy, 1, small, 1, 1), delays(1), races(2)},
		{hubSenders("link: two senders, one slot", strategy, 2, slotted, 2, 1), once, races(1)},
		{hubSlots("link: two peers, one slot", strategy, slotted), delays(1), races(1)},
		{hubSlots("link: two peers, payloads in pieces, one slot", strategy, large), delays(1), delays(1)},
		{hubSlots("link: two peers, payloads in pieces, drawn", strategy, large), drawn(300), drawn(20_000)},
		{hubNeighbours("link: 3 frames to one of two peers", strategy, 3), delays(1), races(1)},
		{hubAborts("link: a payload given up between pieces", strategy), delays(1), races(1)},
		{hubOver("link: a context that ends before its send", strategy), delays(1), races(1)},
		{hubClosing("link: close at every step", strategy), deeper, races(1)},
		{hubLastWords("link: the host's last words", strategy, "host", small), delays(1), races(1)},
		{hubLastWords("link: a peer's last words, in a slot", strategy, "peer", slotted), delays(1), races(1)},
		{hubDyingWithLease("link: death of a peer whose payload is read", strategy), delays(1), races(1)},
		{hubKeeping("link: a payload kept past the close", strategy), delays(1), races(1)},
		{hubClosingInUse("link: close under its users", strategy), deeper, delays(2)},
		{hubReplyThenClose("link: a reply, then a close", strategy), raced, races(1)},
		{hubSleepFails("link: a sleep that is refused", strategy), delays(1), delays(1)},
		{hubStarting("link: start with frames on the way", strategy, small), delays(1), delays(2)},
		{hubCallers("link: two callers, one in the pump's place", strategy), delays(1), delays(2)},
		{hubDelivered("link: the pump delivers to who stands in for it", strategy), delays(2), delays(3)},
		{hubStandInEnds("link: a sleep that is refused, and a caller in the pump's place", strategy), drawn(400), drawn(20_000)},
		{hubDyingUnderSender("link: death of a peer under a sender", strategy), delays(1), races(2)},
		{hubDying("link: death of a peer at every step", strategy), delays(1), races(2)},
		{hubCaller("link: a caller in the pump's place", strategy, false), delays(1), races(2)},
		{hubCaller("link: a caller in the pump's place before it rings", strategy, true), delays(1), races(2)},
		{hubLone("link: a peer of one thread, ring of 1, one slot", strategy, 1, 1, 2, slotted), delays(1), races(1)},
		{hubLone("link: a peer of one thread, ring of 4, two slots", strategy, 4, 2, 6, slotted), drawn(200), drawn(20_000)},
		{hubLone("link: a peer of one thread, ring of 1, no slot needed", strategy, 1, 1, 3, small), delays(1), delays(2)},
	}
}
