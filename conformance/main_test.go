package conformance_test

import (
	"testing"

	"ddc/conformance"
	"ddc/wake"
	"ddc/wake/strategy"
)

func TestMain(m *testing.M) {
	var strategies []func() wake.Strategy
	for i := range strategy.All() {
		strategies = append(strategies, func() wake.Strategy { return strategy.All()[i] })
	}
	conformance.Main(m, strategies...)
}
