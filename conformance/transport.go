package conformance

import (
	"testing"

	"ddc/conformance/scenario"
	"ddc/transport"
)

// TestTransport judges a transport, only through transport.Transport and
// transport.Link. Each call of make makes one, with the room asked for. To have
// sleepers judged by their state, make the transport on the wakers of a
// scenario.Observer, and embed both in what make returns.
func TestTransport(t *testing.T, make func(scenario.Room) (transport.Transport, error)) {
	seed := chooseSeed(t)
	for _, p := range scenario.Transports() {
		t.Run(p.Name, func(t *testing.T) {
			e := &scenario.LinkEnv{New: make, Seed: seed}
			if testing.Short() {
				e.Rounds = 60
			}
			if err := p.Run(t.Context(), e); err != nil {
				t.Errorf("%v\nbroken by the transport, seed %d: %v\n%s", scenario.RuleOf(p.Rule, err), seed, err, again(t, seed))
			}
		})
	}
}
