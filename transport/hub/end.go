package hub

import (
	"errors"
	"strings"
	"structs"
	"sync/atomic"
	"syscall"

	"ddc/internal/printable"
	"ddc/transport"
)

// EndKind is why an end of a link has ended it.
type EndKind uint32

// The kinds. EndNone is a link in use.
const (
	EndNone       EndKind = iota
	EndClosed             // in good order, here or there
	EndPeerDead           // the other process has ended
	EndCorrupt            // the hub holds what no sound peer stores
	EndBellFailed         // the kernel refused to ring, or to sleep
)

// End is why an end of a link has ended it, as that end has noted.
type End struct {
	Kind EndKind
	// Text is the error, cut to fit. The other process may have
	// written anything.
	Text string
}

// endPage is an End in shared memory. Its side writes it, once.
type endPage struct {
	_    structs.HostLayout
	Kind atomic.Uint32 // stored last
	Size atomic.Uint32
	Text [120]byte
}

// note notes why a link ended. What every such text begins with is left out.
func (e *endPage) note(name string, reason error) {
	text := strings.TrimPrefix(reason.Error(), name+": ")
	text = strings.TrimPrefix(text, transport.ErrCorrupt.Error()+": ")
	e.Size.Store(uint32(copy(e.Text[:], text)))
	e.Kind.Store(uint32(endKind(reason)))
}

func endKind(reason error) EndKind {
	var refused syscall.Errno
	switch {
	case errors.Is(reason, transport.ErrPeerDead):
		return EndPeerDead
	case !errors.Is(reason, transport.ErrCorrupt):
		return EndClosed
	case errors.As(reason, &refused):
		return EndBellFailed
	}
	return EndCorrupt
}

// read is note's counterpart. It is what others wrote: only its length is sure.
func (e *endPage) read() End {
	kind := EndKind(e.Kind.Load())
	if kind == EndNone || kind > EndBellFailed {
		return End{}
	}
	text := e.Text
	return End{kind, printable.Line(string(text[:min(e.Size.Load(), uint32(len(text)))]))}
}
