// Package transport is the vocabulary of the layer that carries frames
// between a host and its plugins: [Link], [Frame], [Lease] and the errors that
// callers decide on. It has no mechanism of its own; transport/hub carries
// frames through shared memory, transport/inproc within one process.
//
// A link has two ends. Each end sends with [Link.Send] or [Link.Fill] from as
// many goroutines as it likes, and receives on one goroutine of the link's own,
// the pump, which calls the function given to [Link.Start] for every frame, in
// the order in which the other end sent them:
//
//	link.Start(func(f *transport.Frame) { ... }) // must not block
//	err := link.Send(ctx, transport.Header{Op: 1, Stream: 7}, payload)
//
// Sending waits while the receiver's ring is full or the payload pool is
// empty, for as long as ctx allows and the peer lives.
package transport

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrClosed is returned by operations on an end that Close was called on,
	// or whose peer closed its own end in good order. Open a new link to go on.
	ErrClosed = errors.New("link closed")
	// ErrPeerDead is returned once the peer's process has ended without closing
	// its end. What was sent may or may not have been handled: repeat only
	// calls that are safe to repeat, on a new link.
	ErrPeerDead = errors.New("peer died")
	// ErrCorrupt is returned once the peer has written to shared memory what no
	// sound peer writes, or its doorbell cannot be rung any more. The link is
	// unusable; restart the peer.
	ErrCorrupt = errors.New("corrupt hub")
	// ErrTooLarge is returned for a payload over [MaxPayload].
	// Send it in parts.
	ErrTooLarge = errors.New("payload too large")
)

// InlineMax is the largest payload, in bytes, that a frame carries by itself on
// every transport: it waits for room in the ring, and for nothing else.
const InlineMax = 48

// MaxPayload is the largest payload of one frame, in bytes: 1 GiB. Payloads
// above the transport's largest slot travel in pieces, unseen by the caller.
const MaxPayload = 1 << 30

// Header is what a frame carries beside its payload. The transport hands it
// over unread.
type Header struct {
	// Op and Flags are the receiver's to tell frames apart by.
	Op, Flags uint8
	// Stream is the call that the frame belongs to, or 0 for none.
	Stream uint32
	// Arg is a number that goes with Op.
	Arg uint64
}

// Frame is one received frame. It belongs to the pump: it, and Payload, are
// valid until the receive function returns, unless [Frame.Keep] was called.
type Frame struct {
	Header
	// Payload is read-only, and may be shared memory that the peer could still
	// scribble on: copy once, then check, then use.
	Payload []byte

	owner LeaseOwner
	token uint64
}

// LeaseOwner takes back what a frame's payload occupies. Transports implement
// it; nobody else calls it.
type LeaseOwner interface {
	// ReleaseLease frees the payload that token stands for. It is called at
	// most once for each, from any goroutine.
	ReleaseLease(token uint64)
}

// NewFrame is for transports: it makes a frame whose payload owner takes back.
// A nil owner means that the payload is the pump's own buffer, which the next
// frame overwrites.
func NewFrame(h Header, payload []byte, owner LeaseOwner, token uint64) Frame {
	return Frame{Header: h, Payload: payload, owner: owner, token: token}
}

// Keep takes the payload over from the pump: it stays valid until the lease is
// released. A payload that travelled inside its descriptor is copied. Call it
// at most once, before the receive function returns.
//
// A kept payload occupies a slot that other frames may be waiting for. So keep
// one only to read it at once. For a reader that may be slow, copy it.
func (f *Frame) Keep() Lease {
	l := Lease{Payload: f.Payload, owner: f.owner, token: f.token}
	if f.owner == nil && len(f.Payload) > 0 {
		l.Payload = append(make([]byte, 0, len(f.Payload)), f.Payload...)
	}
	f.owner = nil
	return l
}

// Drop gives the payload back unless it was kept. Transports call it when the
// receive function has returned.
func (f *Frame) Drop() {
	if f.owner != nil {
		f.owner.ReleaseLease(f.token)
		f.owner = nil
	}
}

