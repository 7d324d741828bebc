package host

import (
	"sync"
	"time"
)

// What a plugin may have logged: so much at once, so much each second after that,
// and so much in all its runs together. Each line counts for lineCost more than it
// has bytes, since the host writes the plugin's name and the level beside it.
const (
	logBurst = 1 << 20
	logRate  = 64 << 10
	logSum   = 8 << 20
	lineCost = 64
)

// dropPause is how long the host waits before it reads again what it will drop. A
// pipe holds 64 KiB, so a plugin may write 16 MB each second to nobody, and the
// host looks 250 times.
const dropPause = 4 * time.Millisecond

// allowance is what is left of that for one plugin. It counts what was dropped.
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

// take says whether a line may be logged, of which so many bytes were kept and so
// many cut.
func (a *allowance) take(kept, cut int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	// What is less than a byte is left for the next line to reckon with.
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

// sums are the bytes that the plugin wrote in lines, and how many of them were dropped.
func (a *allowance) sums() (written, dropped int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.written, a.dropped
}
