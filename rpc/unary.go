package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"ddc/transport"
)

// smallMessage is the size up to which a payload is copied rather than leased:
// the copy costs less than giving the slot back does.
const smallMessage = 128

// call is a unary call. Calls are reused. Only the one who takes a call out of
// Conn.calls (the pump, Conn.end or the caller) may tell it anything, so that
// no call hears of the end of the one before.
type call struct {
	packet
	id      uint32
	method  *method
	started time.Time
	reply   chan reply  // capacity one, so that the pump does not wait
	replied func() bool // says whether there is a reply; made once, as the call is
	small   [smallMessage]byte
}

// reply is the end of a call. The caller waits for nothing else and reads it at
// once, so the pump neither unmarshals nor copies it.
type reply struct {
	flags   uint8
	code    uint64
	payload []byte
	lease   transport.Lease
	err     error // the link's end
}

func newCall() any {
	c := &call{reply: make(chan reply, 1)}
	c.replied = func() bool { return len(c.reply) > 0 }
	return c
}

func (c *call) receive(f *transport.Frame) {
	if f.Op != opReply {
		return // nothing else answers a call with flagUnary
	}
	r := reply{flags: f.Flags, code: f.Arg}
	if len(f.Payload) <= smallMessage {
		r.payload = c.small[:copy(c.small[:], f.Payload)]
	} else {
		r.lease = f.Keep()
		r.payload = r.lease.Payload
	}
	c.reply <- r
}

func (c *call) fail(err error) { c.reply <- reply{err: err} }

func (c *call) describe() (string, time.Time) { return c.method.name, c.started }

func (c *call) enter(id uint32, m *method) { c.id, c.method, c.started = id, m, time.Now() }

func (c *Conn) takeCall() *call { return c.idle.Get().(*call) }

func (c *Conn) putCall(k *call) {
	k.clear()
	k.method = nil
	c.idle.Put(k)
}

// Invoke makes a unary call. Generated stubs call it.
func (c *Conn) Invoke(ctx context.Context, name string, args, into any, opts ...grpc.CallOption) error {
	var o callOptions
	err := o.read(opts, c.maxRequest)
	var header, trailer metadata.MD
	if err == nil {
		var w *watch
		if c.stats != nil {
			ctx, w = c.watch(ctx, name)
		}
		w.begin(false, false)
		header, trailer, err = c.exchange(ctx, name, args, into, &o, w)
		w.end(trailer, err)
	}
	if o.special != nil {
		if err == nil && header == nil {
			header = metadata.MD{}
		}
		o.special.finish(header, trailer, c.peer, err)
	}
	return err
}

// watch begins to tell the stats handlers of a call. The context is the call's.
func (c *Conn) watch(ctx context.Context, method string) (context.Context, *watch) {
	ctx = c.stats.tag(ctx, method, true)
	return ctx, c.stats.watchCall(ctx, true)
}

// exchange makes a unary call.
func (c *Conn) exchange(ctx context.Context, name string, args, into any, o *callOptions, w *watch) (header, trailer metadata.MD, err error) {
	md, err := c.outgoing(ctx, name, o)
	if err != nil {
		return nil, nil, err
	}
	k := c.takeCall()
	defer c.putCall(k)
	if err = k.setMessage(args, o.maxSend, o.codec()); err != nil {
		if over := contextError(ctx); over != nil {
			return nil, nil, over
		}
		o.madeCall() // as gRPC has by then
		return nil, nil, err
	}
	if err = c.begin(ctx, k, name); err != nil {
		return nil, nil, err
	}
	if w != nil {
		// Stats handlers hear of the request before its answer, and may wait.
		// Between the two there is no time for that: the send receives.
		w.sentHeader(name, md, c.peer.Addr, c.peer.LocalAddr)
		w.sent(args, k.size)
	}
	if err = c.sendUnary(ctx, k, md); err != nil {
		return nil, nil, err
	}
	o.madeCall()
	r, err := c.awaitReply(ctx, k)
	if err != nil {
		return nil, nil, err
	}
	defer r.lease.Release()
	message, header, trailer, err := c.readReply(&r)
	if w != nil {
		if message != nil || r.flags&flagMetadata != 0 {
			w.gotHeader("", header, c.peer.Addr, c.peer.LocalAddr)
		}
		defer w.gotTrailer(trailer)
	}
	if err != nil && header == nil && r.flags&(flagMetadata|flagMessage) != 0 {
		header = metadata.MD{} // it came, and is empty
	}
	if message == nil {
		return header, trailer, err
	}
	n := len(message)
	unread := excessOf(c.decode(ctx, message, &r.lease, into, k.method.boundsFor(o), o.codec()), c.name, name)
	if unread != nil { // which gRPC finds before the status
		return header, trailer, unread
	}
	w.got(into, n)
	return header, trailer, err
}

