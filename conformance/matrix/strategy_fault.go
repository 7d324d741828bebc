//go:build ddcfault

package matrix

import (
	"ddc/conformance/broken"
	"ddc/wake"
)

// byName knows those that sleep as an event loop does, too.
func byName(name string) (wake.Strategy, error) { return broken.ByName(name) }
