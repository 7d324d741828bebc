package hub

import (
	"encoding/binary"
	"fmt"

	"ddc/ring"
	"ddc/slot"
	"ddc/transport"
)

// A descriptor carries one frame, or one piece of a frame too large for a slot.
// Integers are in the machine's byte order; both sides run on one machine.
//
//	 0  op      1 byte    the frame's header, handed over unread
//	 1  flags   1
//	 2  kind    1         where the payload is
//	 3  inline  1         kindInline: its length
//	 4  stream  4
//	 8  arg     8
//	16  payload 48        kindInline: the payload itself
//
//	16  ref     8         else: the slot
//	24  length  4         bytes used of the slot
//	28  group   4         kindPiece, kindLast, kindAbort: which pieces belong together
//	32  total   8         kindPiece, kindLast: length of the whole payload
const (
	kindInline = iota
	kindSlot
	kindPiece
	kindLast  // the piece that completes its group
	kindAbort // the sender gave up: forget the group
)

const (
	inlineAt  = 16
	inlineMax = ring.CellSize - inlineAt
)

const _ = uint(inlineMax - transport.InlineMax) // others rest on it

// reference is the part of a descriptor that names a slot.
type reference struct {
	ref    slot.Ref
	length int
	group  uint32
	total  uint64
}

var order = binary.NativeEndian

func encodeHeader(d *ring.Descriptor, h transport.Header, kind uint8) {
	d[0], d[1], d[2], d[3] = h.Op, h.Flags, kind, 0
	order.PutUint32(d[4:], h.Stream)
	order.PutUint64(d[8:], h.Arg)
}

func encodeInline(d *ring.Descriptor, h transport.Header, n int) {
	encodeHeader(d, h, kindInline)
	d[3] = uint8(n)
}

func encodeReference(d *ring.Descriptor, h transport.Header, kind uint8, r reference) {
	encodeHeader(d, h, kind)
	order.PutUint64(d[16:], uint64(r.ref))
	order.PutUint32(d[24:], uint32(r.length))
	order.PutUint32(d[28:], r.group)
	order.PutUint64(d[32:], r.total)
}

func decodeHeader(d *ring.Descriptor) (h transport.Header, kind uint8) {
	return transport.Header{Op: d[0], Flags: d[1], Stream: order.Uint32(d[4:]), Arg: order.Uint64(d[8:])}, d[2]
}

// decodeInline gives the payload within d, which must outlive its use.
func decodeInline(d *ring.Descriptor) ([]byte, error) {
	n := int(d[3])
	if n > inlineMax {
		return nil, fmt.Errorf("%w: descriptor: inline length %d, at most %d", transport.ErrCorrupt, n, inlineMax)
	}
	return d[inlineAt : inlineAt+n : inlineAt+n], nil
}

func decodeReference(d *ring.Descriptor) reference {
	return reference{
		ref:    slot.Ref(order.Uint64(d[16:])),
		length: int(order.Uint32(d[24:])),
		group:  order.Uint32(d[28:]),
		total:  order.Uint64(d[32:]),
	}
}
