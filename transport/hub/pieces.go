package hub

import (
	"fmt"

	"ddc/internal/step"
	"ddc/transport"
)

// heap owns payloads that are ordinary memory: there is nothing to give back.
type heap struct{}

func (heap) ReleaseLease(uint64) {}

// These bound what a peer can make this process remember: how many payloads
// under way; how many bytes of them in all; and how many before they have come,
// on the word of the first piece, for one payload and for all.
const (
	maxGroups  = 1024
	maxPieces  = transport.MaxPayload
	firstPiece = 64 << 20
	maxFirst   = 256 << 20
)

// reassembly is what has come of the payloads that travel in pieces. The
// goroutine that holds receiver.receiving uses it.
type reassembly struct {
	groups map[uint32]*group
	bytes  int // allocated for groups
}

func newReassembly() reassembly { return reassembly{groups: make(map[uint32]*group)} }

// group is a payload of which some pieces have come.
type group struct {
	total   uint64
	payload []byte
}

// forget drops what has come of a payload.
func (a *reassembly) forget(id uint32) {
	if g := a.groups[id]; g != nil {
		a.bytes -= cap(g.payload)
		delete(a.groups, id)
	}
}

// begin makes room for a payload whose first piece has come.
func (a *reassembly) begin(r reference) (*group, error) {
	if r.total > transport.MaxPayload || len(a.groups) >= maxGroups {
		return nil, fmt.Errorf("%w: descriptor: payload of %d bytes in pieces, %d others under way", transport.ErrCorrupt, r.total, len(a.groups))
	}
	g := &group{total: r.total}
	if first := int(min(r.total, firstPiece)); a.bytes+first <= maxFirst {
		g.payload = make([]byte, 0, first)
		a.bytes += first
	}
	a.groups[r.group] = g
	return g, nil
}

// add copies a piece, and returns the payload once it is whole.
func (a *reassembly) add(r reference, piece []byte, last bool) ([]byte, error) {
	g := a.groups[r.group]
	if g == nil {
		var err error
		if g, err = a.begin(r); err != nil {
			return nil, err
		}
	}
	step.Read(piece)
	before := cap(g.payload)
	if a.bytes-before+len(g.payload)+r.length > maxPieces {
		return nil, fmt.Errorf("%w: descriptor: more than %d bytes in pieces under way", transport.ErrCorrupt, maxPieces)
	}
	g.payload = append(g.payload, piece...)
	a.bytes += cap(g.payload) - before
	if have := uint64(len(g.payload)); r.total != g.total || have > g.total || last != (have == g.total) {
		return nil, fmt.Errorf("%w: descriptor: %d bytes of a payload of %d, last piece %v", transport.ErrCorrupt, have, g.total, last)
	}
	if !last {
		return nil, nil
	}
	a.forget(r.group)
	return g.payload, nil
}
