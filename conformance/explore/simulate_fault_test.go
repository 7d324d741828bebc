//go:build explore && ddcfault

package explore

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/fault"
	"ddc/wake/strategy"
)

// dyingPair is for defects that a death must meet: there is little besides.
var dyingPair = Crowd{Peers: 1, Callers: 2, Calls: 1, Cells: 1, Slots: 1, Deaths: 1}

// crowdsFor are the crowds for faults that [mixed] seldom shows: few tasks and
// steps are better where many callers add nothing.
var crowdsFor = map[fault.Name]Crowd{
	fault.RingerDies:           dyingPair,
	fault.KeyAfterCheck:        {Peers: 2, Callers: 6, Calls: 1, Cells: 1, Slots: 2},
	fault.LookBeforeRegister:   {Peers: 2, Callers: 6, Calls: 1, Cells: 1, Slots: 2},
	fault.CallerLeavesSilently: {Peers: 1, Callers: 2, Calls: 1, Cells: 1, Slots: 2, Cancels: 50},
}

// mostWalks is how many schedules a fault may take at most.
const mostWalks = 20_000

// soon are faults that show in a few hundred schedules, for make test.
var soon = map[fault.Name]bool{
	fault.CheckBeforeAnnounce: true, fault.NoRingOnSlot: true, fault.SlotWaitersOwnPeer: true,
	fault.AbortFillsRing: true, fault.TwoProducers: true, fault.TrustedIndex: true,
}

// Every fault shows in random schedules of a crowd as well, though no scenario
// was made for it; and the schedule that shows it shows it again, and nothing
// without it. Left out are those of handlers that wait for a process: a crowd
// has none, and [hubProcess] shows them.
func TestSimulatedFaults(t *testing.T) {
	for _, e := range fault.Catalogue() {
		if slices.Contains(e.Needs, fault.ProcessWait) || !*all && !soon[e.Name] {
			continue
		}
		strategies := e.On
		if !*all {
			strategies = e.On[len(e.On)-1:]
		}
		for _, s := range strategies {
			t.Run(string(e.Name)+"/"+s, func(t *testing.T) { simulatedFault(t, e, s) })
		}
	}
}

func simulatedFault(t *testing.T, e fault.Entry, strategy string) {
	fault.Switch(e.Name)
	defer fault.Switch()
	if replayed(t) {
		return
	}
	c, ok := crowdsFor[e.Name]
	if !ok {
		c = mixed
	}
	c.Strategy = strategy
	r, err := Simulate(c, SimulateOptions{Depths: depths, Schedules: mostWalks})
	require.NoError(t, err)
	require.NotNil(t, r.Finding, "nothing shows: %s", r.Reached())
	assert.NotContains(t, []Kind{Panic, Endless}, r.Finding.Kind)
	t.Logf("%s: schedule %d, of depth %d and %d steps", r.Finding.Kind, r.Schedules, r.Depth, r.Finding.Steps)
	again, err := ReplayCrowd(r.Finding.Replay)
	require.NoError(t, err)
	require.NotNil(t, again)
	assert.Equal(t, r.Finding.Columns, again.Columns)
	fault.Switch()
	sound, err := ReplayCrowd(r.Finding.Replay)
	assert.True(t, err != nil || sound == nil, "without the fault the same schedule shows\n%v", sound)
}

// A finding of a crowd becomes one that people can read: in a few seconds, so
// minutes are enough on any machine.
func TestSimulatedFaultsShrink(t *testing.T) {
	fault.Switch(fault.NoRingOnSlot)
	defer fault.Switch()
	c := mixed
	r, err := Simulate(c, SimulateOptions{Depths: depths, Schedules: mostWalks})
	require.NoError(t, err)
	require.NotNil(t, r.Finding)
	small, err := Shrink(r, 10*time.Minute)
	require.NoError(t, err)
	t.Logf("%s\n%v", small.Crowd, small.Finding)
	assert.True(t, alike(r.Finding.Kind, small.Finding.Kind))
	assert.Less(t, small.Crowd.Peers, c.Peers)
	assert.Less(t, small.Crowd.Callers, c.Callers)
	assert.Less(t, small.Finding.Steps, r.Finding.Steps/2)
	again, err := ReplayCrowd(small.Finding.Replay)
	require.NoError(t, err)
	require.NotNil(t, again)
	assert.Equal(t, small.Finding.Columns, again.Columns)
}

// The event loops of the faults, and the faults where they are immune, show
// nothing.
func TestSimulatedFaultsLeaveTheImmuneAlone(t *testing.T) {
	c := mixed
	c.Strategy = "eventfd" + fault.EpollSuffix
	r, err := Simulate(c, SimulateOptions{Depths: depths, Schedules: 50})
	require.NoError(t, err)
	assert.Nil(t, r.Finding, "%v", r.Finding)
	for _, e := range fault.Catalogue() {
		if c.Strategy = strategy.Default; e.Bites(c.Strategy) {
			continue
		}
		fault.Switch(e.Name)
		r, err := Simulate(c, SimulateOptions{Depths: depths, Schedules: 5})
		fault.Switch()
		require.NoError(t, err)
		assert.Nil(t, r.Finding, "%s: %v", e.Name, r.Finding)
	}
}
