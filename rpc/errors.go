package rpc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"ddc/transport"
)

// linkError is the failure of a call whose link has ended. Its status is
// Unavailable; errors.Is finds the link's own error.
type linkError struct {
	peer  string
	cause error
}

func (e *linkError) Unwrap() error { return e.cause }
func (e *linkError) Error() string { return e.GRPCStatus().Err().Error() }

// GRPCStatus lets package status find the code.
func (e *linkError) GRPCStatus() *status.Status {
	what := e.peer + " is out of reach: "
	kind := error(nil)
	switch {
	case errors.Is(e.cause, transport.ErrPeerDead):
		what, kind = e.peer+" died", transport.ErrPeerDead
	case errors.Is(e.cause, transport.ErrClosed):
		what, kind = e.peer+" closed the link", transport.ErrClosed
	}
	return status.New(codes.Unavailable, what+detail(e.cause, kind))
}

// LinkEnded is the error of a call whose link to peer has ended for cause,
// which wraps an error of package transport. It is for other carriers of calls.
func LinkEnded(peer string, cause error) error { return &linkError{peer: peer, cause: cause} }

// detail is what an error says beyond its kind. Links put their peer's name and
// the kind first, and a linkError does so itself.
func detail(err, kind error) string {
	text := err.Error()
	if kind == nil {
		return text
	}
	const between = ": "
	before, after, found := strings.Cut(text, kind.Error())
	if !found || strings.Count(before, between) > 1 {
		return between + text // said in another way
	}
	return after
}

// sendError turns the failure of a send into the error of its call.
func sendError(ctx context.Context, peer string, err error) error {
	var fill fillError
	switch {
	case errors.As(err, &fill):
		return status.Error(codes.Internal, fill.Error())
	case errors.Is(err, transport.ErrTooLarge):
		return status.Error(codes.ResourceExhausted, err.Error())
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return status.FromContextError(ctx.Err()).Err()
	}
	return &linkError{peer: peer, cause: err}
}

// unsendable says whether a send failed because of its payload, not because of
// the link.
func unsendable(err error) bool {
	return errors.As(err, new(fillError)) || errors.Is(err, transport.ErrTooLarge)
}

// protocolError ends a link: no sound peer sends such frames.
func protocolError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", transport.ErrCorrupt, fmt.Sprintf(format, args...))
}

// statusOf is the status of a handler's error, as in grpc-go.
func statusOf(err error) *status.Status {
	if err == nil {
		return nil
	}
	if s, ok := status.FromError(err); ok {
		return s
	}
	return status.FromContextError(err)
}

// encodeStatus makes the section for s: none if the code says everything.
func encodeStatus(s *status.Status) []byte {
	if s == nil || s.Message() == "" && len(s.Proto().GetDetails()) == 0 {
		return nil
	}
	p := s.Proto()
	b, err := proto.Marshal(p)
	if err != nil { // a message that is no UTF-8: what is broken of it is replaced
		p.Message = string([]rune(p.GetMessage()))
		b, err = proto.Marshal(p)
	}
	if err != nil { // the details, then
		b, _ = proto.Marshal(&spb.Status{Code: p.GetCode(), Message: p.GetMessage()})
	}
	return b
}

// shortStatus is a status section with as much of the text as fits a frame
// without a slot. The code travels in the header.
func shortStatus(text string) []byte {
	const overhead = 3 // the section's length, the field's number and its length
	if most := transport.InlineMax - overhead; len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	b, err := proto.Marshal(&spb.Status{Message: text})
	if err != nil { // no UTF-8: the code says what is sure
		b = nil
	}
	return appendSection(nil, b)
}

// statusBounds are those of the status of a reply. Its length is bounded as a
// section.
var statusBounds = Bounds{Fields: 1024}.orDefaults(maxMetadata)

// replyError is the error that an opReply stands for: nil for OK.
func (c *Conn) replyError(flags uint8, code uint64, section []byte) error {
	if flags&flagRefused != 0 {
		return ShuttingDown(c.name)
	}
	if code == uint64(codes.OK) {
		return nil
	}
	if code > math.MaxInt32 { // cut down to a status's code it might be OK
		return status.Errorf(codes.Internal, "%s replied with status %d, which can't be", c.name, code)
	}
	s := &spb.Status{}
	if err := c.decode(context.Background(), section, &transport.Lease{}, s, statusBounds, nil); err != nil {
		return status.Errorf(codes.Code(code), "%s replied with this code, and a text that cannot be read: %v", c.name, err)
	}
	s.Code = int32(code)
	return status.ErrorProto(s)
}

// malformed is the error of a reply whose sections cannot be parsed. Its code
// can still be read from the header.
func (c *Conn) malformed(code uint64, err error) error {
	kept := codes.Internal
	if code != uint64(codes.OK) && code <= math.MaxInt32 {
		kept = codes.Code(code)
	}
	return status.Errorf(kept, "%s sent a malformed reply: %v", c.name, err)
}

// ErrShuttingDown is wrapped by the error of a call that a server did not begin
// because it takes no new ones. Such a call can safely be made again elsewhere.
var ErrShuttingDown = errors.New("shutting down")

// refusedError is the error behind ErrShuttingDown.
type refusedError struct{ peer string }

// ShuttingDown is an error that wraps ErrShuttingDown, for other carriers of
// calls.
func ShuttingDown(peer string) error { return &refusedError{peer} }

func (e *refusedError) Unwrap() error { return ErrShuttingDown }
func (e *refusedError) Error() string { return e.GRPCStatus().Err().Error() }

// GRPCStatus lets package status find the code.
func (e *refusedError) GRPCStatus() *status.Status {
	return status.Newf(codes.Unavailable, "%s is %v", e.peer, ErrShuttingDown)
}

func tooLargeToSend(n, limit int) error {
	return status.Errorf(codes.ResourceExhausted, "cannot send a message of %d bytes: at most %d", n, limit)
}
