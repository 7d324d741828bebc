//go:build explore

package step

import (
	"context"
	"sync"
)

// Mutex is a sync.Mutex whose every operation is a step. Outside an exploration
// it is plain, whether a task has left it held or not.
type Mutex struct {
	plain sync.Mutex
	held  bool // by a task
}

func (m *Mutex) Lock() {
	e := current
	if e == nil {
		if !unwinding {
			m.plain.Lock()
		}
		return
	}
	fence(e)
	e.Do(Op{Verb: "lock", Object: m, Write: true, Ready: func() uint8 { return ready(!m.held) }})
	m.held = true
	e.Acquire(m)
	e.Did(0, 1)
}

// TryLock is never refused for no reason.
func (m *Mutex) TryLock() bool {
	e := current
	if e == nil {
		return unwinding || m.plain.TryLock()
	}
	e.Do(Op{Verb: "try lock", Object: m, Write: true})
	if m.held {
		e.Did(1, 1)
		return false
	}
	m.held = true
	e.Acquire(m)
	e.Did(0, 1)
	return true
}

func (m *Mutex) Unlock() {
	e := current
	switch {
	case e != nil:
		e.Do(Op{Verb: "unlock", Object: m, Write: true})
		if !m.held {
			panic("step: unlock of a mutex that is not locked")
		}
		e.Release(m)
		e.Did(1, 0)
		m.held = false
	case !unwinding:
		m.plain.Unlock()
	}
}

// Held says whether a task holds the lock.
func (m *Mutex) Held() bool { return m.held }

func ready(is bool) uint8 {
	if is {
		return 1
	}
	return 0
}

// WaitGroup is a sync.WaitGroup whose every operation is a step.
type WaitGroup struct {
	plain sync.WaitGroup
	count int
}

func (g *WaitGroup) Add(n int) {
	e := current
	if e == nil {
		if !unwinding {
			g.plain.Add(n)
		}
		return
	}
	e.Do(Op{Verb: "add", Object: g, Write: true})
	g.count += n
	e.Release(g)
	e.Did(uint64(g.count-n), uint64(g.count))
}

func (g *WaitGroup) Done() {
	g.Add(-1)
}

func (g *WaitGroup) Wait() {
	e := current
	if e == nil {
		if !unwinding {
			g.plain.Wait()
		}
		return
	}
	e.Do(Op{Verb: "wait", Object: g, Ready: func() uint8 { return ready(g.count == 0) }})
	e.Acquire(g)
}

// Once is a sync.Once whose every operation is a step.
type Once struct {
	mu   Mutex
	done bool
}

func (o *Once) Do(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.done {
		o.done = true
		f()
	}
}

type (
	signal  = struct{}
	receive = <-chan signal
	send    = chan<- signal
)

func key[T any](ch <-chan T) any { return ch }

// readable says whether a receive would not wait. Channels without a buffer are
// closed, and never sent to.
func readable[T any](ch <-chan T) bool {
	if ch == nil || cap(ch) > 0 {
		return len(ch) > 0
	}
	select {
	case _, sent := <-ch:
		if sent {
			panic("step: a channel without a buffer was sent to")
		}
		return true
	default:
		return false
	}
}

// At stands before a channel is changed without waiting for it.
func At[T any](ch chan T) {
	if e := current; e != nil {
		before := len(ch)
		e.Do(Op{Verb: "at", Object: key[T](ch), Write: true})
		e.Acquire(key[T](ch))
		e.Release(key[T](ch))
		e.Did(uint64(before), uint64(len(ch)))
	}
}

// Poll stands before a look at a channel that does not wait.
func Poll[T any](ch <-chan T) {
	if e := current; e != nil {
		e.Do(Op{Verb: "look", Object: key(ch)})
		e.Acquire(key(ch))
	}
}

// Recv stands before a receive that may wait.
func Recv[T any](ch <-chan T) {
	if e := current; e != nil {
		e.Do(Op{Verb: "receive", Object: key(ch), Write: cap(ch) > 0, Ready: func() uint8 { return ready(readable(ch)) }})
		e.Acquire(key(ch))
		if cap(ch) > 0 {
			e.Release(key(ch))
		}
		e.Did(uint64(len(ch)), uint64(max(len(ch)-1, 0)))
	}
}

