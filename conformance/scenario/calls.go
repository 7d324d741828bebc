package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"ddc/rpc"
	"ddc/transport"
)

// calls are the programs over calls on a link: what the goroutine that receives
// may and may not do shows only there.
func calls() []LinkProgram {
	return []LinkProgram{
		{Name: "CallThatBlocksStopsNoOtherCall", Rule: 7, Run: blockingCall},
		{Name: "TwoCallsAtOnceThenSilence", Rule: 11, Run: twoCalls},
		{Name: "CallerThatGivesUpLeavesNoFrameBehind", Rule: 11, Run: callerGivesUp},
		{Name: "ReplyThatCannotBeSentIsAnError", Rule: 12, Run: unsendableReply},
		{Name: "HandlerEndsWithItsCall", Rule: 13, Run: handlersEnd},
	}
}

// The methods of the peer, which are raw: a message is its bytes.
const (
	echoMethod  = "/suite/Echo"
	blockMethod = "/suite/Block"
)

// service is a peer that echoes, and can be blocked.
type service struct {
	conn    *rpc.Conn
	server  *rpc.Server
	serving sync.WaitGroup
	// over frees the calls that block, of which so many have begun.
	over    func()
	blocked atomic.Int64
}

func serve(l [2]transport.Link) *service { return serveWith(l, rpc.ServerOptions{}) }

func serveWith(l [2]transport.Link, o rpc.ServerOptions) *service {
	released := make(chan struct{})
	server := rpc.NewServer(o)
	s := &service{server: server, over: sync.OnceFunc(func() { close(released) })}
	server.RegisterRaw(growMethod, growing)
	server.RegisterRaw(echoMethod, func(_ context.Context, request []byte) (int, func([]byte) error, error) {
		return len(request), func(reply []byte) error { copy(reply, request); return nil }, nil
	})
	server.RegisterRaw(blockMethod, func(ctx context.Context, _ []byte) (int, func([]byte) error, error) {
		s.blocked.Add(1)
		select {
		case <-released:
		case <-ctx.Done():
		}
		return 0, func([]byte) error { return nil }, nil
	})
	s.serving.Go(func() { _ = server.Serve(context.Background(), l[1]) }) // ends with the link, which the caller sees
	s.conn = rpc.NewConn(l[0], rpc.ConnOptions{Name: "the suite's peer"})
	return s
}

// end waits for all that serve started. The transport is closed.
func (s *service) end() {
	s.over()
	<-s.conn.Done()
	s.serving.Wait()
}

func (s *service) echo(ctx context.Context, number uint64, size int) error {
	want := pattern(size, number)
	err := s.conn.InvokeRaw(ctx, echoMethod, size,
		func(request []byte) error { copy(request, want); return nil },
		func(reply []byte) error {
			if !bytes.Equal(reply, want) {
				return fmt.Errorf("the echo of call %d differs from what was sent", number)
			}
			return nil
		})
	if err != nil {
		return fmt.Errorf("call %d: %w", number, err)
	}
	return nil
}

func (s *service) block(ctx context.Context) error {
	none := func([]byte) error { return nil }
	return s.conn.InvokeRaw(ctx, blockMethod, 0, none, none)
}

// playCalls runs a program of calls on a link whose peer is a service.
func (e *LinkEnv) playCalls(ctx context.Context, calls func(context.Context, *wires, *service) error) error {
	w, err := e.wire(Ample, 1)
	if err != nil {
		return err
	}
	s := serve(w.links[0])
	defer s.end()
	return w.play(ctx, func(ctx context.Context) error {
		defer context.AfterFunc(ctx, s.over)()
		return calls(ctx, w, s)
	})
}

// blockingCall has calls whose handlers do not come back, among others that
// must.
func blockingCall(ctx context.Context, e *LinkEnv) error {
	return e.playCalls(ctx, func(ctx context.Context, _ *wires, s *service) error {
		var blocked sync.WaitGroup
		defer blocked.Wait()
		defer s.over()
		for n := range uint64(e.rounds()) {
			if n%50 == 0 {
				blocked.Go(func() { _ = s.block(ctx) })
				// The others are to be made while it is blocked, not before it
				// begins.
				if err := until(ctx, func() bool { return s.blocked.Load() > int64(n/50) }); err != nil {
					return err
				}
			}
			if err := s.echo(ctx, n, int(n%300)); err != nil {
				return err
			}
		}
		return nil
	})
}

// twoCalls makes two calls at once, then none until both are answered. One of
// the callers may receive for both.
func twoCalls(ctx context.Context, e *LinkEnv) error {
	return e.playCalls(ctx, func(ctx context.Context, _ *wires, s *service) error {
		for n := range uint64(3 * e.rounds()) {
			var both sync.WaitGroup
			var errs [2]error
			for i := range errs {
				both.Go(func() { errs[i] = s.echo(ctx, n, i) })
			}
			both.Wait()
			if err := errors.Join(errs[:]...); err != nil {
				return err
			}
		}
		return nil
	})
}

// sharedSlots has one link hold every slot of the pool, and another wait for
// one: it must get what the first frees, although nothing else happens on it.
func sharedSlots(ctx context.Context, e *LinkEnv) error {
	w, err := e.wire(Bare, 2)
	if err != nil {
		return err
	}
	const slots = 2
	leases := make(chan transport.Lease, slots)
	got := make(chan uint64, 1)
	w.links[0][1].Start(func(f *transport.Frame) { leases <- f.Keep() })
	w.links[1][1].Start(func(f *transport.Frame) { got <- f.Arg })
	const size = 500
	return w.play(ctx, func(ctx context.Context) error {
		for n := range uint64(max(e.rounds()/10, 1)) {
			for range slots {
				if err := w.links[0][0].Send(ctx, transport.Header{}, pattern(size, n)); err != nil {
					return err
				}
			}
			var kept [slots]transport.Lease
			for i := range kept {
				select {
				case kept[i] = <-leases:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			sent := make(chan error, 1)
			go func() { sent <- w.links[1][0].Send(ctx, transport.Header{Arg: n}, pattern(size, n)) }()
			err := w.full(ctx, w.links[1][0])
			for i := range kept {
				kept[i].Release()
			}
			if err := errors.Join(err, <-sent); err != nil {
				return err
			}
			select {
			case number := <-got:
				if number != n {
					return fmt.Errorf("frame %d came, %d was sent", number, n)
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
}
