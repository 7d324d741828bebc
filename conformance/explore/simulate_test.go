//go:build explore

package explore

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// One seed is one program and one schedule of it.
func TestSeedStandsForOneSchedule(t *testing.T) {
	traces := map[uint64]bool{}
	for seed := range uint64(3) {
		c := Crowd{
			Strategy: "eventfd", Seed: seed, Peers: 4, Callers: 12, Calls: 2, Cells: 1, Slots: 2,
			Streams: 30, Leases: 30, Cancels: 20, Signals: 1, Closes: 1, Deaths: 2, Restarts: 1,
		}
		var of [2]Simulated
		for i := range of {
			var err error
			of[i], err = Simulate(c, SimulateOptions{Depths: []int{3}, Schedules: 1})
			require.NoError(t, err)
			require.Nil(t, of[i].Finding, "%v", of[i].Finding)
		}
		assert.Equal(t, of[0].Trace, of[1].Trace, "seed %d", seed)
		traces[of[0].Trace] = true
	}
	assert.Len(t, traces, 3, "schedules of three seeds")
}
