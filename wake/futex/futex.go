// Package futex wakes through a word in shared memory that the kernel lets a
// thread sleep on. No files, and the fewest instructions of all: a ring is two
// additions and one system call.
//
// A token is the difference between two counters: one that ringers add to, and
// the sleeper's copy of it. So a token stays until it is taken, as in the
// strategies with files, and nobody needs to know the event count's key.
//
// A thread can sleep on one word only, and a host has many plugins. All wakers
// of one process therefore share a second word, the gate, which every ring
// changes after it has left its token. One of the process's waiting goroutines
// at a time, the leader, sleeps on the gate; the others sleep on Go channels.
// The leader that wakes looks at everyone's tokens, wakes whom they belong to,
// and when one is its own, makes another waiting goroutine the leader. So a
// host with any number of plugins keeps one thread in the kernel, and a plugin,
// whose only waiter is always the leader, pays nothing for it.
package futex

import (
	"fmt"
	"os"
	"runtime"
	"slices"

	"ddc/internal/fault"
	"ddc/internal/inuse"
	"ddc/internal/step"
	"ddc/internal/sys"
	"ddc/shm"
	"ddc/wake"
)

// Strategy makes futex wakers. Wakers of one process that share a gate must
// come from one Strategy. The zero Strategy is ready for use.
type Strategy struct {
	mu    step.Mutex
	gates map[*shm.Word32]*gate
}

var _ wake.Strategy = (*Strategy)(nil)

// Name is "futex".
func (*Strategy) Name() string { return "futex" }

// Needs names the system call.
func (*Strategy) Needs() string { return "futex(2) on shared memory, Linux 2.6" }

// Make makes nothing: the words are all there is.
func (*Strategy) Make() ([]*os.File, error) { return nil, nil }

// Open opens a waker on its words.
func (s *Strategy) Open(tokens *wake.Tokens, files []*os.File) (wake.Waker, error) {
	if len(files) != 0 {
		return nil, fmt.Errorf("open futex waker: got %d files, want none", len(files))
	}
	uses, idle := inuse.NewIdle()
	return &waker{tokens: *tokens, strategy: s, gate: s.enter(tokens.Gate), woken: make(chan struct{}, 1), uses: uses, idle: idle}, nil
}

// enter finds or makes the gate of a word, and counts one more waker on it.
func (s *Strategy) enter(word *shm.Word32) *gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gates[word]
	if g == nil {
		if s.gates == nil {
			s.gates = make(map[*shm.Word32]*gate)
		}
		g = &gate{word: word}
		s.gates[word] = g
	}
	g.wakers++
	return g
}

// leave forgets the gate with its last waker.
func (s *Strategy) leave(g *gate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.wakers--; g.wakers == 0 {
		delete(s.gates, g.word)
	}
}

// gate is the word that one goroutine of this process sleeps on for all.
//
// Leadership is never in doubt: whoever gives it up names the next leader
// under the same lock, and one who was named leads until he gives it up
// himself, also if he finds a token of his own first. As long as anybody
// waits, somebody leads.
type gate struct {
	word   *shm.Word32
	wakers int // guarded by Strategy.mu

	mu     step.Mutex
	leader *waker // nil only while nobody waits
	// waiting holds those inside Wait who do not lead.
	waiting []*waker
}

type waker struct {
	tokens   wake.Tokens
	strategy *Strategy
	gate     *gate

	// woken gets a value when the goroutine that sleeps on it shall look again:
	// it has a token, is to lead, or the waker is closed. With the value it
	// leaves waiting.
	woken chan struct{}
	// uses counts calls into the words, and idle is closed when Close was
	// called and the last has ended: the words may be unmapped then.
	uses *inuse.Count
	idle <-chan struct{}
}

// Ring leaves a token, then changes the gate, then wakes whoever sleeps on it.
// The order matters: a leader that finds the gate unchanged sleeps, so what it
// would have found must have been there before the change.
func (w *waker) Ring() error {
	if !w.uses.Enter() {
		return os.ErrClosed
	}
	defer w.uses.Leave()
	return w.ring()
}

func (w *waker) ring() error {
	w.tokens.Left.Add(1)
	w.tokens.Gate.Add(1)
	_, err := sys.FutexWake(w.tokens.Gate, 1)
	return err
}

