//go:build explore

package wake

import "time"

// A spin is a few looks, whatever time they take.
const looksPerYield = 2

type clock struct{ looked bool }

func now() clock { return clock{} }

func (c *clock) within(time.Duration) bool {
	again := !c.looked
	c.looked = true
	return again
}
