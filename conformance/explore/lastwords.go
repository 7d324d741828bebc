//go:build explore

package explore

import (
	"errors"

	"ddc/internal/step"
	"ddc/internal/sys"
	"ddc/transport"
)

// These are the endings of a link that are to lose nothing: what was sent
// before a close or a death arrives, and what was received stays what it is.

// over waits for the end of a link, which is to be for a reason.
func (e *end) over(reason error) {
	step.Recv(e.link.Done())
	<-e.link.Done()
	if err := e.link.Err(); !errors.Is(err, reason) {
		e.h.w.Failf(Failure, "%s's link ended with %v, not with %v", e.process, err, reason)
	}
}

// hubLastWords is an end that sends two payloads and closes, while the other
// only listens: both have come when the link ends there.
func hubLastWords(name, strategy, from string, size int) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"peer"}, 2, 2)
		closing, listening := h.peers["peer"].host, h.peers["peer"].peer
		if from == "peer" {
			closing, listening = listening, closing
		}
		w.Go(closing.process, "send", func() {
			closing.send(2, size)
			w.Must(closing.link.Close())
		})
		w.Go(listening.process, "listen", func() {
			listening.over(transport.ErrClosed)
			if listening.received != 2 {
				w.Failf(Frame, "%s received %d frames, of 2 that were sent before the close", listening.process, listening.received)
			}
			w.Must(listening.link.Close())
		})
		h.leaks()
	}}
}

// hubDying is a peer that is killed at any step of sending a frame, and then a
// payload in a slot. What it had sent arrives, its place is free again, and no
// slot is lost.
func hubDying(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 2, 1, []string{"peer"}, 0, 2)
		p := h.peers["peer"]
		w.Mortal("peer")
		sent := 0
		w.Go("peer", "send", func() {
			for n, size := range []int{small, slotted} {
				w.Must(p.peer.link.Send(h.bg, transport.Header{}, bytesOf(n+1, size)))
				sent++
			}
		})
		w.Go("host", "reaper", func() {
			w.Kill("peer")
			before := sent
			p.host.link.PeerDied(errors.New("killed"))
			p.host.over(transport.ErrPeerDead)
			if p.host.received < before {
				w.Failf(Frame, "the host received %d frames, of %d that were sent before the death", p.host.received, before)
			}
			w.Must(p.host.link.Close())
		})
		h.leaks()
	}}
}

// hubDyingWithLease is a peer that dies while the host reads a payload that it
// sent. The only slot is another frame's once that was released, and no sooner.
func hubDyingWithLease(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"one", "two"}, 1, 1)
		one, two := h.peers["one"], h.peers["two"]
		w.Mortal("one")
		kept := make(chan transport.Lease, 1)
		one.host.keep = func(l transport.Lease) {
			step.At(kept)
			kept <- l
		}
		w.Go("one", "send", func() { one.peer.send(1, slotted) })
		w.Go("host", "read", func() {
			step.Recv(kept)
			lease := <-kept
			step.Read(lease.Payload)
			w.Kill("one")
			one.host.link.PeerDied(errors.New("killed"))
			w.Must(one.host.link.Close())
			one.host.reads(&lease, 1)
			lease.Release()
		})
		w.Go("host", "send", func() {
			w.Must(two.host.link.Send(h.bg, transport.Header{Op: 1}, bytesOf(2, slotted)))
		})
		w.Go("two", "wait", two.peer.wait)
		h.leaks()
	}}
}

// reads checks that a kept payload is the nth one still.
func (e *end) reads(l *transport.Lease, n int) {
	step.Read(l.Payload)
	for _, b := range l.Payload {
		if int(b) != n {
			e.h.w.Failf(Slot, "a payload that %s keeps was written over: %v...", e.process, l.Payload[:4])
		}
	}
}

// hubKeeping is a peer that reads a payload after it has closed its end: the
// memory stays until it has given that back, and goes then.
func hubKeeping(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"peer"}, 2, 0)
		p := h.peers["peer"]
		kept := make(chan transport.Lease, 2)
		p.peer.keep = func(l transport.Lease) {
			step.At(kept)
			kept <- l
		}
		w.Go("host", "send", func() {
			for n := range 2 {
				if err := p.host.link.Send(h.bg, transport.Header{}, bytesOf(n+1, slotted)); err != nil && !errors.Is(err, transport.ErrClosed) {
					w.Must(err)
				}
			}
		})
		w.Go("peer", "read", func() {
			step.Recv(kept)
			lease := <-kept
			w.Must(p.peer.link.Close())
			p.peer.reads(&lease, 1)
			lease.Release()
		})
	}}
}