// InvokeRaw makes a unary call whose messages are bytes, neither marshalled nor
// copied. fill writes the request of n bytes straight into the slot it travels
// in. read gets the reply where it arrived; the bytes are valid until read
// returns, and read must not wait for others meanwhile. The errors of fill and
// read are returned as they are. Interceptors do not see such calls; the
// server's side of them is [Server.RegisterRaw].
func (c *Conn) InvokeRaw(ctx context.Context, method string, n int, fill, read func([]byte) error) error {
	if n < 0 || n > c.maxRequest {
		return tooLargeToSend(n, c.maxRequest)
	}
	md, err := c.outgoing(ctx, method, &callOptions{})
	if err != nil {
		return err
	}
	k := c.takeCall()
	defer c.putCall(k)
	var filling error
	k.fill, k.size = func(buf []byte) error { filling = fill(buf); return filling }, n
	if err = c.begin(ctx, k, method); err != nil {
		return err
	}
	err = c.sendUnary(ctx, k, md)
	if filling != nil {
		return filling
	}
	if err != nil {
		return err
	}
	r, err := c.awaitReply(ctx, k)
	if err != nil {
		return err
	}
	defer r.lease.Release()
	message, _, _, err := c.readReply(&r)
	if err != nil {
		return err
	}
	if most := k.method.bounds.Bytes; len(message) > most {
		return excessOf(tooLarge(len(message), most), c.name, method)
	}
	return read(message)
}

// sendUnary sends the packet of k, which begin has entered. If it fails, k will
// get no reply. A link that offers it also waits for the reply.
func (c *Conn) sendUnary(ctx context.Context, k *call, md metadata.MD) error {
	var answered func() bool
	if c.awaiter != nil {
		answered = k.replied
	}
	err := c.sendCall(ctx, &k.packet, k.id, k.method, md, flagUnary|flagMessage, answered)
	if err != nil && !c.forget(k.id) {
		<-k.reply // Conn.end was faster, and says the same
	}
	return err
}

// awaitReply waits for the reply, the link's end or ctx. The caller releases
// the reply's lease.
func (c *Conn) awaitReply(ctx context.Context, k *call) (reply, error) {
	var r reply
	select {
	case r = <-k.reply: // as a rule it is there by now; asking for it alone costs less
	default:
		select {
		case r = <-k.reply:
		case <-ctx.Done():
			if c.cancel(k.id) {
				return reply{}, status.FromContextError(ctx.Err()).Err()
			}
			r = <-k.reply // it has been taken out, so this comes at once
		}
	}
	if r.code == uint64(codes.Unimplemented) {
		k.method.known.Store(false) // the next call brings the name again
	}
	return r, r.err
}

var errNoMessage = status.Error(codes.Internal, "the reply has no message")

// readReply takes a reply apart. message aliases the payload, and is nil if
// there is none. An error may come with one: of a stream that answered, and
// then failed.
func (c *Conn) readReply(r *reply) (message []byte, header, trailer metadata.MD, err error) {
	s, begins, err := parseSections(r.flags, r.payload)
	if err != nil {
		return nil, nil, nil, c.malformed(r.code, err)
	}
	err = c.replyError(r.flags, r.code, s.status)
	switch {
	case r.flags&flagMessage != 0:
		message = r.payload[begins:]
	case err == nil:
		err = errNoMessage
	}
	return message, s.metadata, s.trailer, err
}
