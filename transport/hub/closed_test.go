package hub

import (
	"bytes"
	"context"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/trace"
	"ddc/transport"
	"ddc/wake"
)

// comeTooLate does with an end what it refuses once it was closed.
func comeTooLate(t *testing.T, h *Hub, l *Link) {
	t.Helper()
	never := func() bool { return false }
	l.NameMethod(1, "/fonts.Fonts/Subset")
	l.CallBegan(1, 1, "", time.Now())
	l.CallEnded(1)
	l.Rescue()
	h.Rescue(0)
	l.Await(t.Context(), never)
	l.bells.wakeSelf()
	for to := range sides {
		l.bells.signal(to, signalSlot)
	}
	assert.False(t, l.Attached())
	assert.Equal(t, State{Name: l.name}, l.State())
	for _, n := range []int{0, 100} {
		assert.ErrorIs(t, l.Send(t.Context(), transport.Header{}, pattern(n, 0)), transport.ErrClosed)
		fill := func([]byte) error { t.Error("it fills"); return nil }
		assert.ErrorIs(t, l.Fill(t.Context(), transport.Header{}, n, fill), transport.ErrClosed)
		assert.ErrorIs(t, l.Ask(t.Context(), transport.Header{}, n, fill, never), transport.ErrClosed)
	}
	h.Snapshot()
	assert.Equal(t, [2][]trace.Event{}, h.Events(0))
}

// The memory is gone with the hub. Whatever comes later must not touch it: that
// would end this process.
func TestALinkThatIsClosedIsTouchedNoMore(t *testing.T) {
	for side, name := range sides {
		t.Run(name, func(t *testing.T) {
			h, host, peer := pair(t, Options{})
			peer.Start(func(*transport.Frame) {})
			require.NoError(t, host.Send(t.Context(), transport.Header{}, pattern(5, 0)))
			await.Until(t, "the frame to come", func() bool { return peer.receiver.frames.Load() == 1 })
			require.NoError(t, h.Close())
			l := []*Link{host, peer}[side]

			comeTooLate(t, h, l)
			l.slots.reap()
			h.relay()
			assert.Nil(t, h.Usage())
			assert.Empty(t, h.Snapshot().Links)
			assert.Equal(t, uint64(1), host.Stats().FramesOut)
			assert.Equal(t, uint64(5), host.Stats().BytesOut)
			assert.Equal(t, uint64(1), peer.Stats().FramesIn)
			assert.Equal(t, uint64(5), peer.Stats().BytesIn)
			require.NoError(t, l.Close(), "once more")
			host.PeerDied(nil)
		})
	}
}

// While Close waits for the last user, those who come too late are told what
// was counted until then. They are no users, and take nobody else's use away.
func TestCloseWaitsForItsUsersWhoeverComesTooLate(t *testing.T) {
	h, host, peer := pair(t, Options{})
	require.NoError(t, host.Send(t.Context(), transport.Header{}, pattern(5, 0)))
	for _, l := range []*Link{host, peer} {
		require.True(t, l.life.uses.Enter())
		closed := make(chan error, 1)
		go func() { closed <- l.Close() }()
		await.Until(t, "Close to refuse new users", l.life.uses.IsShut)
		for range 3 {
			comeTooLate(t, h, l)
			l.Stats()
		}
		assert.Equal(t, uint64(1), host.Stats().FramesOut)
		select {
		case <-l.life.idle:
			t.Error("the words are free while somebody uses them")
		default:
		}
		assert.Empty(t, closed)
		l.life.uses.Leave()
		require.NoError(t, await.Value(t, "Close to return", closed))
	}
}

func TestAnEndIsErrorFreeUntilItIsOver(t *testing.T) {
	_, host, _ := pair(t, Options{})
	assert.NoError(t, host.Err())
	assert.False(t, host.life.letGo())
	require.NoError(t, host.Close())
	assert.ErrorIs(t, host.Err(), transport.ErrClosed)
	assert.True(t, host.life.letGo())
}

// The first reason counts.
func TestALinkEndsForOneReason(t *testing.T) {
	l := newLife()
	assert.False(t, l.ending())
	l.fail(transport.ErrPeerDead)
	l.fail(transport.ErrClosed)
	assert.True(t, l.ending())
	assert.Equal(t, transport.ErrPeerDead, l.why())
	assert.ErrorContains(t, l.sendError(), "send: ")
	<-l.stop
}

// asleep says that the pump of a side sleeps, and that no token is about to
// wake it.
func asleep(l *Link, side int) func() bool {
	return func() bool {
		s := l.State().Sides[side]
		return s.Sleeping && s.Parked && !s.Token
	}
}

// hint reads what Expect leaves for a sleeper. Only what a wait costs rests on
// it, so there is no other way to see it than to look.
func hint(bell *wake.Doorbell) func() bool {
	awake := reflect.ValueOf(bell).Elem().FieldByName("spin").FieldByName("awake").FieldByName("v")
	return func() bool { return awake.Uint() != 0 }
}

// spinLimit reads how long a sleeper spins, on which its costs alone rest.
func spinLimit(bell *wake.Doorbell) time.Duration {
	return time.Duration(reflect.ValueOf(bell).Elem().FieldByName("spin").FieldByName("limit").Int())
}

