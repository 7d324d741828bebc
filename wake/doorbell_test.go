package wake_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
	"ddc/shm"
	"ddc/wake"
	"ddc/wake/eventfd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func newBell(t *testing.T, words *wake.Words) *wake.Doorbell {
	t.Helper()
	files, err := eventfd.Strategy{}.Make()
	require.NoError(t, err)
	waker, err := eventfd.Strategy{}.Open(words.Tokens(new(shm.Word32)), files)
	require.NoError(t, err)
	for _, f := range files {
		require.NoError(t, f.Close())
	}
	return wake.NewDoorbell(words, waker, wake.SpinOff)
}

func TestLayoutOfWordsIsWhatTheProtocolSays(t *testing.T) {
	var w wake.Words
	assert.EqualValues(t, wake.WordsSize, unsafe.Sizeof(w))
	assert.EqualValues(t, 0, unsafe.Offsetof(w.Seq))
	assert.EqualValues(t, 4, unsafe.Offsetof(w.Left))
	assert.EqualValues(t, 8, unsafe.Offsetof(w.Sent))
	assert.EqualValues(t, 16, unsafe.Offsetof(w.Suppressed))
	assert.EqualValues(t, 128, unsafe.Offsetof(w.Sleeping))
	assert.EqualValues(t, 132, unsafe.Offsetof(w.Parked))
	assert.EqualValues(t, 136, unsafe.Offsetof(w.Taken))
	assert.EqualValues(t, 144, unsafe.Offsetof(w.Received))
	assert.EqualValues(t, 152, unsafe.Offsetof(w.Spurious))
}

// endless is a context that keeps what was registered to run at its end.
type endless struct {
	context.Context
	done       chan struct{}
	registered map[int]func()
	next       int
	letGo      func() // if not nil, called when something is registered no more
}

func (c *endless) Done() <-chan struct{} { return c.done }

func (c *endless) AfterFunc(f func()) func() bool {
	id := c.next
	c.next++
	c.registered[id] = f
	return func() bool {
		_, ok := c.registered[id]
		delete(c.registered, id)
		if c.letGo != nil {
			c.letGo()
		}
		return ok
	}
}

// The words of a closed bell may be unmapped: a context that outlived it rang
// them all the same, and the process crashed.
func TestClosedBellLetsGoOfTheContext(t *testing.T) {
	words := new(wake.Words)
	bell := newBell(t, words)
	ctx := &endless{Context: context.Background(), done: make(chan struct{}), registered: map[int]func(){}}
	for range 2 { // what comes again is kept
		require.NoError(t, bell.Await(ctx, looksUntil(2)))
	}
	require.Len(t, ctx.registered, 1)
	require.NoError(t, bell.Close())
	assert.Empty(t, ctx.registered, "it would ring when the context ends")
}

// Close lets go of the context before it lets go of the lock: else a sleeper
// that begins, or goes, at that moment changes the same field beside it.
func TestClosingBellLetsGoOfTheContextUnderItsLock(t *testing.T) {
	bell := newBell(t, new(wake.Words))
	ctx := &endless{Context: context.Background(), done: make(chan struct{}), registered: map[int]func(){}}
	for range 2 { // what comes again is kept
		require.NoError(t, bell.Await(ctx, looksUntil(2)))
	}
	awaited := make(chan error, 1)
	told := false
	ctx.letGo = func() {
		told = true
		go func() { awaited <- bell.Await(context.Background(), looksUntil(2)) }()
		await.Until(t, "a sleeper to wait for the lock, or to have had it", func() bool {
			return len(awaited) > 0 || await.Goroutines("sync.Mutex.Lock", "wake.(*Doorbell).watch(") > 0
		})
		assert.Empty(t, awaited, "the lock was free")
	}
	require.NoError(t, bell.Close())
	require.True(t, told)
	assert.ErrorIs(t, await.Value(t, "the sleeper to find the bell closed", awaited), os.ErrClosed)
}

func TestAwaitRegistersTheSameContextNoMoreThanTwice(t *testing.T) {
	bell := newBell(t, new(wake.Words))
	ctx := &endless{Context: context.Background(), done: make(chan struct{}), registered: map[int]func(){}}
	for range 10 {
		looks := 0
		require.NoError(t, bell.Await(ctx, func() bool { looks++; return looks == 2 }))
	}
	assert.Equal(t, 2, ctx.next)
	assert.Len(t, ctx.registered, 1)
	require.NoError(t, bell.Close())
}

