package conformance

import (
	"testing"

	"ddc/conformance/peer"
	"ddc/wake/strategy"
)

// TestPeer judges a plugin that was written elsewhere, in whatever language:
// program serves ddc.conformance.v1.Peer. It runs on every strategy, on an
// ordinary hub and on a starved one, with a quarter of the work that ddc plugin
// check has a plugin do.
func TestPeer(t *testing.T, program string, args ...string) {
	rounds := 4
	if testing.Short() {
		rounds = 8
	}
	for _, wake := range strategy.Names() {
		for _, room := range peer.Rooms() {
			for i, trial := range peer.Trials() {
				passed := t.Run(wake+"/"+room.String()+"/"+trial.Name, func(t *testing.T) {
					err := trial.Run(t.Context(), peer.Subject{Program: program, Args: args, Wake: wake, Room: room, Rounds: rounds})
					if err != nil {
						t.Errorf("broken by %s: %v", program, err)
					}
				})
				if i == 0 && !passed {
					return
				}
			}
		}
	}
}
