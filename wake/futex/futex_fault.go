//go:build ddcfault

package futex

import (
	"math"
	"os"
	"slices"

	"ddc/internal/fault"
	"ddc/internal/sys"
)

// waitAmongOthers sleeps on the gate itself, as every waiter of the process
// then does. A ring wakes one of them, and the kernel chooses.
func (w *waker) waitAmongOthers() error {
	for {
		seen := w.gate.word.Load()
		if w.uses.IsShut() {
			return os.ErrClosed
		}
		if w.take() {
			return nil
		}
		if err := sys.FutexWait(w.gate.word, seen); err != nil {
			return err
		}
	}
}

// letGo wakes the waiter of a waker that closes, whom its ring may have missed:
// on the gate, or behind a leader that is gone.
func (w *waker) letGo() {
	_, _ = sys.FutexWake(w.tokens.Gate, math.MaxInt32)
	g := w.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting, w); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
		w.wake()
	}
}

// letPass lets the leader look between this waiter's own look and its joining.
func (g *gate) letPass() {
	g.mu.Unlock()
	fault.Widen(fault.LookBeforeRegister)
	g.mu.Lock()
}
