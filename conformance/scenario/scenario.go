// Package scenario holds the programs that judge wakers and transports. They
// are plain functions that return an error, so that a test, a fault matrix, a
// model checker and a benchmark can all run them.
//
//	env := &scenario.Env{Strategy: func() wake.Strategy { return eventfd.Strategy{} }}
//	for _, p := range scenario.Wakers() {
//		err := p.Run(ctx, env)
//	}
//
// Each program names the rule of the wake protocol that it checks. It ends by
// itself if the rule is kept. It also ends if the rule is broken so that
// somebody sleeps for ever: it looks at the sleepers' state all the time
// ([Watch]), and returns a [LostWakeup] with the evidence.
//
// A program takes from a few milliseconds to some seconds; Env.Rounds scales
// it.
package scenario

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"time"

	"ddc/internal/fault"
	"ddc/wake"
)

// Rule is the number of a rule of the wake protocol, 1 to 16, or 0 for what a
// waker promises by itself (package wake).
type Rule int

// String is the rule's sentence.
func (r Rule) String() string {
	rules := [...]string{
		"a token left stays until a Wait consumes it, and Close ends every Wait",
		"publish first, ring second; check after announcing, never before only",
		"read the key before the check that decides to sleep",
		"drain tokens after waking and before checking, never between check and sleep; a wake-up is a hint, so rescan everything",
		"a full store of tokens means that one is pending: that is success",
		"every dequeue that makes room rings whoever announced that it waits for it",
		"no wait has a polling time-out",
		"the pump never blocks: two full rings are no deadlock",
		"a ring has one producer and one consumer; many senders are serialised above it",
		"EINTR is neither reported nor a lost token",
		"what is read from shared memory is copied, checked, then used",
		"whoever took a sleeper's flag owes the token; if it dies, the host pays",
		"a reply that cannot be sent reaches its caller as an error, in a frame that needs no slot",
		"every call has a limit, and a report of a hang names the call and what its plugin waits for",
		"a context that is over sends nothing",
		"a slot comes back once its frame was read or given up, or its owner has died",
		"nobody keeps a slot while it waits for another",
	}
	if r < 0 || int(r) >= len(rules) {
		return fmt.Sprintf("rule %d (there is none)", int(r))
	}
	if r == 0 {
		return "the waker's promise: " + rules[0]
	}
	return fmt.Sprintf("rule %d: %s", int(r), rules[r])
}

// SlotsComeBack is the rule that a leak of slots breaks, whichever program
// finds it.
const SlotsComeBack Rule = 15

// NoSlotForSlot is the rule that is broken where every slot is being filled by
// somebody who waits for one more, whichever program finds it.
const NoSlotForSlot Rule = 16

// Broken is an error that breaks another rule than that of the program that
// found it.
type Broken struct {
	Rule Rule
	Err  error
}

func (b *Broken) Error() string { return b.Err.Error() }
func (b *Broken) Unwrap() error { return b.Err }

// RuleOf is the rule that an error of a program breaks: the program's, unless
// the error names another.
func RuleOf(program Rule, err error) Rule {
	var b *Broken
	if errors.As(err, &b) {
		return b.Rule
	}
	return program
}

// Program is one scenario.
type Program struct {
	// Name reads as a claim, and is unique among its kind.
	Name string
	// Rule is what a failure breaks.
	Rule Rule
	// Processes says that the program starts peers, and so needs Env.Peer.
	Processes bool
	Run       func(ctx context.Context, e *Env) error
}

// Bell is what programs ask of a doorbell; *wake.Doorbell has it.
type Bell interface {
	Await(ctx context.Context, ready func() bool) error
	Ring() error
	Repay() error
	Pending() (bool, error)
	Close() error
}

var _ Bell = (*wake.Doorbell)(nil)

// Env is what a program runs in. Only Strategy is required.
type Env struct {
	// Strategy makes the strategy of one process.
	Strategy func() wake.Strategy
	// Bell joins words and waker; nil is wake.NewDoorbell.
	Bell func(*wake.Words, wake.Waker, wake.Spin) Bell
	// Peer makes the command of a peer process, whose main must call
	// [ServePeer] if [IsPeer]. If Peer is nil, programs across processes are
	// left out.
	Peer func() *exec.Cmd
	// Seed makes the program's choices: bursts, targets, order.
	Seed uint64
	// Rounds is about how many times a program repeats itself; 0 is 300.
	Rounds int
	// Settle is how long a sleeper must stay as it is to be called lost; 0 is
	// 10 s. A real fault lasts, so it shows in any time. A sound sleeper may be
	// kept from running for as long as the machine is busy.
	Settle time.Duration
}

// ErrNoPeers is returned by programs across processes when Env.Peer is nil.
var ErrNoPeers = errors.New("no way to start peer processes (Env.Peer is nil)")

func (e *Env) rounds() int {
	if e.Rounds == 0 {
		return 300
	}
	return e.Rounds
}

// times is e with n times the rounds.
func (e *Env) times(n int) *Env {
	more := *e
	more.Rounds = n * e.rounds()
	return &more
}

func (e *Env) settle() time.Duration {
	if e.Settle == 0 {
		return 10 * time.Second
	}
	return e.Settle
}

func (e *Env) bell(words *wake.Words, waker wake.Waker, spin wake.Spin) Bell {
	if e.Bell == nil {
		return wake.NewDoorbell(words, waker, spin)
	}
	return e.Bell(words, waker, spin)
}

// notify publishes a change and rings, in this order.
func notify(publish func(), ring func() error) error {
	if fault.On(fault.RingBeforePublish) {
		err := ring()
		fault.Widen(fault.RingBeforePublish)
		publish()
		return err
	}
	publish()
	return ring()
}

// random makes the choices of one actor; actors differ by stream.
func (e *Env) random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(e.Seed, stream)) }
