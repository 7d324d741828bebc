package host

import (
	"sync"
	"time"
)

// How much a plugin may have logged: at once, each second after that, and in
// all its runs together. Each line counts lineCost more than its bytes, since
// the host adds the plugin's name and the level.
const (
	logBurst = 1 << 20
	logRate  = 64 << 10
	logSum   = 8 << 20
	lineCost = 64
)

// dropPause is how long the host waits between reads of output that it drops. A
// pipe holds 64 KiB, so a plugin that is not heard writes at most 16 MB a
// second, and the host reads 250 times.
const dropPause = 4 * time.Millisecond

// allowance is what one plugin may still log. It also counts what was dropped.
type allowance struct {
	now func() time.Time

	mu      sync.Mutex
	left    int64     // of the burst
	at      time.Time // when that was reckoned
	passed  int64     // with the cost of lines
	written int64     // all bytes
	dropped int64
	over    bool // the last line was dropped
}

func newAllowance(now func() time.Time) *allowance {
	return &allowance{now: now, left: logBurst, at: now()}
}

// take says whether a line may be logged. kept and cut are how many of its
// bytes were kept and cut off.
func (a *allowance) take(kept, cut int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	// A part of a byte is left over for the next line.
	if gained := int64(now.Sub(a.at).Seconds() * logRate); gained > 0 {
		a.left, a.at = min(a.left+gained, logBurst), now
	}
	a.written += int64(kept + cut)
	a.dropped += int64(cut)
	cost := int64(kept + lineCost)
	a.over = cost > a.left || a.passed+cost > logSum
	if a.over {
		a.dropped += int64(kept)
		return false
	}
	a.left -= cost
	a.passed += cost
	return true
}

// dropping says whether the last line was dropped.
func (a *allowance) dropping() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.over
}

// sums are the bytes that the plugin wrote in lines, and how many of them were
// dropped.
func (a *allowance) sums() (written, dropped int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.written, a.dropped
}
