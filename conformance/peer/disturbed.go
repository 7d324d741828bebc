package peer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/conformance/peer/peerpb"
)

// amid runs disturb while callers make calls, all of which must be answered.
func (a *arena) amid(ctx context.Context, disturb func(context.Context) error) error {
	if err := a.echo(ctx, 1, 0); err != nil {
		return err
	}
	over := atomic.Bool{}
	g, ctx := errgroup.WithContext(ctx)
	for i := range 16 {
		g.Go(func() error {
			for n := i; !over.Load(); n++ {
				if err := a.echo(ctx, boundaries[n%20], byte(n)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		defer over.Store(true)
		return disturb(ctx)
	})
	return g.Wait()
}

// signalled sends a signal to the program's process.
func (a *arena) signalled(s syscall.Signal) error {
	look, ok := a.plugin.Look()
	if !ok || look.PID <= 0 {
		return nil // it is being started again
	}
	if err := syscall.Kill(look.PID, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send %v: %w", s, err)
	}
	return nil
}

// signal asks for dumps amid calls. The process that answers in the end is the
// one that answered first.
func signal(ctx context.Context, a *arena) error {
	return a.amid(ctx, func(ctx context.Context) error {
		first, _ := a.plugin.Look()
		for range 10 {
			if err := a.signalled(syscall.SIGUSR1); err != nil {
				return err
			}
			if err := a.echo(ctx, 100, 0); err != nil {
				return err
			}
		}
		if last, _ := a.plugin.Look(); first.PID != last.PID {
			return fmt.Errorf("process %d ended, and %d took its place", first.PID, last.PID)
		}
		return nil
	})
}

// stops stops the process amid calls, so that rings and slots are full when it
// goes on.
func stops(ctx context.Context, a *arena) error {
	return a.amid(ctx, func(ctx context.Context) error {
		for range a.parts(8) {
			if err := a.signalled(syscall.SIGSTOP); err != nil {
				return err
			}
			select {
			case <-time.After(50 * time.Millisecond): // the longer, the more waits for it
			case <-ctx.Done():
			}
			if err := a.signalled(syscall.SIGCONT); err != nil {
				return err
			}
			if err := a.echo(ctx, 100, 0); err != nil {
				return err
			}
		}
		return nil
	})
}

// deaths kills the process amid calls, and has it end by itself. The host
// starts it again, and repeats the calls.
func deaths(ctx context.Context, a *arena) error {
	return a.amid(ctx, func(ctx context.Context) error {
		for i := range a.parts(12) {
			s := []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[i%2]
			if err := a.signalled(s); err != nil {
				return err
			}
			if err := a.echo(ctx, 100, 0); err != nil {
				return err
			}
		}
		stream, err := a.client.Count(ctx, &peerpb.Work{Die: true, Number: 1})
		if err == nil {
			_, err = stream.Recv() // a stream is not repeated
		}
		if status.Code(err) != codes.Unavailable {
			return fmt.Errorf("a stream whose program ends: %w", orNone(err))
		}
		return a.echo(ctx, 100, 0)
	})
}
