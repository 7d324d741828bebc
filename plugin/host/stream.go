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
	p.calls.Add(1)
	if !p.host.calls.Enter() {
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
		s, err := p.remote.NewStream(ctx, desc, method, opts...)
		return s, p.countError(err)
	}
	r, err := p.acquire(ctx)
	if err != nil {
		p.errors.Add(1)
		return nil, err
	}
	s := &stream{plugin: p, run: r, unbind: func() {}, single: !desc.ServerStreams,
		attempt: &attempt{method: method, about: subject.Of(ctx), stream: true, victim: r}}
	if p.host.options.Local != nil {
		limited, cancel := context.WithCancelCause(ctx)
		ctx, s.victim = limited, abandoned(cancel)
		s.unbind = func() { cancel(nil) }
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
	plugin *Plugin
	run    run
	single bool // the plugin answers once
	// unbind lets go of the context that ends a stream of this process. The caller
	// must have received the stream's end by then: a context that is over hides it.
	// Who does not receive it ends his own context, as gRPC asks of him.
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
	if !patience.end(s.attempt) {
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
