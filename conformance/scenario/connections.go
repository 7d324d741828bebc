package scenario

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"ddc/ring"
	"ddc/wake"
)

// connections are the programs over pairs of rings and bells, with the peer in
// this process.
func connections() []Program {
	return []Program{
		{Name: "EchoInBursts", Rule: 1, Run: echoInBursts(false, role{})},
		{Name: "IndexThatNoSoundPeerStoresIsRefused", Rule: 10, Run: wrongIndex},
		{Name: "RoomMadeRingsTheSenderThatWaits", Rule: 5, Run: roomRings},
		{Name: "FullRingsOfTwoDescriptorsBothWays", Rule: 5, Run: flood(false, 2)},
		{Name: "FullRingsOfOneDescriptorBothWays", Rule: 7, Run: flood(false, 1)},
		{Name: "EightyWorkersOnSixteenConnections", Rule: 8, Run: crowd(false)},
	}
}

// processes are the programs whose peers are processes with GOMAXPROCS=1.
func processes() []Program {
	list := []Program{
		{Name: "PeerProcessEchoesInBursts", Rule: 1, Run: echoInBursts(true, role{})},
		{Name: "PeerProcessSpinsThenSleeps", Rule: 1, Run: echoInBursts(true, role{Spin: "auto"})},
		{Name: "PeerProcessWithFullRingsBothWays", Rule: 5, Run: flood(true, 2)},
		{Name: "SleeperHoldsUpNoOtherGoroutine", Run: othersGoOn},
		{Name: "PeerProcessWithItsProcessorBusy", Rule: 1, Run: func(ctx context.Context, e *Env) error {
			few := *e
			few.Rounds = max(e.rounds()/10, 1)
			return echoInBursts(true, role{Busy: true})(ctx, &few)
		}},
		{Name: "PeerProcessFlipsNonblockingFlag", Rule: 9, Run: echoInBursts(true, role{Flip: true})},
		{Name: "SignalsHitThePeerProcess", Rule: 9, Run: signalsHitPeer},
		{Name: "EightyWorkersOnSixteenPeerProcesses", Rule: 8, Run: crowd(true)},
		{Name: "PeerProcessClosesInTheMiddle", Rule: 5, Run: peerCloses},
		{Name: "PeerProcessDiesOwingAToken", Rule: 11, Run: peerDiesBeforeToken},
		{Name: "PeerProcessKilledInTheMiddle", Rule: 11, Run: peerKilled},
	}
	for i := range list {
		list[i].Processes = true
	}
	return list
}

// driver is the host's side of one connection under an echo: it checks that
// what comes back is what was sent, in order.
type driver struct {
	*end
	echoed atomic.Uint64
}

// receive takes one echo.
func (d *driver) receive(cell *ring.Descriptor) error {
	number, _, err := open(cell)
	if err != nil {
		return err
	}
	if want := d.echoed.Load() + 1; number != want {
		return fmt.Errorf("echo %d came where %d was due", number, want)
	}
	d.echoed.Store(number)
	return nil
}

