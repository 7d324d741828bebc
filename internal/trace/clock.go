package trace

import (
	"time"

	"ddc/internal/sys"
)

// origin ties this process's clock to the machine's: at is what CLOCK_MONOTONIC
// showed at the time when. The quickest of some readings counts: in the middle
// of another this process may have lost its processor.
var origin = func() (o struct {
	when time.Time
	at   int64
}) {
	quickest := time.Hour
	for range 8 {
		before := time.Now()
		at := sys.Monotonic()
		if took := time.Since(before); took < quickest {
			quickest, o.when, o.at = took, before.Add(took/2), at
		}
	}
	return o
}()

// Now is the machine's monotonic clock, in nanoseconds: the same in every
// process, to within the microsecond that it takes to ask twice at start.
func Now() int64 { return origin.at + int64(time.Since(origin.when)) }

// At is Now as it was at a time that this process took.
func At(t time.Time) int64 { return origin.at + int64(t.Sub(origin.when)) }
