package inspect

import (
	"fmt"
	"strings"
	"time"

	"ddc/internal/printable"
	"ddc/internal/proc"
	"ddc/transport/hub"
	"ddc/wake"
)

// look is one link in the last snapshot, and whether it moved since the first.
type look struct {
	link   *hub.LinkSnapshot
	now    *Snapshot
	before *Snapshot // nil where there is one snapshot only
	still  bool
	all    []bool // still of each link of now
}

// The sides, as people call them.
var sides = [2]string{hub.HostSide: "host", hub.PeerSide: "plugin"}

func (l *look) diagnose() Diagnosis {
	for _, rule := range []func() (Diagnosis, bool){
		l.givenUp, l.ended, l.halted, l.starting, l.corrupt, l.deadlocked, l.asleepOverWork, l.asleepOverReply, l.waitsForSpace, l.waitsForSlot, l.notReceiving, l.frameLost, l.orphaned, l.handling,
	} {
		if d, ok := rule(); ok {
			return d
		}
	}
	return Diagnosis{Kind: Healthy}
}

// does says what the process of a side does; Unknown where it
// was not looked at.
func (l *look) does(side int) Doing {
	p, ok := l.now.Processes[l.link.PIDs[side]]
	if !ok {
		return Unknown
	}
	if p.Doing != Asleep && p.Doing != Unknown || l.before == nil {
		return p.Doing
	}
	// A thread that runs in short bursts is seldom caught at it. The host's
	// descendants are the plugins, and say nothing of it.
	if side == hub.HostSide {
		return p.Doing
	}
	if old, ok := l.before.Processes[p.PID]; p.Children || ok && p.CPU > old.CPU+proc.Tick {
		return Running
	}
	return p.Doing
}

// working says that the plugin's process works. A thread of its runtime that
// was caught running for a moment is no work: it would be neither seen at both
// looks nor use any time in between.
func (l *look) working() bool {
	if l.does(hub.PeerSide) != Running {
		return false
	}
	now := l.now.Processes[l.link.PIDs[hub.PeerSide]]
	if l.before == nil || now.Children {
		return true
	}
	old, ok := l.before.Processes[now.PID]
	return !ok || old.Doing == Running || now.CPU > old.CPU+proc.Tick
}

// runnable says that some thread of a side's process ran, or
// could, at this moment.
func (l *look) runnable(side int) bool {
	return l.now.Processes[l.link.PIDs[side]].Doing == Running
}

// aboutToWake says that a sleeper with a token may have had no processor yet.
// Once a call has waited for long, that is no longer an explanation.
func (l *look) aboutToWake(side int) bool {
	oldest := l.oldest()
	return l.runnable(side) && (oldest.Began == 0 || time.Duration(l.now.At-oldest.Began) < stuckAfter)
}

// givenUp tells of links that an end has given up, for a reason
// that it has noted.
func (l *look) givenUp() (d Diagnosis, is bool) {
	for side := range sides {
		end := l.link.Sides[side].End
		kind := map[hub.EndKind]Kind{hub.EndCorrupt: Corrupt, hub.EndBellFailed: BellFailed}[end.Kind]
		if kind != "" {
			return Diagnosis{Kind: kind, Why: sides[side] + " says: " + end.Text}, true
		}
	}
	return d, false
}

// ended tells of links that were closed, and of processes that have ended.
func (l *look) ended() (d Diagnosis, is bool) {
	if l.link.Sides[0].Closed && l.link.Sides[1].Closed || l.link.Incarnation == 0 {
		return Diagnosis{Kind: Closed}, true
	}
	for side := range sides {
		if l.does(side) == Ended {
			if l.link.Sides[side].Closed && side == hub.PeerSide {
				return Diagnosis{Kind: Closed}, true
			}
			return Diagnosis{Kind: PeerDead, Why: fmt.Sprintf("%s, process %d, has ended", sides[side], l.link.PIDs[side])}, true
		}
	}
	return d, false
}

func (l *look) halted() (d Diagnosis, is bool) {
	for side := range sides {
		if l.does(side) == Stopped {
			return Diagnosis{Kind: Halted, Why: fmt.Sprintf("%s, process %d, was stopped by a signal", sides[side], l.link.PIDs[side])}, true
		}
	}
	return d, false
}

