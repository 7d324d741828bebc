package wake_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/wake"
)

// scripted is a waker whose Wait does what the test says.
type scripted struct {
	wait          func() error
	rings, closes int
	closing       error
}

func (s *scripted) Ring() error            { s.rings++; return nil }
func (s *scripted) Wait() error            { return s.wait() }
func (s *scripted) Pending() (bool, error) { return s.rings > 0, nil }
func (s *scripted) Close() error           { s.closes++; return s.closing }

func TestWakeSaysWhetherSomebodyGotAToken(t *testing.T) {
	words, waker := new(wake.Words), &scripted{}
	bell := wake.NewDoorbell(words, waker, wake.SpinOff)
	asleep, err := bell.Wake()
	require.NoError(t, err)
	assert.False(t, asleep)
	assert.Zero(t, waker.rings, "nobody is asleep: no token")
	assert.Equal(t, wake.State{Seq: 1, Stats: wake.Stats{Rings: 1, Suppressed: 1}}, words.State())

	words.Sleeping.Store(1)
	asleep, err = bell.Wake()
	require.NoError(t, err)
	assert.True(t, asleep)
	assert.Equal(t, 1, waker.rings)
	assert.Equal(t, wake.State{Seq: 2, Stats: wake.Stats{Rings: 2, Sent: 1, Suppressed: 1}}, words.State(), "the flag is taken")

	asleep, err = bell.Wake()
	require.NoError(t, err)
	assert.False(t, asleep, "one token for each announcement")
	assert.Equal(t, wake.Stats{Rings: 3, Sent: 1, Suppressed: 2}, bell.Stats())
}

// The other process may be built of other code, so the word's values are those
// of the protocol.
func TestSleeperThatAttendsSaysSoInTheWord(t *testing.T) {
	words, waker := new(wake.Words), &scripted{}
	bell := wake.NewDoorbell(words, waker, wake.SpinOff)
	bell.Attend()
	assert.EqualValues(t, 2, words.Sleeping.Load())
	asleep, err := bell.Wake()
	require.NoError(t, err)
	assert.False(t, asleep)
	assert.True(t, bell.Attended(), "a ring leaves it as it is")
	bell.Withdraw()
	assert.False(t, bell.Attended())
	assert.Zero(t, words.Sleeping.Load())
	words.Sleeping.Store(1)
	bell.Withdraw()
	assert.EqualValues(t, 1, words.Sleeping.Load(), "it ends nothing else")
	assert.Zero(t, waker.rings)
}

func TestWakeThatFailsSaysThatSomebodyWasAsleep(t *testing.T) {
	words := new(wake.Words)
	bell := wake.NewDoorbell(words, &broken{}, wake.SpinOff)
	words.Sleeping.Store(1)
	asleep, err := bell.Wake()
	assert.True(t, asleep)
	assert.ErrorContains(t, err, "no such wire")
	assert.ErrorContains(t, bell.Repay(), "repay doorbell: no such wire")
}

func TestRepayTakesTheFlagDownAndCounts(t *testing.T) {
	words, waker := new(wake.Words), &scripted{}
	bell := wake.NewDoorbell(words, waker, wake.SpinOff)
	words.Sleeping.Store(1)
	require.NoError(t, bell.Repay())
	assert.Equal(t, wake.State{Seq: 1, Stats: wake.Stats{Rings: 1, Sent: 1}}, words.State())
	assert.Equal(t, 1, waker.rings)
}

// The words at each step, as somebody who looks from outside sees them.
func TestSleeperShowsEachStep(t *testing.T) {
	words := new(wake.Words)
	waker := &scripted{wait: func() error {
		assert.Equal(t, wake.State{Sleeping: true, Parked: true}, words.State(), "S3")
		return nil
	}}
	bell := wake.NewDoorbell(words, waker, wake.SpinOff)
	var seen []wake.State
	require.NoError(t, bell.Await(t.Context(), func() bool {
		seen = append(seen, words.State())
		return len(seen) == 3
	}))
	assert.Equal(t, []wake.State{
		{},               // before the announcement
		{Sleeping: true}, // S2
		{Sleeping: true, Stats: wake.Stats{Received: 1}}, // S2 again
	}, seen)
	assert.Equal(t, wake.State{Stats: wake.Stats{Received: 1}}, words.State(), "S4")
	require.NoError(t, bell.Close())
}

