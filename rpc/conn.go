package rpc

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"ddc/internal/subject"
	"ddc/transport"
)

// ConnOptions configure a Conn. The zero value is usable.
type ConnOptions struct {
	// Name is what errors call the peer: "plugin fonts".
	Name string
	// MaxMessage is the largest message to send or receive, in bytes; 0 is 256
	// MiB.
	MaxMessage int
	// MaxRequest is the largest message to send, in bytes; 0 is MaxMessage.
	MaxRequest int
	// Replies, if not nil, bounds the replies of a method
	// ("/package.Service/Method"). If it leaves Bytes at 0, MaxMessage holds.
	Replies func(method string) Bounds
	// Stats hear of the link and of each call that is not raw, on the caller's
	// goroutine.
	Stats []stats.Handler
	// Private says that only the two ends can read the link's memory.
	// Credentials that require a secure transport are sent only then.
	Private bool
}

// Conn makes calls over a link. It is safe for any number of goroutines.
type Conn struct {
	link transport.Link
	// awaiter is link, or nil if it is none.
	awaiter transport.Awaiter
	// log is link too, or nil. It is told of calls with mu held.
	log  transport.CallLog
	name string
	// maxRequest bounds what is sent, maxReply what is received unless bounds
	// says more of a method.
	maxRequest, maxReply int

	bounds func(method string) Bounds
	decoder
	stats handlers
	peer  *peer.Peer
	out   *outbox
	done  chan struct{}
	idle  sync.Pool // of *call

	mu    sync.Mutex
	calls map[uint32]receiver
	// unreported are the streams whose end somebody has yet to hear of: see
	// clientStream.report.
	unreported map[*clientStream]struct{}

	last    uint32 // the stream that was opened last
	methods map[string]*method
	refusal error // why no call may begin; nil while calls may
	err     error // why the link ended
}

var _ grpc.ClientConnInterface = (*Conn)(nil)

// receiver is a call under way. Only the pump calls receive, and fail is called
// once, by whoever took the receiver out of Conn.calls. Neither blocks.
type receiver interface {
	receive(f *transport.Frame)
	fail(err error)
	// enter is called when the call begins, with Conn.mu held, as describe is.
	enter(id uint32, m *method)
	describe() (method string, started time.Time)
}

// method is a name and the id that stands for it.
type method struct {
	name   string
	id     uint16
	bounds Bounds      // of what answers it
	known  atomic.Bool // the server has been told what id means
}

func (c *Conn) newMethod(name string) *method {
	m := &method{name: name}
	if c.bounds != nil {
		m.bounds = c.bounds(name)
	}
	m.bounds = m.bounds.orDefaults(c.maxReply)
	return m
}

// boundsFor are the method's bounds. The caller's option may lower Bytes.
func (m *method) boundsFor(o *callOptions) Bounds {
	b := m.bounds
	b.Bytes = min(b.Bytes, o.maxRecv)
	return b
}

// NewConn starts link and makes calls over it. The Conn owns the link.
func NewConn(link transport.Link, o ConnOptions) *Conn {
	c := &Conn{
		link: link, name: cmp.Or(o.Name, "the peer"),
		maxRequest: cmp.Or(o.MaxRequest, o.MaxMessage, defaultMaxMessage), maxReply: cmp.Or(o.MaxMessage, defaultMaxMessage),
		bounds: o.Replies, out: newOutbox(link), done: make(chan struct{}), stats: o.Stats,
		calls: map[uint32]receiver{}, unreported: map[*clientStream]struct{}{}, methods: map[string]*method{},
	}
	level := credentials.NoSecurity
	if o.Private {
		level = credentials.PrivacyAndIntegrity
	}
	c.peer = newPeer(Addr(c.name), callerEnd, level)
	c.awaiter, _ = link.(transport.Awaiter)
	c.log, _ = link.(transport.CallLog)
	c.idle.New = newCall
	tagged := c.stats.connBegan(context.Background(), true, c.peer.Addr, c.peer.LocalAddr)
	link.Start(c.receive)
	go c.run(tagged)
	return c
}

// run outlives the link, and then fails what is still under way. Stats handlers
// know the link by the context tagged.
func (c *Conn) run(tagged context.Context) {
	defer close(c.done)
	defer c.stats.connEnded(tagged, true)
	c.out.run()
	<-c.link.Done()
	err := c.link.Err()
	if cause := c.out.cause(); cause != nil {
		err = cause
	}
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
	c.end(&linkError{peer: c.name, cause: err})
}

// end fails every call under way with err, and refuses new ones with it. After
// Close new calls get Close's error, whatever the link then ends with.
func (c *Conn) end(err error) {
	c.mu.Lock()
	calls, unreported := c.calls, c.unreported
	c.calls, c.unreported = map[uint32]receiver{}, map[*clientStream]struct{}{}
	if !errors.Is(c.refusal, errClosedHere) {
		c.refusal = err
	}
	if c.log != nil {
		for id := range calls {
			c.log.CallEnded(id)
		}
	}
	c.mu.Unlock()
	for _, r := range calls {
		r.fail(err)
	}
	for stream := range unreported {
		stream.report(err)
	}
}

// errClosedHere is wrapped by the errors of calls on a Conn that was closed.
var errClosedHere = errors.New("closed at this end")

// closedError is the error of a call on a closed Conn. It wraps
// transport.ErrClosed too: a host that closed the link of a dead plugin makes
// the call again on the next.
type closedError struct{ peer string }

// ClosedHere is the error of a call on a connection to peer that this end has
// closed, for other carriers of calls.
func ClosedHere(peer string) error { return &closedError{peer} }

