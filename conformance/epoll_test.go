//go:build ddcfault

package conformance_test

import (
	"strings"
	"testing"

	"ddc/conformance"
	"ddc/conformance/scenario"
	"ddc/internal/fault"
	"ddc/transport"
	"ddc/wake"
)

// The control of the faults of an event loop: without any, sleeping through one
// is as sound as sleeping in poll.
func TestEventLoopIsSound(t *testing.T) {
	for _, name := range strategyNames() {
		if !strings.HasSuffix(name, fault.EpollSuffix) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			conformance.TestWaker(t, byName(t, name))
			conformance.TestTransport(t, func(room scenario.Room) (transport.Transport, error) {
				return newHub(room, byName(t, name)(), wake.SpinOff)
			})
		})
	}
}
