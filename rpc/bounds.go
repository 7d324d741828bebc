package rpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"ddc/transport"
)

// Bounds limit one received message, before any of it is decoded. A zero field
// means the default given below.
type Bounds struct {
	// Bytes is its length on the wire: 256 MiB.
	Bytes int
	// Fields is how many fields it has, nested messages included: 8 million.
	Fields int
	// Depth is how deep messages lie within each other: 100.
	Depth int
	// Decoded is the memory that it takes, estimated from its fields: 512 MiB.
	Decoded int64
}

const (
	defaultFields  = 8 << 20
	defaultDepth   = 100
	defaultDecoded = 512 << 20
)

func (b Bounds) orDefaults(bytes int) Bounds {
	return Bounds{
		Bytes: cmp.Or(b.Bytes, bytes), Fields: cmp.Or(b.Fields, defaultFields),
		Depth: cmp.Or(b.Depth, defaultDepth), Decoded: cmp.Or(b.Decoded, defaultDecoded),
	}
}

// ErrExcess is wrapped by the error of a call whose message was over its
// bounds. The peer that sent it is at fault.
var ErrExcess = errors.New("more than its bound")

// excessError is the error behind ErrExcess. Peer and method are set if they
// are known.
type excessError struct {
	peer, method string
	what         string
	long         bool // it has too many bytes
}

// Excess is an error that wraps ErrExcess, for other carriers of calls: peer
// has answered method with more bytes than it may, as is said.
func Excess(peer, method, what string) error {
	return &excessError{peer: peer, method: method, what: what, long: true}
}

func excess(format string, args ...any) error {
	return &excessError{what: fmt.Sprintf(format, args...)}
}

func tooLarge(n, most int) error {
	return &excessError{what: fmt.Sprintf("received a message of %d bytes: at most %d", n, most), long: true}
}

// excessOf names the peer and the method in an excessError. Other errors are
// returned as they are.
func excessOf(err error, peer, method string) error {
	if e, ok := err.(*excessError); ok { //nolint:errorlint // made here, and not wrapped
		return &excessError{peer: peer, method: method, what: e.what, long: e.long}
	}
	return err
}

func (e *excessError) Unwrap() error { return ErrExcess }

// TooLong reports that the message has too many bytes, as that about a large
// file may, rather than more in it than its length needs.
func (e *excessError) TooLong() bool { return e.long }
func (e *excessError) Error() string { return e.GRPCStatus().Err().Error() }

// GRPCStatus lets package status find the code.
func (e *excessError) GRPCStatus() *status.Status {
	if e.peer == "" {
		return status.New(codes.ResourceExhausted, e.what)
	}
	return status.Newf(codes.ResourceExhausted, "%s sent too much in answer to %s: %s", e.peer, e.method, e.what)
}

// decoder decodes received messages within bounds.
type decoder struct{ shapes shapes }

// decode reads a message that is in lease, or in this process's own memory if
// the lease is empty. It looks at ctx before and after, since decoding is part
// of the call's time.
//
// The peer can still write to a leased slot. A decision from the length alone
// holds all the same. A message that must be scanned is copied first, so that
// what is decoded is what was scanned. Other messages, pictures above all, are
// not copied: a peer that changes one can make it have more fields, which takes
// time, but no more memory than its length says.
func (d *decoder) decode(ctx context.Context, payload []byte, lease *transport.Lease, into any, b Bounds, c codec) error {
	if err := contextError(ctx); err != nil {
		return err
	}
	if len(payload) > b.Bytes {
		return tooLarge(len(payload), b.Bytes)
	}
	if c != nil {
		// A codec may keep what it is given, and this is the slot's memory.
		if err := c.Unmarshal(append([]byte(nil), payload...), into); err != nil {
			return status.Errorf(codes.Internal, "unmarshal %T: %v", into, err)
		}
		return contextError(ctx)
	}
	message, ok := messageOf(into)
	if !ok {
		return status.Errorf(codes.Internal, "cannot receive into a %T: not a protobuf message", into)
	}
	if len(payload) > unscanned {
		if shape := d.shapes.of(message.ProtoReflect().Type()); shape.mayExceed(len(payload), b) {
			if lease.Payload != nil && shape.mayGrow(len(payload), b) {
				payload = append([]byte(nil), payload...)
				lease.Release()
			}
			if err := shape.scan(payload, b); err != nil {
				return err
			}
		}
	}
	if err := proto.Unmarshal(payload, message); err != nil {
		return status.Errorf(codes.Internal, "unmarshal %s: %v", message.ProtoReflect().Descriptor().FullName(), err)
	}
	return contextError(ctx)
}

// contextError is the status of a context that is over, or nil.
func contextError(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	return nil
}
