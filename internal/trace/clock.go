package trace

import (
	"time"

	"ddc/internal/sys"
)

// origin ties this process's clock to the machine's: at is what CLOCK_MONOTONIC
// showed at the time when.
var origin = func() (o struct {
	when time.Time
	at   int64
}) {
	o.when = time.Now()
	o.at = sys.Monotonic()
	return o
}()

// Now is the machine's monotonic clock, in nanoseconds: the same in every
// process, to within the microsecond that it takes to ask twice at start.
func Now() int64 { return origin.at + int64(time.Since(origin.when)) }

// At is Now as it was at a time that this process took.
func At(t time.Time) int64 { return origin.at + int64(t.Sub(origin.when)) }
