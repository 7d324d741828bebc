//go:build explore

package explore

import (
	"context"
	"errors"
	"os"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/internal/sys"
	"ddc/slot"
	"ddc/transport"
	"ddc/transport/hub"
	"ddc/wake"
)

// hubWorld is a hub and its peers, each as in a process of its own.
type hubWorld struct {
	w     *World
	hub   *hub.Hub
	peers map[string]*linkPair
	bg    context.Context
	// attach opens the peer's end of an offer.
	attach func(w *World, offer *hub.Offer, strategy string) *hub.Link
}

// linkPair is the two ends of one link, and what each has received.
type linkPair struct {
	host, peer *end
}

// end is one end of a link.
type end struct {
	h        *hubWorld
	process  string
	link     *hub.Link
	received int
	// want are the payload sizes that are to come, all is closed with the last.
	want int
	all  chan struct{}
	// react, if not nil, is called for each frame, on the pump.
	react func(n int)
	// reactTo and keep are the same, for the frame itself and for its payload.
	reactTo func(*transport.Frame)
	keep    func(transport.Lease)
}

// bytesOf is the nth payload of an end: all its bytes say n.
func bytesOf(n, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(n)
	}
	return b
}

// small is a payload that travels in its descriptor, slotted one that takes the
// only class of slots, and large one that takes two of them.
const (
	small   = 8
	slotted = 64
	large   = 128
)

// newHub is openHub whose ends all receive, and whose pumps all sleep before
// anything else happens.
func newHub(w *World, strategy string, cells, slots int, peers []string, fromHost, toHost int) *hubWorld {
	h := openHub(w, strategy, cells, slots, peers, fromHost, toHost)
	w.Settle()
	for _, name := range peers {
		for _, e := range []*end{h.peers[name].host, h.peers[name].peer} {
			w.Within(e.process, e.start)
		}
	}
	return h
}

// openHub makes a hub with rings of so many cells and so many slots of 64
// bytes, and a link to each peer, over which each end wants so many frames.
func openHub(w *World, strategy string, cells, slots int, peers []string, fromHost, toHost int) *hubWorld {
	h := &hubWorld{w: w, peers: map[string]*linkPair{}, bg: context.Background(), attach: attach}
	h.open(strategy, cells, slots, peers, fromHost, toHost)
	return h
}

// open is openHub, for a world that says how its peers attach.
func (h *hubWorld) open(strategy string, cells, slots int, peers []string, fromHost, toHost int) {
	w := h.w
	hosts, err := byName(strategy)
	w.Must(err)
	w.process("host")
	w.Within("host", func() {
		h.hub, err = hub.Create(hub.Options{Peers: len(peers), Cells: cells, Strategy: hosts, Classes: []slot.Class{{Size: 64, Count: slots}}})
		w.Must(err)
	})
	for _, name := range peers {
		var offer *hub.Offer
		w.Within("host", func() {
			offer, err = h.hub.Offer(name, hosts)
			w.Must(err)
		})
		pair := &linkPair{host: h.end("host", toHost), peer: h.end(name, fromHost)}
		pair.host.link = offer.Link
		w.Within(name, func() { pair.peer.link = h.attach(w, offer, strategy) })
		offer.Close()
		h.peers[name] = pair
		prefix := ""
		if len(peers) > 1 {
			prefix = name + "."
		}
		for _, e := range []*end{pair.host, pair.peer} {
			watch(w, e.process, prefix, e.link)
		}
	}
}

// attach opens the peer's end of an offer.
func attach(w *World, offer *hub.Offer, strategy string) *hub.Link {
	s, err := byName(strategy)
	w.Must(err)
	l, err := hub.Attach(offer.Text, inherited(w, offer), s, wake.SpinOff)
	w.Must(err)
	return l
}

// inherited are an offer's files, as its peer has them.
func inherited(w *World, offer *hub.Offer) (files []*os.File) {
	for _, f := range offer.Files {
		copied, err := sys.Dup(f)
		w.Must(err)
		files = append(files, copied)
	}
	return files
}