func (l *look) starting() (d Diagnosis, is bool) {
	return Diagnosis{Kind: Starting, Why: "the plugin has not attached"}, !l.link.Attached
}

// corrupt tells of rings that no sound peer leaves so.
func (l *look) corrupt() (d Diagnosis, is bool) {
	for side := range sides {
		s := &l.link.Sides[side]
		if n := s.Unread(); l.still && n > uint64(l.link.Cells) {
			if s.Behind() {
				return Diagnosis{Kind: Corrupt, Why: fmt.Sprintf("ring to the %s: producer index %d is behind consumer's %d: two senders", sides[side], s.Produced, s.Consumed)}, true
			}
			return Diagnosis{Kind: Corrupt, Why: fmt.Sprintf("ring to the %s has %d of %d descriptors", sides[side], n, l.link.Cells)}, true
		}
	}
	return d, false
}

func (l *look) full(side int) bool { return l.link.Sides[side].Unread() >= uint64(l.link.Cells) }

// deadlocked tells of senders of both sides that wait for space, where one of
// them is the goroutine that would make room or hear of it.
func (l *look) deadlocked() (d Diagnosis, is bool) {
	a, b := &l.link.Sides[0], &l.link.Sides[1]
	if !l.still || a.SpaceSince == 0 || b.SpaceSince == 0 || a.Parked && b.Parked {
		return d, false
	}
	return l.since(Diagnosis{Kind: Deadlock, Why: "both wait for space"}, max(a.SpaceSince, b.SpaceSince)), true
}

// asleepOverWork tells of a receiver that sleeps though there is something to
// do, and has no token that will wake it.
func (l *look) asleepOverWork() (d Diagnosis, is bool) {
	for _, side := range []int{hub.PeerSide, hub.HostSide} {
		sleeper, blind := l.sleeper(side)
		work := l.work(side)
		switch {
		case !l.still || !sleeper.Lost() && !sleeper.Undelivered():
			continue
		case sleeper.Lost() && blind:
			work += ", token unknown"
		case sleeper.Lost():
			work += ", no token"
		case l.aboutToWake(side):
			continue
		default:
			work += ", and a token that it does not notice"
		}
		return l.since(Diagnosis{Kind: LostWakeup, Why: sides[side] + " sleeps, " + work}, l.link.Sides[side].SpaceSince), true
	}
	return d, false
}

// asleepOverReply: a caller sleeps in the place of the host's pump, and every
// call has ended.
func (l *look) asleepOverReply() (d Diagnosis, is bool) {
	c := &l.link.Caller
	if !l.still || !c.Parked || len(l.link.Calls) > 0 || l.link.Unnoted != 0 || c.Token && l.aboutToWake(hub.HostSide) {
		return d, false
	}
	token := map[bool]string{false: "no token", true: "and a token that it does not notice"}[c.Token]
	if c.Blind {
		token = "token unknown"
	}
	return Diagnosis{Kind: LostWakeup, Why: "a caller of the host sleeps, its reply has come, " + token}, true
}

// work says what a side has to do, "" for nothing.
func (l *look) work(side int) string {
	s := &l.link.Sides[side]
	switch unread := s.Unread(); {
	case unread > 0:
		return printable.Count(unread, "frame") + " unread"
	case s.Signals != 0:
		return "signals unanswered"
	case l.link.Sides[1-side].Closed:
		return "the end of the link unseen"
	}
	return ""
}

// sleeper is the goroutine that receives at a side. For the host that may be a
// caller in the pump's place, and a token for either of the two will do. blind
// says that nobody can tell whether there is one.
func (l *look) sleeper(side int) (s wake.Sleeper, blind bool) {
	s, blind = l.link.Sleeper(side), l.link.Sides[side].Blind
	if caller := &l.link.Caller; side == hub.HostSide && caller.Parked {
		s.Token, blind = s.Token || caller.Token, blind || caller.Blind
	}
	return s, blind
}

