//go:build !explore

package wake

import "time"

// looksPerYield is how often ready is asked between two chances for other
// goroutines.
const looksPerYield = 8

// clock is what a spin is measured by: the time at which it began.
type clock struct{ start time.Time }

func now() clock { return clock{time.Now()} }

func (c *clock) within(limit time.Duration) bool { return time.Since(c.start) < limit }