// hubClosingInUse is a peer that closes its end while a goroutine of its own
// sends: the memory stays until that one is done.
func hubClosingInUse(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"peer"}, 0, 1)
		p := h.peers["peer"]
		w.Go("peer", "send", func() {
			if err := p.peer.link.Send(h.bg, transport.Header{}, bytesOf(1, small)); err != nil && !errors.Is(err, transport.ErrClosed) {
				w.Must(err)
			}
		})
		w.Go("peer", "close", func() { w.Must(p.peer.link.Close()) })
	}}
}

// hubReplyThenClose is a peer that replies to the first of two frames and
// closes: the reply arrives, whatever else wakes the host at that moment.
func hubReplyThenClose(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"peer"}, 2, 1)
		p := h.peers["peer"]
		p.peer.react = func(n int) {
			if n > 1 {
				return
			}
			step.Go(func() {
				w.Must(p.peer.link.Send(h.bg, transport.Header{}, bytesOf(1, small)))
				w.Must(p.peer.link.Close())
			})
		}
		w.Go("host", "call", func() {
			for n := range 2 {
				if err := p.host.link.Send(h.bg, transport.Header{}, bytesOf(n+1, small)); err != nil && !errors.Is(err, transport.ErrClosed) {
					w.Must(err)
				}
			}
			p.host.over(transport.ErrClosed)
			if p.host.received != 1 {
				w.Failf(Frame, "the reply that was sent before the close has not come")
			}
		})
	}}
}

// hubSleepFails is a link one of whose sleeps the kernel refuses. That end says
// so, the other ends too, and nobody waits for ever.
func hubSleepFails(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		sys.FailSleeps(1)
		h := newHub(w, strategy, 1, 1, []string{"peer"}, 3, 0)
		p := h.peers["peer"]
		broken := func(err error) bool {
			return errors.Is(err, transport.ErrCorrupt) || errors.Is(err, transport.ErrClosed)
		}
		w.Go("host", "send", func() {
			for n := range 3 {
				if err := p.host.link.Send(h.bg, transport.Header{}, bytesOf(n+1, small)); err != nil {
					if !broken(err) {
						w.Must(err)
					}
					break
				}
			}
			w.Must(p.host.link.Close())
		})
		w.Go("peer", "listen", func() {
			step.Recv(p.peer.link.Done())
			<-p.peer.link.Done()
			if err := p.peer.link.Err(); !broken(err) {
				w.Must(err)
			}
			w.Must(p.peer.link.Close())
		})
	}}
}

// hubStarting is an end that is started while frames are on the way to it, and
// pumps that have not slept yet.
func hubStarting(name, strategy string, size int) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := openHub(w, strategy, 1, 1, []string{"peer"}, 2, 0)
		p := h.peers["peer"]
		w.Go("host", "start", p.host.start)
		w.Go("host", "send", func() { p.host.send(2, size) })
		w.Go("peer", "start", p.peer.start)
		w.Go("peer", "wait", p.peer.wait)
		h.leaks()
	}}
}

// hubCallers is two goroutines of the host that call at once. One receives in
// the pump's place, also the other's reply, or the pump delivers the reply to
// the one that stands in.
func hubCallers(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 2, 1, []string{"peer"}, 2, 2)
		p := h.peers["peer"]
		var replied [2]step.Bool
		answered := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
		for i := range replied {
			w.Name(&replied[i], "replied."+string(rune('A'+i)))
		}
		p.host.reactTo = func(f *transport.Frame) {
			replied[f.Stream].Store(true)
			step.At(answered[f.Stream])
			close(answered[f.Stream])
		}
		p.peer.reactTo = func(f *transport.Frame) {
			stream := f.Stream
			step.Go(func() { w.Must(p.peer.link.Send(h.bg, transport.Header{Op: 1, Stream: stream}, nil)) })
		}
		for i := range replied {
			w.Go("host", "call"+string(rune('A'+i)), func() {
				w.Must(p.host.link.Send(h.bg, transport.Header{Op: 1, Stream: uint32(i)}, nil))
				p.host.link.Await(h.bg, replied[i].Load)
				step.Recv(answered[i])
				<-answered[i]
			})
		}
	}}
}