// watch names the words of one end of a link, and tells who may sleep there.
func watch(w *World, process, prefix string, l *hub.Link) {
	l.Words(prefix, func(word any, name string) {
		if counter, ok := word.(*step.Uint64); ok && name == "" && fault.On(fault.FlagTakenRingFails) {
			counter.Store(14) // every sixteenth token is not left, and Start leaves one
		}
		if name == "" {
			w.Quiet(word)
		} else {
			w.Name(word, name)
		}
	})
	l.Bells(func(bell string, words *wake.Words) { w.counted(prefix+"bell."+bell, words) })
	l.Sleepers(func(name string, asleep, ready, told func() bool) {
		w.Sleeper(process, prefix+name, asleep, ready, told)
	})
}

func (h *hubWorld) end(process string, want int) *end {
	e := &end{h: h, process: process, want: want, all: make(chan struct{})}
	h.w.Name((<-chan struct{})(e.all), process+" has all")
	return e
}

// start receives: every frame is to be the next one, and whole.
func (e *end) start() {
	w := e.h.w
	e.link.Start(func(f *transport.Frame) {
		e.received++
		n := e.received
		for _, b := range f.Payload {
			if int(b) != n && f.Op == 0 {
				w.Failf(Frame, "%s received %v... as payload %d", e.process, f.Payload[:4], n)
			}
		}
		if e.react != nil {
			e.react(n)
		}
		if e.reactTo != nil {
			e.reactTo(f)
		}
		if e.keep != nil {
			e.keep(f.Keep())
		}
		if n == e.want {
			step.At(e.all)
			close(e.all)
		}
		if n > e.want {
			w.Failf(Frame, "%s received %d frames, of %d sent", e.process, n, e.want)
		}
	})
}

// send sends payloads 1 to n of a size.
func (e *end) send(n, size int) {
	for i := range n {
		e.h.w.Must(e.link.Send(e.h.bg, transport.Header{}, bytesOf(i+1, size)))
	}
}

// arrived claims, once all is over, that all the end wants has come.
func (e *end) arrived() {
	e.h.w.Finally(func() {
		if e.received != e.want {
			e.h.w.Failf(Frame, "%s received %d frames, of %d sent", e.process, e.received, e.want)
		}
	})
}

// wait waits until all that the end wants has come.
func (e *end) wait() {
	step.Recv(e.all)
	<-e.all
}

// leaks claims, once all is over, that every slot is free.
func (h *hubWorld) leaks() {
	h.w.Finally(func() {
		for _, u := range h.hub.Usage() {
			if n := u.Filling + u.Sent + u.Held; n > 0 {
				h.w.Failf(Slot, "%d slots are leaked (%d filling, %d sent, %d held)", n, u.Filling, u.Sent, u.Held)
			}
		}
	})
}

// hubOneWay is a host that sends and a peer that receives.
func hubOneWay(name, strategy string, frames, size int) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"peer"}, frames, 0)
		p := h.peers["peer"]
		w.Go("host", "send", func() { p.host.send(frames, size) })
		p.peer.arrived()
		h.leaks()
	}}
}

// hubBothWays is two ends that send before they look at what comes, over rings
// of one cell: both are full at once.
func hubBothWays(name, strategy string, frames int) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"peer"}, frames, frames)
		p := h.peers["peer"]
		for _, e := range []*end{p.host, p.peer} {
			w.Go(e.process, "send", func() {
				e.send(frames, small)
				e.wait()
			})
		}
	}}
}

// hubReplies is an end that answers from a task of its own what comes in, as
// rpc's server does, to calls that come faster than the ring can hold.
func hubReplies(name, strategy string, calls int) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"peer"}, calls, calls)
		p := h.peers["peer"]
		p.peer.react = func(n int) {
			handle := func() { w.Must(p.peer.link.Send(h.bg, transport.Header{Op: 1}, bytesOf(n, small))) }
			if fault.On(fault.HandlerOnPump) {
				handle()
				return
			}
			step.Go(handle)
		}
		for n := range calls {
			w.Go("host", "call"+string(rune('A'+n)), func() {
				w.Must(p.host.link.Send(h.bg, transport.Header{Op: 1}, bytesOf(n+1, small)))
			})
		}
		w.Go("host", "wait", p.host.wait)
	}}
}

// hubSenders is senders at one end, each of so many frames of a size, over a
// hub with one slot.
func hubSenders(name, strategy string, cells, size int, frames ...int) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		all := 0
		for _, n := range frames {
			all += n
		}
		h := newHub(w, strategy, cells, 1, []string{"peer"}, all, 0)
		p := h.peers["peer"]
		for n, own := range frames {
			w.Go("host", "send"+string(rune('A'+n)), func() {
				for range own {
					w.Must(p.host.link.Send(h.bg, transport.Header{Op: 1, Stream: uint32(n)}, bytesOf(n+1, size)))
				}
			})
		}
		w.Go("peer", "wait", p.peer.wait)
		h.leaks()
	}}
}

