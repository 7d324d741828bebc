//go:build ddcfault

package broken

import (
	"fmt"
	"os"
	"strings"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/internal/sys"
	"ddc/wake"
	"ddc/wake/strategy"
)

// Strategies lists all strategies that a build with faults has by name: those
// of package strategy, and those with descriptors once more under an event
// loop.
func Strategies() []string {
	names := strategy.Names()
	for _, s := range strategy.All() {
		if s.Name() != "futex" {
			names = append(names, s.Name()+fault.EpollSuffix)
		}
	}
	return names
}

// ByName is [strategy.ByName], and knows Strategies.
func ByName(name string) (wake.Strategy, error) {
	below, looped := strings.CutSuffix(name, fault.EpollSuffix)
	s, err := strategy.ByName(below)
	if err != nil || !looped {
		return s, err
	}
	if below == "futex" {
		return nil, fmt.Errorf("wake strategy %q: a futex has no descriptor that epoll could watch", name)
	}
	return Epoll(s), nil
}

// Epoll makes a strategy with descriptors sleep as an event loop does (mio, and
// so tokio's AsyncFd): one thread sleeps in epoll for all, edge-triggered, and
// a flag for each descriptor says that it may be readable. It is sound, and
// passes the suite, unless one of its faults is on: cleared-readiness,
// deregistered-fd, late-registration, readiness-tick-wraps.
//
// # The flag
//
//	not ready -> ready   by the loop, for an event; the descriptor's tick becomes the loop's
//	ready -> not ready   by the sleeper, once a read found nothing, and only if the
//	                     tick is still that from before the read
//
// A read that finds something leaves the flag up, since there may be more. So
// the next wait begins with a read that finds nothing, and then takes the flag
// down. A token that comes between these two raises the flag again, with
// another tick. Without the comparison its edge would be cleared along with the
// stale one.
func Epoll(s wake.Strategy) wake.Strategy { return &epollStrategy{Strategy: s} }

type epollStrategy struct {
	wake.Strategy

	mu    step.Mutex
	loop  *loop // nil while no waker is open
	users int
}

func (s *epollStrategy) Name() string { return s.Strategy.Name() + fault.EpollSuffix }

func (s *epollStrategy) Needs() string { return s.Strategy.Needs() + ", epoll(7)" }

// Open opens the waker below, which does all but the sleeping. The first file
// of every strategy with descriptors is the one that its sleeper reads.
func (s *epollStrategy) Open(tokens *wake.Tokens, files []*os.File) (wake.Waker, error) {
	below, err := s.Strategy.Open(tokens, files)
	if err != nil {
		return nil, err
	}
	take, err := sys.DupFD(files[0])
	if err != nil {
		return nil, fmt.Errorf("open %s waker: %w (and closed: %w)", s.Name(), err, below.Close())
	}
	l, err := s.enter()
	if err != nil {
		take.Close(nil)
		return nil, fmt.Errorf("open %s waker: %w (and closed: %w)", s.Name(), err, below.Close())
	}
	return &epollWaker{Waker: below, strategy: s, loop: l, take: take, woken: make(chan struct{}, 1)}, nil
}

func (s *epollStrategy) enter() (*loop, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loop == nil {
		l, err := startLoop()
		if err != nil {
			return nil, err
		}
		s.loop = l
	}
	s.users++
	return s.loop, nil
}

// leave ends the loop with its last waker.
func (s *epollStrategy) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 {
		s.loop.end()
		s.loop = nil
	}
}

type epollWaker struct {
	wake.Waker // rings, and says what is pending
	strategy   *epollStrategy
	loop       *loop
	take       *sys.FD
	buffer     [512]byte // the awaiting goroutine's

	// woken gets a value when ready or closed has changed.
	woken chan struct{}

	// All below is guarded by loop.mu.
	key    uint64 // 0 while not registered
	ready  bool
	tick   uint64 // the loop's, at the last event
	events int
	skip   bool // for late-registration: the first event is thrown away
	closed bool
}

// Wait sleeps until the flag is up and a read finds something.
func (w *epollWaker) Wait() error {
	if err := w.loop.register(w); err != nil {
		return err
	}
	for {
		tick, err := w.readiness()
		if err != nil {
			return err
		}
		if taken, err := w.drain(); taken || err != nil {
			return err
		}
		fault.Widen(fault.ClearedReadiness)
		fault.Widen(fault.ReadinessTickWraps)
		w.clear(tick)
	}
}

// readiness waits for the flag, and returns its tick.
func (w *epollWaker) readiness() (tick uint64, err error) {
	for {
		w.loop.mu.Lock()
		ready, closed, tick := w.ready, w.closed, w.tick
		w.loop.mu.Unlock()
		switch {
		case closed:
			return 0, os.ErrClosed
		case ready:
			return tick, nil
		}
		step.Recv(w.woken)
		<-w.woken
	}
}

// drain reads until it gets less than it asked for. taken says whether there
// was anything.
func (w *epollWaker) drain() (taken bool, err error) {
	for {
		n, err := w.take.ReadNow(w.buffer[:])
		if err != nil || n < len(w.buffer) {
			return taken || n > 0, err
		}
		taken = true
	}
}

// clear takes the flag down, unless an event has come since tick.
func (w *epollWaker) clear(tick uint64) {
	w.loop.mu.Lock()
	defer w.loop.mu.Unlock()
	same := w.tick == tick
	if fault.On(fault.ReadinessTickWraps) {
		same = wrapped(w.tick) == wrapped(tick)
	}
	if same || fault.On(fault.ClearedReadiness) {
		w.ready = false
	}
}

// Close makes Wait return. Closing the waker below wakes nobody here.
func (w *epollWaker) Close() error {
	if !w.loop.remove(w) {
		return nil
	}
	w.take.Close(nil)
	err := w.Waker.Close()
	w.strategy.leave()
	return err
}
