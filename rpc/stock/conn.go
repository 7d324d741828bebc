package stock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"ddc/rpc"
	"ddc/transport"
)

// news is how long a Conn whose socket has ended waits to be told by PeerDied
// why. After that the peer counts as one that has closed its end and lives on.
const news = 5 * time.Second

// Conn makes calls over one connection. It does not connect again. It is safe
// for any number of goroutines.
type Conn struct {
	name                 string
	grpc                 *grpc.ClientConn
	wire                 *wire
	dialled              atomic.Bool // gRPC has the wire
	closed               atomic.Bool // by Close
	leaving              atomic.Bool // gRPC wanted another: the peer takes no more calls
	maxRequest, maxReply int
	bounds               func(method string) rpc.Bounds
	calls                Calls
	ended                chan struct{} // closed once err is set
	done                 chan struct{}

	mu  sync.Mutex
	err error // that of calls
}

var _ grpc.ClientConnInterface = (*Conn)(nil)

// NewConn makes calls over a connected socket, which it owns.
func NewConn(socket *os.File, o rpc.ConnOptions) (*Conn, error) { return newConn(socket, o, news) }

// Over makes calls over a connection of any kind, which it owns.
func Over(wire net.Conn, o rpc.ConnOptions) (*Conn, error) { return over(newWire(wire), o, news) }

func newConn(socket *os.File, o rpc.ConnOptions, news time.Duration) (*Conn, error) {
	w, err := wireOf(socket)
	if err != nil {
		return nil, err
	}
	return over(w, o, news)
}

func over(w *wire, o rpc.ConnOptions, news time.Duration) (_ *Conn, err error) {
	c := &Conn{
		name: cmp.Or(o.Name, "the peer"), wire: w, bounds: o.Replies,
		maxRequest: cmp.Or(o.MaxRequest, o.MaxMessage, defaultMaxMessage), maxReply: cmp.Or(o.MaxMessage, defaultMaxMessage),
		ended: make(chan struct{}), done: make(chan struct{}),
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(c.dial),
		// A host repeats its calls itself, and knows when a plugin takes too
		// long. An idle plugin keeps its only connection.
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(), grpc.WithIdleTimeout(0),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: forEver}),
	}
	for _, handler := range o.Stats {
		options = append(options, grpc.WithStatsHandler(handler))
	}
	if c.grpc, err = grpc.NewClient("passthrough:///plugin", options...); err != nil {
		return nil, errors.Join(fmt.Errorf("make a gRPC client: %w", err), w.Close())
	}
	c.grpc.Connect()
	go c.run(news)
	return c, nil
}

// forEver is a time that does not pass.
const forEver = 10000 * time.Hour

var errOnce = errors.New("the plugin's only connection is in use, or has ended")

// dial hands out the wire once.
func (c *Conn) dial(context.Context, string) (net.Conn, error) {
	if c.dialled.Swap(true) {
		c.leaving.Store(true)
		return nil, errOnce
	}
	return c.wire, nil
}

// run ends the Conn when its socket has ended, and PeerDied and Close do not.
func (c *Conn) run(news time.Duration) {
	defer close(c.done)
	select {
	case <-c.wire.ended:
		timer := time.NewTimer(news)
		defer timer.Stop()
		select {
		case <-c.ended:
		case <-timer.C:
			c.end(rpc.LinkEnded(c.name, fmt.Errorf("%s: %w", c.name, transport.ErrClosed)))
		}
	case <-c.ended:
	}
	_ = c.wire.Close() // which fails what is still under way
}

// end says why the Conn has ended. The first to say so is believed.
func (c *Conn) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		close(c.ended)
	}
}

// PeerDied tells the Conn that the peer's process has ended, and why. Its calls
// then fail with [transport.ErrPeerDead].
func (c *Conn) PeerDied(cause error) {
	c.end(rpc.LinkEnded(c.name, fmt.Errorf("%s: %w: %w", c.name, transport.ErrPeerDead, cause)))
	<-c.done
}

