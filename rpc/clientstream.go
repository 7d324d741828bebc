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
	"google.golang.org/grpc/peer"
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
	watch   *watch
	contexts

	flow
	closed   bool // no more is to be sent; of the goroutine that sends
	received bool // a message; of the goroutine that receives

	mu       sync.Mutex
	finished bool
	unwatch  func() bool // ends the watch of the caller's context
	header   header
	trailer  metadata.MD
	replied  bool // the server did, and trailer is what it sent

	reported sync.Once
}

// contexts are those of a clientStream, each of the one before.
type contexts struct {
	caller  context.Context
	ctx     context.Context // which ends when the caller hears of the stream's end
	cancel  context.CancelFunc
	sending context.Context // which the stream's end ends at once
	stop    context.CancelFunc
}

// header is the server's, as the caller waits for it.
type header struct {
	md    metadata.MD
	sent  bool          // by the server, be it empty
	known chan struct{} // closed when md and sent are what they will be
}

var (
	_ grpc.ClientStream = (*clientStream)(nil)
	_ receiver          = (*clientStream)(nil)
)

// NewStream begins a streaming call. Generated stubs call it.
func (c *Conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, name string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s := &clientStream{conn: c, desc: desc, header: header{known: make(chan struct{})}}
	if err := s.options.read(opts, c.maxRequest); err != nil {
		s.options.special.finish(nil, nil, nil, err)
		return nil, err
	}
	if c.stats != nil {
		ctx, s.watch = c.watch(ctx, name)
	}
	s.caller = peer.NewContext(ctx, c.peer)
	s.ctx, s.cancel = context.WithCancel(s.caller)
	s.sending, s.stop = context.WithCancel(s.ctx)
	s.watch.begin(desc.ClientStreams, desc.ServerStreams)
	if err := s.open(name); err != nil {
		s.finish(err, true)
		s.report(err)
		return nil, err
	}
	return s, nil
}

// open sends the call. If it fails, the call is not entered.
func (s *clientStream) open(name string) error {
	c := s.conn
	s.flow.open()
	md, err := c.outgoing(s.caller, name, &s.options)
	if err != nil {
		return err
	}
	if err := c.begin(s.caller, s, name); err != nil {
		return err
	}
	if err := c.sendCall(s.sending, &s.packet, s.id, s.method, md, 0, nil); err != nil {
		c.forget(s.id)
		return err
	}
	s.options.madeCall()
	s.packet.clear()
	s.watch.sentHeader(name, md, c.peer.Addr, c.peer.LocalAddr)
	// The context is watched only now: a cancellation must not overtake the
	// call.
	unwatch := context.AfterFunc(s.caller, s.callerLeft)
	s.mu.Lock()
	s.unwatch = unwatch
	finished := s.finished
	s.mu.Unlock()
	if finished && !s.observed() {
		unwatch()
	}
	return nil
}

// callerLeft ends the call whose caller's context is over.
func (s *clientStream) callerLeft() {
	err := contextError(s.caller)
	s.abort(err)
	s.report(err)
}

// observed says whether anybody wants to hear of the call's end.
func (s *clientStream) observed() bool { return s.watch != nil || s.options.special.observed() }

func (s *clientStream) enter(id uint32, m *method) {
	s.id, s.method, s.started = id, m, time.Now()
	if s.observed() {
		s.conn.unreported[s] = struct{}{}
	}
}

func (s *clientStream) describe() (string, time.Time) { return s.method.name, s.started }

func (s *clientStream) receive(f *transport.Frame) {
	switch f.Op {
	case opCredit:
		s.window.grant(f.Arg)
	case opMessage:
		s.setHeader(nil, true)
		s.push(f, 0)
	case opHeader, opReply:
		parts, begins, err := parseSections(f.Flags, f.Payload)
		if err != nil {
			s.abort(s.conn.malformed(f.Arg, err))
			return
		}
		if f.Op == opHeader || f.Flags&(flagMetadata|flagMessage) != 0 {
			s.setHeader(parts.metadata, true)
		} // else finish says that there is none
		if f.Op == opHeader {
			return
		}
		if f.Flags&flagMessage != 0 {
			s.push(f, begins)
		}
		s.mu.Lock()
		s.trailer, s.replied = parts.trailer, true
		s.mu.Unlock()
		s.finish(s.conn.replyError(f.Flags, f.Arg, parts.status), false)
	}
}

func (s *clientStream) push(f *transport.Frame, begins int) {
	if n, most := len(f.Payload)-begins, s.method.boundsFor(&s.options).Bytes; n > most {
		// The caller hears of it when it gets there, and may do as it likes
		// till then.
		s.in.end(excessOf(tooLarge(n, most), s.conn.name, s.method.name))
	} else if err := s.in.push(f, begins); err != nil {
		s.abort(err)
	}
}

func (s *clientStream) fail(err error) { s.finish(err, false) }

// setHeader makes md the header, unless there is one. sent says whether the
// server sent it, even if it is empty.
func (s *clientStream) setHeader(md metadata.MD, sent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.header.known:
	default:
		s.header.md, s.header.sent = md, sent
		close(s.header.known)
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
	s.setHeader(nil, false)
	if unwatch != nil && !s.observed() {
		unwatch()
	}
	s.stop()
}