func (e *closedError) Unwrap() []error { return []error{errClosedHere, transport.ErrClosed} }
func (e *closedError) Error() string   { return e.GRPCStatus().Err().Error() }

// GRPCStatus lets package status find the code.
func (e *closedError) GRPCStatus() *status.Status {
	return status.Newf(codes.Canceled, "the connection to %s was %v", e.peer, errClosedHere)
}

// Close fails the calls under way with Canceled, and those made later, closes
// the link and waits for its end. The peer cancels their handlers.
func (c *Conn) Close() error {
	c.end(ClosedHere(c.name))
	c.out.breakLink(errGoodOrder)
	<-c.done
	return nil
}

// Done is closed when the link has ended and every call has been failed.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err says why: nil before Done is closed, then an error that wraps one of
// package transport's.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Call is a call under way.
type Call struct {
	Method  string // "/package.Service/Method"
	Started time.Time
	Stream  uint32 // its number on the wire
}

// Calls lists the calls under way, oldest first.
func (c *Conn) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := make([]Call, 0, len(c.calls))
	for id, r := range c.calls {
		name, started := r.describe()
		calls = append(calls, Call{Method: name, Started: started, Stream: id})
	}
	sortCalls(calls)
	return calls
}

func sortCalls(calls []Call) {
	slices.SortFunc(calls, func(a, b Call) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Stream, b.Stream))
	})
}

// begin enters a call.
func (c *Conn) begin(ctx context.Context, r receiver, name string) error {
	switch {
	case name == "":
		return status.Error(codes.Unimplemented, "malformed method name: it is empty")
	case len(name) > maxMetadata:
		return status.Errorf(codes.Internal, "method name of %d bytes: at most %d", len(name), maxMetadata)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refusal != nil {
		return c.refusal
	}
	m := c.methods[name]
	if m == nil {
		m = c.newMethod(name)
		if len(c.methods) < maxMethods {
			m.id = uint16(len(c.methods) + 1)
			c.methods[name] = m
			if c.log != nil {
				c.log.NameMethod(m.id, name)
			}
		}
	}
	for c.last++; c.last == 0 || c.calls[c.last] != nil; c.last++ {
	}
	r.enter(c.last, m)
	c.calls[c.last] = r
	if c.log != nil {
		_, started := r.describe()
		c.log.CallBegan(c.last, m.id, subject.Of(ctx), started)
	}
	return nil
}

// forget takes a call out of the table, and reports whether it was still in. If
// it was not, somebody else took it out and tells the receiver of its end.
func (c *Conn) forget(id uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, in := c.calls[id]
	c.delete(id, in)
	return in
}

// delete takes a call out of the table, and out of the link's log if it was in
// the table. The caller holds c.mu.
func (c *Conn) delete(id uint32, in bool) {
	delete(c.calls, id)
	if in && c.log != nil {
		c.log.CallEnded(id)
	}
}

// cancel forgets a call that the peer knows of, and tells it to do the same.
func (c *Conn) cancel(id uint32) bool {
	if !c.forget(id) {
		return false
	}
	c.out.post(transport.Header{Op: opCancel, Stream: id})
	return true
}

// sendCall sends the frame that opens a call, which begin has entered. If it
// fails, its caller takes the call out again with forget. If answered is not
// nil, sendCall then receives for the link until answered returns true, or the
// pump does as well.
func (c *Conn) sendCall(ctx context.Context, p *packet, id uint32, m *method, md metadata.MD, flags uint8, answered func() bool) error {
	var timeout time.Duration
	if deadline, ok := ctx.Deadline(); ok {
		if timeout = time.Until(deadline); timeout <= 0 {
			return status.FromContextError(context.DeadlineExceeded).Err()
		}
	}
	// A call carries its method's name beside the id until one such send has
	// returned. Everything sent later arrives behind it, so the peer knows the
	// id by then.
	known := m.id != 0 && m.known.Load()
	if !known {
		flags |= flagMethod
		p.sections = appendSection(p.sections, m.name)
	}
	if len(md) > 0 {
		flags |= flagMetadata
		before := len(p.sections)
		if p.sections = appendMetadata(p.sections, md); len(p.sections)-before > maxMetadata {
			return status.Errorf(codes.ResourceExhausted, "request metadata of %d bytes: at most %d", len(p.sections)-before, maxMetadata)
		}
	}
	h := transport.Header{Op: opCall, Flags: flags, Stream: id, Arg: packCall(m.id, timeout)}
	var err error
	if answered != nil {
		err = p.ask(ctx, c.awaiter, h, answered)
	} else {
		err = p.send(ctx, c.link, h)
	}
	if err != nil {
		return c.sendError(ctx, err)
	}
	if !known {
		m.known.Store(true)
	}
	return nil
}

// sendError turns the failure of a send into the call's error. If this end
// refuses calls, the error says why.
func (c *Conn) sendError(ctx context.Context, err error) error {
	err = sendError(ctx, c.name, err)
	if !errors.As(err, new(*linkError)) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return cmp.Or(c.refusal, err)
}

// receive runs on the pump. It looks the call up and hands it the frame.
func (c *Conn) receive(f *transport.Frame) {
	if f.Op == opGoAway {
		c.mu.Lock()
		c.refusal = cmp.Or(c.refusal, ShuttingDown(c.name)) // closed by this end, or the link has ended
		c.mu.Unlock()
		return
	}
	c.mu.Lock()
	r := c.calls[f.Stream]
	if f.Op == opReply {
		c.delete(f.Stream, r != nil)
	}
	c.mu.Unlock()
	if r != nil { // else it has been cancelled here, and the peer does not know yet
		r.receive(f)
	}
}
