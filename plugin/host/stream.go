package host

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"ddc/internal/subject"
)

// NewStream begins a streaming call. It has the time of a call for each
// message. The time counts only while somebody waits for the plugin, and anew
// with each message that is sent or received. So a slow caller uses up none of
// it.
func (p *Plugin) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if !p.host.calls.Enter() {
		p.calls.Add(1)
		return nil, p.countError(p.stopped())
	}
	leave := sync.OnceFunc(p.host.calls.Leave)
	s, err := p.newStream(ctx, desc, method, append([]grpc.CallOption{grpc.OnFinish(func(error) { leave() })}, opts...)...)
	if err != nil {
		leave()
	}
	return s, err
}

func (p *Plugin) newStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if p.remote != nil {
		p.calls.Add(1)
		s, err := p.remote.NewStream(ctx, desc, method, opts...)
		return s, p.countError(err)
	}
	now := p.replicas.take(nil)
	p = now.Plugin
	p.calls.Add(1)
	r, err := p.acquire(ctx)
	if err != nil {
		p.errors.Add(1)
		p.replicas.done(now, false)
		return nil, err
	}
	s := &stream{ctx: ctx, plugin: p, run: r, single: !desc.ServerStreams,
		attempt: &attempt{method: method, about: subject.Of(ctx), stream: true, victim: r}}
	over := sync.OnceFunc(func() { p.replicas.done(now, false) })
	unwatch := context.AfterFunc(ctx, over)
	s.unbind = func() { unwatch(); over() }
	if p.host.options.Local != nil {
		limited, cancel := context.WithCancelCause(ctx)
		ctx, s.victim = limited, abandoned(cancel)
		s.unbind = func() { unwatch(); over(); cancel(nil) }
	}
	err = s.bounded(func() (err error) {
		s.ClientStream, err = r.connection().NewStream(ctx, desc, method, opts...)
		return err
	})
	if err != nil {
		s.unbind()
		p.errors.Add(1)
		return nil, err
	}
	return s, nil
}

// stream is a stream whose plugin is killed if it sends a message over its
// bounds, or sends nothing for too long.
type stream struct {
	grpc.ClientStream
	*attempt
	ctx    context.Context // the caller's
	plugin *Plugin
	run    run
	single bool // the plugin answers once
	// unbind says that the stream is no longer under way, and lets go of the
	// context that ends a stream of this process. The caller must have received
	// the stream's end by then: a context that is over hides it. A caller that
	// does not receive it ends its own context, as gRPC asks.
	unbind func()
}

// bounded runs do, which may wait for the plugin, under the stream's time
// limit.
func (s *stream) bounded(do func() error) error {
	patience := s.plugin.patience
	patience.wait(s.attempt)
	err := do()
	if err == nil {
		patience.passed(s.attempt)
	}
	killForExcess(s.run, err)
	hung := patience.end(s.attempt)
	if s.plugin.host.options.Local == nil && repeatable(err) {
		// A caller that begins the stream again must get the next run, so the
		// end of this one is waited for. If the caller has left, nobody begins
		// again.
		_ = awaitEnd(s.ctx, s.run, err)
	}
	if !hung {
		if exhausted(err) {
			return s.plugin.tooLarge(codes.ResourceExhausted)
		}
		return err
	}
	switch {
	case s.plugin.host.options.Local == nil && lost(err):
		return &hungError{plugin: s.plugin.name, errHung: s.hung}
	case status.Code(err) == codes.Canceled:
		return status.Errorf(codes.DeadlineExceeded, "plugin %s: %v", s.plugin.name, s.hung)
	}
	return err
}

func (s *stream) SendMsg(m any) error {
	return s.bounded(func() error { return s.ClientStream.SendMsg(m) })
}

func (s *stream) RecvMsg(m any) error {
	err := s.bounded(func() error { return s.ClientStream.RecvMsg(m) })
	if err != nil || s.single {
		s.unbind()
	}
	return err
}

func (s *stream) CloseSend() error { return s.bounded(s.ClientStream.CloseSend) }

func (s *stream) Header() (md metadata.MD, err error) {
	err = s.bounded(func() error {
		md, err = s.ClientStream.Header()
		return err
	})
	return md, err
}
