package rpc

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

// scan is one pass over a message on the wire: its fields are counted and their
// memory summed up until a bound of b is passed, or the message ends.
type scan struct {
	bounds  Bounds
	fields  int
	decoded int64
}

// scan returns an [ErrExcess] if payload is over a bound of b.
func (s *shape) scan(payload []byte, b Bounds) error {
	sc := scan{bounds: b, decoded: s.size}
	return sc.message(s, payload, 0)
}

// errMalformed is returned early: decoding would find the same.
var errMalformed = status.Error(codes.Internal, "malformed message: its fields are not what its length says")

func (sc *scan) message(s *shape, b []byte, depth int) error {
	if depth > sc.bounds.Depth {
		return excess("received messages within each other, deeper than %d", sc.bounds.Depth)
	}
	for len(b) > 0 {
		number, wire, width := protowire.ConsumeTag(b)
		if width < 0 {
			return errMalformed
		}
		rest := b[width:]
		var n int
		var content []byte
		if wire == protowire.BytesType {
			content, n = protowire.ConsumeBytes(rest)
		} else {
			n = protowire.ConsumeFieldValue(number, wire, rest)
		}
		if n < 0 {
			return errMalformed
		}
		if sc.fields++; sc.fields > sc.bounds.Fields {
			return excess("received a message of more than %d fields", sc.bounds.Fields)
		}
		f := s.field(number)
		switch {
		case !f.known, f.wire != wire && (f.packed == 0 || wire != protowire.BytesType):
			sc.decoded += perUnknown * int64(width+n) // kept as it is
		case f.message != nil && wire == protowire.BytesType:
			sc.decoded += f.cost + f.message.size
			if err := sc.message(f.message, content, depth+1); err != nil {
				return err
			}
		case f.wire != wire:
			sc.decoded += f.packed * elements(f.wire, content)
		default:
			sc.decoded += f.cost + int64(len(content))
		}
		if sc.decoded > sc.bounds.Decoded {
			return excess("received a message that takes more than %d bytes once decoded", sc.bounds.Decoded)
		}
		b = rest[n:]
	}
	return nil
}

// elements counts what is in a packed list.
func elements(wire protowire.Type, content []byte) (n int64) {
	switch wire {
	case protowire.Fixed32Type:
		return int64(len(content) / 4)
	case protowire.Fixed64Type:
		return int64(len(content) / 8)
	}
	for _, b := range content {
		if b < 0x80 { // the last byte of a varint
			n++
		}
	}
	return n
}
