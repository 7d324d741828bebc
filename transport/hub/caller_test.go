package hub

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/trace"
	"ddc/ring"
	"ddc/transport"
	"ddc/wake"
	"ddc/wake/futex"
)

// stand is a link whose host end counts what it receives.
type stand struct {
	host, peer *Link
	received   atomic.Int64
}

func newStand(t *testing.T, s wake.Strategy) *stand {
	t.Helper()
	a, b, err := newHub(t, Options{Strategy: s}).Pair("stand")
	require.NoError(t, err)
	st := &stand{host: a.(*Link), peer: b.(*Link)}
	st.host.Start(func(*transport.Frame) { st.received.Add(1) })
	return st
}

func (st *stand) send(t *testing.T) {
	t.Helper()
	assert.NoError(t, st.peer.Send(context.Background(), transport.Header{}, nil))
}

func (st *stand) has(n int64) func() bool {
	return func() bool { return st.received.Load() >= n }
}

// asleep says whether the pump sleeps, or the caller in its place.
func (st *stand) asleep(bell int) func() bool {
	return func() bool { return st.host.page.Bells[bell].Parked.Load() == 1 }
}

func (st *stand) await(done func() bool) (returned chan struct{}) {
	returned = make(chan struct{})
	go func() {
		defer close(returned)
		st.host.Await(context.Background(), done)
	}()
	return returned
}

func TestCallerIsWokenByThePeerWhileThePumpSleepsOn(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		st := newStand(t, s)
		await.Until(t, "the pump to sleep", st.asleep(HostSide))
		before := st.host.bells.own.Stats().Received
		for n := range int64(100) {
			returned := st.await(st.has(n + 1))
			await.Until(t, "the caller to sleep in the pump's place", st.asleep(callerBell))
			st.send(t)
			<-returned
		}
		assert.LessOrEqual(t, st.host.bells.own.Stats().Received, before+1, "but for the token that Start leaves")
	})
}

// The caller's flag was taken for a frame that the caller does not wait for,
// and the caller goes without having looked at the ring: the pump must be told.
func TestCallerThatLeavesTellsThePumpWhatItHasNotLookedAt(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		st := newStand(t, s)
		await.Until(t, "the pump to sleep", st.asleep(HostSide))
		asked := 0
		st.host.Await(t.Context(), func() bool {
			if asked == 0 && st.host.page.Bells[callerBell].Sleeping.Load() == 1 {
				asked++ // announced, and about to look: the moment at which the flag is up
				st.send(t)
				assert.Zero(t, st.host.page.Bells[callerBell].Sleeping.Load(), "the ring found the caller")
			}
			return asked > 0
		})
		require.Equal(t, 1, asked)
		await.Until(t, "the frame to come", st.has(1))
	})
}

// The pump was awake when the caller's frame came, and receives it.
func TestPumpThatReceivesWakesTheCaller(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		st := newStand(t, s)
		returned := st.await(st.has(1))
		await.Until(t, "the caller to sleep in the pump's place", st.asleep(callerBell))
		var d ring.Descriptor
		encodeInline(&d, transport.Header{}, 0)
		ok, err := st.peer.sender.producer.TryPush(&d)
		require.True(t, ok)
		require.NoError(t, err)
		require.NoError(t, st.host.bells.own.Ring())
		<-returned
	})
}

func TestCallerReceivesOthersFramesAndSignalsToo(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		st := newStand(t, s)
		returned := st.await(st.has(3))
		for n := range int64(3) {
			await.Until(t, "the frame to come", st.has(n))
			await.Until(t, "the caller to sleep in the pump's place", st.asleep(callerBell))
			st.send(t)
		}
		<-returned
		// Room in the ring to the peer, which the host waits for while its
		// caller sleeps.
		returned = st.await(st.has(4))
		sent := make(chan error, 1)
		go func() {
			for range st.host.view.layout.cells + 1 {
				if err := st.host.Send(context.Background(), transport.Header{}, nil); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		await.Until(t, "a sender to wait for space", func() bool { return st.host.page.Rings[PeerSide].Starved.Load() == 1 })
		await.Until(t, "the caller to sleep in the pump's place", st.asleep(callerBell))
		st.peer.Start(func(*transport.Frame) {})
		require.NoError(t, <-sent)
		st.send(t)
		<-returned
	})
}

