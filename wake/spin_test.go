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
	var s spinner
	s.init(SpinOff)
	looks := 0
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

// made is a clock that stands until it is put on.
type made struct{ time.Time }

func (m *made) now() time.Time { return m.Time }

func adaptive(trust int) spinner {
	return spinner{limit: autoLimit, adaptive: true, trust: trust, pause: shortPause}
}

// spend spins in vain for as long as the spinner likes, and says how long.
func (m *made) spend(s *spinner, waits int) (vain time.Duration) {
	for range waits {
		if took := s.tryFor(m.now); took > 0 {
			s.failed(took, m.now)
			vain += took
		}
	}
	return vain
}

// What does not pay is given up, but for a burst after each of ever longer
// pauses.
func TestAdaptiveSpinGivesUpWhatDoesNotPay(t *testing.T) {
	clock, s := &made{time.Unix(1, 0)}, adaptive(maxTrust)
	vain := clock.spend(&s, 10)
	require.Zero(t, s.trust)
	assert.Equal(t, 7*autoLimit, vain, "trust of 64 is halved seven times")
	assert.Equal(t, burstTime, clock.spend(&s, 10*waitsPerLook), "the first burst is due at once")
	for pause := shortPause; pause < longPause; pause *= pauseGrowth {
		clock.Time = clock.Add(pause - 1)
		assert.Zero(t, clock.spend(&s, 10*waitsPerLook), "before %v", pause)
		clock.Time = clock.Add(1)
		assert.Equal(t, burstTime, clock.spend(&s, 10*waitsPerLook), "after %v", pause)
	}
	for range 3 {
		clock.Time = clock.Add(longPause)
		assert.Equal(t, burstTime, clock.spend(&s, 10*waitsPerLook), "the pause grows no more, and does not last for ever")
	}
}

// A burst that pays ends as soon as spinning is trusted, and shortens the pause
// that had grown.
func TestBurstThatPaysIsTrusted(t *testing.T) {
	clock, s := &made{time.Unix(1, 0)}, adaptive(0)
	s.pause = longPause
	clock.spend(&s, waitsPerLook-1)
	for range maxTrust / 8 {
		require.Equal(t, burstLimit, s.tryFor(clock.now))
		s.paid()
	}
	assert.Equal(t, maxTrust, s.trust)
	assert.Equal(t, longPause/pauseGrowth, s.pause)
	assert.Equal(t, autoLimit, s.tryFor(clock.now), "no burst any more")
	for range 10 {
		s.paid()
	}
	assert.Equal(t, shortPause, s.pause)
}

// A wait begins a burst only if the clock says so, and the clock is asked
// seldom.
func TestClockIsAskedSeldom(t *testing.T) {
	s, asked := adaptive(0), 0
	s.due = time.Unix(1, 0)
	for range 100 * waitsPerLook {
		require.Zero(t, s.tryFor(func() time.Time { asked++; return time.Unix(0, 0) }))
	}
	assert.Equal(t, 100, asked)
}

// A ring that found the other side awake makes the next wait spin. Hints that
// were followed in vain are followed ever more seldom, until one is not.
func TestSpinThatIsExpectedToPayIsTried(t *testing.T) {
	clock := &made{time.Unix(1, 0)}
	d := Doorbell{spin: adaptive(0)}
	s := &d.spin
	s.due = clock.Add(time.Hour)
	require.Zero(t, s.tryFor(clock.now))
	d.Expect()
	assert.Equal(t, autoLimit, s.tryFor(clock.now))
	s.failed(autoLimit, clock.now)
	for range 3 {
		assert.Zero(t, s.tryFor(clock.now), "one hint, one try")
	}
	var passedOver []int // hints before each that was followed
	for hints := 0; len(passedOver) < 12; {
		d.Expect()
		if took := s.tryFor(clock.now); took > 0 {
			passedOver = append(passedOver, hints)
			hints = 0
			s.failed(took, clock.now)
		} else {
			require.Zero(t, s.tryFor(clock.now), "a hint that is passed over is gone")
			hints++
		}
	}
	assert.Equal(t, []int{1, 3, 7, 15, 31, 63, 127, 255, 511, mostMissed, mostMissed, mostMissed}, passedOver)
	for d.Expect(); s.tryFor(clock.now) == 0; d.Expect() {
	}
	s.paid()
	s.trust = 0
	d.Expect()
	assert.Equal(t, autoLimit, s.tryFor(clock.now))
}

func TestSpinnerBeginsHalfTrusting(t *testing.T) {
	var s, fixed spinner
	s.init(SpinAuto)
	assert.Equal(t, maxTrust/2, s.trust)
	assert.Equal(t, shortPause, s.pause)
	assert.True(t, s.adaptive)
	fixed.init(SpinFor(time.Second))
	assert.False(t, fixed.adaptive)
}

func TestBellSpinsAsItIsTold(t *testing.T) {
	var told spinner
	told.init(SpinFor(time.Second))
	assert.Equal(t, &told, &NewDoorbell(new(Words), mute{}, SpinFor(time.Second)).spin)
}

// What is there already says nothing about how well a spin would pay.
func TestWaitThatFindsAtOnceLeavesTheHint(t *testing.T) {
	s := adaptive(0)
	s.awake.Store(true)
	assert.True(t, s.wait(func() bool { return true }))
	assert.True(t, s.awake.Load())
	assert.Zero(t, s.trust)
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
		var s spinner
		s.initOn(spin, c.processors, c.ours)
		assert.Equal(t, c.limit, s.limit, "%+v", c)
		assert.Equal(t, c.lone, s.lone, "%+v", c)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	var asked, told spinner
	asked.init(spin)
	told.initOn(spin, runtime.NumCPU(), 2)
	assert.Equal(t, &told, &asked)
	assert.Equal(t, 2, runtime.GOMAXPROCS(0), "it only asks")
}

// Less than a call across takes would never pay; more would cost a busy
// machine.
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

// A spin is judged once, by how it ended.
func TestSpinIsJudgedByWhatItFound(t *testing.T) {
	s := spinner{limit: time.Microsecond, adaptive: true, trust: 16}
	s.wait(func() bool { return false })
	assert.Equal(t, 8, s.trust)
	s.limit = time.Hour
	looks := 0
	s.wait(func() bool { looks++; return looks == 2 })
	assert.Equal(t, 16, s.trust)
}

// Where spinning cannot help, as on a lone processor, it is not judged either.
func TestSpinWithoutALimitLearnsNothing(t *testing.T) {
	s := spinner{adaptive: true, trust: 8, burst: burstTime}
	assert.False(t, s.wait(func() bool { return false }))
	assert.Equal(t, 8, s.trust)
}
