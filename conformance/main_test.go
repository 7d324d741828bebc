package conformance_test

import (
	"testing"

	"ddc/conformance"
	"ddc/wake"
)

func TestMain(m *testing.M) {
	serveAsPlugin()
	serveCell()
	var strategies []func() wake.Strategy
	for _, name := range strategyNames() {
		strategies = append(strategies, func() wake.Strategy { s, _ := strategyByName(name); return s })
	}
	conformance.Main(m, strategies...)
}