// Lease is a received payload that somebody keeps. The zero Lease is empty.
type Lease struct {
	// Payload is valid, and read-only, until Release.
	Payload []byte

	owner LeaseOwner
	token uint64
}

// Release gives the payload back. A second call on the same
// variable does nothing.
func (l *Lease) Release() {
	if l.owner != nil {
		l.owner.ReleaseLease(l.token)
	}
	*l = Lease{}
}

// Link is one end of a connection between two peers.
type Link interface {
	// Start begins to deliver frames: receive is called for each, in order, on
	// the link's pump. It must not block, neither on a handler nor on sending.
	// Frames that arrive before Start wait. Start is called once.
	Start(receive func(*Frame))
	// Send sends a copy of payload. It waits for room until ctx is done; a
	// frame is sent whole or not at all. A context that is done already sends
	// nothing, and its error is returned, however much room there is.
	Send(ctx context.Context, h Header, payload []byte) error
	// Fill sends a payload of n bytes that fill writes in place: straight into
	// the slot it travels in, where the transport has one to give. fill must
	// set every byte of buf, whose len is n and whose content is undefined; an
	// error from it abandons the frame and is returned as it is.
	Fill(ctx context.Context, h Header, n int, fill func(buf []byte) error) error
	// Close ends the link in good order: the peer sees every frame sent
	// before, then ErrClosed. It waits for the pump to end, so must not
	// be called on it.
	Close() error
	// Done is closed when the link has ended, for whatever reason, and the pump
	// will deliver nothing more.
	Done() <-chan struct{}
	// Err says why the link ended: nil before Done is closed, then an error
	// that wraps ErrClosed, ErrPeerDead or ErrCorrupt.
	Err() error
	// Stats counts what this end has done so far.
	Stats() Stats
}

// Awaiter is a link by which a goroutine that waits for one frame can
// receive on the link's behalf, and so is woken by the peer itself rather
// than by the pump.
type Awaiter interface {
	// Await receives frames on this goroutine until done returns true, ctx is
	// done or the link ends; or returns at once, where the pump does as well.
	// Either way the caller then waits as if Await did not exist. done must be
	// cheap; the receive function given to Start must be what makes it true.
	Await(ctx context.Context, done func() bool)
	// Ask sends a frame as [Link.Fill] does, and then is Await. It costs less
	// than the two, and the peer's answer less too. If it returns an error,
	// nothing was sent, and it has not waited.
	Ask(ctx context.Context, h Header, n int, fill func(buf []byte) error, done func() bool) error
}

// CallLog is a link that notes the calls under way, for those who look at it
// from outside. Its methods take some 20 ns and never block; those of one end
// are called one at a time.
type CallLog interface {
	// NameMethod says what a method's id stands for, before the
	// first call of it.
	NameMethod(id uint16, name string)
	// CallBegan and CallEnded are told at the client's end of each call, and at
	// the server's of each handler. Id 0 is a method that has none; about is
	// what the call works on, "" where nobody has said, as at a server's end.
	CallBegan(stream uint32, method uint16, about string, at time.Time)
	CallEnded(stream uint32)
}

// Stats counts what one end of a link did. Wake-ups are those of the two
// doorbells as this end sees them.
type Stats struct {
	// Frames in and out are those that this end has received and sent, and
	// bytes those of their payloads.
	FramesIn, FramesOut uint64
	BytesIn, BytesOut   uint64
	// WakeupsSent counts tokens deposited for the peer, WakeupsSuppressed the
	// rings that found it awake.
	WakeupsSent, WakeupsSuppressed uint64
	// WakeupsReceived counts returns from sleep, WakeupsSpurious those of them
	// after which there was nothing to do.
	WakeupsReceived, WakeupsSpurious uint64
}

// Transport makes links. The hub and the in-process transport implement it.
type Transport interface {
	// Name is the transport's name as flags spell it: "shm" or "inproc".
	Name() string
	// Pair makes both ends of a new link in this process. name is for
	// diagnosis.
	Pair(name string) (host, peer Link, err error)
	// Close ends every link that the transport made, and frees
	// what they shared.
	Close() error
}