func TestOneCallerAtATimeStandsIn(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		st := newStand(t, s)
		returned := st.await(st.has(1))
		await.Until(t, "the caller to sleep in the pump's place", st.asleep(callerBell))
		st.host.Await(t.Context(), func() bool { return false }) // returns, for it does not stand
		st.peer.Await(t.Context(), func() bool { return false })
		st.send(t)
		<-returned
	})
}

func TestCallerLeavesWhenThereIsNothingLeftToWaitFor(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		for name, end := range map[string]func(*stand, context.CancelFunc){
			"context": func(_ *stand, cancel context.CancelFunc) { cancel() },
			"close":   func(st *stand, _ context.CancelFunc) { assert.NoError(t, st.host.Close()) },
			"peer":    func(st *stand, _ context.CancelFunc) { assert.NoError(t, st.peer.Close()) },
			"death":   func(st *stand, _ context.CancelFunc) { st.host.PeerDied(errors.New("signal: killed")) },
			"corrupt": func(st *stand, _ context.CancelFunc) {
				st.host.page.Rings[HostSide].Produced.Store(1 << 40)
				st.peer.bells.ringPeer()
			},
		} {
			t.Run(name, func(t *testing.T) {
				st := newStand(t, s)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				returned := make(chan struct{})
				go func() {
					defer close(returned)
					st.host.Await(ctx, func() bool { return false })
				}()
				await.Until(t, "the caller to sleep in the pump's place", st.asleep(callerBell))
				end(st, cancel)
				<-returned
				assert.False(t, st.host.bells.standing.Load())
			})
		}
	})
}

// The peer dies with the caller's flag taken and no token left.
func TestTokenOwedToTheCallerIsRepaidWhenThePeerDies(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		st := newStand(t, s)
		returned := st.await(func() bool { return false })
		await.Until(t, "the caller to sleep in the pump's place", st.asleep(callerBell))
		st.host.page.Bells[callerBell].Sleeping.Store(0)
		st.host.PeerDied(errors.New("signal: killed"))
		<-returned
	})
}

// Callers come and go while frames for others arrive. Each frame is received
// without another to help it, whether the ringer finds the pump asleep, a
// caller, or nobody.
func TestNoFrameIsLostBetweenPumpAndCallers(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		st := newStand(t, s)
		rounds := int64(20_000)
		if testing.Short() {
			rounds = 2_000
		}
		stop := make(chan struct{})
		stopped := make(chan struct{})
		go func() { // calls of no fixed length: they end whenever any frame has come
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
					seen := st.received.Load()
					st.host.Await(context.Background(), func() bool {
						select {
						case <-stop:
							return true
						default:
							return st.received.Load() != seen
						}
					})
				}
			}
		}()
		for n := range rounds {
			st.send(t)
			if n%3 == 0 { // silence: nothing else rings
				await.Until(t, "the frame to come", st.has(n+1))
			}
		}
		await.Until(t, "all frames to come", st.has(rounds))
		close(stop)
		st.host.bells.ringCaller()
		<-stopped
	})
}

// Two callers of one hub, on links of their own, each sleep in their pump's
// place: neither waits for the other.
func TestCallersOfTwoLinksStandInAtOnce(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		h := newHub(t, Options{Strategy: s})
		var stands [2]*stand
		var returned [2]chan struct{}
		for i := range stands {
			a, b, err := h.Pair("stand")
			require.NoError(t, err)
			st := &stand{host: a.(*Link), peer: b.(*Link)}
			st.host.Start(func(*transport.Frame) { st.received.Add(1) })
			stands[i], returned[i] = st, st.await(st.has(1))
			await.Until(t, "the caller to sleep in the pump's place", st.asleep(callerBell))
		}
		for i, st := range stands {
			assert.True(t, st.asleep(callerBell)())
			st.send(t)
			<-returned[i]
		}
	})
}

// A caller whose reply takes long goes once another wants the place, and waits
// on. The other then stands in, and receives for both.
func TestCallerThatStandsForLongGivesWay(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		st := newStand(t, s)
		slow := st.await(st.has(2))
		await.Until(t, "the slow caller to sleep in the pump's place", st.asleep(callerBell))
		st.host.callers.since.Store(trace.Now() - longStand.Nanoseconds() - 1)
		st.host.Await(t.Context(), func() bool { return false }) // asks for the place, and returns
		<-slow
		require.False(t, st.has(1)(), "its reply has not come")
		fast := st.await(st.has(1))
		await.Until(t, "the fast caller to sleep in the pump's place", st.asleep(callerBell))
		st.send(t)
		<-fast
		st.send(t)
		await.Until(t, "the pump to receive the slow caller's reply", st.has(2))
	})
}

