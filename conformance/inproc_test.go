package conformance_test

import (
	"testing"

	"ddc/conformance"
	"ddc/conformance/scenario"
	"ddc/transport"
	"ddc/transport/inproc"
)

func TestInproc(t *testing.T) {
	conformance.TestTransport(t, func(scenario.Room) (transport.Transport, error) { return inproc.New(), nil })
}
