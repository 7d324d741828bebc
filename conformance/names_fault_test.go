//go:build ddcfault

package conformance_test

import (
	"ddc/conformance/broken"
	"ddc/wake"
)

func strategyNames() []string { return broken.Strategies() }

func strategyByName(name string) (wake.Strategy, error) { return broken.ByName(name) }
