//go:build !ddcfault

package conformance_test

import (
	"ddc/wake"
	"ddc/wake/strategy"
)

func strategyNames() []string { return strategy.Names() }

func strategyByName(name string) (wake.Strategy, error) { return strategy.ByName(name) }

// serveCell runs a cell of the table of faults, where there are faults.
func serveCell() {}
