package inspect

import (
	"slices"
	"time"

	"ddc/transport/hub"
)

// Kind is what is the matter with a link.
type Kind string

// The kinds. LostWakeup, LostFrame and Deadlock do not pass by
// themselves. SlotsExhausted, HandlerStuck and Orphaned may, if what a
// handler waits for comes after all.
const (
	LostWakeup     Kind = "lost wake-up"
	LostFrame      Kind = "lost frame"
	Deadlock       Kind = "deadlock"
	PeerDead       Kind = "peer dead"
	Corrupt        Kind = "corrupt"
	BellFailed     Kind = "doorbell failed"
	Halted         Kind = "stopped" // by a signal, as SIGSTOP
	SlotsExhausted Kind = "slots exhausted"
	HandlerStuck   Kind = "handler stuck"
	Orphaned       Kind = "orphaned call"
	BackPressure   Kind = "back-pressure"
	Starting       Kind = "starting"
	Closed         Kind = "closed"
	Healthy        Kind = "healthy"
)

// Wrong says that the transport or a plugin is at fault, rather than busy.
func (k Kind) Wrong() bool {
	return k != BackPressure && k != Starting && k != Closed && k != Healthy
}

// Diagnosis says what is wrong with one link, or that it is healthy.
type Diagnosis struct {
	Place int    `json:"place"`
	Name  string `json:"name"`
	Kind  Kind   `json:"kind"`
	// Why is what it goes by, in a few words.
	Why string `json:"why,omitempty"`
	// Call is the call that a stuck handler is at: "fonts since 12 s in Subset
	// for content/index.md".
	Call string `json:"call,omitempty"`
	// Whom is the peer that has the slots.
	Whom string `json:"whom,omitempty"`
	// Since is how long the longest wait that it is about has lasted, 0 if
	// nobody knows.
	Since time.Duration `json:"since_ns,omitempty"`
	// Survived says that the plugin has been started again since,
	// on another link.
	Survived bool `json:"survived,omitempty"`
}

// Wrong says that something is, and still.
func (d Diagnosis) Wrong() bool { return d.Kind.Wrong() && !d.Survived }

// String is one line: "lost wake-up (plugin sleeps, 3 frames unread, no
// token)", or "handler stuck: code_execution since 12 s in Execute for
// content/index.md:14, waits for process 4711 (sleep)".
func (d Diagnosis) String() string {
	text := string(d.Kind)
	if d.Whom != "" {
		text += " by " + d.Whom
	}
	switch {
	case d.Call != "":
		text += ": " + d.Call + ", " + d.Why
	case d.Why != "":
		text += " (" + d.Why + ")"
	}
	if d.Survived {
		text += ", started again"
	}
	return text
}

// stuckAfter is how long a call may be under way, with its plugin idle, before
// its handler is called stuck.
const stuckAfter = 5 * time.Second

// uncounted is how long a plugin that works may be at a call without counting
// it among those of its handlers: while it reads a large request or writes a
// large reply, and the kernel finds memory for that a page at a time.
const uncounted = 30 * time.Second

// Diagnose says what is the matter with each link in the last of some snapshots
// of a hub. It compares that snapshot with the first. Two snapshots a quarter
// of a second apart give everything that can run the time to run, and so tell a
// sleeper that was forgotten from one that is about to wake. With one snapshot,
// as of a copy, it assumes that nothing moves. It looks at nothing but its
// arguments.
func Diagnose(snapshots ...Snapshot) []Diagnosis {
	if len(snapshots) == 0 {
		return nil
	}
	first, last := snapshots[0], snapshots[len(snapshots)-1]
	stills := make([]bool, len(last.Links))
	for i := range last.Links {
		stills[i] = still(snapshots, &last.Links[i])
	}
	var all []Diagnosis
	for i := range last.Links {
		l := look{link: &last.Links[i], now: &last, still: stills[i], all: stills}
		if len(snapshots) > 1 {
			l.before = &first
		}
		d := l.diagnose()
		d.Place, d.Name = l.link.Peer, l.link.Name
		all = append(all, d)
	}
	markSurvived(all)
	return all
}

// markSurvived marks links that have ended, where their plugin has
// had another since.
func markSurvived(all []Diagnosis) {
	over := func(k Kind) bool { return k == Corrupt || k == BellFailed || k == PeerDead }
	for i := range all {
		d := &all[i]
		d.Survived = over(d.Kind) && slices.ContainsFunc(all, func(o Diagnosis) bool {
			return o.Name == d.Name && !over(o.Kind)
		})
	}
}

// Quiet says that a link has stood still between two snapshots with something
// to be done or waited for: then /proc is worth a look.
func Quiet(before, now Snapshot) bool {
	for i := range now.Links {
		if l := &now.Links[i]; busy(l) && still([]Snapshot{before, now}, l) {
			return true
		}
	}
	return false
}

// busy says that a link has something to do, or somebody who waits.
func busy(l *hub.LinkSnapshot) bool {
	for side := range l.Sides {
		s := &l.Sides[side]
		if s.Unread() > 0 || s.SpaceSince != 0 || s.SlotSince != 0 || s.Signals != 0 || s.Closed {
			return true
		}
	}
	return len(l.Calls) > 0 || l.Caller.Parked
}

// still says that a link was the same in all snapshots: no word of it moved,
// and no call began or ended.
func still(snapshots []Snapshot, last *hub.LinkSnapshot) bool {
	for _, s := range snapshots[:len(snapshots)-1] {
		i := slices.IndexFunc(s.Links, func(l hub.LinkSnapshot) bool { return l.Peer == last.Peer })
		if i < 0 || !sameState(s.Links[i].State, last.State) || !sameCalls(s.Links[i].Calls, last.Calls) {
			return false
		}
	}
	return true
}

// sameState compares all but what can be unknown in one look and
// known in the next.
func sameState(a, b hub.State) bool {
	for _, s := range []*hub.State{&a, &b} {
		s.Caller.Blind, s.Sides[0].Blind, s.Sides[1].Blind = false, false, false
		s.Caller.Token, s.Sides[0].Token, s.Sides[1].Token = false, false, false
	}
	return a == b
}

func sameCalls(a, b []hub.Call) bool {
	stream := func(x, y hub.Call) int { return int(x.Stream) - int(y.Stream) }
	a, b = slices.SortedFunc(slices.Values(a), stream), slices.SortedFunc(slices.Values(b), stream)
	return slices.Equal(a, b)
}