// Wait sleeps until there is a token, as leader or behind one.
//
// The last look at the tokens and the step that makes a later token find this
// goroutine (being in waiting, or having read the gate) are in one critical
// section. A look before it would be the check before the announcement: a token
// left in between has been seen by the leader before this goroutine was there
// to be woken, and not by this goroutine.
func (w *waker) Wait() error {
	if !w.uses.Enter() {
		return os.ErrClosed
	}
	defer w.uses.Leave()
	if fault.On(fault.OneWordTwoMeanings) {
		return w.waitAmongOthers()
	}
	g := w.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		if g.leader == nil {
			g.leader = w
		}
		seen := g.word.Load() // before the looks at closing and tokens: what comes after them changes it
		closed := w.uses.IsShut()
		if closed || w.take() {
			g.quit(w)
			if closed {
				return os.ErrClosed
			}
			return nil
		}
		if fault.On(fault.KeyAfterCheck) {
			fault.Widen(fault.KeyAfterCheck)
			seen = g.word.Load()
		}
		if err := w.sleep(seen); err != nil {
			g.quit(w)
			return err
		}
	}
}

// sleep sleeps on the gate for all, or on the channel behind whoever does. The
// lock is held on entry and on return, and not while asleep.
func (w *waker) sleep(seen uint32) error {
	g := w.gate
	if g.leader != w {
		if fault.On(fault.LookBeforeRegister) {
			g.letPass()
		}
		g.waiting = append(g.waiting, w)
		g.mu.Unlock()
		defer g.mu.Lock()
		step.Recv(w.woken)
		<-w.woken
		return nil
	}
	woke := g.wakeOwners()
	g.mu.Unlock()
	defer g.mu.Lock()
	if woke {
		// They run before this thread sleeps and takes its processor with it.
		runtime.Gosched()
		return nil
	}
	fault.Widen(fault.EAGAINIsFatal)
	return sys.FutexWait(g.word, seen)
}

// take consumes all tokens, and says whether there were any.
func (w *waker) take() bool {
	left := w.tokens.Left.Load()
	if left == w.tokens.Taken.Load() {
		return false
	}
	w.tokens.Taken.Store(left)
	return true
}

func (w *waker) pending() bool { return w.tokens.Left.Load() != w.tokens.Taken.Load() }

// Pending compares the counters.
func (w *waker) Pending() (bool, error) {
	if !w.uses.Enter() {
		return false, os.ErrClosed
	}
	defer w.uses.Leave()
	return w.pending(), nil
}

// Close makes Wait return, and waits until nobody touches the words any more.
func (w *waker) Close() error {
	if !w.uses.Shut() {
		return nil
	}
	// From here on a sleeper that looks finds that it is to end. One that
	// looked before is either the leader, whom the gate wakes, or behind it:
	// then the leader finds its token.
	err := w.ring()
	if fault.On(fault.OneWordTwoMeanings) || fault.On(fault.LookBeforeRegister) {
		w.letGo()
	}
	w.uses.Leave()
	step.Recv(w.idle)
	<-w.idle
	w.strategy.leave(w.gate)
	return err
}

// wake makes the goroutine that sleeps on woken look again. Its caller has just
// taken the waker out of waiting, so there is one value for each sleep, and
// room for it. It stays if the sleeper has yet to get there.
func (w *waker) wake() {
	step.Send(w.woken)
	w.woken <- struct{}{}
}

// wakeOwners wakes every waiting goroutine that has a token, and says whether
// there were any. The leader calls it, with the lock held.
func (g *gate) wakeOwners() (woke bool) {
	g.waiting = slices.DeleteFunc(g.waiting, func(w *waker) bool {
		owner := w.pending()
		if owner {
			w.wake()
			woke = true
		}
		return owner
	})
	return woke
}

// quit ends a Wait. A leader names one who waits to lead from here on, and
// wakes him. The lock is held.
func (g *gate) quit(w *waker) {
	if g.leader != w {
		return
	}
	g.leader = nil
	if n := len(g.waiting); n > 0 {
		g.leader = g.waiting[n-1]
		g.waiting[n-1] = nil
		g.waiting = g.waiting[:n-1]
		g.leader.wake()
	}
}