// waitsForSpace: a sender waits for room in a ring.
func (l *look) waitsForSpace() (d Diagnosis, is bool) {
	for _, side := range []int{hub.PeerSide, hub.HostSide} {
		s, sender := &l.link.Sides[side], sides[1-side]
		if s.SpaceSince == 0 {
			continue
		}
		switch own := &l.link.Sides[1-side]; {
		case !l.full(side) && l.still && own.Signals != 0 && !own.Parked:
			d = Diagnosis{Kind: HandlerStuck, Why: fmt.Sprintf("%s waits for space; whoever receives there does something else, and does not hear that there is room", sender)}
		case !l.full(side) && l.still:
			d = Diagnosis{Kind: LostWakeup, Why: fmt.Sprintf("%s waits for space, ring has room for %d, nobody told it", sender, uint64(l.link.Cells)-s.Unread())}
		case !l.full(side):
			d = Diagnosis{Kind: BackPressure, Why: fmt.Sprintf("%s waits for space; %s is running", sender, sides[side])}
		case l.still && !s.Parked && l.does(side) == Asleep:
			d = Diagnosis{Kind: HandlerStuck, Why: fmt.Sprintf("%s waits for space; whoever receives at the %s does something else, and sleeps", sender, sides[side])}
		case l.does(side) == Unknown:
			d = Diagnosis{Kind: BackPressure, Why: sender + " waits for space"}
		default:
			d = Diagnosis{Kind: BackPressure, Why: fmt.Sprintf("%s waits for space; %s is %s", sender, sides[side], l.motion(side))}
		}
		return l.since(d, s.SpaceSince), true
	}
	return d, false
}

// motion is what a side does, if not what its process does.
func (l *look) motion(side int) Doing {
	if !l.still {
		return Running
	}
	return l.does(side)
}

// waitsForSlot: a sender has room in its ring, and nothing to
// put the payload in.
func (l *look) waitsForSlot() (d Diagnosis, is bool) {
	for _, side := range []int{hub.PeerSide, hub.HostSide} {
		s, sender := &l.link.Sides[side], sides[1-side]
		if s.SlotSince == 0 {
			continue
		}
		free := l.now.FreeSlots + l.link.Slots[1-side].Reserve
		switch {
		case free > 0 && l.still:
			d = Diagnosis{Kind: LostWakeup, Why: fmt.Sprintf("%s waits for a slot, %d are free, nobody told it", sender, free)}
		case !l.still || l.slotsMove():
			d = Diagnosis{Kind: BackPressure, Why: fmt.Sprintf("%s waits for a slot; %s has most", sender, l.richest())}
		default:
			d = Diagnosis{Kind: SlotsExhausted, Whom: l.richest(), Why: sender + " waits for a slot"}
		}
		return l.since(d, s.SlotSince), true
	}
	return d, false
}

// slotsMove says that somebody who has slots is at work: they will come free.
func (l *look) slotsMove() bool {
	for i := range l.now.Links {
		other := look{link: &l.now.Links[i], now: l.now, before: l.before, still: l.all[i]}
		if other.link.Slots[0].Slots+other.link.Slots[1].Slots > 0 && (!other.still || other.does(hub.PeerSide) == Running) {
			return true
		}
	}
	return false
}

// richest is the peer on whose link most slots are in use.
func (l *look) richest() string {
	most, name := -1, ""
	for i := range l.now.Links {
		other := &l.now.Links[i]
		if n := other.Slots[0].Slots + other.Slots[1].Slots; n > most {
			most, name = n, other.Name
		}
	}
	return name
}

// notReceiving tells of frames whose receiver neither sleeps at its
// doorbell nor runs.
func (l *look) notReceiving() (d Diagnosis, is bool) {
	for _, side := range []int{hub.PeerSide, hub.HostSide} {
		if s := &l.link.Sides[side]; l.still && s.Unread() > 0 && !s.Parked && l.does(side) == Asleep {
			d = Diagnosis{Kind: HandlerStuck, Why: fmt.Sprintf("%s, and whoever receives at the %s does something else, and sleeps", l.work(side), sides[side])}
			return l.since(d, l.oldest().Began), true
		}
	}
	return d, false
}

