package rpc

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"ddc/transport"
)

// clientStream is the caller's end of a streaming call.
//
// It ends once, in finish: by the server's opReply, by abort (the caller's
// context, or a fault found at this end), or with the link.
type clientStream struct {
	conn    *Conn
	desc    *grpc.StreamDesc
	options callOptions
	id      uint32
	method  *method
	started time.Time
	caller  context.Context
	ctx     context.Context // the caller's, which the stream's end ends too
	cancel  context.CancelFunc

	packet packet // of the goroutine that sends
	closed bool   // CloseSend was called; the same goroutine's
	window credit
	in     inbox

	mu              sync.Mutex
	finished        bool
	unwatch         func() bool // ends the watch of the caller's context
	header, trailer metadata.MD
	headerKnown     chan struct{} // closed when header is what it will be

	reported sync.Once
}

var (
	_ grpc.ClientStream = (*clientStream)(nil)
	_ receiver          = (*clientStream)(nil)
)

// newStream is a grpc.Streamer.
func (c *Conn) newStream(ctx context.Context, desc *grpc.StreamDesc, _ *grpc.ClientConn, name string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	o, err := readOptions(opts, c.limit)
	if err != nil {
		return nil, err
	}
	s := &clientStream{conn: c, desc: desc, options: o, caller: ctx, headerKnown: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.window.open()
	s.in.open()
	if err := c.begin(ctx, s, name); err != nil {
		s.cancel()
		return nil, err
	}
	if err := c.sendCall(s.ctx, &s.packet, s.id, s.method, 0); err != nil {
		c.forget(s.id)
		s.finish(err, true)
		return nil, err
	}
	s.packet.clear()
	// Watched only now: a cancellation must not overtake the call.
	unwatch := context.AfterFunc(s.ctx, func() { s.abort(status.FromContextError(ctx.Err()).Err()) })
	s.mu.Lock()
	s.unwatch = unwatch
	finished := s.finished
	s.mu.Unlock()
	if finished {
		unwatch()
	}
	return s, nil
}

func (s *clientStream) enter(id uint32, m *method) { s.id, s.method, s.started = id, m, time.Now() }

func (s *clientStream) describe() (string, time.Time) { return s.method.name, s.started }

func (s *clientStream) receive(f *transport.Frame) {
	switch f.Op {
	case opCredit:
		s.window.grant(f.Arg)
	case opMessage:
		s.setHeader(nil)
		s.push(f, 0)
	case opHeader, opReply:
		parts, begins, err := parseSections(f.Flags, f.Payload)
		if err != nil {
			s.abort(status.Errorf(codes.Internal, "malformed frame: %v", err))
			return
		}
		s.setHeader(parts.metadata)
		if f.Op == opHeader {
			return
		}
		if f.Flags&flagMessage != 0 {
			s.push(f, begins)
		}
		s.mu.Lock()
		s.trailer = parts.trailer
		s.mu.Unlock()
		s.finish(s.conn.replyError(f.Flags, f.Arg, parts.status), false)
	}
}

func (s *clientStream) push(f *transport.Frame, begins int) {
	if n, most := len(f.Payload)-begins, s.method.boundsFor(&s.options).Bytes; n > most {
		s.abort(excessOf(tooLarge(n, most), s.conn.name, s.method.name))
	} else if err := s.in.push(f, begins); err != nil {
		s.abort(err)
	}
}

func (s *clientStream) fail(err error) { s.finish(err, false) }

// setHeader makes md the header, unless there is one.
func (s *clientStream) setHeader(md metadata.MD) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.headerKnown:
	default:
		s.header = md
		close(s.headerKnown)
	}
}

// abort ends the call from this end. It never blocks: the pump may call it.
func (s *clientStream) abort(err error) {
	s.conn.cancel(s.id)
	s.finish(err, true)
}

// finish ends the stream, with nil for success. What was received before can
// still be read, unless discard is set.
func (s *clientStream) finish(err error, discard bool) {
	s.mu.Lock()
	first := !s.finished
	s.finished = true
	unwatch := s.unwatch
	s.mu.Unlock()
	if !first {
		return
	}
	if err == nil {
		err = io.EOF
	}
	if discard {
		s.in.abandon(err)
	} else {
		s.in.end(err)
	}
	s.window.end(io.EOF) // RecvMsg says why
	s.setHeader(nil)
	if unwatch != nil {
		unwatch()
	}
	s.cancel()
}

// report tells the call's options of its end, from the caller's goroutine.
func (s *clientStream) report(err error) {
	s.reported.Do(func() {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		s.mu.Lock()
		header, trailer := s.header, s.trailer
		s.mu.Unlock()
		s.options.finish(header, trailer, err)
	})
}

// Header waits for the header metadata, or the call's end.
func (s *clientStream) Header() (metadata.MD, error) {
	<-s.headerKnown
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.header.Copy(), nil
}

// Trailer is the trailer metadata, once RecvMsg has returned an error.
func (s *clientStream) Trailer() metadata.MD {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trailer.Copy()
}

func (s *clientStream) Context() context.Context { return s.ctx }

// CloseSend tells the server that no more messages come.
func (s *clientStream) CloseSend() error {
	if s.closed {
		return nil
	}
	s.closed = true
	// A failure means that the call has ended, which RecvMsg reports.
	_ = s.conn.link.Send(s.ctx, transport.Header{Op: opEnd, Stream: s.id}, nil)
	return nil
}

// SendMsg sends a message, once the stream has credit for it. io.EOF says that
// the call has ended; RecvMsg says how.
func (s *clientStream) SendMsg(m any) error {
	if s.closed {
		return status.Error(codes.Internal, "SendMsg after CloseSend")
	}
	if err := s.packet.setMessage(m, s.options.maxSend); err != nil {
		s.abort(err)
		return err
	}
	defer s.packet.clear()
	if err := s.window.take(s.ctx, s.packet.size); err != nil {
		return err
	}
	if err := s.packet.send(s.ctx, s.conn.link, transport.Header{Op: opMessage, Stream: s.id}); err != nil {
		if s.in.hasEnded() {
			return io.EOF
		}
		err = s.conn.sendError(s.ctx, err)
		s.abort(err)
		return err
	}
	return nil
}

// RecvMsg waits for a message. io.EOF is the call's good end.
func (s *clientStream) RecvMsg(m any) error {
	err := s.next(m)
	if !s.desc.ServerStreams {
		switch {
		case errors.Is(err, io.EOF):
			err = errNoMessage
		case err == nil: // the status belongs to the only message
			if err = s.next(nil); errors.Is(err, io.EOF) {
				s.report(nil)
				return nil
			}
		}
	}
	if err != nil {
		s.report(err)
	}
	return err
}

var errSecondMessage = status.Error(codes.Internal, "the reply has more than one message")

// next reads the next message into m; nil says that there must be none.
func (s *clientStream) next(m any) error {
	message, grant, err := s.in.pop(s.ctx)
	if err != nil {
		return err
	}
	if m == nil {
		err = errSecondMessage
	} else {
		err = s.conn.decode(s.caller, message.Payload, &message, m, s.method.boundsFor(&s.options))
		err = excessOf(err, s.conn.name, s.method.name)
	}
	message.Release()
	if err != nil {
		s.abort(err)
		return err
	}
	if grant > 0 {
		s.conn.out.post(transport.Header{Op: opCredit, Stream: s.id, Arg: grant})
	}
	return nil
}
