//go:build explore && !ddcfault

package explore

import (
	"ddc/wake"
	"ddc/wake/strategy"
)

// byName makes a strategy of that name.
func byName(name string) (wake.Strategy, error) { return strategy.ByName(name) }
