//go:build explore && ddcfault

package explore

import (
	"ddc/conformance/fault"
	"ddc/wake"
)

// byName makes a strategy of that name, event loops among them.
func byName(name string) (wake.Strategy, error) { return fault.ByName(name) }
