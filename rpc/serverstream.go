package rpc

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"ddc/internal/fault"
	"ddc/transport"
)

// serverStream is the handler's end of a call, unary or streaming. The pump
// makes it, one goroutine of its own runs it.
type serverStream struct {
	session  *session
	id       uint32
	method   *served
	started  time.Time
	unary    bool // the request came with the call, and the reply goes whole
	metadata metadata.MD

	ctx       context.Context
	cancel    context.CancelFunc
	cancelled atomic.Bool // the client has forgotten the call
	refusal   error       // to be replied in place of a call

	request []byte // of a unary call: in lease, in small or on the heap
	lease   transport.Lease
	holds   bool // session.holding is this stream's
	small   [smallMessage]byte

	packet   packet // of SendMsg
	window   credit
	in       inbox
	returned bool // the handler came back, rather than panic

	mu              sync.Mutex
	header, trailer metadata.MD
	headerSent      bool
}

var _ grpc.ServerStream = (*serverStream)(nil)

// run answers the call.
func (st *serverStream) run() {
	defer st.session.handlers.Done()
	defer st.leave()
	defer st.rescue()
	if err := st.refusal; err != nil {
		st.reply(nil, err)
	} else {
		st.handle()
	}
	st.returned = true
}

// leave frees what the call holds.
func (st *serverStream) leave() {
	st.cancel()
	st.session.remove(st.id)
	st.releaseRequest()
	if !st.unary {
		st.in.abandon(errReturned)
		st.window.end(errReturned)
	}
}

var errReturned = status.Error(codes.Internal, "the call's handler has returned")

// rescue replies for a handler that panicked, or ended its goroutine.
func (st *serverStream) rescue() {
	cause := recover()
	switch {
	case cause != nil:
		slog.Error("handler panicked", "method", st.method.name, "panic", cause, "stack", string(debug.Stack()))
		st.reply(nil, status.Errorf(codes.Internal, "%s panicked: %v", st.method.name, cause))
	case !st.returned:
		st.reply(nil, status.Errorf(codes.Internal, "%s ended its goroutine", st.method.name))
	}
}

func (st *serverStream) handle() {
	if len(st.metadata) > 0 { // else what Serve put there will do
		st.ctx = metadata.NewIncomingContext(st.ctx, st.metadata)
	}
	st.ctx = grpc.NewContextWithServerTransportStream(st.ctx, transportStream{st})
	m, server := st.method, st.session.server
	if fault.Enabled && (fault.On(fault.HandlerNeverEnds) || fault.On(fault.BuildInsideBuild)) {
		server.broken.waitForProcess(st.session.replying)
	}
	switch {
	case m.unary != nil:
		message, err := m.unary.Handler(m.impl, st.ctx, st.decode, server.unary)
		st.reply(message, err)
	case m.raw != nil && st.unary:
		n, fill, err := m.raw(st.ctx, st.request)
		if err == nil && n > server.limit {
			err = tooLargeToSend(n, server.limit)
		}
		st.replyRaw(n, fill, err)
	case m.stream != nil && !st.unary:
		info := &grpc.StreamServerInfo{FullMethod: m.name, IsClientStream: m.stream.ClientStreams, IsServerStream: m.stream.ServerStreams}
		st.reply(nil, server.stream(m.impl, st, info, m.stream.Handler))
	case m.stream != nil:
		st.reply(nil, status.Errorf(codes.Internal, "%s is a streaming method: call it with NewStream", m.name))
	case m.raw != nil:
		st.reply(nil, status.Errorf(codes.Internal, "%s is a raw method: call it with InvokeRaw", m.name))
	default:
		st.reply(nil, status.Error(codes.Unimplemented, server.unknown(m.name)))
	}
}

// decode reads the request of a unary call.
func (st *serverStream) decode(m any) error {
	if !st.unary {
		return st.RecvMsg(m)
	}
	err := st.session.server.decode(st.ctx, st.request, &st.lease, m, st.session.server.bounds)
	st.releaseRequest()
	return err
}

func (st *serverStream) releaseRequest() {
	st.request = nil
	st.lease.Release()
	if st.holds {
		st.holds = false
		st.session.holding.Store(false)
	}
}

// reply ends the call with message, or with err.
func (st *serverStream) reply(message any, err error) {
	p := st.session.takePacket()
	defer st.session.putPacket(p)
	flags := uint8(0)
	if err == nil && st.method.unary != nil {
		err = p.setMessage(message, st.session.server.limit)
		flags = flagMessage
	}
	st.send(p, flags, err)
}

// replyRaw ends the call with what fill writes, or with err.
func (st *serverStream) replyRaw(n int, fill func([]byte) error, err error) {
	p := st.session.takePacket()
	defer st.session.putPacket(p)
	if err == nil {
		p.size, p.fill = n, fill
	}
	st.send(p, flagMessage, err)
}

// send sends the call's last frame: what is in p, unless there is an error or p
// cannot be sent. Then the error is sent; and where that finds no room either, its
// code and the beginning of its text, in a frame that needs no slot. So a caller
// hears of every reply, and waits for none that will not come.
func (st *serverStream) send(p *packet, flags uint8, err error) {
	if st.cancelled.Load() || st.session.replying.Err() != nil {
		return // nobody waits for it, or the link is about to end, which says more
	}
	ctx := st.session.room()
	if err == nil {
		err = st.sendReply(ctx, p, flags, nil)
		if err = st.unsent(ctx, len(p.sections)+p.size, err); err == nil {
			return // sent, or the link has ended
		}
	}
	if fault.Enabled && droppedReply(err) {
		return
	}
	s := statusOf(err)
	if s.Code() == codes.OK { // an error all the same, so the caller must not hear that all is well
		s = status.New(codes.Unknown, err.Error())
	}
	p.clear()
	if ctx.Err() == nil && st.unsent(ctx, 0, st.sendReply(ctx, p, 0, s)) == nil {
		return
	}
	_ = st.session.link.Send(st.session.replying, transport.Header{
		Op: opReply, Flags: flagStatus, Stream: st.id, Arg: uint64(s.Code()),
	}, shortStatus(s.Message())) // an error is the link's end
}

