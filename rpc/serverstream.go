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
// makes it; one goroutine of its own runs it.
type serverStream struct {
	session  *session
	id       uint32
	method   *served
	started  time.Time
	unary    bool // the request came with the call, and the reply goes whole
	metadata metadata.MD
	codec    codec // nil is protobuf's own
	watch    *watch

	ctx       context.Context
	cancel    context.CancelFunc
	cancelled atomic.Bool // the client has forgotten the call
	replied   atomic.Bool // the last frame has been sent, or need not be
	refusal   error       // to be replied in place of a call

	request request // of a unary call
	*flow           // nil for a unary call, whose allocation is the smaller for it

	progress
	whole *whole // where a streaming method is called as a unary one

	mu     sync.Mutex
	answer replyMetadata
}

// progress is how far the handler has come. It is the handler's.
type progress struct {
	returned bool // it came back, rather than panic
	received bool // a message, where only one may come
	read     bool // to the end of the client's messages
}

// request is the message of a unary call.
type request struct {
	message []byte // in lease, in small or on the heap
	lease   transport.Lease
	holds   bool // session.holding is this stream's
	small   [smallMessage]byte
}

// replyMetadata is what travels with what a handler sends.
type replyMetadata struct {
	header, trailer metadata.MD
	headerSent      bool
	headerFirst     bool  // sent before the reply, or to be read as if it were
	spoilt          error // by metadata that must not be sent
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
		st.in.abandon(errEnded)
		st.window.end(errEnded)
	}
}

var (
	errEnded     = status.Error(codes.Canceled, "the call has ended")
	errLinkEnded = status.Error(codes.Unavailable, "the link to the caller has ended")
)

// rescue replies for a handler that panicked or called runtime.Goexit.
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
		st.codec = codecOf(subtypeOf(st.metadata[contentType]))
	}
	st.ctx = grpc.NewContextWithServerTransportStream(st.ctx, transportStream{st})
	m, server := st.method, st.session.server
	if server.stats != nil && m.raw == nil {
		st.beginWatch()
	}
	if fault.Enabled && (fault.On(fault.HandlerNeverEnds) || fault.On(fault.BuildInsideBuild)) {
		server.broken.waitForProcess(st.session.replying)
	}
	switch {
	case m.unary != nil:
		message, err := m.unary.Handler(m.impl, st.ctx, st.decode, server.unary)
		st.reply(message, err)
	case m.raw != nil && st.unary:
		n, fill, err := m.raw(st.ctx, st.request.message)
		if err == nil && n > server.limit {
			err = tooLargeToSend(n, server.limit)
		}
		st.replyRaw(n, fill, err)
	case m.stream != nil:
		info := &grpc.StreamServerInfo{FullMethod: m.name, IsClientStream: m.stream.ClientStreams, IsServerStream: m.stream.ServerStreams}
		st.reply(nil, server.stream(m.impl, st, info, m.stream.Handler))
	case m.raw != nil:
		st.reply(nil, status.Errorf(codes.Internal, "%s is a raw method: call it with InvokeRaw", m.name))
	default:
		st.reply(nil, status.Error(codes.Unimplemented, server.unknown(m.name)))
	}
}

// beginWatch tells the stats handlers of the call. They hear of a unary
// method's messages as of a stream's.
func (st *serverStream) beginWatch() {
	h, l := st.session.server.stats, st.session
	st.ctx = h.tag(st.ctx, st.method.name, false)
	st.watch = h.watchCall(st.ctx, false)
	md, _ := metadata.FromIncomingContext(st.ctx)
	st.watch.gotHeader(st.method.name, md, l.peer.Addr, l.peer.LocalAddr)
	if st.method.exists() {
		stream := st.method.stream
		st.watch.begin(stream != nil && stream.ClientStreams, stream != nil && stream.ServerStreams)
	}
}

// decode reads the request of a unary method.
func (st *serverStream) decode(m any) error {
	if !st.unary {
		return st.RecvMsg(m)
	}
	return st.fatal(st.decodeRequest(m))
}

func (st *serverStream) decodeRequest(m any) error {
	n := len(st.request.message)
	err := st.session.server.decode(st.ctx, st.request.message, &st.request.lease, m, st.session.server.bounds, st.codec)
	st.releaseRequest()
	if err == nil {
		st.watch.got(m, n)
	}
	return err
}

func (st *serverStream) releaseRequest() {
	r := &st.request
	r.message = nil
	r.lease.Release()
	if r.holds {
		r.holds = false
		st.session.holding.Store(false)
	}
}

