//go:build ddcfault

package broken

import (
	"encoding/binary"
	"os"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/internal/sys"
)

// loop is the thread that sleeps in epoll for all wakers of one process.
type loop struct {
	epoll *sys.Epoll
	// bell ends the loop: it is registered under key 0.
	bell  *sys.FD
	ended chan struct{}

	mu     step.Mutex
	turns  uint64 // events seen, and so the tick of the last
	next   uint64 // the last key given
	wakers map[uint64]*epollWaker
}

func startLoop() (*loop, error) {
	l := &loop{ended: make(chan struct{}), wakers: map[uint64]*epollWaker{}}
	counter, err := sys.Eventfd()
	if err != nil {
		return nil, err
	}
	defer counter.Close() //nolint:errcheck // the bell is a duplicate
	if l.bell, err = sys.DupFD(counter); err != nil {
		return nil, err
	}
	if l.epoll, err = sys.NewEpoll(); err != nil {
		l.bell.Close(nil)
		return nil, err
	}
	if err := l.epoll.Add(l.bell, 0); err != nil {
		l.epoll.Close()
		l.bell.Close(nil)
		return nil, err
	}
	step.Go(l.run)
	return l, nil
}

// end stops the loop and waits for it.
func (l *loop) end() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = l.bell.WriteIfRoom(one[:])
	step.Recv(l.ended)
	<-l.ended
	l.epoll.Close()
	l.bell.Close(nil)
}

func (l *loop) run() {
	defer close(l.ended)
	defer step.At(l.ended)
	var keys [16]uint64
	for {
		n, err := l.epoll.Wait(keys[:])
		if err != nil {
			return // the instance is gone: nobody can be told any more
		}
		for _, key := range keys[:n] {
			if key == 0 {
				return
			}
			l.raise(key)
		}
	}
}

// raise puts up the flag of the waker that an event is for.
func (l *loop) raise(key uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.wakers[key]
	if w == nil {
		return // closed meanwhile
	}
	if w.skip {
		w.skip = false
		return
	}
	l.turns++
	w.events++
	w.ready, w.tick = true, l.turns
	if fault.On(fault.DeregisteredFD) && w.events == 10 {
		_ = l.epoll.Remove(w.take)
	}
	w.tell()
}

// tell makes a waiter look again. A value that is in the channel already does
// that too.
func (w *epollWaker) tell() {
	step.At(w.woken)
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// register puts a waker under the loop at its first wait: a waker that only
// rings needs no loop. What is in its file already is an event.
func (l *loop) register(w *epollWaker) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.closed {
		return os.ErrClosed
	}
	if w.key != 0 {
		return nil
	}
	if fault.On(fault.LateRegistration) {
		fault.Widen(fault.LateRegistration)
		var err error
		if w.skip, err = w.take.Readable(); err != nil {
			return err
		}
	}
	l.next++
	w.key = l.next
	l.wakers[w.key] = w
	return l.epoll.Add(w.take, w.key)
}

// remove takes a waker out and wakes its waiter. It says whether it was the
// first to do so.
func (l *loop) remove(w *epollWaker) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.closed {
		return false
	}
	w.closed = true
	if w.key != 0 {
		_ = l.epoll.Remove(w.take)
		delete(l.wakers, w.key)
	}
	w.tell()
	return true
}
