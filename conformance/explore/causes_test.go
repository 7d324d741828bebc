//go:build explore && ddcfault

package explore

import (
	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/transport"
)

// The scenarios that show the causes which the original of the hang's report
// had.
func init() {
	exposing[fault.StaleIndex] = twoAtOnce
	exposing[fault.StaleIndexTrusted] = twoAtOnce
	exposing[fault.TwoProducersTrusted] = twoAtOnce
	exposing[fault.WorkersBlocked] = func(s string) Scenario { return hubCrowd("link: four senders, ring of 1", s, 4) }
	exposing[fault.ReplyDropped] = func(s string) Scenario { return hubReplySlots("link: two replies, one slot", s, 2) }
	exposing[fault.LateSend] = func(s string) Scenario { return hubOver("link: a context that ends before its send", s) }
	exposing[fault.BuildInsideBuild] = func(s string) Scenario { return hubProcess("link: a handler that waits for a process", s) }
	exposing[fault.HandlerNeverEnds] = func(s string) Scenario { return hubProcess("link: a handler that waits for a process", s) }
}

func twoAtOnce(s string) Scenario {
	return hubSenders("link: two senders, ring of 2", s, 2, small, 1, 1)
}

// hubCrowd is senders at one end, more than can wait at once.
func hubCrowd(name, strategy string, n int) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"peer"}, n, 0)
		p := h.peers["peer"]
		for i := range n {
			w.Go("host", "send"+string(rune('A'+i)), func() {
				w.Must(p.host.link.Send(h.bg, transport.Header{Op: 1}, bytesOf(i+1, small)))
			})
		}
		w.Go("peer", "wait", p.peer.wait)
	}}
}

// hubReplySlots is a peer whose replies need slots, of which there is one.
func hubReplySlots(name, strategy string, replies int) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 2, 1, []string{"peer"}, 0, replies)
		p := h.peers["peer"]
		for i := range replies {
			w.Go("peer", "reply"+string(rune('A'+i)), func() {
				err := p.peer.link.Send(h.bg, transport.Header{Op: 1}, bytesOf(i+1, slotted))
				if !fault.On(fault.ReplyDropped) {
					w.Must(err) // else nobody is told
				}
			})
		}
		w.Go("host", "wait", p.host.wait)
		h.leaks()
	}}
}

// hubProcess is a call whose handler waits for another process, off the pump,
// until that ends or the call's limit is over. The process never ends.
func hubProcess(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"peer"}, 1, 1)
		p := h.peers["peer"]
		over := make(chan struct{})
		w.Name((<-chan struct{})(over), "the call's limit")
		p.peer.react = func(n int) {
			step.Go(func() {
				step.Recv(over)
				<-over
				w.Must(p.peer.link.Send(h.bg, transport.Header{Op: 1}, bytesOf(n, small)))
			})
		}
		w.Go("host", "call", func() {
			w.Must(p.host.link.Send(h.bg, transport.Header{Op: 1}, bytesOf(1, small)))
			p.host.wait()
		})
		w.Go("peer", "limit", func() {
			if !fault.On(fault.HandlerNeverEnds) && !fault.On(fault.BuildInsideBuild) {
				step.At(over)
				close(over)
			}
		})
	}}
}
