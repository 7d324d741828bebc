package socketpair_test

import (
	"testing"

	"ddc/conformance"
	"ddc/wake"
	"ddc/wake/socketpair"
)

var strategy = func() wake.Strategy { return socketpair.Strategy{} }

func TestMain(m *testing.M)        { conformance.Main(m, strategy) }
func TestConformance(t *testing.T) { conformance.TestWaker(t, strategy) }