// A ring that finds the peer awake says that its answer may be near, to both
// who sleep at this end. One that wakes the peer says nothing.
func TestARingThatFindsThePeerAwakeIsAHintToSpin(t *testing.T) {
	_, host, peer := pair(t, Options{})
	peer.Start(func(*transport.Frame) {})
	for _, own := range []*Link{host, peer} {
		hints := map[string]func() bool{"pump": hint(own.bells.own), "caller": hint(own.bells.caller)}
		await.Until(t, "the other pump to sleep", asleep(own, 1-own.side))
		own.bells.ringPeer()
		for who, hinted := range hints {
			assert.False(t, hinted(), "the other end was asleep, %s", who)
		}
	}
	require.NoError(t, peer.Close()) // it sleeps no more
	await.Closed(t, "the link to end", peer.Done())
	host.bells.ringPeer()
	assert.True(t, hint(host.bells.own)())
	assert.True(t, hint(host.bells.caller)())
}

// The host's pump tells whoever waits for a slot, a sender of its own end among
// them: that end's pump may sleep.
func TestASignalWakesThePumpThatItIsFor(t *testing.T) {
	_, host, peer := pair(t, Options{})
	for _, from := range []*Link{host, peer} {
		for _, to := range []*Link{host, peer} {
			await.Until(t, "the pump to sleep", asleep(to, to.side))
			from.bells.signal(to.side, signalSpace)
			await.Until(t, "the signal to be taken", func() bool { return host.page.Signals[to.side].Load() == 0 })
		}
	}
}

// A peer may be gone before this end receives. What it sent is still delivered.
func TestAPumpThatDoesNotReceiveYetDoesNotEndTheLink(t *testing.T) {
	_, host, peer := pair(t, Options{})
	require.NoError(t, peer.Send(t.Context(), transport.Header{Arg: 7}, nil))
	require.NoError(t, peer.Close())
	host.bells.signal(HostSide, signalSpace) // the pump looks at everything
	await.Until(t, "the signal to be taken", func() bool { return host.page.Signals[HostSide].Load() == 0 })
	await.Until(t, "the pump to have looked", func() bool { return host.Err() != nil || asleep(host, HostSide)() })
	require.NoError(t, host.Err())
	came := make(chan uint64, 1)
	host.Start(func(f *transport.Frame) { came <- f.Header.Arg })
	assert.EqualValues(t, 7, await.Value(t, "the frame", came))
	await.Closed(t, "the link to end", host.Done())
}

// The slots of a dead peer hold what it has sent, until that was delivered.
func TestTheSlotsOfADeadPeerAreFreedAfterWhatItSent(t *testing.T) {
	_, host, peer := pair(t, Options{})
	before := host.view.pool.Census()
	var came []byte
	first, goOn := make(chan struct{}), make(chan struct{})
	host.Start(func(f *transport.Frame) {
		if came = append(came, f.Payload[0]); len(came) == 1 {
			close(first)
			<-goOn
		}
	})
	for n := range 2 {
		require.NoError(t, peer.Send(t.Context(), transport.Header{}, bytes.Repeat([]byte{byte(n)}, 100)))
	}
	await.Closed(t, "the first frame", first)
	dead := make(chan struct{})
	go func() {
		defer close(dead)
		host.PeerDied(nil)
	}()
	await.Closed(t, "the link to end", host.life.stop)
	for range 1000 { // what does not wait has had the time to go on
		runtime.Gosched()
	}
	close(goOn)
	await.Closed(t, "what is dead to be buried", dead)
	assert.Equal(t, []byte{0, 1}, came)
	assert.Equal(t, before, host.view.pool.Census())
}

// The caller's bell is the host's alone to await.
func TestAPeerThatAsksWaitsForNothing(t *testing.T) {
	_, _, peer := pair(t, Options{})
	fill := func([]byte) error { return nil }
	require.NoError(t, peer.Ask(t.Context(), transport.Header{}, 1, fill, func() bool { t.Error("it waits"); return true }))
	assert.Zero(t, peer.page.Bells[callerBell].Sleeping.Load())
	assert.False(t, peer.bells.standing.Load())
}

func TestACallerIsCountedWithItsPump(t *testing.T) {
	_, host, peer := pair(t, Options{})
	came := make(chan struct{}, 1)
	host.Start(func(*transport.Frame) { came <- struct{}{} })
	await.Until(t, "the pump to sleep", asleep(host, HostSide))
	received, sent := host.Stats().WakeupsReceived, peer.Stats().WakeupsSent
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		host.Await(context.Background(), func() bool { return len(came) > 0 })
	}()
	await.Until(t, "the caller to sleep in the pump's place", func() bool { return host.page.Bells[callerBell].Parked.Load() == 1 })
	require.NoError(t, peer.Send(t.Context(), transport.Header{}, nil))
	await.Closed(t, "the caller to return", returned)
	assert.Equal(t, sent+1, peer.Stats().WakeupsSent)
	assert.Equal(t, received+1, host.Stats().WakeupsReceived)
}