// A context that was made for one call ends with it. If that rang the bell,
// each call would start a goroutine for it.
func TestContextThatIsAwaitedOnceIsLetGo(t *testing.T) {
	bell := newBell(t, new(wake.Words))
	for range 3 {
		ctx := &endless{Context: context.Background(), done: make(chan struct{}), registered: map[int]func(){}}
		require.NoError(t, bell.Await(ctx, looksUntil(2)))
		assert.Equal(t, 1, ctx.next)
		assert.Empty(t, ctx.registered)
	}
	require.NoError(t, bell.Close())
}

// Nobody sleeps while the sleeper attends, so a ring leaves no token; and the
// ringer learns that it need ring nobody else.
func TestRingThatFindsTheSleeperAttendingLeavesNoToken(t *testing.T) {
	words := new(wake.Words)
	bell, ringer := newBell(t, words), newBell(t, words)
	assert.False(t, ringer.Attended())
	bell.Attend()
	asleep, err := ringer.Wake()
	require.NoError(t, err)
	assert.False(t, asleep)
	assert.True(t, ringer.Attended())
	pending, err := bell.Pending()
	require.NoError(t, err)
	assert.False(t, pending)
	bell.Withdraw()
	assert.False(t, ringer.Attended())
	words.Sleeping.Store(1)
	bell.Withdraw()
	assert.EqualValues(t, 1, words.Sleeping.Load(), "of a sleeper that does not attend there is nothing to end")
}

// Whatever way Await ends, the sleeper attends no more: its caller may wait for
// something else.
func TestAwaitEndsAttending(t *testing.T) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for name, c := range map[string]struct {
		ctx   context.Context
		spin  wake.Spin
		ready func() bool
	}{
		"found at once":            {context.Background(), wake.SpinOff, func() bool { return true }},
		"found by the last look":   {context.Background(), wake.SpinOff, looksUntil(2)},
		"found while it spins":     {context.Background(), wake.SpinFor(time.Second), looksUntil(9)},
		"its context is over":      {over, wake.SpinOff, func() bool { return false }},
		"found after it has slept": {context.Background(), wake.SpinOff, looksUntil(3)},
	} {
		t.Run(name, func(t *testing.T) {
			words := new(wake.Words)
			bell := wake.NewDoorbell(words, &deaf{}, c.spin)
			bell.Attend()
			_ = bell.Await(c.ctx, c.ready)
			assert.Zero(t, words.Sleeping.Load())
		})
	}
}

// looksUntil is a condition that holds at the n-th look.
func looksUntil(n int) func() bool {
	looks := 0
	return func() bool { looks++; return looks >= n }
}

// deaf is a waker whose Wait returns at once for no reason.
type deaf struct{ waits int }

func (*deaf) Ring() error            { return nil }
func (d *deaf) Wait() error          { d.waits++; return nil }
func (*deaf) Pending() (bool, error) { return false, nil }
func (*deaf) Close() error           { return nil }

func TestReturnsFromWaitWithNothingToDoAreCountedAsSpurious(t *testing.T) {
	words, waker := new(wake.Words), &deaf{}
	bell := wake.NewDoorbell(words, waker, wake.SpinOff)
	// One look before the announcement, one in it, one after each of the waits.
	looks := 0
	require.NoError(t, bell.Await(context.Background(), func() bool { looks++; return looks == 7 }))
	assert.Equal(t, 5, waker.waits)
	assert.Equal(t, wake.Stats{Received: 5, Spurious: 4}, bell.Stats())
}

// broken is a waker whose ring fails.
type broken struct{ deaf }

func (*broken) Ring() error { return errors.New("no such wire") }

func TestRingThatFailsSaysSo(t *testing.T) {
	words := new(wake.Words)
	bell := wake.NewDoorbell(words, &broken{}, wake.SpinOff)
	require.NoError(t, bell.Ring(), "nobody sleeps: no token is needed")
	words.Sleeping.Store(1)
	assert.ErrorContains(t, bell.Ring(), "ring doorbell: no such wire")
}

func TestRepayLeavesATokenThatNobodyAnnouncedFor(t *testing.T) {
	bell := newBell(t, new(wake.Words))
	require.NoError(t, bell.Repay())
	pending, err := bell.Pending()
	require.NoError(t, err)
	assert.True(t, pending)
	require.NoError(t, bell.Close())
	assert.ErrorIs(t, bell.Await(context.Background(), func() bool { return false }), os.ErrClosed)
}
