//go:build ddcfault

package faultmatrix

import (
	"ddc/conformance/fault"
	"ddc/wake"
)

// byName knows those that sleep as an event loop does, too.
func byName(name string) (wake.Strategy, error) { return fault.ByName(name) }
