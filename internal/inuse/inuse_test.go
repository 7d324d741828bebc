package inuse

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

// freed makes a count, and a count of how often that has freed.
func freed() (c *Count, times *atomic.Int32) {
	times = new(atomic.Int32)
	return New(func() { times.Add(1) }), times
}

func TestLastToLeaveFrees(t *testing.T) {
	c, times := freed()
	require.True(t, c.Enter())
	require.True(t, c.Enter())
	require.True(t, c.Shut())
	assert.False(t, c.Enter(), "no new use once shut")
	c.Leave()
	c.Leave()
	assert.Zero(t, times.Load(), "who shuts may still wake the others")
	c.Leave()
	assert.EqualValues(t, 1, times.Load())
}

func TestWithoutUsersWhoShutsFrees(t *testing.T) {
	c, times := freed()
	assert.False(t, c.IsShut())
	require.True(t, c.Shut())
	assert.True(t, c.IsShut())
	assert.False(t, c.Shut(), "once")
	c.Leave()
	assert.True(t, c.IsShut())
	assert.EqualValues(t, 1, times.Load())
	assert.False(t, c.Enter())
	assert.EqualValues(t, 1, times.Load(), "a late use frees nothing twice")
}

func TestOpenCountIsNotFreedByItsLastUse(t *testing.T) {
	c, times := freed()
	require.True(t, c.Enter())
	c.Leave()
	assert.Zero(t, times.Load())
	assert.True(t, c.Enter())
	c.Leave()
}

func TestJoinedUseOutlivesTheOneItBeganIn(t *testing.T) {
	c, times := freed()
	require.True(t, c.Enter())
	require.True(t, c.Shut())
	c.Leave()
	require.True(t, c.Join(), "shut, and not freed")
	c.Leave()
	assert.Zero(t, times.Load())
	c.Leave()
	assert.EqualValues(t, 1, times.Load())
	assert.False(t, c.Join())
}

// One that joins between the last leave and its swap frees in its place. The
// two steps of Leave are made by hand.
func TestJoinBetweenTheStepsOfTheLastLeave(t *testing.T) {
	c, times := freed()
	require.True(t, c.Shut())
	require.EqualValues(t, shut, c.word.Add(-1))
	require.True(t, c.Join())
	require.False(t, c.word.CompareAndSwap(shut, 2*shut))
	assert.Zero(t, times.Load())
	c.Leave()
	assert.EqualValues(t, 1, times.Load())
}

// A use that is being refused may be the last to leave, and a later one must
// not free again: the steps of Enter are made by hand.
func TestRefusedUsesFreeOnce(t *testing.T) {
	c, times := freed()
	require.True(t, c.Shut())
	require.EqualValues(t, shut+2, c.word.Add(1)) // Enter's first step
	c.Leave()                                     // who shut
	assert.Zero(t, times.Load())
	c.Leave() // Enter's second
	assert.EqualValues(t, 1, times.Load())
	require.False(t, c.Enter())
	assert.EqualValues(t, 1, times.Load())
}

func TestIdleIsClosedWhenTheLastUseEnds(t *testing.T) {
	c, idle := NewIdle()
	require.True(t, c.Enter())
	require.True(t, c.Shut())
	c.Leave()
	select {
	case <-idle:
		assert.Fail(t, "closed under a user")
	default:
	}
	c.Leave()
	<-idle
}

func TestManyUsersAndClosersFreeOnce(t *testing.T) {
	for range 500 {
		c, times := freed()
		var under atomic.Int32
		var all sync.WaitGroup
		use := func(enter func() bool) {
			if enter() {
				under.Add(times.Load())
				c.Leave()
			}
		}
		for range 4 {
			all.Go(func() { use(c.Enter) })
			all.Go(func() { use(c.Join) })
			all.Go(func() {
				if c.Shut() {
					c.Leave()
				}
			})
		}
		all.Wait()
		assert.EqualValues(t, 1, times.Load())
		assert.Zero(t, under.Load(), "freed under a user")
		assert.EqualValues(t, 2*shut, c.word.Load())
	}
}
