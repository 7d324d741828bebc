package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
)

// waitsAgain closes a waker under a sleeper that has just consumed a token, or is
// about to, and waits again as a doorbell does.
func waitsAgain(ctx context.Context, e *Env) error {
	for range min(e.rounds(), 200) {
		p, err := e.newPost()
		if err != nil {
			return err
		}
		waited := make(chan struct{})
		var last error
		go func() {
			defer close(waited)
			for last == nil {
				last = p.wait()
			}
		}()
		ring, closed := make(chan error, 1), make(chan error, 1)
		go func() { ring <- p.leave() }()
		go func() { closed <- p.sleeper.Close() }()
		if err := done(ctx, "a sleeper that waits again during close", waited); err != nil {
			return err // the waiter still uses the memory: leave all as it is
		}
		err = errors.Join(<-ring, <-closed)
		if !errors.Is(last, os.ErrClosed) {
			err = errors.Join(err, fmt.Errorf("wait during close: %w, want an error that wraps os.ErrClosed", last))
		}
		if err := errors.Join(err, p.close()); err != nil {
			return err
		}
	}
	return nil
}

// closeLeavesToken closes the ringer's end: whoever sleeps at the other looks
// once more. Closing the sleeper's own end leaves one for whoever comes after it.
func closeLeavesToken(ctx context.Context, e *Env) (err error) {
	p, err := e.newPost()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	var gone, seen atomic.Bool
	err = e.play(ctx, p.sleeperSource(func() bool { return gone.Load() && !seen.Load() }), p.stop, func(context.Context) error {
		for !seen.Load() {
			if err := p.wait(); err != nil {
				return err
			}
			seen.Store(gone.Load())
		}
		return nil
	}, func(ctx context.Context) error {
		if err := until(ctx, p.parked); err != nil {
			return err
		}
		p.begun.Add(1)
		defer p.ended.Add(1)
		gone.Store(true)
		return p.ringer.Close()
	})
	if err != nil {
		return err
	}
	third, err := e.Strategy().Open(p.page.Words.Tokens(&p.page.Gate.Word32), p.files)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, third.Close()) }()
	if err := p.sleeper.Close(); err != nil {
		return err
	}
	if pending, err := third.Pending(); !pending || err != nil {
		return fmt.Errorf("pending after the sleeper's end was closed is %t, %w, want true", pending, err)
	}
	return nil
}

// sleeperSource is source by the sleeper's own end, which outlives the ringer's.
func (p *post) sleeperSource(due func() bool) Source {
	return func() ([]Snapshot, error) {
		ended := p.ended.Load() // before begun, as in source
		s, err := Look("sleeper", &p.page.Words, p.sleeper)
		s.Due, s.Owed = due(), p.begun.Load()-ended
		return []Snapshot{s}, err
	}
}
