package absence

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"ddc/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func TestLookThatIsABitLateIsNoAbsence(t *testing.T) {
	start := time.Now()
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	a := Log{Every: 2 * time.Second}
	a.Begin(at(0))
	for _, s := range []int{2, 5, 9, 11} {
		a.Note(at(s))
	}
	assert.Zero(t, a.Since(at(0), at(11)))
	a.Note(at(23)) // ten late
	assert.Equal(t, 10*time.Second, a.Since(at(0), at(24)))
	assert.Equal(t, 3*time.Second, a.Since(at(20), at(24)), "of what began in the middle, the rest")
	assert.Zero(t, a.Since(at(23), at(24)))
	assert.Equal(t, 10*time.Second+15*time.Second, a.Since(at(0), at(40)), "one that is not noted yet counts")
	a.Forget(at(23))
	assert.Zero(t, a.Since(at(0), at(24)))
}

func TestLimitLeavesAbsencesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stopped atomic.Int64 // what the clock has gone on by while nothing ran
		now := func() time.Time { return time.Now().Add(time.Duration(stopped.Load())) }
		var over atomic.Int32
		runs := func(d time.Duration) { time.Sleep(d); synctest.Wait() }

		l := after(30*time.Second, func() { over.Add(1) }, now)
		runs(20 * time.Second)
		assert.Zero(t, l.Away())
		stopped.Add(int64(90 * time.Second))
		assert.InDelta(t, 90*time.Second, l.Away(), float64(time.Second), "before anybody has noted it")
		runs(9 * time.Second)
		assert.Zero(t, over.Load())
		runs(3 * time.Second)
		assert.EqualValues(t, 1, over.Load())
		runs(time.Hour)
		assert.EqualValues(t, 1, over.Load(), "once")

		l = after(time.Second, func() { over.Add(1) }, now)
		l.Stop()
		l.Stop()
		runs(time.Hour)
		assert.EqualValues(t, 1, over.Load())
	})
}
