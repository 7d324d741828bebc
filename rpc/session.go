package rpc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"ddc/internal/fault"
	"ddc/transport"
)

// session is a Server on one link.
type session struct {
	server *Server
	link   transport.Link
	log    transport.CallLog // link too, or nil; told with mu held
	out    *outbox
	base   context.Context // of every handler: Serve's values and the peer, but not Serve's end
	peer   *peer.Peer
	// leaving is closed when the session stops taking new calls, stopped when
	// the calls under way must end.
	leaving, stopped chan struct{}
	// replying is the context of replies. It ends with the session, so that a
	// peer that reads nothing cannot hold up a handler that replies.
	replying     context.Context
	stopReplying context.CancelFunc
	handlers     sync.WaitGroup
	workers      workers
	packets      sync.Pool // of *packet

	methods []*served // by id; the pump's
	// holding is set while a raw handler holds its request's slot.
	holding atomic.Bool

	mu      sync.Mutex
	streams map[uint32]*serverStream
	closing bool
	giveUp  generation
}

// generation is a context that many replies share. A context and a timer for
// each would cost a small call a tenth of its time.
type generation struct {
	ctx   context.Context
	end   context.CancelFunc
	begun time.Time
}

// room is the context that a reply is sent with. It ends once or twice the
// server's ReplyTime from now, or when the session does.
func (l *session) room() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := &l.giveUp
	if now := time.Now(); g.ctx == nil || now.Sub(g.begun) > l.server.room {
		g.begun = now
		g.ctx, g.end = context.WithTimeout(l.replying, 2*l.server.room) // those who have the one before keep it to its end
	}
	return g.ctx
}

// Serve starts link and answers calls until it ends, ctx is done or the server
// is stopped. Then it cancels the contexts of its handlers, waits for them and
// closes the link. It returns nil if the peer closed the link in good order, or
// the server was stopped; [grpc.ErrServerStopped] if it was before.
func (s *Server) Serve(ctx context.Context, link transport.Link) error {
	l := &session{
		server: s, link: link, out: newOutbox(link), workers: workers{work: make(chan *serverStream)}, peer: newPeer(callerEnd, serverEnd, credentials.NoSecurity),
		leaving: make(chan struct{}), stopped: make(chan struct{}), methods: make([]*served, maxMethods+1), streams: map[uint32]*serverStream{},
	}
	l.log, _ = link.(transport.CallLog)
	l.packets.New = func() any { return &packet{} }
	if err := s.startSession(l); err != nil {
		return errors.Join(err, link.Close())
	}
	defer s.endSession(l)
	base := peer.NewContext(metadata.NewIncomingContext(context.WithoutCancel(ctx), metadata.MD{}), l.peer)
	l.base = s.stats.connBegan(base, false, l.peer.Addr, l.peer.LocalAddr)
	defer s.stats.connEnded(l.base, false)
	l.replying, l.stopReplying = context.WithCancel(context.Background())
	link.Start(l.receive)
	go l.out.run()

	ended := l.untilEnd(ctx)
	l.cancelHandlers()
	l.handlers.Wait()
	l.workers.end() // no handler is left, so nobody is about to hand one over
	l.out.breakLink(errGoodOrder)
	<-l.out.ended
	if ended != nil {
		return fmt.Errorf("serve: %w", ended)
	}
	return nil
}

// untilEnd waits until the session must end, and says why: nil in good order.
func (l *session) untilEnd(ctx context.Context) error {
	leaving, idle := l.leaving, (chan struct{})(nil)
	for {
		select {
		case <-ctx.Done():
			l.goAway()
			return ctx.Err()
		case <-l.stopped:
			l.goAway()
			return nil
		case <-leaving:
			l.goAway()
			leaving, idle = nil, make(chan struct{})
			l.workers.running.Go(func() { // which Serve waits for, too
				defer close(idle)
				l.handlers.Wait()
			})
		case <-idle:
			return nil
		case <-l.link.Done():
			if cause := l.out.cause(); cause != nil || errors.Is(l.link.Err(), transport.ErrClosed) {
				return cause
			}
			return l.link.Err()
		}
	}
}

// goAway makes open refuse new calls, and then tells the client: a call that it
// makes though it was told is never begun.
func (l *session) goAway() {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	l.out.post(transport.Header{Op: opGoAway})
}

func (l *session) cancelHandlers() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closing = true
	l.stopReplying()
	for _, st := range l.streams {
		st.cancel()
	}
}

