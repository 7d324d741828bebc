//go:build explore

package explore

import (
	"context"
	"errors"
	"os"

	"ddc/internal/step"
	"ddc/internal/sys"
	"ddc/ring"
	"ddc/shm"
	"ddc/slot"
	"ddc/wake"
)

// closing is a doorbell that is closed while its sleeper sleeps, or is about
// to, and while a ring is under way.
func closing(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		p := newProcesses(w, strategy, "host", "peer")
		var change step.Uint32
		w.Name(&change, "change")
		b := p.bell("b", "peer", func() bool { return change.Load() == 1 }, "host")
		w.Go("peer", "await", func() {
			err := b.ends["peer"].Await(context.Background(), func() bool { return change.Load() == 1 })
			if err != nil && !errors.Is(err, os.ErrClosed) {
				w.Must(err)
			}
		})
		w.Go("peer", "close", func() { w.Must(b.ends["peer"].Close()) })
		w.Go("host", "ring", func() {
			change.Store(1)
			w.Must(b.ends["host"].Ring())
		})
	}}
}

// closingOne is a process that sleeps on two bells and closes one of them.
// Nobody rings the other before that sleep has ended. With futex wakers one
// sleeps behind the other, and either may be the one that is closed.
func closingOne(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		p := newProcesses(w, strategy, "host", "peer")
		var change step.Uint32
		w.Name(&change, "change")
		ready, never := func() bool { return change.Load() == 1 }, func() bool { return false }
		rung, closed := p.bell("rung", "host", ready, "peer"), p.bell("closed", "host", never, "peer")
		ended := make(chan struct{})
		w.Go("host", "await-closed", func() {
			if err := closed.ends["host"].Await(context.Background(), never); !errors.Is(err, os.ErrClosed) {
				w.Failf(Failure, "await of a bell that is closed ended with %v", err)
			}
			step.At(ended)
			close(ended)
		})
		w.Go("host", "await-rung", func() { rung.await(w, "host", ready) })
		w.Go("host", "close", func() { w.Must(closed.ends["host"].Close()) })
		w.Go("peer", "ring", func() {
			step.Recv(ended)
			<-ended
			change.Store(1)
			w.Must(rung.ends["peer"].Ring())
		})
	}}
}

// cancelling is a sleeper whose context ends.
func cancelling(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		p := newProcesses(w, strategy, "host", "peer")
		var change step.Uint32
		w.Name(&change, "change")
		ctx, cancel := context.WithCancel(context.Background())
		w.After(cancel)
		b := p.bell("b", "peer", func() bool { return change.Load() == 1 || ctx.Err() != nil }, "host")
		w.Go("peer", "await", func() {
			// The second time finds the context watched already.
			for range 2 {
				err := b.ends["peer"].Await(ctx, func() bool { return false })
				if !errors.Is(err, context.Canceled) {
					w.Failf(Failure, "await ended with %v", err)
				}
			}
			w.Must(b.ends["peer"].Close())
		})
		w.Go("peer", "cancel", func() { step.Cancel(ctx, cancel) })
		w.Go("host", "ring", func() { w.Must(b.ends["host"].Ring()) })
	}}
}

// contextsInTurn is a sleeper that awaits with one context and then with
// another, whose end is to wake it. That of the first may come late, and wakes
// it for nothing.
func contextsInTurn(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		p := newProcesses(w, strategy, "host", "peer")
		var change step.Uint32
		w.Name(&change, "change")
		first, endFirst := context.WithCancel(context.Background())
		second, endSecond := context.WithCancel(context.Background())
		w.After(endFirst)
		w.After(endSecond)
		b := p.bell("b", "peer", func() bool { return second.Err() != nil }, "host")
		w.Go("peer", "await", func() {
			err := b.ends["peer"].Await(first, func() bool { return change.Load() == 1 })
			if err != nil && !errors.Is(err, context.Canceled) {
				w.Must(err)
			}
			err = b.ends["peer"].Await(second, func() bool { return false })
			if !errors.Is(err, context.Canceled) {
				w.Failf(Failure, "await ended with %v", err)
			}
			w.Must(b.ends["peer"].Close())
		})
		w.Go("host", "ring", func() {
			change.Store(1)
			w.Must(b.ends["host"].Ring())
		})
		w.Go("peer", "endFirst", func() { step.Cancel(first, endFirst) })
		w.Go("peer", "endSecond", func() { step.Cancel(second, endSecond) })
	}}
}