// reply ends the call with message, or with err, unless it has ended.
func (st *serverStream) reply(message any, err error) {
	if st.replied.Swap(true) {
		if err == nil && st.method.unary != nil {
			err = contextError(st.ctx) // of the reply that cannot be sent
		}
		st.endWatch(statusOf(err).Err())
		return
	}
	p := st.session.takePacket()
	defer st.session.putPacket(p)
	flags := uint8(0)
	switch {
	case err != nil:
	case st.method.unary != nil:
		err = p.setMessage(message, st.session.server.limit, st.codec)
		flags = flagMessage
	case st.unary:
		flags = st.whole.take(p)
	}
	size := p.size
	sent := st.send(p, flags, err)
	if st.method.unary != nil {
		if err = sent; err == nil {
			st.watch.sent(message, size)
		}
	} // else it ends as its handler says, whatever its caller gets
	st.tellTrailer()
	st.endWatch(statusOf(err).Err())
}

// forgotten says whether nobody waits for a reply, or the link is about to end,
// which says more.
func (st *serverStream) forgotten() bool {
	return st.cancelled.Load() || st.session.replying.Err() != nil
}

// tellTrailer tells the stats handlers of the trailer that has been sent.
func (st *serverStream) tellTrailer() {
	if st.watch == nil || st.forgotten() {
		return
	}
	st.mu.Lock()
	trailer := st.answer.trailer
	st.mu.Unlock()
	st.watch.sentTrailer(trailer)
}

// endWatch tells the stats handlers of the call's end.
func (st *serverStream) endWatch(err error) {
	if st.watch != nil && st.method.exists() {
		st.watch.end(nil, err)
	}
}

// replyRaw ends the call with what fill writes, or with err.
func (st *serverStream) replyRaw(n int, fill func([]byte) error, err error) {
	p := st.session.takePacket()
	defer st.session.putPacket(p)
	if err == nil {
		p.size, p.fill = n, fill
	}
	_ = st.send(p, flagMessage, err)
}

// send sends the call's last frame: p, unless there is an error or p cannot be
// sent. Then it sends the error. If that finds no room either, it sends the
// error's code and the beginning of its text, in a frame that needs no slot. So
// no caller waits for a reply that will not come. send returns the error that
// the caller gets.
func (st *serverStream) send(p *packet, flags uint8, err error) error {
	if err == nil {
		err = st.unfit()
	}
	if st.forgotten() {
		return err
	}
	ctx := st.session.room()
	if err == nil {
		err = st.sendReply(ctx, p, flags, nil)
		if err = st.unsent(ctx, len(p.sections)+p.size, err); err == nil {
			return nil // sent, or the link has ended
		}
	}
	if fault.Enabled && droppedReply(err) {
		return err
	}
	s := statusOf(err)
	if s.Code() == codes.OK { // an error all the same, so the caller must not hear that all is well
		s = status.New(codes.Unknown, err.Error())
	}
	p.clear()
	// What a stream sent before it failed comes with its failure, if there is
	// room.
	if flags = st.whole.take(p); flags != 0 && ctx.Err() == nil && st.unsent(ctx, p.size, st.sendReply(ctx, p, flags, s)) == nil {
		return s.Err()
	}
	p.clear()
	if ctx.Err() == nil && st.unsent(ctx, 0, st.sendReply(ctx, p, 0, s)) == nil {
		return s.Err()
	}
	_ = st.session.link.Send(st.session.replying, transport.Header{
		Op: opReply, Flags: flagStatus, Stream: st.id, Arg: uint64(s.Code()),
	}, shortStatus(s.Message())) // an error is the link's end
	return s.Err()
}

// unfit says why a good reply must not be sent: its context is over, or its
// metadata is not valid or too large.
func (st *serverStream) unfit() error {
	if err := contextError(st.ctx); err != nil {
		return err
	}
	st.mu.Lock()
	header, trailer, spoilt := st.answer.header, st.answer.trailer, st.answer.spoilt
	st.mu.Unlock()
	if spoilt != nil {
		return spoilt
	}
	return overMetadata(header, trailer)
}

// unsent turns the error of sending a reply of size bytes into the reason that
// the caller gets. It is nil if the reply was sent, or the link has ended.
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
	var header metadata.MD
	first := !st.answer.headerSent || st.unary
	if first {
		header = st.answer.header
	}
	trailer, shown := st.answer.trailer, st.answer.headerFirst
	st.answer.headerSent = true
	st.mu.Unlock()
	if s != nil {
		header, trailer, s = fitted(header, trailer, s)
	}
	if len(header) > 0 || shown && st.unary && flags&flagMessage == 0 {
		flags |= flagMetadata
		p.sections = appendMetadata(p.sections, header)
	}
	if len(trailer) > 0 {
		flags |= flagTrailer
		p.sections = appendMetadata(p.sections, trailer)
	}
	if section := encodeStatus(s); section != nil {
		flags |= flagStatus
		p.sections = appendSection(p.sections, section)
	}
	if st.watch != nil && first && (flags&flagMessage != 0 || len(header) > 0) {
		st.watch.sentHeader("", header, nil, nil)
	}
	return p.send(ctx, st.session.link, transport.Header{
		Op: opReply, Flags: flags, Stream: st.id, Arg: uint64(s.Code()),
	})
}
