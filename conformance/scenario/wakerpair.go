package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"structs"
	"sync/atomic"

	"ddc/internal/sys"
	"ddc/shm"
	"ddc/wake"
)

// padded words have a cache line to themselves.
type padded32 struct {
	_ structs.HostLayout
	shm.Word32
	_ [shm.CacheLine - 4]byte
}

type padded64 struct {
	_ structs.HostLayout
	shm.Word64
	_ [shm.CacheLine - 8]byte
}

type wakerPairPage struct {
	_     structs.HostLayout
	Words wake.Words
	Gate  padded32 // the sleeper's process sleeps here
	Value padded64 // what programs publish
}

// wakerPair is one bell with a sleeper's end and a ringer's, each on a mapping
// and a strategy of its own, as in two processes.
type wakerPair struct {
	env *Env
	// page is the ringer's mapping, sleeperPage the sleeper's.
	page, sleeperPage *wakerPairPage
	// files are what the strategy made, still open for programs that tamper
	// with them.
	files []*os.File
	// sleeper and ringer are the ends' wakers.
	sleeper, ringer wake.Waker
	// asleep and rung are bells on them, once bells was called.
	asleep, rung Bell
	// beforeWait is called by the sleeper, see lateCaller.
	beforeWait func() error
	segments   [2]*shm.Segment
	// nudged says that a token was left for no reason, and that the sleeper has
	// not looked since.
	nudged atomic.Bool
	// begun and ended count notifications.
	begun, ended atomic.Uint64
}

func (e *Env) newWakerPair() (_ *wakerPair, err error) {
	p := &wakerPair{env: e}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("set up a bell: %w", err), p.close())
		}
	}()
	if p.segments[0], err = shm.Create("ddc-scenario", 4096); err != nil {
		return nil, err
	}
	if p.segments[1], err = remap(p.segments[0]); err != nil {
		return nil, err
	}
	if p.page, err = shm.View[wakerPairPage](p.segments[0], 0); err != nil {
		return nil, err
	}
	if p.sleeperPage, err = shm.View[wakerPairPage](p.segments[1], 0); err != nil {
		return nil, err
	}
	theirs, mine := e.Strategy(), e.Strategy()
	if p.files, err = mine.Make(); err != nil {
		return nil, err
	}
	if p.ringer, err = mine.Open(p.page.Words.Tokens(&p.page.Gate.Word32), p.files); err != nil {
		return nil, err
	}
	p.sleeper, err = theirs.Open(p.sleeperPage.Words.Tokens(&p.sleeperPage.Gate.Word32), p.files)
	return p, err
}

// remap maps a segment a second time.
func remap(segment *shm.Segment) (*shm.Segment, error) {
	f, err := sys.Dup(segment.File())
	if err != nil {
		return nil, err
	}
	return shm.Open(f)
}

// newBells is a waker pair with doorbells on its wakers.
func (e *Env) newBells(spin wake.Spin) (*wakerPair, error) {
	p, err := e.newWakerPair()
	if err != nil {
		return nil, err
	}
	p.asleep = e.bell(&p.sleeperPage.Words, &lateCaller{p.sleeper, p}, spin)
	p.rung = e.bell(&p.page.Words, p.ringer, spin)
	return p, nil
}

// lateCaller has something happen after the doorbell's last check and before
// the waker sleeps.
type lateCaller struct {
	wake.Waker
	p *wakerPair
}

func (l *lateCaller) Wait() error {
	if l.p.beforeWait != nil {
		if err := l.p.beforeWait(); err != nil {
			return err
		}
	}
	return l.Waker.Wait()
}

// stop frees the sleeper.
func (p *wakerPair) stop() {
	if p.asleep != nil {
		_ = p.asleep.Close()
	}
	if p.sleeper != nil {
		_ = p.sleeper.Close()
	}
}

func (p *wakerPair) close() error {
	p.stop()
	var errs []error
	if p.rung != nil {
		errs = append(errs, p.rung.Close())
	}
	if p.ringer != nil {
		errs = append(errs, p.ringer.Close())
	}
	for _, f := range p.files {
		errs = append(errs, f.Close())
	}
	for _, s := range p.segments {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

// publish changes the value and rings, and counts both for the watch.
func (p *wakerPair) publish(value uint64) error {
	p.begun.Add(1)
	defer p.ended.Add(1)
	return notify(func() { p.page.Value.Store(value) }, p.rung.Ring)
}

// nudge leaves a token for no reason.
func (p *wakerPair) nudge() error {
	p.begun.Add(1)
	defer p.ended.Add(1)
	p.nudged.Store(true)
	return p.ringer.Ring()
}

// published is the sleeper's look.
func (p *wakerPair) published() uint64 {
	p.nudged.Store(false)
	return p.sleeperPage.Value.Load()
}

// parked says that the sleeper is inside Wait.
func (p *wakerPair) parked() bool { return p.page.Words.Parked.Load() == 1 }

// source looks at the sleeper, whose condition due is.
func (p *wakerPair) source(due func() bool) Source {
	return func() ([]Snapshot, error) {
		// Ended before begun: a notification that runs meanwhile counts as
		// owed.
		ended := p.ended.Load()
		s, err := Look("sleeper", &p.page.Words, p.ringer)
		s.Due, s.Owed = due() || p.nudged.Load(), p.begun.Load()-ended
		s.Note = fmt.Sprintf("published=%d", p.page.Value.Load())
		return []Snapshot{s}, err
	}
}

// playBeside plays the actors, one of whom closes over at the end, with what
// goes on besides until then.
func (e *Env) playBeside(ctx context.Context, p *wakerPair, seen *atomic.Uint64, over <-chan struct{},
	besides []func(context.Context, *wakerPair) error, actors ...func(context.Context) error) error {
	for _, beside := range besides {
		actors = append(actors, func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			go func() {
				<-over
				cancel()
			}()
			return beside(ctx, p)
		})
	}
	return e.play(ctx, p.source(func() bool { return p.page.Value.Load() > seen.Load() }), p.stop, actors...)
}