// report ends the stream's context and tells the observers of the call's end,
// once: when the caller has read it, or no longer can because its context is
// over or the Conn has ended. Observers may run anything, so report never runs
// on the pump.
func (s *clientStream) report(err error) {
	s.mu.Lock()
	finished := s.finished
	s.mu.Unlock()
	if !finished { // the caller's context may be faster than callerLeft, which will not come any more
		s.abort(err)
	}
	s.cancel()
	if !s.observed() {
		return
	}
	s.reported.Do(func() {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		s.conn.mu.Lock()
		delete(s.conn.unreported, s)
		s.conn.mu.Unlock()
		s.mu.Lock()
		header, trailer, replied, unwatch := s.header.md, s.trailer, s.replied, s.unwatch
		if s.header.sent && header == nil {
			header = metadata.MD{}
		}
		s.mu.Unlock()
		if unwatch != nil {
			unwatch()
		}
		s.tellHeader()
		if replied {
			s.watch.gotTrailer(trailer)
		}
		s.watch.end(trailer, err)
		s.options.special.finish(header, trailer, s.conn.peer, err)
	})
}

// tellHeader tells the stats handlers of the server's header, once it is there.
func (s *clientStream) tellHeader() {
	if s.watch == nil {
		return
	}
	s.mu.Lock()
	header := s.header
	s.mu.Unlock()
	if header.sent {
		s.watch.gotHeader("", header.md, s.conn.peer.Addr, s.conn.peer.LocalAddr)
	}
}

// Header waits for the header metadata, or the call's end. It is nil if the
// server sent none, not even an empty one. RecvMsg then says why.
func (s *clientStream) Header() (metadata.MD, error) {
	<-s.header.known
	s.mu.Lock()
	header := s.header
	s.mu.Unlock()
	if !header.sent {
		s.report(s.in.why())
		return nil, nil
	}
	s.tellHeader()
	return header.md.Copy(), nil
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
	return s.endSend()
}

func (s *clientStream) endSend() error {
	if s.caller.Err() != nil {
		return nil // what came before is no complete upload
	}
	// A failure means that the call has ended, which RecvMsg reports.
	_ = s.conn.link.Send(s.sending, transport.Header{Op: opEnd, Stream: s.id}, nil)
	return nil
}

var errSendAfterClose = status.Error(codes.Internal, "SendMsg after CloseSend")

// SendMsg sends a message, once the stream has credit for it. io.EOF says that
// the call has ended; RecvMsg says how. If the method takes only one message,
// that one is the last, and SendMsg returns nil instead of io.EOF, as generated
// code expects.
func (s *clientStream) SendMsg(m any) error {
	err := s.sendMsg(m)
	switch {
	case err == nil && !s.desc.ClientStreams:
		return s.endSend()
	case errors.Is(err, io.EOF) && !s.desc.ClientStreams:
		return nil
	case err != nil && !errors.Is(err, io.EOF):
		s.abort(err)
		s.report(err)
	}
	return err
}

// sendMsg sends a message. io.EOF means that the call has ended. Any other
// error is the message's own fault, or comes of sending after CloseSend.
func (s *clientStream) sendMsg(m any) error {
	if s.closed {
		return errSendAfterClose
	}
	s.closed = !s.desc.ClientStreams
	if err := s.packet.setMessage(m, s.options.maxSend, s.options.codec()); err != nil {
		return err
	}
	defer s.packet.clear()
	size := s.packet.size
	err := contextError(s.caller) // which those made of it may yet have to hear
	if err == nil {
		err = s.window.take(s.sending, size)
	}
	if err == nil {
		if err = s.packet.send(s.sending, s.conn.link, transport.Header{Op: opMessage, Stream: s.id}); err == nil {
			s.watch.sent(m, size)
			return nil
		}
		if unsendable(err) {
			return s.conn.sendError(s.sending, err)
		}
		err = s.conn.sendError(s.sending, err)
	}
	if !errors.Is(err, io.EOF) && s.in.why() == nil {
		s.abort(err)
	}
	return io.EOF
}

// RecvMsg waits for a message. io.EOF is the call's good end.
func (s *clientStream) RecvMsg(m any) error {
	err := s.next(m)
	if !s.desc.ServerStreams {
		switch {
		case errors.Is(err, io.EOF) && !s.received:
			err = errNoMessage
		case err == nil: // the status belongs to the only message
			s.received = true
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
	size := len(message.Payload)
	s.tellHeader()
	if m == nil {
		err = errSecondMessage
	} else {
		err = s.conn.decode(s.caller, message.Payload, &message, m, s.method.boundsFor(&s.options), s.options.codec())
		err = excessOf(err, s.conn.name, s.method.name)
	}
	message.Release()
	if err != nil {
		s.abort(err)
		return err
	}
	s.watch.got(m, size)
	if grant > 0 {
		s.conn.out.post(transport.Header{Op: opCredit, Stream: s.id, Arg: grant})
	}
	return nil
}