// frameLost: all is quiet, and the host waits for more replies than the plugin
// is at work on. A process that runs may be about to send or to take one, but
// not for long. A plugin that works may take longer over a large one.
func (l *look) frameLost() (d Diagnosis, is bool) {
	calls := len(l.link.Calls) + l.link.Unnoted
	if !l.still || l.link.Handlers < 0 || calls <= l.link.Handlers {
		return d, false
	}
	moment := l.age() < stuckAfter
	if moment && (l.runnable(hub.HostSide) || l.does(hub.PeerSide) == Running) {
		return d, false
	}
	if l.age() < uncounted && l.working() {
		return d, false
	}
	why := fmt.Sprintf("host waits for %s, plugin is at work on %d, nothing to read", replies(calls), l.link.Handlers)
	return l.since(Diagnosis{Kind: LostFrame, Why: why}, l.oldest().Began), true
}

// orphaned: all is quiet, the plugin has read all that it was sent, and is at
// work on more calls than the host waits for. Either the call was sent when it
// was over, or its handler goes on though it was cancelled.
func (l *look) orphaned() (d Diagnosis, is bool) {
	calls := len(l.link.Calls) + l.link.Unnoted
	if !l.still || l.link.Handlers <= calls || l.link.Sides[hub.PeerSide].Unread() > 0 || l.working() {
		return d, false
	}
	why := fmt.Sprintf("plugin is at work on %d, host waits for %s, nothing to read", l.link.Handlers, replies(calls))
	return l.since(Diagnosis{Kind: Orphaned, Why: why}, l.oldest().Began), true
}

func replies(n int) string {
	if n == 1 {
		return "1 reply"
	}
	return fmt.Sprintf("%d replies", n)
}

// handling: all is quiet, and a call is not answered.
func (l *look) handling() (d Diagnosis, is bool) {
	oldest := l.oldest()
	if !l.still || l.age() < stuckAfter || l.working() {
		return d, false
	}
	why := "plugin sleeps, nothing to read"
	if waits := l.awaited(); waits != "" {
		why = waits
	}
	call := fmt.Sprintf("%s since %.0f s", l.link.Name, l.age().Seconds())
	if oldest.Method != "" { // without its service, whose name is the plugin's
		call += " in " + oldest.Method[strings.LastIndexByte(oldest.Method, '/')+1:]
	}
	if oldest.About != "" {
		call += " for " + oldest.About
	}
	return l.since(Diagnosis{Kind: HandlerStuck, Call: call, Why: why}, oldest.Began), true
}

// age is how long the oldest call has been under way, 0 where there is none.
func (l *look) age() time.Duration {
	if began := l.oldest().Began; began != 0 {
		return time.Duration(l.now.At - began)
	}
	return 0
}

// awaited names the processes that the plugin may wait for.
func (l *look) awaited() string { return waitsFor(l.now.Processes[l.link.PIDs[hub.PeerSide]].Awaits) }

func waitsFor(list []Child) string {
	if len(list) == 0 {
		return ""
	}
	return "waits for " + processes(list)
}

// Awaited says what processes a process may wait for: "waits for process 4711
// (sleep)", or "" if it has no children.
func Awaited(pid int) string { return waitsFor(familyTree().childrenOf(pid, maxGenerations)) }

// processes lists processes: "process 4711 (sleep)", and what they
// wait for in turn.
func processes(list []Child) string {
	var words []string
	for _, c := range list {
		text := fmt.Sprintf("process %d (%s)", c.PID, c.Name)
		if len(c.Awaits) > 0 {
			text += ", which waits for " + processes(c.Awaits)
		}
		words = append(words, text)
	}
	return strings.Join(words, " and ")
}

func (l *look) oldest() (oldest hub.Call) {
	for _, c := range l.link.Calls {
		if oldest.Began == 0 || c.Began < oldest.Began {
			oldest = c
		}
	}
	return oldest
}

func (l *look) since(d Diagnosis, when int64) Diagnosis {
	if when != 0 {
		d.Since = max(time.Duration(l.now.At-when), 0)
	}
	return d
}
