package rpc

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"

	"ddc/transport"
)

// packet is a payload about to be sent: sections, and behind them either a
// message, marshalled where it travels, or what fill writes. A sender reuses
// one packet, so that its parts are not allocated for each send.
type packet struct {
	sections []byte
	message  proto.Message
	fill     func([]byte) error
	size     int // of the message, or of what fill writes

	write func([]byte) error // p.writeTo, bound once
}

// messageOf is v as a protobuf message, also where it is one of the old API.
func messageOf(v any) (proto.Message, bool) {
	switch v := v.(type) {
	case proto.Message:
		return v, true
	case protoadapt.MessageV1:
		return protoadapt.MessageV2Of(v), true
	}
	return nil, false
}

// setMessage makes m the message. nil is an empty one.
func (p *packet) setMessage(m any, limit int, c codec) error {
	p.message, p.fill, p.size = nil, nil, 0
	if m == nil {
		return nil
	}
	if c != nil {
		return p.setCoded(m, limit, c)
	}
	message, ok := messageOf(m)
	if !ok {
		return status.Errorf(codes.Internal, "cannot send a %T: not a protobuf message", m)
	}
	size := proto.Size(message)
	if size > limit {
		return tooLargeToSend(size, limit)
	}
	p.message, p.size = message, size
	return nil
}

// setCoded makes m, as c marshals it, the message.
func (p *packet) setCoded(m any, limit int, c codec) error {
	data, err := c.Marshal(m)
	if err != nil {
		return status.Errorf(codes.Internal, "marshal %T: %v", m, err)
	}
	if len(data) > limit {
		return tooLargeToSend(len(data), limit)
	}
	p.setBytes(data)
	return nil
}

// setBytes makes data the message, which has been marshalled.
func (p *packet) setBytes(data []byte) {
	p.message, p.size = nil, len(data)
	p.fill = func(buf []byte) error { copy(buf, data); return nil }
}

// clear empties p for its next use.
func (p *packet) clear() { p.sections, p.message, p.fill, p.size = p.sections[:0], nil, nil, 0 }

func (p *packet) send(ctx context.Context, link transport.Link, h transport.Header) error {
	n := len(p.sections) + p.size
	if n == 0 {
		return link.Send(ctx, h, nil)
	}
	p.bind()
	return link.Fill(ctx, h, n, p.write)
}

// ask sends, and receives for the link until answered returns true.
func (p *packet) ask(ctx context.Context, link transport.Awaiter, h transport.Header, answered func() bool) error {
	p.bind()
	return link.Ask(ctx, h, len(p.sections)+p.size, p.write, answered)
}

func (p *packet) bind() {
	if p.write == nil {
		p.write = p.writeTo
	}
}

// errMutated is the caller's fault: the message was measured a moment before.
var errMutated = errors.New("the message changed while it was being sent")

// fillError marks an error of writing a payload, to tell it from an error of
// sending it.
type fillError struct{ error }

func (e fillError) Unwrap() error { return e.error }

func (p *packet) writeTo(buf []byte) error {
	buf = buf[copy(buf, p.sections):]
	if p.fill != nil {
		if err := p.fill(buf); err != nil {
			return fillError{err}
		}
		return nil
	}
	if p.message == nil {
		return nil
	}
	out, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(buf[:0:len(buf)], p.message)
	if err != nil {
		return fillError{fmt.Errorf("marshal %s: %w", p.message.ProtoReflect().Descriptor().FullName(), err)}
	}
	// A message that outgrew its size was moved out of the slot by append.
	if len(out) != len(buf) || len(out) > 0 && &out[0] != &buf[0] {
		return fillError{errMutated}
	}
	return nil
}