// drive sends total messages as step says and waits for their echoes, then
// closes the connection and waits for the peer to end.
func (e *Env) drive(ctx context.Context, processes bool, cells int, r role, total uint64,
	step func(ctx context.Context, d *driver, sent uint64) (burst uint64, err error),
	besides ...func(ctx context.Context, b *hostEnds) error) (err error) {
	b, err := e.newHostEnds(1, cells, wake.SpinOff, processes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	d := &driver{end: b.ends[0]}
	over, end := context.WithCancel(ctx)
	defer end()
	actors := []func(context.Context) error{
		func(ctx context.Context) error {
			defer end()
			return b.peer(0, r)(ctx)
		},
		func(ctx context.Context) error {
			if err := d.pump(over, d.receive); err != nil && (over.Err() == nil || ctx.Err() != nil) {
				return err
			}
			return nil
		},
		func(ctx context.Context) error {
			for sent := uint64(0); sent < total; {
				burst, err := step(ctx, d, sent)
				if err != nil {
					return err
				}
				for range min(burst, total-sent) {
					sent++
					if err := d.send(ctx, message(sent, 0)); err != nil {
						return err
					}
				}
			}
			if err := until(ctx, func() bool { return d.echoed.Load() == total }); err != nil {
				return err
			}
			return d.close()
		},
	}
	for _, actor := range besides {
		actors = append(actors, func(context.Context) error { return actor(over, b) })
	}
	return e.play(ctx, b.look, b.stop, actors...)
}

// echoInBursts sends one to four messages, waits for the echoes and until both
// sides sleep, and sends again.
func echoInBursts(processes bool, r role) func(context.Context, *Env) error {
	return func(ctx context.Context, e *Env) error { return e.echoInBursts(ctx, processes, r) }
}

func (e *Env) echoInBursts(ctx context.Context, processes bool, r role, besides ...func(context.Context, *hostEnds) error) error {
	choose := e.random(1)
	return e.drive(ctx, processes, 8, r, uint64(e.rounds()), func(ctx context.Context, d *driver, sent uint64) (uint64, error) {
		quiet := func() bool {
			return d.echoed.Load() == sent && d.page.parked(hostSide) && d.page.parked(peerSide)
		}
		return 1 + choose.Uint64N(4), until(ctx, quiet)
	}, besides...)
}

// roomRings lets the ring run full, until the sender waits and its pump sleeps,
// and only then takes something out. Nothing else wakes the sender.
func roomRings(ctx context.Context, e *Env) (err error) {
	b, err := e.newHostEnds(1, 2, wake.SpinOff, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	l := b.ends[0]
	peer, err := e.openEnd(b.page, 0, peerSide, l.cells, e.Strategy(), b.files[0], wake.SpinOff)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, peer.shut()) }()
	total := uint64(e.rounds())
	return e.play(ctx, b.look, b.stop,
		func(ctx context.Context) error {
			return l.pump(ctx, func(*ring.Descriptor) error { return errors.New("a message came from nowhere") })
		},
		func(ctx context.Context) error {
			for n := range total {
				if err := l.send(ctx, message(n, 0)); err != nil {
					return err
				}
			}
			return nil
		},
		func(ctx context.Context) error {
			batch := make([]ring.Descriptor, 1)
			for n := range total {
				if err := until(ctx, func() bool {
					left := total - n
					length := l.page.Rings[peerSide].Len()
					return length == left || (length > 0 && l.page.Waiting[hostSide].Load() == 1 && l.page.parked(hostSide))
				}); err != nil {
					return err
				}
				if _, err := peer.in.TryPop(batch); err != nil {
					return err
				}
				if number, _, err := open(&batch[0]); err != nil {
					return err
				} else if number != n {
					return fmt.Errorf("message %d came where %d was due", number, n)
				}
				if peer.in.TakeStarved() {
					if err := peer.notify(func() {}); err != nil {
						return err
					}
				}
			}
			return peer.close()
		})
}

// flood sends flat out through tiny rings, so that both are full at once.
func flood(processes bool, cells int) func(context.Context, *Env) error {
	return func(ctx context.Context, e *Env) error {
		return e.drive(ctx, processes, cells, role{}, uint64(10*e.rounds()),
			func(context.Context, *driver, uint64) (uint64, error) { return 1, nil })
	}
}

func signalsHitPeer(ctx context.Context, e *Env) error {
	return e.times(3).echoInBursts(ctx, true, role{}, func(ctx context.Context, b *hostEnds) error {
		pid, err := b.pid(ctx, 0)
		if err != nil {
			return nil //nolint:nilerr // over before it began
		}
		return storm(ctx, pid)
	})
}

// othersGoOn has a peer with one processor sleep while other goroutines of it
// want to run. A waker that sleeps on the runtime's thread and keeps its
// processor stops them all.
func othersGoOn(ctx context.Context, e *Env) error {
	few := *e
	few.Rounds = max(e.rounds()/10, 1)
	return few.drive(ctx, true, 8, role{Others: true}, uint64(few.rounds()), func(ctx context.Context, d *driver, sent uint64) (uint64, error) {
		// Wait until it sleeps. It stays asleep, since only this program rings.
		if err := until(ctx, func() bool { return d.echoed.Load() == sent && d.page.parked(peerSide) }); err != nil {
			return 0, err
		}
		beat, received := d.page.Beat.Load(), d.page.Bells[peerSide].Received.Load()
		err := withPatience(ctx, "other goroutines of a peer whose pump sleeps do not run", func() bool {
			if now := d.page.Bells[peerSide].Received.Load(); now != received { // a wake-up for no reason
				beat, received = d.page.Beat.Load(), now
			}
			return d.page.Beat.Load() >= beat+20
		})
		return 1, err
	})
}