// hubSlots is two peers that send payloads in slots, of which the hub has one.
func hubSlots(name, strategy string, size int) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"one", "two"}, 0, 1)
		for _, name := range []string{"one", "two"} {
			p := h.peers[name]
			w.Go(name, "send", func() { p.peer.send(1, size) })
			w.Go("host", "wait-"+name, p.host.wait)
		}
		h.leaks()
	}}
}

// hubClosing is an end that closes while the other sends.
func hubClosing(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"peer"}, 2, 0)
		p := h.peers["peer"]
		w.Go("host", "send", func() {
			for n := range 2 {
				err := p.host.link.Send(h.bg, transport.Header{}, bytesOf(n+1, small))
				if err != nil && !errors.Is(err, transport.ErrClosed) {
					w.Must(err)
				}
			}
			w.Must(p.host.link.Close())
		})
		w.Go("peer", "close", func() { w.Must(p.peer.link.Close()) })
	}}
}

// hubAborts is a sender that gives up between two pieces of a payload, and then
// sends a frame: the abort may fill the ring before it.
func hubAborts(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"peer"}, 1, 0)
		p := h.peers["peer"]
		ctx, cancel := context.WithCancel(h.bg)
		w.After(cancel)
		p.peer.react = func(int) {}
		w.Go("host", "send", func() {
			err := p.host.link.Send(ctx, transport.Header{Op: 1}, bytesOf(1, large))
			if err == nil {
				return // it was faster, and is the one frame
			}
			if !errors.Is(err, context.Canceled) {
				w.Must(err)
			}
			w.Must(p.host.link.Send(h.bg, transport.Header{Op: 1}, bytesOf(1, small)))
		})
		w.Go("host", "cancel", func() { step.Cancel(ctx, cancel) })
		w.Go("peer", "wait", p.peer.wait)
		h.leaks()
	}}
}

// hubOver is a sender whose context ends at any time. What is sent after that
// does not come, though there is room for it.
func hubOver(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 4, 1, []string{"peer"}, 2, 0)
		p := h.peers["peer"]
		ctx, cancel := context.WithCancel(h.bg)
		w.After(cancel)
		w.Go("host", "send", func() {
			for n := range 2 {
				over := step.Err(ctx) != nil
				err := p.host.link.Send(ctx, transport.Header{}, bytesOf(n+1, small))
				switch {
				case err == nil && over:
					w.Failf(Frame, "frame %d was sent, whose context was over", n+1)
				case err != nil && !errors.Is(err, context.Canceled):
					w.Must(err)
				}
			}
		})
		w.Go("host", "cancel", func() { step.Cancel(ctx, cancel) })
	}}
}

// hubNeighbours is two peers, one of which gets many frames, one after the
// other.
func hubNeighbours(name, strategy string, frames int) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"one", "two"}, frames, 0)
		p := h.peers["one"]
		w.Go("host", "send", func() { p.host.send(frames, small) })
		w.Go("one", "wait", p.peer.wait)
	}}
}

// hubCaller is a goroutine of the host that receives in its pump's place while
// it waits for the reply to its call. One that asks is in place before it
// rings.
func hubCaller(name, strategy string, asks bool) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"peer"}, 1, 2)
		p := h.peers["peer"]
		var replied step.Bool
		w.Name(&replied, "replied")
		p.host.react = func(int) { replied.Store(true) }
		p.peer.react = func(n int) {
			step.Go(func() {
				for range 2 { // the second is nobody's reply
					w.Must(p.peer.link.Send(h.bg, transport.Header{Op: 1}, bytesOf(n, small)))
				}
			})
		}
		w.Go("host", "call", func() {
			header, body := transport.Header{Op: 1}, bytesOf(1, small)
			if asks {
				w.Must(p.host.link.Ask(h.bg, header, len(body), func(buf []byte) error { copy(buf, body); return nil }, replied.Load))
			} else {
				w.Must(p.host.link.Send(h.bg, header, body))
				p.host.link.Await(h.bg, replied.Load)
			}
			p.host.wait()
		})
	}}
}
