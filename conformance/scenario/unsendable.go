package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/rpc"
)

const (
	growMethod = "/suite/Grow" // answers with as many bytes as the request says, in digits

	largestReply = 64 << 10
	replyTime    = 50 * time.Millisecond
	oneSlot      = 500 // more than a frame carries by itself, less than a slot of Bare
)

// grow asks for a reply of n bytes, by a request that needs no slot. While read
// has not returned, the reply stays where it is.
func (s *service) grow(ctx context.Context, n int, read func()) error {
	request := fmt.Appendf(nil, "%d", n)
	return s.conn.InvokeRaw(ctx, growMethod, len(request),
		func(buf []byte) error { copy(buf, request); return nil },
		func(reply []byte) error {
			if len(reply) != n {
				return fmt.Errorf("a reply of %d bytes, not %d", len(reply), n)
			}
			read()
			return nil
		})
}

func growing(_ context.Context, request []byte) (int, func([]byte) error, error) {
	n := 0
	if _, err := fmt.Sscan(string(request), &n); err != nil {
		return 0, nil, err
	}
	return n, func([]byte) error { return nil }, nil
}

// unsendableReply has replies that are too large, and replies that find no slot
// while somebody else holds them all. Each caller must hear of it, and later
// calls must be answered. A transport without slots sends the second kind.
func unsendableReply(ctx context.Context, e *LinkEnv) error {
	w, err := e.wire(Bare, 1)
	if err != nil {
		return err
	}
	s := serveWith(w.links[0], rpc.ServerOptions{MaxMessage: largestReply, ReplyTime: replyTime})
	defer s.end()
	return w.play(ctx, func(ctx context.Context) error {
		for range max(e.rounds()/50, 2) {
			w.steps.Add(1)
			if err := refused(s.grow(ctx, largestReply+1, func() {})); err != nil {
				return fmt.Errorf("a reply that is too large: %w", err)
			}
			if err := noSlotLeft(ctx, w, s); err != nil {
				return fmt.Errorf("a reply without a slot: %w", err)
			}
		}
		return nil
	})
}

// refused says whether a call got the error it must get.
func refused(err error) error {
	if status.Code(err) != codes.ResourceExhausted {
		return fmt.Errorf("its caller got %w, not an error of code ResourceExhausted", err)
	}
	return nil
}

// answered makes a call until it is answered: on a busy machine the time of a
// reply may be over before it is sent.
func (s *service) answered(ctx context.Context, n int, read func()) error {
	for {
		if err := s.grow(ctx, n, read); status.Code(err) != codes.ResourceExhausted {
			return err
		}
	}
}

func noSlotLeft(ctx context.Context, w *wires, s *service) error {
	const slots = 2
	var holders sync.WaitGroup
	var errs [slots]error
	held, release := make(chan struct{}, slots), make(chan struct{})
	for i := range errs {
		holders.Go(func() {
			errs[i] = s.answered(ctx, oneSlot, func() {
				held <- struct{}{}
				select {
				case <-release:
				case <-ctx.Done():
				}
			})
		})
	}
	err := func() error {
		for range slots {
			select {
			case <-held:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		err := s.grow(ctx, oneSlot, func() {})
		if err == nil && !hasSlots(w) {
			return nil
		}
		return refused(err)
	}()
	close(release)
	holders.Wait()
	if err := errors.Join(err, errors.Join(errs[:]...)); err != nil {
		return err
	}
	return s.answered(ctx, oneSlot, func() {})
}

// hasSlots says whether a transport's payloads take slots.
func hasSlots(w *wires) bool { return w.transport.Name() != "inproc" }

// handlersEnd has calls whose time ends while their handlers wait. A handler
// must end with its call, whatever it waits for. Otherwise the plugin works for
// nobody, or the caller waits for what never comes.
func handlersEnd(ctx context.Context, e *LinkEnv) error {
	return e.playCalls(ctx, func(ctx context.Context, w *wires, s *service) error {
		for n := range max(e.rounds()/10, 12) {
			w.steps.Add(1)
			short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
			err := s.block(short)
			cancel()
			// The caller may hear of the handler's end before its own time is
			// over.
			if err != nil && status.Code(err) != codes.DeadlineExceeded && ctx.Err() == nil {
				return fmt.Errorf("call %d, which had 5 ms, ended with %w", n, err)
			}
			bound, cancel := context.WithTimeoutCause(ctx, max((&Env{Settle: e.Settle}).settle()/2, 100*time.Millisecond),
				fmt.Errorf("the handler of call %d has not ended with its call", n))
			err = until(bound, func() bool { return len(s.server.Calls()) == 0 })
			cancel()
			if err != nil {
				return err
			}
		}
		return nil
	})
}
