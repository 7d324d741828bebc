package stock

import (
	"net"
	"sync"
	"sync/atomic"
)

// wire is a connected socket that counts its bytes and says when it has ended.
// ended is closed before gRPC hears of the end, so a call that fails for it
// finds it closed.
type wire struct {
	net.Conn
	in, out atomic.Uint64
	ended   chan struct{}
	once    sync.Once // of ended
	closing sync.Once
	closed  error
}

func newWire(c net.Conn) *wire { return &wire{Conn: c, ended: make(chan struct{})} }

func (w *wire) end() { w.once.Do(func() { close(w.ended) }) }

func (w *wire) over() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.in.Add(uint64(n))
	if err != nil {
		w.end()
	}
	return n, err
}

func (w *wire) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	w.out.Add(uint64(n))
	if err != nil {
		w.end()
	}
	return n, err
}

// Close closes the socket. The descriptor is free when it returns, whoever
// called it first.
func (w *wire) Close() error {
	w.end()
	w.closing.Do(func() { w.closed = w.Conn.Close() })
	return w.closed
}

// listener hands out one wire. It has nothing more to accept once that has
// ended.
type listener struct {
	wire   *wire
	handed atomic.Bool
	closed chan struct{}
	once   sync.Once
}

func newListener(w *wire) *listener { return &listener{wire: w, closed: make(chan struct{})} }

func (l *listener) Accept() (net.Conn, error) {
	if !l.handed.Swap(true) {
		return l.wire, nil
	}
	select {
	case <-l.wire.ended:
	case <-l.closed:
	}
	return nil, net.ErrClosed
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return l.wire.LocalAddr() }
