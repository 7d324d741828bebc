package wake

import (
	"fmt"
	"runtime"
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

// spinner is what one sleeper remembers of its spins. Its goroutine alone
// touches it.
type spinner struct {
	limit    time.Duration
	adaptive bool
	// trust is how well spinning pays, 0 to maxTrust: a success adds, a
	// failure of an adaptive spin halves it. At 0 only every pause-th wait
	// spins, to find out whether times have changed; pause doubles each
	// time they have not.
	trust        int
	waits, pause int
	// lone says that goroutines have one processor between them. It is asked
	// once, since asking takes a lock of the runtime's.
	lone bool
}

const (
	maxTrust = 64
	// Where all processors are busy, a try that fails can cost whatever waits
	// for this processor a time slice, some milliseconds. Hence the long pause
	// in the end.
	shortPause, longPause = 32, 1024
)

func newSpinner(s Spin) spinner { return spinnerOf(s, runtime.NumCPU(), runtime.GOMAXPROCS(0)) }

// spinnerOf is for a machine with so many processors, of which goroutines have
// so many.
func spinnerOf(s Spin, processors, ours int) spinner {
	if processors == 1 {
		// The other side cannot run while this one spins.
		s.limit = 0
	}
	return spinner{limit: s.limit, adaptive: s.adaptive, trust: maxTrust / 2, lone: ours == 1, pause: shortPause}
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
	if s.limit == 0 || !s.worthTrying() {
		return false
	}
	for start := now(); start.within(s.limit); {
		for range looksPerYield {
			if ready() {
				s.trust, s.pause = min(s.trust+8, maxTrust), shortPause
				return true
			}
		}
		// What ready waits for may need another goroutine. A goroutine that was
		// just woken runs here sooner than on another processor, whose thread
		// has to wake first. A call of 64 bytes that both sides spin for takes
		// 3 to 6 us with this line, 7 to 9 without.
		runtime.Gosched()
	}
	if s.trust == 0 {
		s.pause = min(2*s.pause, longPause)
	}
	if s.adaptive {
		s.trust /= 2
	}
	return false
}

// worthTrying says whether the next spin is likely to pay, or a try is due.
func (s *spinner) worthTrying() bool {
	if s.trust > 0 {
		return true
	}
	if s.waits++; s.waits < s.pause {
		return false
	}
	s.waits = 0
	return true
}
