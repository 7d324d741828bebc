//go:build explore

package explore

import (
	"errors"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/internal/sys"
	"ddc/slot"
	"ddc/transport"
	"ddc/wake"
)

// These are claims that several make at once, of which one may have what it
// asks for.

// lastSlot is two parties that allocate the only slot at once, without waiting:
// one of them has it.
func lastSlot(name string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		slots := pool(w, 2)
		var refs [2]slot.Ref
		var got [2]bool
		for i, party := range []string{"one", "two"} {
			w.Go(party, "claim", func() { refs[i], got[i] = slots.Alloc(i, 64) })
		}
		w.Finally(func() {
			if got[0] == got[1] {
				w.Failf(Slot, "of two who allocated the last slot at once, one has it: one %v, two %v", got[0], got[1])
			}
			for i := range refs {
				if got[i] {
					slots.Free(refs[i])
				}
			}
		})
		allFree(w, slots)
	}}
}

// oneToken is a sleeper that announces itself once, and two ringers. One of
// them takes the flag, and leaves the only token.
func oneToken(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		p := newProcesses(w, strategy, "peer", "one", "two")
		b := p.bell("b", "peer", func() bool { return false }, "one", "two")
		b.words.Sleeping.Swap(1)
		left := 0
		for _, ringer := range []string{"one", "two"} {
			w.Go(ringer, "ring", func() {
				asleep, err := b.ends[ringer].Wake()
				w.Must(err)
				if asleep {
					left++
				}
			})
		}
		w.Finally(func() {
			if left != 1 {
				w.Failf(Failure, "%d tokens were left for one announcement", left)
			}
		})
	}}
}

// lateRing is a process that sleeps on one of two wakers, and a ring of the
// other that is under way all the while. Where both change one word, none of
// the changes may take another back.
func lateRing(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		p := newProcesses(w, strategy, "host", "one", "two")
		var waits wake.Waker
		rings := map[string]wake.Waker{}
		for _, ringer := range []string{"one", "two"} {
			words := new(wake.Words)
			nameWords(w, words, "bell."+ringer)
			files, err := p.wakes["host"].Make()
			w.Must(err)
			w.Within("host", func() {
				waits, err = p.wakes["host"].Open(words.Tokens(p.gates["host"]), files)
				w.Must(err)
			})
			w.Within(ringer, func() {
				rings[ringer], err = p.wakes[ringer].Open(words.Tokens(p.gates["host"]), files)
				w.Must(err)
			})
		}
		heard := make(chan struct{})
		w.Go("one", "ring", func() { w.Must(rings["one"].Ring()) })
		w.Go("two", "ring", func() {
			w.Must(rings["two"].Ring())
			step.Recv(heard)
			<-heard
			w.Must(rings["two"].Ring())
		})
		w.Go("host", "wait", func() {
			w.Must(waits.Wait()) // on the second
			step.At(heard)
			close(heard)
			w.Must(waits.Wait())
		})
	}}
}

// counted claims, once all is over, that every ring was counted as a token or
// as suppressed. A killed process may have come half-way.
func (w *World) counted(name string, words *wake.Words) {
	w.Finally(func() {
		s := words.State()
		if !fault.Enabled && w.killed == 0 && uint64(s.Seq) != s.Sent+s.Suppressed {
			w.Failf(Failure, "%s was rung %d times: %d tokens were left, and %d rings left out", name, s.Seq, s.Sent, s.Suppressed)
		}
	})
}

// hubDelivered is a reply that the pump delivers, to a caller that stands in
// for it and is about to sleep: it hears of that.
func hubDelivered(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 2, 1, []string{"peer"}, 0, 1)
		p := h.peers["peer"]
		var replied step.Bool
		w.Name(&replied, "replied")
		p.host.react = func(int) { replied.Store(true) }
		w.Go("host", "call", func() {
			p.host.link.Await(h.bg, replied.Load)
			p.host.wait()
		})
		w.Go("peer", "reply", func() { p.peer.send(1, small) })
	}}
}

// hubStandInEnds is a link that ends because the pump's sleep is refused, while
// a caller stands in for it: it learns of the end, also where the peer, which
// is not started, does not close in turn.
func hubStandInEnds(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := openHub(w, strategy, 1, 1, []string{"peer"}, 0, 0)
		p := h.peers["peer"]
		w.Settle()
		w.Within("host", p.host.start)
		sys.FailSleeps(1)
		w.Go("host", "stand", func() {
			w.Idly(func() { // nothing else ends the call
				step.Go(func() { p.host.link.Await(h.bg, func() bool { return false }) })
			})
		})
		w.Go("host", "rescue", p.host.link.Rescue)
	}}
}

// hubDyingUnderSender is a peer that is killed while the host sends it a
// payload in a slot. Whether or not that was pushed, the slot comes back.
func hubDyingUnderSender(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		h := newHub(w, strategy, 1, 1, []string{"peer"}, 1, 0)
		p := h.peers["peer"]
		w.Mortal("peer")
		w.Go("host", "send", func() {
			err := p.host.link.Send(h.bg, transport.Header{}, bytesOf(1, slotted))
			if err != nil && !errors.Is(err, transport.ErrPeerDead) {
				w.Must(err)
			}
		})
		w.Go("host", "reaper", func() {
			w.Kill("peer")
			p.host.link.PeerDied(errors.New("killed"))
			w.Must(p.host.link.Close())
		})
		h.leaks()
	}}
}
