package wake

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSpinIsWrittenAsItIsRead(t *testing.T) {
	for _, text := range []string{"auto", "off", "20µs", "1s"} {
		spin, err := ParseSpin(text)
		require.NoError(t, err)
		assert.Equal(t, text, spin.String())
	}
	spin, err := ParseSpin("0s")
	require.NoError(t, err)
	assert.Equal(t, SpinOff, spin)
}

func TestSpinThatIsNoneNamesTheChoices(t *testing.T) {
	for _, text := range []string{"", "fast", "-1us", "2s", "30"} {
		_, err := ParseSpin(text)
		assert.ErrorContains(t, err, "auto, off or a duration", text)
	}
}

func TestSpinOffLooksOnce(t *testing.T) {
	s, looks := newSpinner(SpinOff), 0
	assert.False(t, s.wait(func() bool { looks++; return false }))
	assert.Equal(t, 1, looks)
}

func TestSpinEndsAtItsLimit(t *testing.T) {
	s, looks := spinner{limit: time.Microsecond, trust: maxTrust}, 0
	assert.False(t, s.wait(func() bool { looks++; return false }))
	assert.Positive(t, looks)
}

func TestSpinFindsWhatComesInTime(t *testing.T) {
	s, looks := spinner{limit: time.Hour, trust: maxTrust}, 0
	assert.True(t, s.wait(func() bool { looks++; return looks == 20 }))
}

// What does not pay is given up, but for a try now and then, and taken up again
// when it pays.
func TestAdaptiveSpinFollowsWhatPays(t *testing.T) {
	s := spinner{limit: time.Microsecond, adaptive: true, trust: maxTrust, pause: shortPause}
	// tries is how many of n waits spun: those that are counted out anew. How often
	// one looks in a microsecond depends on who else has the processor.
	tries := func(n int) (spun int) {
		for range n {
			s.wait(func() bool { return false })
			if s.waits == 0 {
				spun++
			}
		}
		return spun
	}
	tries(10)
	require.Zero(t, s.trust)
	assert.Equal(t, 1, tries(shortPause))
	assert.Equal(t, 1, tries(2*shortPause), "the second failure makes the pause longer")
	tries(20 * longPause)
	assert.Equal(t, 3, tries(3*longPause), "but not for ever")

	s.limit = time.Hour
	for range longPause {
		looks := 0
		s.wait(func() bool { looks++; return looks == 2 })
	}
	assert.Positive(t, s.trust)
	assert.Equal(t, shortPause, s.pause)
}

func TestWhereSpinningDoesNotPayEachPauseIsCountedOut(t *testing.T) {
	s := spinner{pause: 3}
	for range 2 {
		assert.False(t, s.worthTrying())
		assert.False(t, s.worthTrying())
		assert.True(t, s.worthTrying(), "the third wait")
	}
}

func TestSpinnerBeginsHalfTrusting(t *testing.T) {
	s := newSpinner(SpinAuto)
	assert.Equal(t, maxTrust/2, s.trust)
	assert.Equal(t, shortPause, s.pause)
	assert.True(t, s.adaptive)
	assert.False(t, newSpinner(SpinFor(time.Second)).adaptive)
}

// With one processor the other side cannot run while this one spins; with one
// of several, only this side's goroutines have to make way.
func TestSpinnerKnowsHowManyProcessorsThereAre(t *testing.T) {
	spin := SpinFor(time.Second)
	for _, c := range []struct {
		processors, ours int
		limit            time.Duration
		lone             bool
	}{
		{1, 1, 0, true}, {2, 1, time.Second, true}, {2, 2, time.Second, false}, {8, 3, time.Second, false},
	} {
		s := spinnerOf(spin, c.processors, c.ours)
		assert.Equal(t, c.limit, s.limit, "%+v", c)
		assert.Equal(t, c.lone, s.lone, "%+v", c)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	assert.Equal(t, spinnerOf(spin, runtime.NumCPU(), 2), newSpinner(spin))
	assert.Equal(t, 2, runtime.GOMAXPROCS(0), "it only asks")
}

// Less than a call across takes would never pay; more would cost a busy machine.
func TestAutoSpinsForSomeMicroseconds(t *testing.T) {
	assert.GreaterOrEqual(t, SpinAuto.limit, 10*time.Microsecond)
	assert.LessOrEqual(t, SpinAuto.limit, 100*time.Microsecond)
}

func TestTrustHasAnEnd(t *testing.T) {
	s := spinner{limit: time.Hour, adaptive: true, trust: maxTrust - 1}
	for range 3 {
		looks := 0
		s.wait(func() bool { looks++; return looks == 2 })
		assert.Equal(t, maxTrust, s.trust)
	}
}

// Where spinning cannot help, as on a lone processor, it is not judged either.
func TestSpinWithoutALimitLearnsNothing(t *testing.T) {
	s := spinner{adaptive: true, trust: 8}
	assert.False(t, s.wait(func() bool { return false }))
	assert.Equal(t, 8, s.trust)
}
