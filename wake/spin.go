package wake

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

// Spin says how long a sleeper looks again and again before it announces
// itself. Spinning changes what waiting costs, never whether it ends.
type Spin struct {
	// limit is the longest a spin may last; 0 is no spinning at all.
	limit time.Duration
	// adaptive spins shorter, or not at all, while spinning does not pay.
	adaptive bool
}

// SpinOff never spins. SpinAuto spins as long as that has lately paid.
var (
	SpinOff  = Spin{}
	SpinAuto = Spin{limit: autoLimit, adaptive: true}
)

// autoLimit is about what a sleep costs that a spin could have saved: a
// futex or eventfd round trip between two processes takes 5 to 25 µs
// (ddc wake bench).
const autoLimit = 30 * time.Microsecond

// SpinFor spins for up to limit each time, whether that pays or not.
func SpinFor(limit time.Duration) Spin { return Spin{limit: limit} }

// ParseSpin reads what the flag --spin takes: auto, off, or a
// duration ("20us").
func ParseSpin(s string) (Spin, error) {
	switch s {
	case "auto":
		return SpinAuto, nil
	case "off":
		return SpinOff, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > time.Second {
		return Spin{}, fmt.Errorf("spin %q is none of auto, off or a duration of at most 1s (such as 20us)", s)
	}
	return SpinFor(d), nil
}

// String is the inverse of ParseSpin.
func (s Spin) String() string {
	switch {
	case s.adaptive:
		return "auto"
	case s.limit == 0:
		return "off"
	}
	return s.limit.String()
}

// spinner is what one sleeper remembers of its spins: nothing but what waiting
// costs depends on it. The sleeper's goroutine alone touches it, but for awake.
//
// An adaptive spinner spins while that pays, which trust says. Where it does
// not, it tries again in two ways:
//
//   - A burst, after a pause that grows each time: longer spins, one after the
//     other, up to burstTime in vain. They last for as long as it takes to wake
//     a processor that the kernel has halted, so that a burst of one side alone
//     finds what it waits for, if the other side has a processor of its own.
//   - A hint: the last ring found the other side awake. It spins, then, or has
//     not gone to sleep yet, and its answer may be near. So the burst of one
//     side makes the other spin too.
type spinner struct {
	limit    time.Duration
	adaptive bool
	// trust is how well spinning pays, 0 to maxTrust: a success adds, a
	// failure of an adaptive spin halves it.
	trust int
	// burst is how long the burst under way may still spin in vain; 0 is none.
	burst time.Duration
	// waits counts those without a spin since the clock was last asked. The
	// next burst is due at due, after a pause.
	waits int
	due   time.Time
	pause time.Duration
	// awake is the hint. Any goroutine sets it. After a hint that was followed
	// in vain, missing more are not followed; next time twice as many.
	awake           atomic.Bool
	missing, missed int
	// lone says that goroutines have one processor between them. It is asked
	// once, since asking takes a lock of the runtime's.
	lone bool
}

const (
	maxTrust = 64
	// Three spins in vain end a burst.
	burstLimit = 200 * time.Microsecond
	burstTime  = 600 * time.Microsecond
	// A burst in vain costs its time, and what the other side would have done
	// if the burst kept it from running. In the end that is less than a
	// thousandth. The first pauses are short, since one caller makes seven
	// times as many calls spinning as parked: with pauses from 100 ms on, a
	// quarter of its first second went by before a burst had found that out.
	shortPause, longPause = 10 * time.Millisecond, 2 * time.Second
	// Each burst in vain makes the pause so many times longer, each that pays
	// so many times shorter: where spins pay now and then, as among more
	// processes than processors, bursts stay seldom.
	pauseGrowth = 4
	// The clock is asked at every so many-th wait.
	waitsPerLook = 32
	mostMissed   = 1023
)

func (s *spinner) init(spin Spin) { s.initOn(spin, runtime.NumCPU(), runtime.GOMAXPROCS(0)) }

// initOn is for a machine with so many processors, of which goroutines have so
// many.
func (s *spinner) initOn(spin Spin, processors, ours int) {
	s.limit, s.adaptive = spin.limit, spin.adaptive
	if processors == 1 {
		// The other side cannot run while this one spins.
		s.limit = 0
	}
	s.trust, s.lone, s.pause = maxTrust/2, ours == 1, shortPause
}

// wait spins until ready returns true, and says whether it did in time.
//
// It never offers its processor to other threads (sched_yield). Where the
// kernel has put two processes on one processor, that makes a call take
// 14 us instead of 120, but it keeps them there. With a processor for
// each, it makes a call take 20 us instead of 6. So where spinning does
// not pay, trust ends it.
func (s *spinner) wait(ready func() bool) bool {
	if ready() {
		return true
	}
	limit := s.tryFor(time.Now)
	if limit == 0 {
		return false
	}
	start := now()
	for start.within(limit) {
		for range looksPerYield {
			if ready() {
				s.paid()
				return true
			}
		}
		// What ready waits for may need another goroutine. A goroutine that was
		// just woken runs here sooner than on another processor, whose thread
		// has to wake first. A call of 64 bytes that both sides spin for takes
		// 3 to 6 us with this line, 7 to 9 without.
		runtime.Gosched()
	}
	s.failed(limit, time.Now)
	return false
}

// tryFor says how long the next spin may last; 0 is not to spin.
func (s *spinner) tryFor(now func() time.Time) time.Duration {
	switch {
	case s.limit == 0 || !s.adaptive:
		return s.limit
	case s.burst > 0:
		return burstLimit
	case s.trust > 0 || s.hinted():
		return s.limit
	}
	if s.waits++; s.waits < waitsPerLook {
		return 0
	}
	s.waits = 0
	if now().Before(s.due) {
		return 0
	}
	s.burst = burstTime
	return burstLimit
}

// hinted takes the hint, and says whether it is to be followed.
func (s *spinner) hinted() bool {
	if !s.awake.Load() {
		return false
	}
	s.awake.Store(false)
	if s.missing > 0 {
		s.missing--
		return false
	}
	// In vain, unless paid says otherwise.
	s.missed = min(2*s.missed+1, mostMissed)
	s.missing = s.missed
	return true
}

// paid is told that a spin found what it was for.
func (s *spinner) paid() {
	s.missing, s.missed = 0, 0
	if s.trust = min(s.trust+8, maxTrust); s.trust == maxTrust {
		s.burst, s.pause = 0, max(s.pause/pauseGrowth, shortPause)
	}
}

// failed is told that a spin of that length was in vain.
func (s *spinner) failed(took time.Duration, now func() time.Time) {
	if !s.adaptive {
		return
	}
	s.trust /= 2
	if s.burst == 0 {
		return
	}
	if s.burst -= took; s.burst <= 0 {
		s.burst, s.due = 0, now().Add(s.pause)
		s.pause = min(pauseGrowth*s.pause, longPause)
	}
}
