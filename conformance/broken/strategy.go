// Package broken shows that the suite finds what it is meant to find. [Table]
// says which program catches which of the deliberate defects of package
// internal/fault. [Page] is the page made from both. What a waker alone can
// do wrong is here as decorators, in the manner of testing/iotest: each takes
// something sound and returns it with one thing wrong.
//
//	env.Strategy = func() wake.Strategy { return broken.DropToken(eventfd.Strategy{}, 5) }
//	env.Bell = broken.TrustTheWakeup
//
// With the tag ddcfault there are also strategies that sleep as an event loop
// does ([Epoll]); the faults about readiness need them. Only tests and tools
// for tests may import this package.
package broken

import (
	"os"
	"sync/atomic"
	"time"

	"ddc/wake"
)

// decorated is a strategy whose wakers are wrapped.
type decorated struct {
	wake.Strategy
	wrap func(wake.Waker) wake.Waker
}

func (d decorated) Open(tokens *wake.Tokens, files []*os.File) (wake.Waker, error) {
	w, err := d.Strategy.Open(tokens, files)
	if err != nil {
		return nil, err
	}
	return d.wrap(w), nil
}

// DropToken makes every n-th Ring of a waker leave no token (a broken
// promise of the waker: the byte that was never written).
func DropToken(s wake.Strategy, n uint64) wake.Strategy {
	return decorated{s, func(w wake.Waker) wake.Waker { return &dropper{Waker: w, every: n} }}
}

type dropper struct {
	wake.Waker
	every uint64
	rings atomic.Uint64
}

func (d *dropper) Ring() error {
	if d.rings.Add(1)%d.every == 0 {
		return nil
	}
	return d.Waker.Ring()
}

// DrainBeforeWait makes Wait throw away the tokens it finds before it sleeps
// (rule 3: a token left between check and sleep is drained unseen).
func DrainBeforeWait(s wake.Strategy) wake.Strategy {
	return decorated{s, func(w wake.Waker) wake.Waker { return &drainer{w} }}
}

type drainer struct{ wake.Waker }

func (d *drainer) Wait() error {
	pending, err := d.Pending()
	if err != nil {
		return err
	}
	if pending {
		if err := d.Waker.Wait(); err != nil {
			return err
		}
	}
	return d.Waker.Wait()
}

// FullIsForgotten makes Ring believe for ever in a token that it once found
// pending. It leaves no other until the sleeper's next Wait has begun (rules 3
// and 4: the note that a token was left is cleared after the check).
func FullIsForgotten(s wake.Strategy) wake.Strategy {
	rung := new(atomic.Bool) // as one word that both sides share
	return decorated{s, func(w wake.Waker) wake.Waker { return &forgetful{w, rung} }}
}

type forgetful struct {
	wake.Waker
	rung *atomic.Bool
}

func (f *forgetful) Ring() error {
	if f.rung.Swap(true) {
		return nil
	}
	return f.Waker.Ring()
}

func (f *forgetful) Wait() error {
	if pending, err := f.Pending(); err != nil {
		return err
	} else if !pending {
		f.rung.Store(false)
	}
	return f.Waker.Wait()
}

// PollTimeout makes Wait return after limit, as if rung (rule 6: this heals a
// lost wake-up that should show).
func PollTimeout(s wake.Strategy, limit time.Duration) wake.Strategy {
	return decorated{s, func(w wake.Waker) wake.Waker { return &impatient{w, limit} }}
}

type impatient struct {
	wake.Waker
	limit time.Duration
}

func (i *impatient) Wait() error {
	healer := time.AfterFunc(i.limit, func() { _ = i.Waker.Ring() })
	defer healer.Stop()
	return i.Waker.Wait()
}

// PendingOnce makes Pending report a token only once for each Ring of the same
// waker, as if asking took the token.
func PendingOnce(s wake.Strategy) wake.Strategy {
	return decorated{s, func(w wake.Waker) wake.Waker { return &forgetter{Waker: w} }}
}

type forgetter struct {
	wake.Waker
	asked atomic.Bool
}

func (f *forgetter) Ring() error {
	f.asked.Store(false)
	return f.Waker.Ring()
}

func (f *forgetter) Pending() (bool, error) {
	pending, err := f.Waker.Pending()
	return pending && !f.asked.Swap(true), err
}
