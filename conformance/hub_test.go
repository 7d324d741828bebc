package conformance_test

import (
	"testing"

	"ddc/conformance"
	"ddc/conformance/scenario"
	"ddc/slot"
	"ddc/transport"
	"ddc/transport/hub"
	"ddc/wake"
	"ddc/wake/strategy"
)

// seenHub is a hub whose sleepers can be seen.
type seenHub struct {
	*hub.Hub
	*scenario.Observer
}

func (h seenHub) Name() string { return h.Hub.Name() }

// FreeSlots is how many slots are left for anybody.
func (h seenHub) FreeSlots() int { return h.Snapshot().FreeSlots }

func newHub(room scenario.Room, s wake.Strategy, spin wake.Spin) (transport.Transport, error) {
	o := scenario.Observe(s)
	options := hub.Options{Strategy: o, Spin: spin}
	switch room {
	case scenario.Tiny:
		options.Peers, options.Cells = 16, 2
		options.Classes = []slot.Class{{Size: 1 << 10, Count: 34, Reserve: 1}, {Size: 4 << 10, Count: 2}}
	case scenario.Bare:
		options.Classes = []slot.Class{{Size: 1 << 10, Count: 2}}
	}
	h, err := hub.Create(options)
	if err != nil {
		return nil, err
	}
	return seenHub{h, o}, nil
}

func TestHub(t *testing.T) {
	for _, name := range strategy.Names() {
		t.Run(name, func(t *testing.T) {
			conformance.TestTransport(t, func(room scenario.Room) (transport.Transport, error) {
				return newHub(room, byName(t, name)(), wake.SpinOff)
			})
		})
	}
	t.Run("spinning", func(t *testing.T) {
		conformance.TestTransport(t, func(room scenario.Room) (transport.Transport, error) {
			return newHub(room, byName(t, strategy.Default)(), wake.SpinAuto)
		})
	})
}
