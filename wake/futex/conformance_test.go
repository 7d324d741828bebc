package futex_test

import (
	"testing"

	"ddc/conformance"
	"ddc/wake"
	"ddc/wake/futex"
)

var strategy = func() wake.Strategy { return new(futex.Strategy) }

func TestMain(m *testing.M)        { conformance.Main(m, strategy) }
func TestConformance(t *testing.T) { conformance.TestWaker(t, strategy) }