// endedLate is a context that ends while the bell is closed, and the memory of
// its words unmapped.
func endedLate(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		p := newProcesses(w, strategy, "host", "peer")
		ctx, cancel := context.WithCancel(context.Background())
		w.After(cancel)
		var segment *shm.Segment
		var bell *wake.Doorbell
		w.Within("peer", func() {
			var err error
			segment, err = shm.Create("explore", wake.WordsSize)
			w.Must(err)
			words, err := shm.View[wake.Words](segment, 0)
			w.Must(err)
			nameWords(w, words, "bell")
			files, err := p.wakes["peer"].Make()
			w.Must(err)
			waker, err := p.wakes["peer"].Open(words.Tokens(p.gates["peer"]), files)
			w.Must(err)
			bell = wake.NewDoorbell(words, waker, p.spin)
		})
		w.Go("peer", "await", func() {
			if err := bell.Await(ctx, func() bool { return w.Choose(2) == 1 }); err != nil && !errors.Is(err, context.Canceled) {
				w.Must(err)
			}
			w.Must(bell.Close())
			_ = segment.Close() // its file is a model's
		})
		w.Go("peer", "cancel", func() { step.Cancel(ctx, cancel) })
	}}
}

// repaying is a token that is repaid for a dead ringer while another one rings,
// twice, for changes of its own.
func repaying(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		p := newProcesses(w, strategy, "host", "peer")
		var changes step.Uint32
		w.Name(&changes, "changes")
		seen := uint32(0)
		b := p.bell("b", "peer", func() bool { return changes.Load() > seen }, "host")
		w.Go("peer", "await", func() {
			for seen < 2 {
				b.await(w, "peer", func() bool { return changes.Load() > seen })
				seen = changes.Load()
			}
		})
		w.Go("host", "ring", func() {
			for range 2 {
				changes.Add(1)
				w.Must(b.ends["host"].Ring())
			}
		})
		w.Go("peer", "repay", func() { w.Must(b.ends["peer"].Repay()) })
	}}
}

// waitingAgain is a waker that is closed while its sleeper waits, and waits
// again whenever a Wait has ended without an error.
func waitingAgain(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		p := newProcesses(w, strategy, "host", "peer")
		words := new(wake.Words)
		nameWords(w, words, "bell")
		files, err := p.wakes["peer"].Make()
		w.Must(err)
		var ends [2]wake.Waker
		for i, process := range []string{"peer", "host"} {
			w.Within(process, func() {
				ends[i], err = p.wakes[process].Open(words.Tokens(p.gates["peer"]), files)
				w.Must(err)
			})
		}
		w.Go("peer", "wait", func() {
			for {
				err := ends[0].Wait()
				if errors.Is(err, os.ErrClosed) {
					return
				}
				w.Must(err)
			}
		})
		w.Go("peer", "close", func() { w.Must(ends[0].Close()) })
		w.Go("host", "ring", func() { w.Must(ends[1].Ring()) })
	}}
}

// sleepFails is two sleepers of one process, of whose sleeps the kernel refuses
// one: that one says so, and the other is woken all the same.
func sleepFails(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		sys.FailSleeps(1)
		failed := 0
		rungByTwo(w, strategy, func(b *bell, ready func() bool) {
			if b.ends["host"].Await(context.Background(), ready) != nil {
				if failed++; failed == 2 {
					w.Failf(Failure, "both waits failed, of which one was refused")
				}
			}
		})
	}}
}

// dying is a process that is killed at any step of sending two frames. The
// process that learns of it repays the token that the dead one may have owed,
// and the receiver must come to an end.
func dying(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		p := newProcesses(w, strategy, "host", "peer")
		l := p.simplex("peer", "host", 2)
		w.Mortal("peer")
		var dead step.Bool
		w.Name(&dead, "dead")
		w.Go("peer", "send", func() { l.send(2) })
		w.Go("host", "receive", func() {
			for l.received < 2 {
				var died bool
				l.frames.await(w, "host", func() bool {
					died = dead.Load() // before the ring: what it sent before it died is found
					return died || !l.consumer.Empty()
				})
				if l.pop() == 0 && died {
					return
				}
			}
		})
		w.Go("host", "reaper", func() {
			w.Kill("peer")
			dead.Store(true)
			w.Must(l.frames.ends["host"].Repay())
		})
	}}
}

// lying is a peer that sends a frame, and stores an index that no sound peer
// stores. The receiver gets the frame or the refusal, and nothing else.
func lying(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		l := newProcesses(w, strategy, "host", "peer").simplex("peer", "host", 2)
		w.Go("peer", "send", func() { l.push(1) })
		w.Go("peer", "lie", func() {
			l.page.Produced.Add(100)
			w.Must(l.frames.ends["peer"].Ring())
		})
		w.Go("host", "receive", func() {
			for {
				l.await()
				var batch [2]ring.Descriptor
				n, err := l.consumer.TryPop(batch[:])
				if errors.Is(err, ring.ErrCorrupt) {
					return
				}
				w.Must(err)
				for _, d := range batch[:n] {
					if l.received++; d != frame(1) || l.received > 1 {
						w.Failf(Frame, "the host received %v as frame %d, of one that was sent", d[:8], l.received)
					}
				}
				if n > 0 && l.page.Produced.Load() == l.page.Consumed.Load() {
					return // the honest store came last
				}
			}
		})
	}}
}

