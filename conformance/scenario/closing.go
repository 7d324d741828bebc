package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
)

// waitsAgain closes a waker under a sleeper that has just consumed a token, or
// is about to, and waits again as a doorbell does.
func waitsAgain(ctx context.Context, e *Env) error {
	for range 10 * e.rounds() {
		p, err := e.newWakerPair()
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

// closeLeavesToken closes the ringer's end: a sleeper at the other end looks
// once more. Closing the sleeper's own end leaves a token for the next sleeper.
func closeLeavesToken(ctx context.Context, e *Env) (err error) {
	p, err := e.newWakerPair()
	if err != nil {
		return err
	}
	waited := make(chan struct{})
	var gone atomic.Bool
	var last error
	go func() {
		defer close(waited)
		for last == nil && !gone.Load() { // it may return for no reason before
			last = p.wait()
		}
	}()
	if err := until(ctx, p.parked); err != nil {
		return err
	}
	gone.Store(true)
	err = p.ringer.Close()
	if err := done(ctx, "a sleeper whose ringer's end was closed", waited); err != nil {
		return err // the waiter still uses the memory: leave all as it is
	}
	defer func() { err = errors.Join(err, p.close()) }()
	third, opened := e.Strategy().Open(p.page.Words.Tokens(&p.page.Gate.Word32), p.files)
	if err := errors.Join(err, last, opened); err != nil {
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