// Close fails the calls under way, and those made later, and leaves nothing
// open.
func (c *Conn) Close() error {
	c.closed.Store(true)
	c.end(rpc.ClosedHere(c.name))
	_ = c.grpc.Close() // says nothing but that it was closed before
	<-c.done
	return nil
}

// Attached says whether the peer has answered the connection's first frame.
func (c *Conn) Attached() bool { return c.grpc.GetState() == connectivity.Ready }

// Done is closed when the connection has ended, and it is known why.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err says why: nil before Done is closed.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Calls lists the calls under way, oldest first.
func (c *Conn) Calls() []rpc.Call { return c.calls.List() }

// Stats counts bytes: there are no frames and no wake-ups to count.
func (c *Conn) Stats() transport.Stats {
	return transport.Stats{BytesIn: c.wire.in.Load(), BytesOut: c.wire.out.Load()}
}

// Invoke makes a unary call. Generated stubs call it.
func (c *Conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	late := c.closed.Load()
	return c.explain(ctx, method, late, c.grpc.Invoke(ctx, method, args, reply, c.options(method, opts)...))
}

// NewStream begins a streaming call. Generated stubs call it.
func (c *Conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	late := c.closed.Load()
	s, err := c.grpc.NewStream(ctx, desc, method, c.options(method, opts)...)
	if err != nil {
		return nil, c.explain(ctx, method, late, err)
	}
	return &stream{s, c, ctx, method}, nil
}

// options are those of a call, with what every call of this Conn gets before
// them.
func (c *Conn) options(method string, opts []grpc.CallOption) []grpc.CallOption {
	most := c.maxReply
	if c.bounds != nil {
		most = cmp.Or(c.bounds(method).Bytes, most)
	}
	end := c.calls.Begin(method)
	return append([]grpc.CallOption{
		grpc.MaxCallSendMsgSize(c.maxRequest), grpc.MaxCallRecvMsgSize(most), grpc.OnFinish(func(error) { end() }),
	}, opts...)
}

// overBound is how gRPC's error begins for a received message that is too
// large. A server says the same of a request, but this end sends none over the
// bound.
const overBound = "grpc: received message larger than max"

// explain turns gRPC's error for a call into the one that hosts decide on. late
// says that the call was made after Close.
func (c *Conn) explain(ctx context.Context, method string, late bool, err error) error {
	said, _ := status.FromError(err)
	switch said.Code() {
	case codes.ResourceExhausted:
		if strings.HasPrefix(said.Message(), overBound) {
			return rpc.Excess(c.name, method, said.Message())
		}
	case codes.Unavailable, codes.Canceled:
		if ctx.Err() != nil {
			return c.explainLeft(ctx, err)
		}
		if late {
			return rpc.ClosedHere(c.name)
		}
		return c.explainEnd(ctx, err)
	}
	return err
}

// explainLeft explains the error of a call that its caller has left. It has
// that of its context, also where the connection's end has met it first.
func (c *Conn) explainLeft(ctx context.Context, err error) error {
	if c.wire.over() {
		return status.FromContextError(ctx.Err()).Err()
	}
	return err
}

// explainEnd explains an error of a call that the peer may have given too. If
// the connection has ended by then, that is no harm: the call counts as lost.
func (c *Conn) explainEnd(ctx context.Context, err error) error {
	if !c.wire.over() {
		if c.leaving.Load() {
			return rpc.ShuttingDown(c.name)
		}
		return err
	}
	select {
	case <-c.done:
		return c.Err()
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

// stream explains the errors of a stream.
type stream struct {
	grpc.ClientStream
	conn   *Conn
	ctx    context.Context // the caller's; gRPC ends the stream's own
	method string
}

func (s *stream) explain(err error) error { return s.conn.explain(s.ctx, s.method, false, err) }

func (s *stream) SendMsg(m any) error { return s.explain(s.ClientStream.SendMsg(m)) }
func (s *stream) RecvMsg(m any) error { return s.explain(s.ClientStream.RecvMsg(m)) }
func (s *stream) CloseSend() error    { return s.explain(s.ClientStream.CloseSend()) }

func (s *stream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	return md, s.explain(err)
}
