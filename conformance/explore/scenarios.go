//go:build explore

package explore

import (
	"time"

	"ddc/internal/step"
	"ddc/internal/sys"
	"ddc/wake"
)

// option changes the processes of a scenario.
type option func(*processes)

func spinning(p *processes) { p.spin = wake.SpinFor(time.Microsecond) }

func signals(n int) option { return func(p *processes) { p.w.Signals(n) } }

// oneWay is one producer, one consumer, and a ring of so many cells for so many
// frames: full, empty, and around the end of the index.
func oneWay(name, strategy string, cells, frames int, options ...option) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		p := newProcesses(w, strategy, "host", "peer")
		for _, o := range options {
			o(p)
		}
		l := p.simplex("host", "peer", cells)
		w.Go("host", "send", func() { l.send(frames) })
		w.Go("peer", "receive", func() { l.receive(frames) })
		l.drained()
	}}
}

// bothWays is two rings of one cell, both of which fill.
func bothWays(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		p := newProcesses(w, strategy, "host", "peer")
		out, in := p.simplex("host", "peer", 1), p.simplex("peer", "host", 1)
		w.Go("host", "send", func() { out.send(2) })
		w.Go("host", "receive", func() { in.receive(2) })
		w.Go("peer", "send", func() { in.send(2) })
		w.Go("peer", "receive", func() { out.receive(2) })
		out.drained()
		in.drained()
	}}
}

// twoSenders is two tasks that take turns at one producing end.
func twoSenders(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		l := newProcesses(w, strategy, "host", "peer").simplex("host", "peer", 1)
		var turn step.Mutex
		w.Name(&turn, "turn")
		sent := 0
		for _, name := range []string{"sendA", "sendB"} {
			w.Go("host", name, func() {
				turn.Lock()
				sent++
				l.push(sent)
				turn.Unlock()
			})
		}
		w.Go("peer", "receive", func() { l.receive(2) })
		l.drained()
	}}
}

// threeRings is three changes, each rung for, and a sleeper that must see them
// all: stale tokens, and tokens that merge.
func threeRings(name, strategy string, limits sys.Limits) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		sys.NewKernel(&limits)
		p := newProcesses(w, strategy, "host", "peer")
		var changes step.Uint32
		w.Name(&changes, "changes")
		seen := uint32(0)
		b := p.bell("b", "peer", func() bool { return changes.Load() > seen }, "host")
		w.Go("host", "ring", func() {
			for range 3 {
				changes.Add(1)
				w.Must(b.ends["host"].Ring())
			}
		})
		w.Go("peer", "await", func() {
			for seen < 3 {
				b.await(w, "peer", func() bool { return changes.Load() > seen })
				seen = changes.Load()
			}
		})
	}}
}

// twoRingers is two processes that ring one sleeper.
func twoRingers(name, strategy string, limits sys.Limits) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		sys.NewKernel(&limits)
		p := newProcesses(w, strategy, "peer", "one", "two")
		var changes step.Uint32
		w.Name(&changes, "changes")
		b := p.bell("b", "peer", func() bool { return changes.Load() == 2 }, "one", "two")
		for _, name := range []string{"one", "two"} {
			w.Go(name, "ring", func() {
				changes.Add(1)
				w.Must(b.ends[name].Ring())
			})
		}
		w.Go("peer", "await", func() {
			for n := uint32(1); n <= 2; n++ {
				b.await(w, "peer", func() bool { return changes.Load() >= n })
			}
		})
	}}
}

// turns is two processes that ring each other in turn, so many times, as a call
// and its reply do.
func turns(name, strategy string, rounds uint32) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		p := newProcesses(w, strategy, "host", "peer")
		var calls, replies step.Uint32
		w.Name(&calls, "calls")
		w.Name(&replies, "replies")
		seen, answered := uint32(0), uint32(0)
		called, replied := func() bool { return calls.Load() > seen }, func() bool { return replies.Load() > answered }
		toPeer, toHost := p.bell("peer", "peer", called, "host"), p.bell("host", "host", replied, "peer")
		w.Go("host", "call", func() {
			for range rounds {
				calls.Add(1)
				w.Must(toPeer.ends["host"].Ring())
				toHost.await(w, "host", replied)
				answered++
			}
		})
		w.Go("peer", "reply", func() {
			for range rounds {
				toPeer.await(w, "peer", called)
				seen++
				replies.Add(1)
				w.Must(toHost.ends["peer"].Ring())
			}
		})
	}}
}

// neighbours is a host that sleeps on two bells. One is rung twice, the second
// time, as the other is, once the first was heard.
func neighbours(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		p := newProcesses(w, strategy, "host", "one", "two")
		heard := make(chan struct{})
		for i, name := range []string{"one", "two"} {
			var changes step.Uint32
			w.Name(&changes, "changes."+name)
			rings, seen := uint32(2-i), uint32(0)
			ready := func() bool { return changes.Load() > seen }
			b := p.bell(name, "host", ready, name)
			w.Go(name, "ring", func() {
				for n := range rings {
					if rings == 1 || n == 1 {
						step.Recv(heard)
						<-heard
					}
					changes.Add(1)
					w.Must(b.ends[name].Ring())
				}
			})
			w.Go("host", "await-"+name, func() {
				for seen < rings {
					b.await(w, "host", ready)
					if seen++; rings == 2 && seen == 1 {
						step.At(heard)
						close(heard)
					}
				}
			})
		}
	}}
}

// twoSleepers is a host that sleeps on two bells at once, for futex wakers
// behind one gate, and a peer for each that rings.
func twoSleepers(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		rungByTwo(w, strategy, func(b *bell, ready func() bool) { b.await(w, "host", ready) })
	}}
}

// rungByTwo has the host sleep on two bells, as await says, and two peers ring
// one each.
func rungByTwo(w *World, strategy string, await func(b *bell, ready func() bool)) {
	p := newProcesses(w, strategy, "host", "one", "two")
	for _, name := range []string{"one", "two"} {
		var change step.Uint32
		w.Name(&change, "change."+name)
		ready := func() bool { return change.Load() == 1 }
		b := p.bell(name, "host", ready, name)
		w.Go(name, "ring", func() {
			change.Store(1)
			w.Must(b.ends[name].Ring())
		})
		w.Go("host", "await-"+name, func() { await(b, ready) })
	}
}