func TestSomethingToDoNeedsNoAnnouncement(t *testing.T) {
	words := new(wake.Words)
	bell := wake.NewDoorbell(words, &scripted{wait: func() error { return errors.New("waited") }}, wake.SpinOff)
	ctx := &endless{Context: context.Background(), done: make(chan struct{}), registered: map[int]func(){}}
	require.NoError(t, bell.Await(ctx, func() bool {
		assert.False(t, words.State().Sleeping)
		return true
	}))
	assert.Zero(t, ctx.next, "nor anybody who rings at the context's end")
	require.NoError(t, bell.Close())
}

func TestWaitThatFailsEndsAwait(t *testing.T) {
	words := new(wake.Words)
	waker := &scripted{wait: func() error { return errors.New("no such place") }}
	bell := wake.NewDoorbell(words, waker, wake.SpinOff)
	assert.ErrorContains(t, bell.Await(t.Context(), func() bool { return false }), "await doorbell: no such place")
	assert.False(t, words.State().Sleeping)
	require.NoError(t, bell.Close())
}

// A waker that is closed under its sleeper may say anything: the
// bell says closed.
func TestCloseWhileAsleepIsErrClosed(t *testing.T) {
	words := new(wake.Words)
	waker := &scripted{closing: errors.New("torn")}
	bell := wake.NewDoorbell(words, waker, wake.SpinOff)
	waker.wait = func() error {
		assert.ErrorContains(t, bell.Close(), "close doorbell: torn")
		return errors.New("no such place")
	}
	err := bell.Await(t.Context(), func() bool { return false })
	assert.ErrorIs(t, err, os.ErrClosed)
	assert.NotContains(t, err.Error(), "no such place")
	assert.False(t, words.State().Sleeping)
	for range 3 {
		require.NoError(t, bell.Close(), "once is enough")
	}
	assert.Equal(t, 1, waker.closes)
}

func TestContextThatIsOverEndsAwait(t *testing.T) {
	words := new(wake.Words)
	bell := wake.NewDoorbell(words, &scripted{wait: func() error { return nil }}, wake.SpinOff)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	assert.ErrorIs(t, bell.Await(ctx, func() bool { return false }), context.Canceled)
	assert.False(t, words.State().Sleeping)
	require.NoError(t, bell.Close())
}

// watchful is a context that is asked while the sleeper's flag is up.
type watchful struct {
	context.Context
	asked func()
}

func (c watchful) Err() error { c.asked(); return nil }

// The end of a context is looked for after the announcement, as work is: one
// that came between the two would ring nobody.
func TestContextIsLookedAtAfterTheAnnouncement(t *testing.T) {
	words, asked := new(wake.Words), 0
	bell := wake.NewDoorbell(words, &scripted{wait: func() error { return nil }}, wake.SpinOff)
	looks := 0
	require.NoError(t, bell.Await(watchful{context.Background(), func() {
		asked++
		assert.True(t, words.State().Sleeping)
	}}, func() bool { looks++; return looks == 3 }))
	assert.Equal(t, 2, asked, "each time")
	require.NoError(t, bell.Close())
}

func TestVainWakeIsCountedBeforeTheNextSleep(t *testing.T) {
	words := new(wake.Words)
	var spurious []uint64
	bell := wake.NewDoorbell(words, &scripted{wait: func() error {
		spurious = append(spurious, words.State().Spurious)
		return nil
	}}, wake.SpinOff)
	looks := 0
	require.NoError(t, bell.Await(t.Context(), func() bool { looks++; return looks == 5 }))
	assert.Equal(t, []uint64{0, 1, 2}, spurious)
	require.NoError(t, bell.Close())
}

