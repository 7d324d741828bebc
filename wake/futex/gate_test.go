package futex

import (
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/shm"
	"ddc/wake"
)

// open opens wakers of one process: they share a gate.
func open(t *testing.T, n int) (*Strategy, []*waker) {
	t.Helper()
	s, word := new(Strategy), new(shm.Word32)
	var all []*waker
	for range n {
		w, err := s.Open(&wake.Tokens{Left: new(shm.Word32), Taken: new(shm.Word32), Gate: word}, nil)
		require.NoError(t, err)
		all = append(all, w.(*waker))
	}
	t.Cleanup(func() {
		for _, w := range all {
			assert.NoError(t, w.Close())
		}
		assert.Empty(t, s.gates, "the gate is forgotten with its last waker")
	})
	return s, all
}

// wait waits for a token, and returns once the waker leads or is behind who
// does.
func (w *waker) wait(t *testing.T) (result chan error) {
	t.Helper()
	result = make(chan error, 1)
	go func() { result <- w.Wait() }()
	await.Until(t, "the waker to be seen at the gate", func() bool { return w.leads() || w.isBehind() })
	return result
}

func waitAll(t *testing.T, all []*waker) (results []chan error) {
	for _, w := range all {
		results = append(results, w.wait(t))
	}
	return results
}

func (w *waker) leads() bool {
	w.gate.mu.Lock()
	defer w.gate.mu.Unlock()
	return w.gate.leader == w
}

func (w *waker) isBehind() bool {
	w.gate.mu.Lock()
	defer w.gate.mu.Unlock()
	return slices.Contains(w.gate.waiting, w)
}

func (w *waker) assertNobodyAtTheGate(t *testing.T) {
	t.Helper()
	w.gate.mu.Lock()
	defer w.gate.mu.Unlock()
	assert.Nil(t, w.gate.leader)
	assert.Empty(t, w.gate.waiting)
}

func TestWakersOfOneWordShareAGateUntilTheLastIsClosed(t *testing.T) {
	s, w := open(t, 3)
	require.Len(t, s.gates, 1)
	assert.Same(t, w[0].gate, w[1].gate)
	assert.Equal(t, 3, w[0].gate.wakers)
	other, err := s.Open(new(wake.Words).Tokens(new(shm.Word32)), nil)
	require.NoError(t, err)
	assert.Len(t, s.gates, 2)
	require.NoError(t, other.Close())
	for left := 2; left >= 0; left-- {
		require.NoError(t, w[left].Close())
		rung := w[left].tokens.Left.Load()
		require.NoError(t, w[left].Close(), "once more")
		assert.Equal(t, rung, w[left].tokens.Left.Load(), "the words may be gone by then")
		assert.Equal(t, left, w[0].gate.wakers)
		assert.Len(t, s.gates, min(left, 1))
	}
}

func TestARingLeavesATokenAndChangesTheGate(t *testing.T) {
	_, w := open(t, 2)
	for n := range uint32(3) {
		require.NoError(t, w[0].Ring())
		assert.Equal(t, n+1, w[0].tokens.Left.Load())
		assert.Equal(t, n+1, w[0].tokens.Gate.Load())
	}
	pending := func(w *waker) bool {
		p, err := w.Pending()
		require.NoError(t, err)
		return p
	}
	assert.True(t, pending(w[0]))
	assert.False(t, pending(w[1]))
	require.NoError(t, w[0].Wait())
	assert.False(t, pending(w[0]))
	assert.EqualValues(t, 3, w[0].tokens.Taken.Load(), "all at once")
	w[0].assertNobodyAtTheGate(t)
}

