//go:build ddcfault

package conformance_test

import (
	"ddc/conformance/fault"
	"ddc/wake"
)

func strategyNames() []string { return fault.Strategies() }

func strategyByName(name string) (wake.Strategy, error) { return fault.ByName(name) }