func TestCallerThatHasJustBegunToStandKeepsThePlace(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		st := newStand(t, s)
		returned := st.await(st.has(1))
		await.Until(t, "the caller to sleep in the pump's place", st.asleep(callerBell))
		st.host.callers.since.Store(trace.Now() + time.Hour.Nanoseconds())
		received := st.host.bells.caller.Stats().Received
		st.host.Await(t.Context(), func() bool { return false })
		assert.False(t, st.host.callers.wanted.Load())
		assert.Equal(t, received, st.host.bells.caller.Stats().Received, "nobody woke it")
		st.send(t)
		<-returned
	})
}

// Where each caller that stands in receives for others as well, nobody stands
// in any more, but for a try now and then. Once callers are alone again they
// do.
func TestNobodyStandsInAmongMany(t *testing.T) {
	st := newStand(t, new(futex.Strategy))
	call := func(frames int) (stood bool) {
		until := st.received.Load() + int64(frames)
		began := st.host.callers.since.Load()
		for range frames {
			st.send(t)
		}
		st.host.Await(t.Context(), st.has(until))
		await.Until(t, "the frames to come", st.has(until))
		return st.host.callers.since.Load() != began
	}
	count := func(calls, frames int) (stood int) {
		for range calls {
			if call(frames) {
				stood++
			}
		}
		return stood
	}
	assert.Equal(t, 10, count(10, 1), "alone")
	// The pump may be faster than the caller, and have received the frames
	// before it.
	for range 100 {
		st.host.callers.stood(4)
	}
	assert.Equal(t, 2, count(2*tryEvery, 4), "among many")
	for range 2 * mostCrowded {
		st.host.callers.stood(1)
	}
	assert.Equal(t, 10, count(10, 1), "alone again")
}

// Among many a caller has no place, and does not only look as if it had none.
func TestAmongManyEachFewthCallerMayStand(t *testing.T) {
	c := callers{crowd: crowded + 1}
	for n := 1; n < tryEvery; n++ {
		require.False(t, c.mayStand(), "caller %d", n)
	}
	assert.True(t, c.mayStand())
	assert.False(t, c.mayStand(), "it begins anew")
}

// Frames for others come without end: a caller whose context is over, who has
// its reply, or whose place is wanted, goes all the same.
func TestCallerDoesNotStayForTheFramesOfOthers(t *testing.T) {
	for name, over := range map[string]func(host *Link, cancel context.CancelFunc, done *atomic.Bool){
		"context": func(_ *Link, cancel context.CancelFunc, _ *atomic.Bool) { cancel() },
		"reply":   func(_ *Link, _ context.CancelFunc, done *atomic.Bool) { done.Store(true) },
		"another": func(host *Link, _ context.CancelFunc, _ *atomic.Bool) { host.callers.wanted.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			a, b, err := newHub(t, Options{Strategy: new(futex.Strategy)}).Pair("stand")
			require.NoError(t, err)
			host, peer := a.(*Link), b.(*Link)
			send := func() { assert.NoError(t, peer.Send(context.Background(), transport.Header{}, nil)) }
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var done atomic.Bool
			const frames = 100
			inPlace, received := 0, make(chan struct{}, frames)
			host.Start(func(*transport.Frame) { // one at a time, whoever receives
				stack := make([]byte, 64<<10)
				if strings.Contains(string(stack[:runtime.Stack(stack, false)]), ").standIn(") {
					inPlace++
					over(host, cancel, &done)
				}
				received <- struct{}{}
				if len(received) < frames {
					send()
				}
			})
			await.Until(t, "the pump to sleep", func() bool { return host.page.Bells[HostSide].Parked.Load() == 1 })
			returned := make(chan struct{})
			go func() {
				defer close(returned)
				host.Await(ctx, done.Load)
			}()
			await.Until(t, "the caller to sleep in the pump's place", func() bool { return host.page.Bells[callerBell].Parked.Load() == 1 })
			send()
			await.Closed(t, "the caller to go", returned)
			await.Until(t, "all frames to come", func() bool { return len(received) == frames })
			require.NoError(t, host.Close())
			assert.Equal(t, 1, inPlace)
		})
	}
}

