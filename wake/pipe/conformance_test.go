package pipe_test

import (
	"testing"

	"ddc/conformance"
	"ddc/wake"
	"ddc/wake/pipe"
)

var strategy = func() wake.Strategy { return pipe.Strategy{} }

func TestMain(m *testing.M)        { conformance.Main(m, strategy) }
func TestConformance(t *testing.T) { conformance.TestWaker(t, strategy) }
