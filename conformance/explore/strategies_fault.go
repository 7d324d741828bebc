//go:build explore && ddcfault

package explore

import (
	"ddc/conformance/broken"
	"ddc/wake"
)

// byName makes a strategy of that name, event loops among them.
func byName(name string) (wake.Strategy, error) { return broken.ByName(name) }
