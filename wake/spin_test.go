package wake

import (
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
	s, looks := spinner{limit: time.Microsecond}, 0
	assert.False(t, s.wait(func() bool { looks++; return false }))
	assert.Positive(t, looks)
}

func TestSpinFindsWhatComesInTime(t *testing.T) {
	s, looks := spinner{limit: time.Hour}, 0
	assert.True(t, s.wait(func() bool { looks++; return looks == 20 }))
}

// What does not pay is given up, but for a try now and then, and taken up again
// when it pays.
func TestAdaptiveSpinFollowsWhatPays(t *testing.T) {
	s := spinner{limit: time.Microsecond, adaptive: true, trust: maxTrust}
	never := func() bool { return false }
	for range 10 {
		s.wait(never)
	}
	require.Zero(t, s.trust)
	spun := 0
	for range 3 * probeEvery {
		looks := 0
		s.wait(func() bool { looks++; return false })
		if looks > 1 {
			spun++
		}
	}
	assert.Equal(t, 3, spun)

	s.limit = time.Hour
	for range probeEvery {
		looks := 0
		s.wait(func() bool { looks++; return looks == 2 })
	}
	assert.Positive(t, s.trust)
}