// A caller that receives in the pump's place sees by the frames whether others
// wait as well.
func TestACallerThatReceivesForOthersNotesACrowd(t *testing.T) {
	st := newStand(t, new(futex.Strategy))
	receive := func(frames int) {
		returned := st.await(st.has(st.received.Load() + int64(frames)))
		await.Until(t, "the caller to sleep in the pump's place", st.asleep(callerBell))
		for range frames {
			var d ring.Descriptor
			encodeInline(&d, transport.Header{}, 0)
			ok, err := st.peer.sender.producer.TryPush(&d)
			require.NoError(t, err)
			require.True(t, ok)
		}
		require.NoError(t, st.host.bells.caller.Ring())
		await.Closed(t, "the caller to return", returned)
	}
	receive(3)
	assert.Equal(t, crowdStep, st.host.callers.crowd)
	receive(1)
	assert.Equal(t, crowdStep-aloneStep, st.host.callers.crowd)
}

func TestOneReplyToAnotherIsNoCrowd(t *testing.T) {
	var c callers
	for range 1000 {
		require.True(t, c.mayStand())
		c.stood(2)
		for range crowdStep {
			require.True(t, c.mayStand())
			c.stood(1)
		}
	}
}

func TestFiveCallersInARowThatReceiveForOthersAreACrowd(t *testing.T) {
	var c callers
	for range 5 {
		require.True(t, c.mayStand())
		c.stood(2)
	}
	assert.False(t, c.mayStand())
}

// The request's last look by fill comes before its ring. So a peer that answers
// there answers before the caller sleeps, and finds it attending.
func TestPeerThatAnswersBeforeItsCallerSleepsWakesNobody(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		st := newStand(t, s)
		answers := make(chan struct{})
		st.peer.Start(func(*transport.Frame) { answers <- struct{}{} })
		await.Until(t, "the pump to sleep", st.asleep(HostSide))
		before := st.host.Stats().WakeupsReceived
		for n := range int64(100) {
			looked := false
			require.NoError(t, st.host.Ask(t.Context(), transport.Header{}, 0, func([]byte) error { return nil }, func() bool {
				if !looked { // the caller's first look, before it sleeps
					looked = true
					<-answers
					assert.True(t, st.peer.bells.caller.Attended())
					st.send(t)
				}
				return st.received.Load() > n
			}))
			assert.False(t, st.host.bells.caller.Attended())
			await.Until(t, "the frame to come", st.has(n+1))
		}
		assert.LessOrEqual(t, st.host.Stats().WakeupsReceived, before+1, "but for the token that Start leaves")
	})
}

// A caller that goes before it has looked, since its link ends or its frame has
// come, attends no more, and leaves what has come to the pump.
func TestCallerThatAsksAndNeedNotWaitAttendsNoMore(t *testing.T) {
	everyStrategy(t, func(t *testing.T, s wake.Strategy) {
		st := newStand(t, s)
		st.peer.Start(func(*transport.Frame) {})
		await.Until(t, "the pump to sleep", st.asleep(HostSide))
		require.NoError(t, st.host.Ask(t.Context(), transport.Header{}, 0, func([]byte) error { return nil }, func() bool {
			if st.host.page.Bells[callerBell].Sleeping.Load() == 0 {
				t.Error("a look without attending")
			}
			if st.received.Load() == 0 && st.peer.sender.frames.Load() == 0 {
				st.send(t)
			}
			return true
		}))
		assert.False(t, st.host.bells.caller.Attended())
		await.Until(t, "the pump to receive what came", st.has(1))
	})
}

// What a link cannot send it does not wait for.
func TestAskThatFailsHasNotWaited(t *testing.T) {
	st := newStand(t, &futex.Strategy{})
	broken := errors.New("no ink")
	never := func() bool { t.Error("it waits"); return false }
	assert.ErrorIs(t, st.host.Ask(t.Context(), transport.Header{}, 1, func([]byte) error { return broken }, never), broken)
	require.NoError(t, st.host.Close())
	assert.ErrorIs(t, st.host.Ask(t.Context(), transport.Header{}, 1, func([]byte) error { return nil }, never), transport.ErrClosed)
}