// crowd is like a real host: 80 workers, each with one request under way at a
// time, on 16 connections with rings of 4.
func crowd(processes bool) func(context.Context, *Env) error {
	return func(ctx context.Context, e *Env) (err error) {
		const workers = 80
		b, err := e.newHostEnds(connectionCount, 4, wake.SpinOff, processes)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.close()) }()
		replies := make([]chan uint64, workers)
		var actors []func(context.Context) error
		var working sync.WaitGroup
		working.Add(workers)
		for n, l := range b.ends {
			over, end := context.WithCancel(ctx)
			defer end()
			actors = append(actors,
				func(ctx context.Context) error {
					defer end()
					return b.peer(n, role{})(ctx)
				},
				func(ctx context.Context) error {
					err := l.pump(over, func(d *ring.Descriptor) error {
						number, worker, err := open(d)
						if err == nil && worker >= workers {
							err = fmt.Errorf("reply for worker %d of %d", worker, workers)
						}
						if err != nil {
							return err
						}
						replies[worker] <- number // has room: one request each
						return nil
					})
					if err != nil && (over.Err() == nil || ctx.Err() != nil) {
						return err
					}
					return nil
				})
		}
		for w := range uint64(workers) {
			replies[w] = make(chan uint64, 1)
			actors = append(actors, func(ctx context.Context) error {
				defer working.Done()
				choose := e.random(2 + w)
				for number := range uint64(max(e.rounds()/5, 1)) {
					if err := b.ends[choose.IntN(connectionCount)].send(ctx, message(number, w)); err != nil {
						return err
					}
					select {
					case got := <-replies[w]:
						if got != number {
							return fmt.Errorf("worker %d got the reply to request %d, not to %d", w, got, number)
						}
					case <-ctx.Done():
						return context.Cause(ctx)
					}
				}
				return nil
			})
		}
		actors = append(actors, func(context.Context) error {
			working.Wait()
			var errs []error
			for _, l := range b.ends {
				errs = append(errs, l.close())
			}
			return errors.Join(errs...)
		})
		return e.play(ctx, b.look, b.stop, actors...)
	}
}

// peerCloses has the peer close its side after some echoes: the host sees all
// of them, then the end, also with senders waiting for room.
func peerCloses(ctx context.Context, e *Env) (err error) {
	for round := range uint64(5) {
		if err := e.peerClosesOnce(ctx, 1+round*7); err != nil {
			return err
		}
	}
	return nil
}

func (e *Env) peerClosesOnce(ctx context.Context, after uint64) error {
	return e.withPeer(ctx, 2, func(b *hostEnds, d *driver, sending context.Context, stopSending context.CancelCauseFunc) error {
		return e.play(ctx, b.look, b.stop,
			b.peer(0, role{CloseAfter: after}),
			func(ctx context.Context) error {
				if err := d.pump(ctx, d.receive); err != nil {
					return err
				}
				stopSending(errPeerClosed)
				if got := d.echoed.Load(); got != after {
					return fmt.Errorf("%d echoes came before the end, want %d", got, after)
				}
				return nil
			},
			func(context.Context) error {
				for n := uint64(1); ; n++ {
					if err := d.send(sending, message(n, 0)); errors.Is(err, errPeerClosed) || sending.Err() != nil {
						return nil
					} else if err != nil {
						return err
					}
				}
			})
	})
}

// peerKilled kills the peer while messages go to and fro. The host, which
// watches processes, announces the death with a ring of its own. That ring must
// not rely on the flag, since the dead peer may have taken it.
func peerKilled(ctx context.Context, e *Env) error {
	choose := e.random(1)
	for range 5 {
		if err := e.peerKilledOnce(ctx, choose.Uint64N(200)); err != nil {
			return err
		}
	}
	return nil
}

func (e *Env) peerKilledOnce(ctx context.Context, after uint64) error {
	return e.withPeer(ctx, 4, func(b *hostEnds, d *driver, sending context.Context, stopSending context.CancelCauseFunc) error {
		return e.play(ctx, b.look, b.stop,
			func(ctx context.Context) error { return b.killed(ctx, d, role{}) },
			func(ctx context.Context) error {
				defer stopSending(errKilled)
				return d.pump(ctx, d.receive)
			},
			func(ctx context.Context) error {
				for n := uint64(1); ; n++ {
					if n == after+1 {
						pid, err := b.pid(ctx, 0)
						if err != nil {
							return err
						}
						if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
							return fmt.Errorf("kill the peer: %w", err)
						}
					}
					if err := d.send(sending, message(n, 0)); sending.Err() != nil {
						return nil
					} else if err != nil {
						return err
					}
					if n%8 == 0 {
						runtime.Gosched()
					}
				}
			})
	})
}
