package wake_test

import (
	"context"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/wake"
)

// counting is a waker that many may ring.
type counting struct {
	deaf
	rings atomic.Uint64
}

func (c *counting) Ring() error { c.rings.Add(1); return nil }

// Any number of ringers may meet one announcement. One of them takes it, and
// leaves the one token that it stands for.
func TestEachAnnouncementIsTakenByOneRinger(t *testing.T) {
	words, waker := new(wake.Words), &counting{}
	bell := wake.NewDoorbell(words, waker, wake.SpinOff)
	var over atomic.Bool
	var found atomic.Uint64
	var ringers sync.WaitGroup
	for range 4 {
		ringers.Go(func() {
			for !over.Load() {
				asleep, err := bell.Wake()
				assert.NoError(t, err)
				if asleep {
					found.Add(1)
				}
				runtime.Gosched()
			}
		})
	}
	const announcements = 20000
	for range announcements {
		words.Sleeping.Swap(1)
		for words.Sleeping.Load() != 0 {
			runtime.Gosched()
		}
	}
	over.Store(true)
	ringers.Wait()
	assert.EqualValues(t, announcements, found.Load())
	assert.EqualValues(t, announcements, waker.rings.Load())
	assert.EqualValues(t, announcements, words.State().Sent)
	require.NoError(t, bell.Close())
}

// The counters are for whoever looks for a lost wake-up from outside: a ring
// that is not in them would look like one.
func TestRingsOfManyAreCountedEachOnce(t *testing.T) {
	words, waker := new(wake.Words), &counting{}
	bell := wake.NewDoorbell(words, waker, wake.SpinOff)
	const ringers, each = 4, 20000
	var all sync.WaitGroup
	for range ringers {
		all.Go(func() {
			for range each {
				assert.NoError(t, bell.Ring())
				assert.NoError(t, bell.Repay())
			}
		})
	}
	all.Wait()
	assert.Equal(t, wake.State{
		Seq: 2 * ringers * each, Stats: wake.Stats{Rings: 2 * ringers * each, Sent: ringers * each, Suppressed: ringers * each},
	}, words.State())
	assert.EqualValues(t, ringers*each, waker.rings.Load())
	require.NoError(t, bell.Close())
}

// A bell that is closed while a sleeper begins lets go of the sleeper's
// context, whichever comes first. Under the race detector this also says that
// the two share what they share under the lock.
func TestCloseBesideAnAwaitThatBeginsLetsGoOfItsContext(t *testing.T) {
	for range 500 {
		bell := newBell(t, new(wake.Words))
		first, cancelFirst := context.WithCancel(t.Context())
		looks := 0
		require.NoError(t, bell.Await(first, func() bool { looks++; return looks == 2 }))
		second, cancelSecond := context.WithCancel(t.Context())
		var sleeper sync.WaitGroup
		sleeper.Go(func() {
			assert.ErrorIs(t, bell.Await(second, func() bool { return false }), os.ErrClosed)
		})
		require.NoError(t, bell.Close())
		sleeper.Wait()
		cancelFirst()
		cancelSecond()
	}
}
