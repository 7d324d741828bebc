package hub

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/trace"
	"ddc/transport"
	"ddc/wake"
)

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

			l.NameMethod(1, "/fonts.Fonts/Subset")
			l.CallBegan(1, 1, "", time.Now())
			l.CallEnded(1)
			l.Rescue()
			l.Await(t.Context(), func() bool { return false })
			l.bells.wakeSelf()
			for to := range sides {
				l.bells.signal(to, signalSlot)
			}
			l.slots.reap()
			h.relay()
			h.Rescue(0)
			assert.False(t, l.Attached())
			assert.Equal(t, State{Name: l.name}, l.State())
			assert.ErrorIs(t, l.Send(t.Context(), transport.Header{}, nil), transport.ErrClosed)
			assert.ErrorIs(t, l.Send(t.Context(), transport.Header{}, pattern(100, 0)), transport.ErrClosed)
			assert.Nil(t, h.Usage())
			assert.Empty(t, h.Snapshot().Links)
			assert.Equal(t, [2][]trace.Event{}, h.Events(0))
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
// was counted until then.
func TestStatsAreToldWhileCloseWaits(t *testing.T) {
	_, host, _ := pair(t, Options{})
	require.NoError(t, host.Send(t.Context(), transport.Header{}, pattern(5, 0)))
	require.True(t, host.life.uses.Enter())
	closed := make(chan error, 1)
	go func() { closed <- host.Close() }()
	await.Until(t, "Close to refuse new users", func() bool {
		if host.life.uses.Enter() {
			host.life.uses.Leave()
			return false
		}
		return true
	})
	assert.Equal(t, uint64(1), host.Stats().FramesOut)
	assert.Empty(t, closed)
	host.life.uses.Leave()
	require.NoError(t, await.Value(t, "Close to return", closed))
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
