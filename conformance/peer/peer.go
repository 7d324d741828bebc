// Package peer judges a plugin that was written elsewhere, in whatever
// language: it starts the program, makes calls of it, and breaks off, kills and
// stops it. The program serves ddc.conformance.v1.Peer (peer.proto).
//
//	for _, trial := range peer.Trials() {
//		err := trial.Run(ctx, peer.Subject{Program: "./mine", Wake: "futex", Room: peer.Starved})
//	}
//
// conformance.TestPeer does so in a test, and ddc plugin check by hand. Each
// trial starts programs of its own, and says which rule of docs/PROTOCOL.md a
// program breaks that fails it.
//
// A program that stands still is found by its link's words: calls are under
// way, and no word has changed for a long while. No trial measures speed.
package peer

import (
	"context"
	"fmt"

	"ddc/slot"
	"ddc/transport/hub"
)

// Subject is what is judged, and where.
type Subject struct {
	// Program is the file to start, and Args what it is started with.
	Program string
	Args    []string
	// Wake is the wake strategy's name.
	Wake string
	Room Room
	// Rounds divides what there is to do: 1 is everything.
	Rounds int
}

// Room is how much room a hub has.
type Room int

// The rooms. A program that holds one slot while it waits for another gets by
// in an ordinary hub for millions of calls, and stands still in a starved one.
// In a bare one, senders wait for slots that the other side alone gives back.
const (
	Ordinary Room = iota
	Starved       // rings of 4, 19 slots
	Bare          // 4 slots
)

// Rooms are all of them.
func Rooms() []Room { return []Room{Ordinary, Starved, Bare} }

// String names the room.
func (r Room) String() string { return [...]string{"ordinary", "starved", "bare"}[r] }

func (r Room) options() hub.Options {
	switch r {
	case Starved:
		return hub.Options{Peers: 1, Cells: 4, Classes: []slot.Class{{Size: 1 << 10, Count: 16, Reserve: 1}, {Size: 64 << 10, Count: 3}}}
	case Bare:
		return hub.Options{Peers: 1, Classes: []slot.Class{{Size: 4 << 10, Count: 4, Reserve: 1}}}
	}
	return hub.Options{Peers: 2}
}

// Trial is one thing that a plugin must stand.
type Trial struct {
	Name string
	// Rule is what a program breaks that fails.
	Rule string
	run  func(ctx context.Context, s Subject) error
}

// Run judges a subject.
func (t Trial) Run(ctx context.Context, s Subject) error {
	if s.Rounds == 0 {
		s.Rounds = 1
	}
	if err := t.run(ctx, s); err != nil {
		return fmt.Errorf("%w\nrule: %s", err, t.Rule)
	}
	return nil
}

// Trials are all of them. A program that fails the first answers no calls at
// all, so it fails the others too.
func Trials() []Trial {
	return []Trial{
		{"HostCloses", "once the host has closed the link, the program ends with status 0", hostCloses},
		{"Sizes", "a payload travels in the descriptor, in a slot or in pieces, and is the same afterwards", onHost(sizes)},
		{"Callers", "no slot is held while another is waited for, and whoever wakes and finds no room announces itself again", onHost(callers)},
		{"Statuses", "a call's status comes with the reply, as the handler gave it", onHost(statuses)},
		{"Deadlines", "each side keeps a call's time itself", onHost(deadlines)},
		{"Cancellation", "a cancelled call ends, and its handler with it", onHost(cancellation)},
		{"Held", "a handler that takes its time keeps no other call from its answer", onHost(held)},
		{"Streams", "a stream's messages come whole and in order, both ways at once", onHost(streams)},
		{"Credit", "a sender without credit waits, the one that receives never does", onHost(credit)},
		{"Signal", "SIGUSR1 is handled, since it kills otherwise", onHost(signal)},
		{"Stops", "a program that is stopped for a while goes on where it was", onHost(stops)},
		{"Deaths", "a program that dies leaves nothing behind that the next one trips over", onHost(deaths)},
		{"HostDies", "once the lifeline has ended, the program ends, whatever its handlers do", hostDies},
		{"Programs", "told so, the program gives up starting programs before it serves, on all its threads", givesUpPrograms},
		{"Terms", "terms of another version are refused with a sentence on standard error, and status 1", refusesTerms},
		{"Layout", "a hub of another layout is refused with a sentence on standard error, and status 1", refusesLayout},
	}
}