// receive handles one frame, on the pump.
func (l *session) receive(f *transport.Frame) {
	if f.Op == opCall {
		if err := l.open(f); err != nil {
			l.out.breakLink(err)
		}
		return
	}
	l.mu.Lock()
	st := l.streams[f.Stream]
	l.mu.Unlock()
	if st == nil {
		return // it ended here, and the peer does not know yet
	}
	switch f.Op {
	case opCancel: // before any end that follows it
		st.cancelled.Store(true)
		st.cancel()
	case opMessage, opEnd, opCredit:
		if st.flow != nil { // else it is for a unary call, which needs none of these
			st.receive(f)
		}
	default:
		l.out.breakLink(protocolError("operation %d from a client", f.Op))
	}
}

// open starts the handler of a call on a goroutine of its own. It returns an
// error if the peer broke the protocol; anything else that is wrong with the
// call goes into a reply.
func (l *session) open(f *transport.Frame) error {
	parts, begins, err := parseSections(f.Flags, f.Payload)
	if err != nil {
		return protocolError("open call: %v", err)
	}
	id, timeout := unpackCall(f.Arg)
	m, err := l.resolve(id, parts.method)
	if err != nil {
		return err
	}
	st := &serverStream{
		session: l, id: f.Stream, method: m, started: time.Now(), unary: f.Flags&flagUnary != 0, metadata: parts.metadata,
	}
	if timeout > 0 {
		st.ctx, st.cancel = context.WithTimeout(l.base, timeout)
	} else {
		st.ctx, st.cancel = context.WithCancel(l.base)
	}
	if !st.unary {
		st.flow = &flow{}
		st.flow.open()
	}
	l.mu.Lock()
	_, twice := l.streams[st.id]
	closing := l.closing
	if !twice && !closing {
		l.streams[st.id] = st
		l.handlers.Add(1)
		if l.log != nil {
			l.log.CallBegan(st.id, id, "", st.started)
		}
	}
	l.mu.Unlock()
	switch {
	case twice:
		st.cancel()
		return protocolError("stream %d opened twice", st.id)
	case closing:
		st.cancel()
		l.out.post(transport.Header{Op: opReply, Flags: flagRefused, Stream: st.id, Arg: uint64(codes.Unavailable)})
		return nil
	}
	if st.unary {
		st.setRequest(f, begins)
	}
	if fault.On(fault.HandlerOnPump) {
		st.run()
		return nil
	}
	l.workers.run(st)
	return nil
}

func (l *session) takePacket() *packet { return l.packets.Get().(*packet) }

func (l *session) putPacket(p *packet) {
	p.clear()
	l.packets.Put(p)
}

// resolve finds a method by its id, or by its name, which it then files under
// id. If a filed name belongs to no method, a later name may replace it: the
// first may have been damaged on its way.
func (l *session) resolve(id uint16, name string) (*served, error) {
	if int(id) >= len(l.methods) {
		return nil, protocolError("method id %d: at most %d", id, maxMethods)
	}
	known := l.methods[id]
	switch {
	case name == "" && known == nil:
		return nil, protocolError("method id %d stands for nothing", id)
	case name == "":
		return known, nil
	case known != nil && known.name != name && !known.other:
		return nil, protocolError("method id %d stands for both %q and %q", id, known.name, name)
	case known != nil && known.name == name:
		return known, nil
	}
	m := l.server.lookup(name)
	if id != 0 {
		l.methods[id] = m
	}
	return m, nil
}

// remove takes a stream out; frames for it are ignored from now on.
func (l *session) remove(id uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.streams, id)
	if l.log != nil {
		l.log.CallEnded(id)
	}
}

func (l *session) appendCalls(calls []Call) []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, st := range l.streams {
		calls = append(calls, Call{Method: st.method.name, Started: st.started, Stream: id})
	}
	return calls
}

// setRequest takes the message of a unary call over from the pump. The handler
// reads it at once, so the message may stay in its slot till then. A raw
// handler reads it while it runs; only one at a time may do so from the slot.
func (st *serverStream) setRequest(f *transport.Frame, begins int) {
	n, r := len(f.Payload)-begins, &st.request
	switch {
	case n > st.session.server.bounds.Bytes:
		st.refusal = tooLarge(n, st.session.server.bounds.Bytes)
	case n <= smallMessage:
		r.message = r.small[:copy(r.small[:], f.Payload[begins:])]
	case st.method.raw != nil && !st.session.holding.CompareAndSwap(false, true):
		r.message = append([]byte(nil), f.Payload[begins:]...)
	default:
		r.holds = st.method.raw != nil
		r.lease = f.Keep()
		r.message = r.lease.Payload[begins:]
	}
}
