// Package streamconn carries a [net.Conn] over a streaming call. Programs that
// speak over connections (an HTTP server, a debugger, a proxy) so reach a
// plugin without a socket.
//
//	conn, err := streamconn.Client(ctx, plugin, "/ddc.example.Tunnel/Open") // one end
//
//	func (s service) Open(stream ...) error { // the other
//		return streamconn.Serve(stream, func(conn net.Conn) { ... })
//	}
//
// The method streams google.protobuf.BytesValue both ways. A connection costs
// two goroutines at each end, and one copy more than the stream's own messages.
//
// Closing flushes: what was written arrives, then the other end reads io.EOF
// and writes no more. The call goes on in the background until the other end
// has read that or the call's context is over, as a socket lives on in the
// kernel.
package streamconn

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ddc/rpc"
)

// chunk is how much one message carries at most: a slot of a common size.
const chunk = 64 << 10

// stream is either end of a call.
type stream interface {
	Context() context.Context
	SendMsg(m any) error
	RecvMsg(m any) error
}

// conn is either end.
//
// The reader hands messages to Read through in, and the writer takes what Write
// has through out. Both channels are unbuffered, so only the stream's own
// credit bounds what is under way. After its end was closed a reader reads on
// and drops what comes: the other end may be sending, and must be able to
// finish.
type conn struct {
	stream        stream
	closeSend     func() error
	local, remote net.Addr

	in, out chan []byte
	closed  chan struct{} // Close was called here
	ended   chan struct{} // nothing more comes: why says what Read returns
	flushed chan struct{} // the writer has sent all there is
	why     error         // set before ended is closed
	once    sync.Once

	reading sync.Mutex // of rest, by Read
	rest    []byte
	writing sync.Mutex // Write's pieces stay together

	readDeadline, writeDeadline deadline
}

var _ net.Conn = (*conn)(nil)

var bothWays = &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}

// Client opens a connection by calling a method that [Serve]s. It ends with
// ctx.
func Client(ctx context.Context, cc grpc.ClientConnInterface, method string, opts ...grpc.CallOption) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := cc.NewStream(ctx, bothWays, method, opts...)
	if err != nil {
		cancel()
		return nil, err
	}
	c := newConn(stream, stream.CloseSend)
	go func() {
		defer cancel() // nothing is left of the call
		c.read()
		<-c.flushed
	}()
	go c.write()
	return c, nil
}

// Serve gives handle a connection over stream. The connection is closed when
// handle returns, if not before. Serve returns once it is closed and what was
// written has been sent.
func Serve(stream grpc.ServerStream, handle func(net.Conn)) error {
	c := newConn(stream, func() error { return nil })
	go c.read() // which ends with the call, when this returns
	go c.write()
	handle(c)
	err := c.Close()
	<-c.flushed
	return err
}

func newConn(stream stream, closeSend func() error) *conn {
	c := &conn{
		stream: stream, closeSend: closeSend, local: rpc.Addr("stream"), remote: rpc.Addr("stream"),
		in: make(chan []byte), out: make(chan []byte),
		closed: make(chan struct{}), ended: make(chan struct{}), flushed: make(chan struct{}),
	}
	if p, ok := peer.FromContext(stream.Context()); ok {
		c.remote = p.Addr
		if p.LocalAddr != nil {
			c.local = p.LocalAddr
		}
	}
	c.readDeadline.set(time.Time{})
	c.writeDeadline.set(time.Time{})
	return c
}

// read is the reader.
func (c *conn) read() {
	defer close(c.ended)
	for {
		var message wrapperspb.BytesValue
		if c.why = c.stream.RecvMsg(&message); c.why != nil {
			return
		}
		if len(message.GetValue()) == 0 {
			continue
		}
		select {
		case c.in <- message.GetValue():
		case <-c.closed:
		}
	}
}

// write is the writer.
func (c *conn) write() {
	defer close(c.flushed)
	for {
		select {
		case piece := <-c.out:
			if err := c.stream.SendMsg(wrapperspb.Bytes(piece)); err != nil {
				<-c.ended // which says more, and which every Write sees
				return
			}
		case <-c.closed:
			_ = c.closeSend() // an error is the stream's end, which the reader sees
			return
		case <-c.ended:
			return
		}
	}
}

// Read reads what the other end wrote; io.EOF says that it was closed.
func (c *conn) Read(b []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	for {
		over := c.readDeadline.context()
		if err := c.usable(over); err != nil {
			return 0, err
		}
		if len(c.rest) > 0 || len(b) == 0 {
			n := copy(b, c.rest)
			c.rest = c.rest[n:]
			return n, nil
		}
		select {
		case c.rest = <-c.in:
		case <-c.ended:
			return 0, c.why
		case <-c.closed:
		case <-over.Done(): // or another deadline was set
		}
	}
}

// Write returns once all of b is on its way, as far as the other end has room.
func (c *conn) Write(b []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for {
		over := c.writeDeadline.context()
		if err := c.usable(over); err != nil {
			return n, err
		}
		if len(b) == 0 {
			return n, nil
		}
		size := min(len(b), chunk)
		select {
		case c.out <- append([]byte(nil), b[:size]...):
			n, b = n+size, b[size:]
		case <-c.ended:
			if errors.Is(c.why, io.EOF) {
				return n, io.ErrClosedPipe
			}
			return n, c.why
		case <-c.closed:
		case <-over.Done(): // or another deadline was set
		}
	}
}

// usable says why the connection cannot be read or written, or nil.
func (c *conn) usable(over context.Context) error {
	select {
	case <-c.closed:
		return net.ErrClosed
	default:
	}
	if errors.Is(over.Err(), context.DeadlineExceeded) {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// Close ends both directions. A second time does nothing.
func (c *conn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.readDeadline.set(time.Time{})
		c.writeDeadline.set(time.Time{})
	})
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.readDeadline, t) }

func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.writeDeadline, t) }

func (c *conn) setDeadline(d *deadline, t time.Time) error {
	select {
	case <-c.closed:
		return net.ErrClosed
	default:
		d.set(t)
		return nil
	}
}

// deadline can be moved while somebody waits for it: its context is then
// canceled, and the waiter asks for the next one.
type deadline struct {
	mu   sync.Mutex
	over context.Context
	move context.CancelFunc
}

// set moves the deadline to t; zero is none.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.move != nil {
		d.move()
	}
	if t.IsZero() {
		d.over, d.move = context.WithCancel(context.Background())
	} else {
		d.over, d.move = context.WithDeadline(context.Background(), t)
	}
}

func (d *deadline) context() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over
}