// Send stands before a send that may wait.
func Send[T any](ch chan T) {
	if e := current; e != nil {
		e.Do(Op{Verb: "send", Object: key[T](ch), Write: true, Ready: func() uint8 { return ready(len(ch) < cap(ch)) }})
		e.Acquire(key[T](ch))
		e.Release(key[T](ch))
		e.Did(uint64(len(ch)), uint64(len(ch)+1))
	}
}

// RecvAny stands before a select that receives from a, b or c: it returns the
// one that the explorer has chosen, and nil for the others.
func RecvAny(a, b, c receive) (receive, receive, receive) {
	e := current
	if e == nil {
		return a, b, c
	}
	chosen := pick(e, [3]receive{a, b, c}, "select", func() bool { return readable(a) })
	return chosen[0], chosen[1], chosen[2]
}

// SendOrRecv stands before a select that sends to a, or receives from b or c.
func SendOrRecv(a chan signal, b, c receive) (send, receive, receive) {
	e := current
	if e == nil {
		return a, b, c
	}
	chosen := pick(e, [3]receive{a, b, c}, "select", func() bool { return len(a) < cap(a) })
	if chosen[0] == nil {
		return nil, chosen[1], chosen[2]
	}
	return a, nil, nil
}

func pick(e Explorer, of [3]receive, verb string, first func() bool) (chosen [3]receive) {
	var also []Use
	for _, ch := range of[1:] {
		if ch != nil {
			also = append(also, Use{Object: key(ch), Write: cap(ch) > 0})
		}
	}
	n := e.Do(Op{Verb: verb, Object: key(of[0]), Write: true, Also: also, Ready: func() uint8 {
		return ready(first()) | ready(readable(of[1]))<<1 | ready(readable(of[2]))<<2
	}})
	chosen[n] = of[n]
	e.Acquire(key(of[n]))
	if cap(of[n]) > 0 {
		e.Release(key(of[n]))
	}
	e.Did(uint64(n), uint64(n))
	return chosen
}

// Read and Write stand before a plain access to memory that processes share.
func Read(b []byte) {
	if e := current; e != nil && len(b) > 0 {
		e.Access(b, false)
	}
}

func Write(b []byte) {
	if e := current; e != nil && len(b) > 0 {
		e.Access(b, true)
	}
}

// Go starts a goroutine, in an exploration a task.
func Go(f func()) {
	e := current
	if e == nil {
		go f()
		return
	}
	e.Go("", Op{Verb: "start"}, false, f)
}

// Err is ctx.Err.
func Err(ctx context.Context) error {
	if e := current; e != nil && ctx.Done() != nil {
		e.Do(Op{Verb: "ended?", Object: key(ctx.Done())})
		e.Acquire(key(ctx.Done()))
		over := ready(ctx.Err() != nil)
		e.Did(uint64(over), uint64(over))
	}
	return ctx.Err()
}

// Cancel is how a task of the explorer ends a context.
func Cancel(ctx context.Context, cancel func()) {
	if e := current; e != nil {
		e.Do(Op{Verb: "cancel", Object: key(ctx.Done()), Write: true})
		e.Release(key(ctx.Done()))
		e.Did(0, 1)
	}
	cancel()
}

// AfterFunc is that of package context: f is a task that waits for the end of
// ctx.
func AfterFunc(ctx context.Context, f func()) (stop func() bool) {
	e := current
	if e == nil {
		return context.AfterFunc(ctx, f)
	}
	var started, stopped bool
	first := Op{Verb: "after", Object: &stopped, Write: true, Also: []Use{{Object: key(ctx.Done())}},
		Ready: func() uint8 { return ready(stopped || ctx.Err() != nil) }}
	e.Go("after", first, true, func() {
		if stopped {
			return
		}
		started = true
		f()
	})
	return func() bool {
		if e := current; e != nil {
			e.Do(Op{Verb: "stop", Object: &stopped, Write: true})
		}
		if started || stopped {
			return false
		}
		stopped = true
		return true
	}
}
