package wake

import (
	"os"
	"structs"

	"ddc/shm"
)

// Waker is one primitive that lets one process wake another: a place where
// tokens can be left. What is promised is little, so that a pipe can keep it:
//
//   - a token left by Ring stays until a Wait consumes it, however long before
//     or after the Ring that Wait begins;
//   - tokens may merge: after many Rings one Wait may consume them all;
//   - Wait may return although nobody rang;
//   - Close leaves a token too, and no Wait outlasts it.
//
// Both processes open a Waker of their own on the same kernel object. Any
// number of goroutines of either may Ring; one goroutine at a time, of one
// process, may Wait.
type Waker interface {
	// Ring leaves a token. It never blocks. No room for another token means
	// that one is waiting already, which is success.
	Ring() error
	// Wait sleeps until there is a token, and consumes all there are. After
	// Close it returns an error that wraps os.ErrClosed.
	Wait() error
	// Pending says whether a token is waiting. It consumes nothing, so a
	// snapshot of a sleeper can ask it.
	Pending() (bool, error)
	// Close makes Wait return, also a Wait that begins while Close is
	// under way: a sleeper that a last token wakes, and that waits again,
	// is not forgotten. It frees what this process holds. The peer's Waker
	// goes on by itself.
	//
	// It leaves a token, whichever end it is called on. So a peer that sleeps
	// looks once more when this process lets go, even if the ring that was to
	// tell it has failed (transport/hub, sayClosed).
	Close() error
}

// Strategy makes wakers of one kind.
type Strategy interface {
	// Name is what flags and the handshake call the strategy: "eventfd".
	Name() string
	// Needs says, for a person, what the strategy asks of the kernel.
	Needs() string
	// Make makes the kernel objects of one new waker, for both processes to
	// open: the second inherits the files. They are the caller's to close.
	Make() ([]*os.File, error)
	// Open opens a waker on what Make made. It keeps none of files; the words
	// must stay mapped until the waker is closed.
	Open(tokens *Tokens, files []*os.File) (Waker, error)
}

// Tokens are words in shared memory for strategies whose tokens need some, one
// set for each waker. All zero is a waker without a token.
type Tokens struct {
	// Left counts tokens left, modulo 2^32; ringers write it.
	Left *shm.Word32
	// Taken is the value of Left that Wait has consumed; the sleeper writes it.
	Taken *shm.Word32
	// Gate changes after every change of any Left that belongs to one process.
	// That process sleeps on it, and so needs one thread for all its wakers.
	Gate *shm.Word32
}

// Words is a doorbell's page in shared memory, 256 bytes. Words are grouped by
// who writes them, each group on cache lines of its own:
//
//	  0  seq, left, sent, suppressed                     ringers
//	128  sleeping                                        both
//	     parked, taken, received, spurious               the sleeper
type Words struct {
	_ structs.HostLayout
	// Seq counts rings, modulo 2^32: the event count.
	Seq shm.Word32
	// Left is Tokens.Left.
	Left shm.Word32
	// Sent counts the rings that left a token, Suppressed those that found
	// nobody asleep.
	Sent       shm.Word64
	Suppressed shm.Word64
	_          [shm.CacheLine - 24]byte

	// Sleeping is 1 from the sleeper's announcement until a ringer takes it,
	// and so owes a token, or the sleeper withdraws it; 2 while the sleeper
	// attends, awake; else 0.
	Sleeping shm.Word32
	// Parked is 1 while the sleeper is inside the waker's Wait. No decision
	// rests on it: it is there to be looked at from outside.
	Parked shm.Word32
	// Taken is Tokens.Taken.
	Taken shm.Word32
	_     uint32
	// Received counts returns from Wait, Spurious those after which there was
	// nothing to do.
	Received shm.Word64
	Spurious shm.Word64
	_        [shm.CacheLine - 32]byte
}

// WordsSize is the size of Words in bytes.
const WordsSize = 2 * shm.CacheLine

// Tokens picks the words that a waker may use.
func (w *Words) Tokens(gate *shm.Word32) *Tokens {
	return &Tokens{Left: &w.Left, Taken: &w.Taken, Gate: gate}
}