// A bell follows the context of its last Await, and rings for no other.
func TestBellLetsGoOfTheContextBefore(t *testing.T) {
	bell := wake.NewDoorbell(new(wake.Words), &scripted{wait: func() error { return nil }}, wake.SpinOff)
	await := func(ctx context.Context) {
		for range 2 { // what comes again is kept
			looks := 0
			require.NoError(t, bell.Await(ctx, func() bool { looks++; return looks == 2 }))
		}
	}
	newContext := func() *endless {
		return &endless{Context: context.Background(), done: make(chan struct{}), registered: map[int]func(){}}
	}
	first, second := newContext(), newContext()
	await(first)
	require.Len(t, first.registered, 1)
	await(second)
	assert.Empty(t, first.registered)
	require.Len(t, second.registered, 1)
	never := newContext()
	never.done = nil
	await(never) // which never ends
	assert.Empty(t, second.registered)
	assert.Zero(t, never.next)
	require.NoError(t, bell.Close())
	third := newContext()
	assert.ErrorIs(t, bell.Await(third, func() bool { return false }), os.ErrClosed)
	assert.Empty(t, third.registered, "a closed bell follows nobody")
}

// The end of a context is a change to be found: it rings, and Await looks.
func TestEndOfAContextWakesTheSleeper(t *testing.T) {
	words := new(wake.Words)
	bell := newBell(t, words)
	ctx, cancel := context.WithCancel(context.Background())
	looks := 0
	assert.ErrorIs(t, bell.Await(ctx, func() bool {
		if looks++; looks == 2 {
			cancel() // after the announcement: only a token ends what follows
		}
		return false
	}), context.Canceled)
	assert.EqualValues(t, 1, words.State().Sent)
	require.NoError(t, bell.Close())
}

func TestBellRungForNothingIsGivenUp(t *testing.T) {
	waits := 0
	bell := wake.NewDoorbell(new(wake.Words), &scripted{wait: func() error { waits++; return nil }}, wake.SpinOff)
	assert.ErrorIs(t, bell.Await(t.Context(), func() bool { return false }), wake.ErrInVain)
	assert.Equal(t, 1<<20, waits)
	require.NoError(t, bell.Close())
}

func TestLostIsASleeperThatShouldNotSleepAndHasNoTokenComing(t *testing.T) {
	for name, c := range map[string]struct {
		look              wake.Sleeper
		lost, undelivered bool
	}{
		"lost":        {wake.Sleeper{Parked: true, Due: true}, true, false},
		"undelivered": {wake.Sleeper{Parked: true, Due: true, Token: true}, false, true},
		"awake":       {wake.Sleeper{Due: true}, false, false},
		"idle":        {wake.Sleeper{Parked: true}, false, false},
		"token due":   {wake.Sleeper{Parked: true, Due: true, Owed: 1}, false, false},
		"both":        {wake.Sleeper{Parked: true, Due: true, Token: true, Owed: 1}, false, false},
	} {
		assert.Equal(t, c.lost, c.look.Lost(), name)
		assert.Equal(t, c.undelivered, c.look.Undelivered(), name)
	}
}

func TestStateReadsEachWord(t *testing.T) {
	w := new(wake.Words)
	w.Seq.Store(1)
	w.Sent.Store(2)
	w.Suppressed.Store(3)
	w.Received.Store(4)
	w.Spurious.Store(5)
	w.Parked.Store(1)
	assert.Equal(t, wake.State{Seq: 1, Parked: true, Stats: wake.Stats{Rings: 5, Sent: 2, Suppressed: 3, Received: 4, Spurious: 5}}, w.State())
	w.Parked.Store(0)
	w.Sleeping.Store(1)
	assert.True(t, w.State().Sleeping)
	assert.False(t, w.State().Parked)
	w.Sleeping.Store(2)
	w.Parked.Store(2)
	assert.False(t, w.State().Sleeping, "no sound side stores 2")
	assert.False(t, w.State().Parked)
}

func TestSpinOfASecondIsTheLongest(t *testing.T) {
	_, err := wake.ParseSpin("1.000000001s")
	assert.Error(t, err)
	_, err = wake.ParseSpin("-1ns")
	assert.Error(t, err)
	spin, err := wake.ParseSpin("1s")
	require.NoError(t, err)
	assert.Equal(t, wake.SpinFor(time.Second), spin)
}
