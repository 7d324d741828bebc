// Package fault is the catalogue of deliberate defects: one for each rule of
// the wake protocol, for each suspect of the hang that this transport replaces,
// and for each bug that was found on the way. The catalogue is data, and in
// every build; what it describes is in none but those with the tag ddcfault:
//
//	if fault.On(fault.NoRingOnSlot) {
//		return
//	}
//
// In an ordinary build On is the constant false, so that the compiler drops the
// branch and nothing of it is in the program; a test of this package looks for
// what is left. With the tag ddcfault, the environment variable DDC_FAULT names
// the faults that are on in a process, and so in those that it starts, with
// commas or plus signs between them; [Switch] turns them on in this process.
//
// Many faults are windows: the wrong order of two steps, which harms only if
// somebody else comes between them. A window of nanoseconds is what makes such
// a fault show once in 10^8 wake-ups. [Widen] stands in each, and sleeps there,
// as a busy machine would let a thread lie there sooner or later. With
// DDC_FAULT_NARROW set it does not, which is how the rates in docs/FAULTS.md
// were measured.
package fault

import (
	"slices"
	"strings"
)

// Name is a fault's name: "no-ring-on-space".
type Name string

// Parts are the faults of a compound, "stale-index+trusted-index": several
// rules broken at once, where the check that one asks for would hide that the
// other is broken. A fault by itself is its only part.
func (n Name) Parts() []Name {
	var parts []Name
	for part := range strings.SplitSeq(string(n), "+") {
		parts = append(parts, Name(part))
	}
	return parts
}

// Kind is how a fault shows to those who use the transport.
type Kind string

// The kinds. A fault may show as one of several, by which call it meets.
const (
	Hung    Kind = "hung"    // somebody waits for ever
	Slow    Kind = "slow"    // all ends well, some calls late
	Corrupt Kind = "corrupt" // a reply is not what it must be
	Failed  Kind = "error"   // calls fail
)

// Entry describes one fault.
type Entry struct {
	Name Name
	// Rule is the rule of the wake protocol that it breaks, 1 to 16, or 0 for
	// what a waker promises by itself. Package conformance/scenario has the
	// sentences.
	Rule int
	// Also is the other rule that a compound breaks, or 0.
	Also int
	// Defect is what the code does with the fault on.
	Defect string
	// Seen is what a real system did, and where that can be read.
	Seen string
	// Stands is the suspect or the earlier fix of the hang's report that it is,
	// or "".
	Stands Suspicion
	// On are the strategies on which it can bite, and Immune why it cannot on
	// the others.
	On     []string
	Immune string
	// Shows is how it may show.
	Shows []Kind
	// After is how many events pass before it begins, 0 where it is there from
	// the start.
	After int
	// Inproc says that it bites without any wake-up too, on the transport
	// within one process.
	Inproc bool
	// Window is what has to fall between two steps for it to harm, or "" where
	// it harms every time.
	Window string
	// Needs are the mechanisms without which it cannot exist, and Signs what
	// its hang looks like.
	Needs []Mechanism
	Signs Signs
	// Rare says that a system at work seldom meets the window, be it wide or
	// not: a run without a sign of the fault says nothing.
	Rare bool
}

// Suspicion is a place in the report of the hang.
type Suspicion string

// The four suspects, and the three that had been fixed before.
const (
	Deregistered Suspicion = "suspect 1: the doorbell's descriptor drops out of epoll"
	EdgeLost     Suspicion = "suspect 2: edge-triggered readiness, the byte consumed and never re-armed"
	WrongPeer    Suspicion = "suspect 3: the host rings the wrong peer's doorbell"
	FullFirst    Suspicion = "suspect 4: the ring fills before the doorbell's byte is written"
	NoFirstLook  Suspicion = "earlier fix 1: waiting without first checking for pending data"
	FutexBlocks  Suspicion = "earlier fix 2: a blocking wait for space on the thread that receives"
	ChildBlocks  Suspicion = "earlier fix 3: a blocking child process in a handler"
)

// Suspicions lists all seven, in the report's order.
func Suspicions() []Suspicion {
	return []Suspicion{Deregistered, EdgeLost, WrongPeer, FullFirst, NoFirstLook, FutexBlocks, ChildBlocks}
}

// EpollSuffix ends the name of a strategy that sleeps as an event loop does:
// through edge-triggered epoll, with a flag of its own for readiness
// ("eventfd+epoll"). Package conformance/broken has them.
const EpollSuffix = "+epoll"

// The strategies, by what faults can do to them. Package wake/strategy has the
// wakers; a test holds these names to them.
var (
	files    = []string{"eventfd", "pipe", "socketpair"}
	everyone = append([]string{"futex"}, files...)
	epolls   = []string{"eventfd" + EpollSuffix, "pipe" + EpollSuffix, "socketpair" + EpollSuffix}
)

// Files are the strategies whose tokens lie in a file.
func Files() []string { return slices.Clone(files) }

// Bites says whether the fault can bite on a strategy. One that bites on the
// strategy below an event loop bites through the loop as well.
func (e *Entry) Bites(strategy string) bool {
	below, _ := strings.CutSuffix(strategy, EpollSuffix)
	return slices.Contains(e.On, strategy) || slices.Contains(e.On, below)
}

// Catalogue lists every fault: those of the issue, then those found here.
func Catalogue() []Entry {
	return slices.Concat(sleeper(), ringer(), epoll(), sharing(), indices(), pump(), found(), calls(), compounds())
}

// Known lists every fault that one can rule on: the names of Catalogue.
func Known() []Name {
	var names []Name
	for _, e := range Catalogue() {
		names = append(names, e.Name)
	}
	return names
}

// Names lists the names of Catalogue.
func Names() []string {
	var names []string
	for _, n := range Known() {
		names = append(names, string(n))
	}
	return names
}

// ByName finds the entry of a name.
func ByName(name string) (Entry, bool) {
	for _, e := range Catalogue() {
		if string(e.Name) == name {
			return e, true
		}
	}
	return Entry{}, false
}
