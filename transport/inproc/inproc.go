// Package inproc carries frames within one process, through bounded Go
// channels: no shared memory, no doorbell, no wake-up of the kernel's. It is
// the control group: a hang that stays under it was never a lost wake-up.
//
//	t := inproc.New()
//	host, peer, err := t.Pair("fonts")
//
// It keeps the promises of transport.Link, and the limits that matter to what
// is built on top: a queue of 256 frames in each direction, so that senders
// wait here as they do in the hub, and payloads up to 48 bytes that live in the
// pump's own buffer, so that Keep copies them here as it does there. A larger
// payload is copied once, by Send, or not at all, by Fill; it is ordinary
// memory, which the garbage collector takes back.
package inproc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/transport"
)

const (
	// queueLen is how many frames wait in each direction before a sender does.
	queueLen = 256
	// inlineMax is the largest payload that travels within its frame.
	inlineMax = 48
)

// New makes an in-process transport.
func New() transport.Transport { return &inproc{} }

type inproc struct {
	mu     sync.Mutex
	ends   []*end
	closed bool
}

func (t *inproc) Name() string { return "inproc" }

// Pair makes both ends of a link. It fails only after Close.
func (t *inproc) Pair(name string) (host, peer transport.Link, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, nil, fmt.Errorf("pair %s: transport: %w", name, transport.ErrClosed)
	}
	there, here := make(chan frame, queueLen), make(chan frame, queueLen)
	h := newEnd("link to "+name, here, there)
	p := newEnd("link of "+name, there, here)
	h.peer, p.peer = p, h
	t.ends = append(t.ends, h, p)
	return h, p, nil
}

// Close closes every end.
func (t *inproc) Close() error {
	t.mu.Lock()
	ends := t.ends
	t.ends, t.closed = nil, true
	t.mu.Unlock()
	var errs []error
	for _, e := range ends {
		errs = append(errs, e.Close())
	}
	return errors.Join(errs...)
}

// frame is what waits in a queue: the payload is inline[:n], or payload.
type frame struct {
	header  transport.Header
	n       int
	inline  [inlineMax]byte
	payload []byte
}

// end is one end of a link. Its life has two steps. Close, or the peer's,
// closes closing: no more sends. Then the pump ends and closes done.
type end struct {
	name string
	peer *end
	in   <-chan frame
	out  chan<- frame // closed by Close, once no Send is under way

	closing chan struct{} // closed first by Close
	once    sync.Once
	// sending is held, for reading, by every Send under way: Close closes out
	// only when it has it for itself, so no Send meets a closed channel.
	sending sync.RWMutex

	started atomic.Bool
	done    chan struct{} // closed by the pump; by Close where there is none
	end     sync.Once

	framesIn, framesOut, bytesIn, bytesOut step.Uint64
}

var _ transport.Link = (*end)(nil)

func newEnd(name string, in <-chan frame, out chan<- frame) *end {
	return &end{name: name, in: in, out: out, closing: make(chan struct{}), done: make(chan struct{})}
}

func (e *end) Start(receive func(*transport.Frame)) {
	if e.started.CompareAndSwap(false, true) {
		go e.pump(receive)
	}
}

// pump delivers frames until this end closes, or the peer has closed and all
// that it sent before is delivered.
func (e *end) pump(receive func(*transport.Frame)) {
	defer e.end.Do(func() { close(e.done) })
	var f frame                   // inline payloads are lent out of here
	var delivered transport.Frame // one for all, as the contract allows
	for {
		select {
		case <-e.closing:
			return
		default:
		}
		var open bool
		select {
		case f, open = <-e.in:
		case <-e.closing:
			return
		}
		if !open {
			return
		}
		e.framesIn.Add(1)
		e.bytesIn.Add(uint64(f.n))
		if f.payload != nil {
			delivered = transport.NewFrame(f.header, f.payload, collected{}, 0)
		} else {
			delivered = transport.NewFrame(f.header, f.inline[:f.n:f.n], nil, 0)
		}
		receive(&delivered)
		delivered.Drop()
	}
}

// collected is the owner of payloads that the garbage collector takes back.
type collected struct{}

func (collected) ReleaseLease(uint64) {}

// check refuses a payload of n bytes if no link may carry it.
func (e *end) check(n int) error {
	if n < 0 || n > transport.MaxPayload {
		return fmt.Errorf("%s: send %d bytes: %w", e.name, n, transport.ErrTooLarge)
	}
	return nil
}

func (e *end) Send(ctx context.Context, h transport.Header, payload []byte) error {
	if err := e.check(len(payload)); err != nil {
		return err
	}
	f := frame{header: h, n: len(payload)}
	if f.n <= inlineMax {
		copy(f.inline[:], payload)
	} else {
		f.payload = append(make([]byte, 0, f.n), payload...)
	}
	return e.send(ctx, f)
}

func (e *end) Fill(ctx context.Context, h transport.Header, n int, fill func(buf []byte) error) error {
	if err := e.check(n); err != nil {
		return err
	}
	f := frame{header: h, n: n}
	if n > inlineMax {
		f.payload = make([]byte, n)
		if err := fill(f.payload); err != nil {
			return err
		}
	} else {
		buf := make([]byte, n)
		if err := fill(buf); err != nil {
			return err
		}
		copy(f.inline[:], buf)
	}
	return e.send(ctx, f)
}

// over says whether a context has ended before a send.
func over(ctx context.Context) error {
	if fault.On(fault.LateSend) {
		return nil
	}
	return ctx.Err()
}

func (e *end) send(ctx context.Context, f frame) error {
	e.sending.RLock()
	defer e.sending.RUnlock()
	if err := over(ctx); err != nil {
		return fmt.Errorf("%s: send: %w", e.name, err)
	}
	select {
	case <-e.closing:
		return e.closedError()
	case <-e.peer.closing:
		return e.closedError()
	default:
	}
	select {
	case e.out <- f:
	default:
		select {
		case e.out <- f:
		case <-e.closing:
			return e.closedError()
		case <-e.peer.closing:
			return e.closedError()
		case <-ctx.Done():
			return fmt.Errorf("%s: wait for room: %w", e.name, ctx.Err())
		}
	}
	e.framesOut.Add(1)
	e.bytesOut.Add(uint64(f.n))
	return nil
}

// closedError says which end closed.
func (e *end) closedError() error {
	select {
	case <-e.closing:
		return fmt.Errorf("%s: closed at this end: %w", e.name, transport.ErrClosed)
	default:
		return fmt.Errorf("%s: closed by the peer: %w", e.name, transport.ErrClosed)
	}
}

func (e *end) Close() error {
	e.once.Do(func() {
		close(e.closing)
		e.sending.Lock()
		close(e.out)
		e.sending.Unlock()
	})
	if e.started.CompareAndSwap(false, true) { // no pump, and none to come
		e.end.Do(func() { close(e.done) })
	}
	<-e.done
	return nil
}

func (e *end) Done() <-chan struct{} { return e.done }

func (e *end) Err() error {
	select {
	case <-e.done:
		return e.closedError()
	default:
		return nil
	}
}

// Stats counts frames and bytes; there are no wake-ups to count.
func (e *end) Stats() transport.Stats {
	return transport.Stats{
		FramesIn: e.framesIn.Load(), FramesOut: e.framesOut.Load(),
		BytesIn: e.bytesIn.Load(), BytesOut: e.bytesOut.Load(),
	}
}
