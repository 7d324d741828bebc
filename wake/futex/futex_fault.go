//go:build ddcfault

package futex

import (
	"math"
	"os"

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

// wakeAll lets a waiter that closes go, whom its own ring may have missed.
func (w *waker) wakeAll() { _, _ = sys.FutexWake(w.tokens.Gate, math.MaxInt32) }

// letPass lets the leader look between this waiter's own look and its joining.
func (g *gate) letPass() {
	g.mu.Unlock()
	fault.Widen(fault.LookBeforeRegister)
	g.mu.Lock()
}
