//go:build !ddcfault

package matrix

import (
	"ddc/wake"
	"ddc/wake/strategy"
)

// byName knows the strategies that this build has.
func byName(name string) (wake.Strategy, error) { return strategy.ByName(name) }
