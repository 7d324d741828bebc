package eventfd_test

import (
	"testing"

	"ddc/conformance"
	"ddc/wake"
	"ddc/wake/eventfd"
)

var strategy = func() wake.Strategy { return eventfd.Strategy{} }

func TestMain(m *testing.M)        { conformance.Main(m, strategy) }
func TestConformance(t *testing.T) { conformance.TestWaker(t, strategy) }
