package rpc

import (
	"cmp"
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"ddc/transport"
)

// receive takes a frame of a stream that is no unary call. The pump calls it.
func (st *serverStream) receive(f *transport.Frame) {
	switch f.Op {
	case opMessage:
		var err error
		if most := st.session.server.bounds.Bytes; len(f.Payload) > most {
			err = tooLarge(len(f.Payload), most)
		} else {
			err = st.in.push(f, 0)
		}
		if err != nil {
			st.in.end(err)
		}
	case opEnd:
		st.in.end(io.EOF)
	case opCredit:
		st.window.grant(f.Arg)
	}
}

// Context is the handler's: done when the client cancels, its deadline passes,
// the link ends or the handler returns.
func (st *serverStream) Context() context.Context { return st.ctx }

var errHeaderSent = status.Error(codes.Internal, "the header has been sent, or the call has ended")

// over says whether nothing more can be sent.
func (st *serverStream) over() bool { return st.replied.Load() || st.ctx.Err() != nil }

// whyOver is the error of sending where over is true.
func (st *serverStream) whyOver() error {
	if st.session.replying.Err() != nil {
		return errLinkEnded
	}
	return cmp.Or(contextError(st.ctx), errEnded)
}

// SetHeader adds to the header, which goes with the first message or
// SendHeader.
func (st *serverStream) SetHeader(md metadata.MD) error {
	if len(md) == 0 {
		return nil
	}
	if err := validateMetadata(md); err != nil {
		return err
	}
	over := st.over()
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.answer.headerSent || over {
		return errHeaderSent
	}
	st.answer.header = metadata.Join(st.answer.header, sendable(md))
	return nil
}

// SendHeader sends the header. A unary call's header travels with its reply.
func (st *serverStream) SendHeader(md metadata.MD) error {
	if err := validateMetadata(md); err != nil {
		return err
	}
	if st.over() {
		return st.whyOver()
	}
	st.mu.Lock()
	sent := st.answer.headerSent
	st.mu.Unlock()
	if sent {
		return errHeaderSent
	}
	if err := st.SetHeader(md); err != nil {
		return err
	}
	return st.flushHeader(true)
}

// flushHeader sends the header unless it has been sent, or is empty.
func (st *serverStream) flushHeader(empty bool) error {
	st.mu.Lock()
	if st.answer.headerSent {
		st.mu.Unlock()
		return nil
	}
	header := st.answer.header
	if err := overMetadata(header, nil); err != nil {
		st.mu.Unlock()
		return err
	}
	st.answer.headerSent, st.answer.headerFirst = true, true
	st.mu.Unlock()
	if !st.unary && (len(header) > 0 || empty) {
		h := transport.Header{Op: opHeader, Flags: flagMetadata, Stream: st.id}
		if err := st.session.link.Send(st.ctx, h, appendMetadata(nil, header)); err != nil {
			return sendError(st.ctx, "the caller", err)
		}
	}
	if st.watch != nil {
		st.watch.sentHeader("", header, nil, nil)
	}
	return nil
}

// SetTrailer adds to the trailer, which goes with the status. The call fails if
// the trailer is not valid.
func (st *serverStream) SetTrailer(md metadata.MD) {
	if err := validateMetadata(md); err != nil {
		st.spoil(err)
		return
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.answer.trailer = metadata.Join(st.answer.trailer, sendable(md))
}

// spoil makes the call fail with err, unless its handler fails anyway.
func (st *serverStream) spoil(err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.answer.spoilt == nil {
		st.answer.spoilt = err
	}
}

// SendMsg sends a message, once the stream has credit for it. An error ends the
// call.
func (st *serverStream) SendMsg(m any) error { return st.fatal(st.sendMsg(m)) }

// fatal ends the call with an error of SendMsg or RecvMsg, at once as gRPC
// does: what the handler then returns comes too late.
func (st *serverStream) fatal(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if !st.replied.Swap(true) {
		p := st.session.takePacket()
		_ = st.send(p, 0, err)
		st.session.putPacket(p)
		st.tellTrailer()
	}
	st.cancel()
	return err
}

func (st *serverStream) sendMsg(m any) error {
	if st.unary {
		return st.sendWhole(m)
	}
	if err := st.packet.setMessage(m, st.session.server.limit, st.codec); err != nil {
		return err
	}
	defer st.packet.clear()
	if st.over() {
		return st.whyOver()
	}
	if err := st.flushHeader(false); err != nil {
		return err
	}
	size := st.packet.size
	if err := st.window.take(st.ctx, size); err != nil {
		return err
	}
	if err := st.packet.send(st.ctx, st.session.link, transport.Header{Op: opMessage, Stream: st.id}); err != nil {
		return sendError(st.ctx, "the caller", err)
	}
	st.watch.sent(m, size)
	return nil
}

var (
	errNoRequest     = status.Error(codes.Internal, "the request has no message")
	errSecondRequest = status.Error(codes.Internal, "the request has more than one message")
)

// RecvMsg waits for a message; io.EOF says that the client sends no more. If
// the method takes one message, RecvMsg waits for the end of the client's
// messages too. Any other error ends the call.
func (st *serverStream) RecvMsg(m any) error { return st.fatal(st.recvMsg(m)) }

func (st *serverStream) recvMsg(m any) error {
	if st.unary {
		return st.recvWhole(m)
	}
	err := st.next(m)
	if s := st.method.stream; s != nil && s.ClientStreams || st.received {
		return err
	}
	if err != nil {
		if errors.Is(err, io.EOF) {
			return errNoRequest
		}
		return err
	}
	st.received = true
	if err = st.next(nil); errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// next reads the next message into m; nil says that there must be none.
func (st *serverStream) next(m any) error {
	message, grant, err := st.in.pop(st.ctx)
	if err != nil {
		if errors.Is(err, io.EOF) && !st.read {
			if err := contextError(st.ctx); err != nil {
				return err // who has gone has not ended an upload
			}
			st.read = true
		}
		return err
	}
	size := len(message.Payload)
	if m == nil {
		err = errSecondRequest
	} else if err = st.session.server.decode(st.ctx, message.Payload, &message, m, st.session.server.bounds, st.codec); err == nil {
		st.watch.got(m, size)
	}
	message.Release()
	if grant > 0 {
		st.session.out.post(transport.Header{Op: opCredit, Stream: st.id, Arg: grant})
	}
	return err
}

// transportStream is what grpc.SetHeader, SendHeader and SetTrailer find in the
// context.
type transportStream struct{ st *serverStream }

var _ grpc.ServerTransportStream = transportStream{}

func (t transportStream) Method() string                  { return t.st.method.name }
func (t transportStream) SetHeader(md metadata.MD) error  { return t.valid(md, t.st.SetHeader) }
func (t transportStream) SendHeader(md metadata.MD) error { return t.valid(md, t.st.SendHeader) }

// valid makes the call fail if its metadata is not valid, as gRPC does: the
// handler need not look at the error.
func (t transportStream) valid(md metadata.MD, send func(metadata.MD) error) error {
	if err := validateMetadata(md); err != nil {
		t.st.spoil(err)
		return err
	}
	return send(md)
}

// SetTrailer never fails.
func (t transportStream) SetTrailer(md metadata.MD) error {
	t.st.SetTrailer(md)
	return nil
}