// unsent says why a reply of size bytes could not be sent, after an error of its
// send. nil is a reply that was sent, or a link that has ended.
func (st *serverStream) unsent(ctx context.Context, size int, err error) error {
	switch {
	case err == nil || st.session.replying.Err() != nil:
		return nil
	case errors.As(err, new(fillError)):
		return status.Error(codes.Internal, err.Error())
	case errors.Is(err, transport.ErrTooLarge):
		return status.Errorf(codes.ResourceExhausted, "reply of %d bytes is too large", size)
	case ctx.Err() != nil:
		return status.Errorf(codes.ResourceExhausted, "no room for a reply of %d bytes", size)
	}
	return nil
}

func (st *serverStream) sendReply(ctx context.Context, p *packet, flags uint8, s *status.Status) error {
	p.sections = p.sections[:0]
	st.mu.Lock()
	if (!st.headerSent || st.unary) && len(st.header) > 0 {
		flags |= flagMetadata
		p.sections = appendMetadata(p.sections, st.header)
	}
	if len(st.trailer) > 0 {
		flags |= flagTrailer
		p.sections = appendMetadata(p.sections, st.trailer)
	}
	st.headerSent = true
	st.mu.Unlock()
	if section := encodeStatus(s); section != nil {
		flags |= flagStatus
		p.sections = appendSection(p.sections, section)
	}
	return p.send(ctx, st.session.link, transport.Header{
		Op: opReply, Flags: flags, Stream: st.id, Arg: uint64(s.Code()),
	})
}

// push is the pump's: a message of a stream arrived.
func (st *serverStream) push(f *transport.Frame) {
	var err error
	if most := st.session.server.bounds.Bytes; len(f.Payload) > most {
		err = tooLarge(len(f.Payload), most)
	} else if !st.unary {
		err = st.in.push(f, 0)
	}
	if err != nil {
		st.in.end(err)
	}
}

// Context is the handler's: done when the client cancels, its deadline passes,
// the link ends or the handler returns.
func (st *serverStream) Context() context.Context { return st.ctx }

var errHeaderSent = status.Error(codes.Internal, "the header has been sent")

// SetHeader adds to the header, which goes with the first message or SendHeader.
func (st *serverStream) SetHeader(md metadata.MD) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.headerSent {
		return errHeaderSent
	}
	st.header = metadata.Join(st.header, md)
	return nil
}

// SendHeader sends the header. That of a unary call travels with its reply.
func (st *serverStream) SendHeader(md metadata.MD) error {
	if err := st.SetHeader(md); err != nil {
		return err
	}
	return st.flushHeader(true)
}

// flushHeader sends the header unless it has been sent, or is empty.
func (st *serverStream) flushHeader(empty bool) error {
	st.mu.Lock()
	if st.headerSent {
		st.mu.Unlock()
		return nil
	}
	st.headerSent = true
	header := st.header
	st.mu.Unlock()
	if st.unary || len(header) == 0 && !empty {
		return nil
	}
	h := transport.Header{Op: opHeader, Flags: flagMetadata, Stream: st.id}
	if err := st.session.link.Send(st.ctx, h, appendMetadata(nil, header)); err != nil {
		return sendError(st.ctx, "the caller", err)
	}
	return nil
}

// SetTrailer adds to the trailer, which goes with the status.
func (st *serverStream) SetTrailer(md metadata.MD) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.trailer = metadata.Join(st.trailer, md)
}

// SendMsg sends a message, once the stream has credit for it.
func (st *serverStream) SendMsg(m any) error {
	if err := st.flushHeader(false); err != nil {
		return err
	}
	if err := st.packet.setMessage(m, st.session.server.limit); err != nil {
		return err
	}
	defer st.packet.clear()
	if err := st.window.take(st.ctx, st.packet.size); err != nil {
		return err
	}
	if err := st.packet.send(st.ctx, st.session.link, transport.Header{Op: opMessage, Stream: st.id}); err != nil {
		return sendError(st.ctx, "the caller", err)
	}
	return nil
}

// RecvMsg waits for a message; io.EOF says that the client sends no more.
func (st *serverStream) RecvMsg(m any) error {
	message, grant, err := st.in.pop(st.ctx)
	if err != nil {
		return err
	}
	err = st.session.server.decode(st.ctx, message.Payload, &message, m, st.session.server.bounds)
	message.Release()
	if grant > 0 {
		st.session.out.post(transport.Header{Op: opCredit, Stream: st.id, Arg: grant})
	}
	return err
}

// transportStream is what grpc.SetHeader and its like find in the context.
type transportStream struct{ st *serverStream }

var _ grpc.ServerTransportStream = transportStream{}

func (t transportStream) Method() string                  { return t.st.method.name }
func (t transportStream) SetHeader(md metadata.MD) error  { return t.st.SetHeader(md) }
func (t transportStream) SendHeader(md metadata.MD) error { return t.st.SendHeader(md) }

// SetTrailer never fails.
func (t transportStream) SetTrailer(md metadata.MD) error {
	t.st.SetTrailer(md)
	return nil
}