// pool makes a slot pool of one slot for so many parties.
func pool(w *World, parties int) *slot.Pool {
	classes := []slot.Class{{Size: 64, Count: 1}}
	segment, err := shm.Create("explore", slot.Size(classes))
	w.Must(err)
	w.After(func() { w.Must(segment.Close()) })
	p, err := slot.Open(segment, 0, classes, parties)
	w.Must(err)
	p.Format()
	return p
}

// onePoolSlot is three peers that fill the only slot in turn. A peer that finds
// none announces that it waits, looks again, and sleeps. A peer that frees the
// slot rings all that have announced.
func onePoolSlot(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		names := []string{"one", "two", "three"}
		p := newProcesses(w, strategy, names...)
		slots := pool(w, len(names))
		var waiters step.Uint64
		w.Name(&waiters, "waiters")
		bells := make([]*bell, len(names))
		for i, name := range names {
			others := append(append([]string{}, names[:i]...), names[i+1:]...)
			bells[i] = p.bell(name, name, func() bool { return slots.Usage(-1)[0].Filling == 0 }, others...)
		}
		for i, name := range names {
			w.Go(name, "fill", func() {
				var ref slot.Ref
				bells[i].await(w, name, func() (ok bool) {
					if ref, ok = slots.Alloc(i, 64); ok {
						return true
					}
					waiters.Or(1 << i)
					ref, ok = slots.Alloc(i, 64)
					return ok
				})
				b := slots.Bytes(ref)
				step.Write(b)
				b[0] = byte(i)
				step.Read(b)
				if b[0] != byte(i) {
					w.Failf(Slot, "the slot of %s was written by another", name)
				}
				slots.Free(ref)
				for set, n := waiters.Swap(0), 0; set != 0; set, n = set>>1, n+1 {
					if set&1 != 0 && n != i {
						w.Must(bells[n].ends[name].Ring())
					}
				}
			})
		}
		allFree(w, slots)
	}}
}

func allFree(w *World, slots *slot.Pool) {
	w.Finally(func() {
		for _, u := range slots.Usage(-1) {
			if n := u.Filling + u.Sent + u.Held; n > 0 {
				w.Failf(Slot, "%d slots are leaked (%d filling, %d sent, %d held)", n, u.Filling, u.Sent, u.Held)
			}
		}
	})
}

// dyingWithSlot is a peer that is killed at any step of sending a payload in a
// slot, and a host that reads it and gives it back, or reclaims it.
func dyingWithSlot(name, strategy string) Scenario {
	return Scenario{Name: name, Setup: func(w *World) {
		const host, peer = 0, 1
		p := newProcesses(w, strategy, "host", "peer")
		w.Mortal("peer")
		slots := pool(w, 2)
		var sent step.Uint64
		var dead step.Bool
		w.Name(&sent, "reference")
		w.Name(&dead, "dead")
		b := p.bell("b", "host", func() bool { return sent.Load() != 0 || dead.Load() }, "peer")
		w.Go("peer", "send", func() {
			ref, ok := slots.Alloc(peer, 64)
			if !ok {
				w.Failf(Slot, "no slot is free at the beginning")
			}
			payload := slots.Bytes(ref)
			step.Write(payload)
			payload[0] = 42
			w.Must(slots.Send(ref))
			sent.Store(uint64(ref))
			w.Must(b.ends["peer"].Ring())
		})
		w.Go("host", "receive", func() {
			var died bool
			b.await(w, "host", func() bool {
				died = dead.Load()
				return died || sent.Load() != 0
			})
			if ref := slot.Ref(sent.Load()); ref != 0 {
				w.Must(slots.Accept(ref, peer))
				payload := slots.Bytes(ref)
				step.Read(payload)
				if payload[0] != 42 {
					w.Failf(Frame, "the payload is torn: %d", payload[0])
				}
				slots.Free(ref)
			}
			if !died {
				b.await(w, "host", dead.Load)
			}
			slots.Reclaim(peer, slot.Filling, slot.Sent)
		})
		w.Go("host", "reaper", func() {
			w.Kill("peer")
			dead.Store(true)
			w.Must(b.ends["host"].Repay())
		})
		allFree(w, slots)
		w.Finally(func() {
			if _, ok := slots.Alloc(host, 64); !ok {
				w.Failf(Slot, "the hint of a free slot is lost")
			}
		})
	}}
}
