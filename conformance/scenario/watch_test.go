package scenario

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ddc/wake"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var stuck = Snapshot{Name: "sleeper", Sleeper: wake.Sleeper{Parked: true, Due: true}}

func TestOnlyASleeperThatNothingWillWakeIsLost(t *testing.T) {
	assert.True(t, stuck.Lost())
	for name, change := range map[string]func(*Snapshot){
		"awake":           func(s *Snapshot) { s.Parked = false },
		"nothing to do":   func(s *Snapshot) { s.Due = false },
		"token pending":   func(s *Snapshot) { s.Token = true },
		"ring on its way": func(s *Snapshot) { s.Owed = 1 },
	} {
		s := stuck
		change(&s)
		assert.False(t, s.Lost(), name)
	}
}

func TestWatchReportsASleeperThatStaysLost(t *testing.T) {
	other := Snapshot{Name: "other", Bell: wake.State{Seq: 7}}
	err := Watch(t.Context(), 20*time.Millisecond, func() ([]Snapshot, error) { return []Snapshot{other, stuck}, nil })
	var lost *LostWakeup
	require.ErrorAs(t, err, &lost)
	assert.Equal(t, stuck, lost.At)
	assert.ErrorContains(t, err, "lost wake-up")
	assert.ErrorContains(t, err, "other: parked=false", "both sides' counters are shown")
}

func TestWatchReportsATokenThatIsNotDelivered(t *testing.T) {
	s := stuck
	s.Token = true
	err := Watch(t.Context(), 20*time.Millisecond, func() ([]Snapshot, error) { return []Snapshot{s}, nil })
	assert.ErrorContains(t, err, "token not delivered")
}

// A snapshot that changes is of a system that moves, however bad it looks.
func TestWatchIsSilentWhileAnythingMoves(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var looks atomic.Uint32
	err := Watch(ctx, time.Millisecond, func() ([]Snapshot, error) {
		s := stuck
		if s.Bell.Seq = looks.Add(1); s.Bell.Seq == 50 {
			cancel()
		}
		return []Snapshot{s}, nil
	})
	assert.NoError(t, err)
}

// The machine stops between two looks, and has given the sleeper no time to get
// up when it goes on.
func TestWatchTakesNoTimeForASleepersInWhichItDidNotRunItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		looks := 0
		err := Watch(ctx, time.Second, func() ([]Snapshot, error) {
			s := stuck
			switch looks++; looks {
			case 2:
				time.Sleep(time.Hour)
			case 3:
				s.Parked = false
				cancel()
			}
			return []Snapshot{s}, nil
		})
		assert.NoError(t, err)
		assert.Equal(t, 3, looks)
	})
}

// An actor that fills 40 MiB moves no frame, and on a busy machine for long.
func TestWatchTakesNoTimeInWhichOthersWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, busy := time.Now(), true
		look := func() ([]Snapshot, error) {
			busy = time.Since(began) < 5*time.Second
			return []Snapshot{stuck}, nil
		}
		require.Error(t, watch(t.Context(), time.Second, look, func() bool { return busy }))
		assert.InDelta(t, 5.5, time.Since(began).Seconds(), 0.2, "half of it had passed when they came to rest")
	})
}

func TestWatchReportsWhatStaysLostWhereOthersAlwaysWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		require.Error(t, watch(t.Context(), time.Second, func() ([]Snapshot, error) { return []Snapshot{stuck}, nil }, func() bool { return true }))
		assert.InDelta(t, busySettle, time.Since(began).Seconds(), 0.2)
	})
}

// A sleeper that polls, but was stopped with this process for the whole window,
// once passed for one that sleeps.
func TestWindowIsOfTimeInWhichTheProcessRan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, looks := time.Now(), 0
		stopped := func() bool {
			if looks++; looks == 10 {
				time.Sleep(time.Hour)
			}
			return false
		}
		require.NoError(t, untilRan(t.Context(), time.Second, stopped))
		assert.InDelta(t, 1.0, (time.Since(began) - time.Hour).Seconds(), 0.1)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("no light"))
		assert.ErrorContains(t, untilRan(ctx, time.Second, stopped), "no light")
		assert.NoError(t, untilRan(ctx, time.Second, func() bool { return true }))
	})
}

func TestWatchReportsThatItCannotLook(t *testing.T) {
	err := Watch(t.Context(), time.Millisecond, func() ([]Snapshot, error) { return nil, errors.New("no light") })
	assert.ErrorContains(t, err, "look at sleepers: no light")
}

func TestEveryProgramHasANameOfItsOwnAndARule(t *testing.T) {
	names := map[string]bool{}
	for _, p := range Wakers() {
		assert.False(t, names[p.Name], "%s twice", p.Name)
		names[p.Name] = true
		assert.NotContains(t, p.Rule.String(), "there is none")
	}
	for _, p := range Transports() {
		assert.False(t, names[p.Name], "%s twice", p.Name)
		names[p.Name] = true
		assert.NotContains(t, p.Rule.String(), "there is none")
	}
}
