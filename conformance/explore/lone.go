//go:build explore

package explore

import (
	"context"

	"ddc/transport"
	"ddc/transport/hub"
)

// hubLone is a host that makes calls of a peer of one thread, on a hub that is
// short of everything: rings of so many cells, and so many slots. Each call is
// answered, as the peer keeps the rules of an end (package hub).
func hubLone(name, strategy string, cells, slots, calls, size int) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		var lone *hub.Lone
		h := &hubWorld{w: w, peers: map[string]*linkPair{}, bg: context.Background()}
		h.attach = func(w *World, offer *hub.Offer, strategy string) *hub.Link {
			s, err := byName(strategy)
			w.Must(err)
			lone, err = hub.AttachLone(offer.Text, inherited(w, offer), s)
			w.Must(err)
			return lone.Link
		}
		h.open(strategy, cells, slots, []string{"peer"}, 0, calls)
		host := h.peers["peer"].host
		host.reactTo = func(f *transport.Frame) {
			for _, b := range f.Payload {
				if uint32(b) != f.Stream || len(f.Payload) != size {
					w.Failf(Frame, "the answer to call %d is %d bytes %v...", f.Stream, len(f.Payload), f.Payload[:4])
				}
			}
		}
		w.Settle()
		w.Within("host", host.start)
		w.Go("peer", "echo", func() { w.Must(lone.Echo(calls)) })
		for n := range calls {
			w.Go("host", "call"+string(rune('A'+n)), func() {
				w.Must(host.link.Send(h.bg, transport.Header{Op: 1, Stream: uint32(n + 1)}, bytesOf(n+1, size)))
			})
		}
		w.Go("host", "wait", host.wait)
		host.arrived()
		h.leaks()
	}}
}