// The leader sleeps for all, and wakes only those whom a token is for.
func TestATokenWakesItsOwnerAlone(t *testing.T) {
	_, w := open(t, 3)
	results := waitAll(t, w)
	require.True(t, w[0].leads())
	require.NoError(t, w[1].Ring())
	require.NoError(t, await.Value(t, "the owner of the token", results[1]))
	assert.True(t, w[0].leads(), "it looked, and leads on")
	assert.False(t, w[1].isBehind())
	assert.True(t, w[2].isBehind())
	assert.Empty(t, results[0])
	assert.Empty(t, results[2])

	// A leader that goes names another, who sleeps for all from here on.
	require.NoError(t, w[0].Ring())
	require.NoError(t, await.Value(t, "the leader", results[0]))
	assert.True(t, w[2].leads())
	assert.False(t, w[2].isBehind())
	again := w[1].wait(t)
	require.NoError(t, w[1].Ring())
	require.NoError(t, await.Value(t, "who waits behind the new leader", again))
	require.NoError(t, w[2].Ring())
	require.NoError(t, await.Value(t, "the new leader", results[2]))
	w[0].assertNobodyAtTheGate(t)
	for i := range w {
		assert.Empty(t, w[i].woken, "who is woken takes the value, or it would not sleep again")
	}
}

// The sleeper may have yet to get to its channel: the value waits for it, and
// whoever wakes it does not.
func TestAWakeUpWaitsForItsSleeper(t *testing.T) {
	_, w := open(t, 1)
	w[0].wake()
	assert.Len(t, w[0].woken, 1)
}

// Closing a waker ends its Wait, whether it leads or not, and nobody else's.
func TestACloseEndsTheWaitOfItsWakerAlone(t *testing.T) {
	_, w := open(t, 3)
	results := waitAll(t, w)
	require.NoError(t, w[1].Close())
	assert.ErrorIs(t, await.Value(t, "who waits behind the leader", results[1]), os.ErrClosed)
	assert.False(t, w[1].isBehind())
	assert.True(t, w[0].leads())
	require.NoError(t, w[0].Close())
	assert.ErrorIs(t, await.Value(t, "the leader", results[0]), os.ErrClosed)
	assert.True(t, w[2].leads())
	assert.Empty(t, results[2])
	for _, closed := range w[:2] {
		assert.ErrorIs(t, closed.Wait(), os.ErrClosed)
		assert.ErrorIs(t, closed.Ring(), os.ErrClosed)
		_, err := closed.Pending()
		assert.ErrorIs(t, err, os.ErrClosed)
	}
	require.NoError(t, w[2].Close())
	assert.ErrorIs(t, await.Value(t, "the last", results[2]), os.ErrClosed)
	w[0].assertNobodyAtTheGate(t)
}

// The words may be unmapped once Close has returned: it waits for who uses
// them.
func TestACloseWaitsForWhoUsesTheWords(t *testing.T) {
	_, w := open(t, 1)
	require.True(t, w[0].uses.Enter())
	closed := make(chan error, 1)
	go func() { closed <- w[0].Close() }()
	await.Until(t, "Close to refuse new users", w[0].uses.IsShut)
	for range 3 { // who is refused is no user, and takes nobody else's use away
		assert.ErrorIs(t, w[0].Ring(), os.ErrClosed)
		assert.ErrorIs(t, w[0].Wait(), os.ErrClosed)
		_, err := w[0].Pending()
		assert.ErrorIs(t, err, os.ErrClosed)
	}
	select {
	case <-w[0].idle:
		t.Error("the words are free while somebody uses them")
	default:
	}
	for range 1000 { // what does not wait has had the time to go on
		runtime.Gosched()
	}
	assert.Empty(t, closed)
	w[0].uses.Leave()
	require.NoError(t, await.Value(t, "Close to return", closed))
}

func TestFilesAreRefused(t *testing.T) {
	s := new(Strategy)
	w, err := s.Open(new(wake.Words).Tokens(new(shm.Word32)), []*os.File{os.Stdin})
	assert.ErrorContains(t, err, "open futex waker: got 1 files, want none")
	assert.Nil(t, w)
	assert.Empty(t, s.gates)
}
