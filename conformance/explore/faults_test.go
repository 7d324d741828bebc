//go:build explore && ddcfault

package explore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/fault"
)

// exposing are the scenarios that show each fault.
var exposing = map[fault.Name]func(strategy string) Scenario{
	fault.CheckBeforeAnnounce:  oneFrame,
	fault.DrainAfterCheck:      oneFrame,
	fault.KeyAfterCheck:        oneFrame,
	fault.PlainStore:           oneFrame,
	fault.TimeoutHeals:         oneFrame,
	fault.SuppressedDrained:    rings,
	fault.EAGAINDropsToken:     oneFrame,
	fault.EAGAINIsFatal:        rings,
	fault.EINTRIsFatal:         interrupted,
	fault.RingerDies:           deaths,
	fault.NoRingOnSpace:        threeFrames,
	fault.MissingFence:         threeFrames,
	fault.OneWordTwoMeanings:   gate,
	fault.LookBeforeRegister:   gate,
	fault.PrivateFutex:         oneFrame,
	fault.ClearedReadiness:     rings,
	fault.LateRegistration:     rings,
	fault.RingBeforePublish:    hubFrames(1),
	fault.MovedDoorbell:        hubFrames(1),
	fault.AnnounceOnce:         hubFrames(3),
	fault.FlagTakenRingFails:   hubFrames(1),
	fault.WrongPeerDoorbell:    func(s string) Scenario { return hubNeighbours("", s, 14) },
	fault.FullThenRing:         func(s string) Scenario { return hubSenders("", s, 1) },
	fault.TwoProducers:         func(s string) Scenario { return hubSenders("", s, 2) },
	fault.NoRingOnSlot:         func(s string) Scenario { return hubSlots("", s, large) },
	fault.SlotWaitersOwnPeer:   func(s string) Scenario { return hubSlots("", s, large) },
	fault.HandlerOnPump:        func(s string) Scenario { return hubReplies("", s, 3) },
	fault.PumpSends:            func(s string) Scenario { return hubBothWays("", s, 3) },
	fault.AbortFillsRing:       func(s string) Scenario { return hubAborts("", s) },
	fault.CallerLeavesSilently: func(s string) Scenario { return hubCaller("", s) },
	fault.DeregisteredFD:       twelveTurns,
	fault.ReadinessTickWraps:   neighbouring,
}

func oneFrame(s string) Scenario     { return oneWay("", s, 1, 1) }
func threeFrames(s string) Scenario  { return oneWay("", s, 1, 3) }
func interrupted(s string) Scenario  { return oneWay("", s, 1, 2, signals(1)) }
func rings(s string) Scenario        { return planned(s, "three rings, room for one token") }
func twelveTurns(s string) Scenario  { return turns("", s, 12) }
func neighbouring(s string) Scenario { return neighbours("", s) }
func hubFrames(n int) func(string) Scenario {
	return func(s string) Scenario { return hubOneWay("", s, n, small) }
}
func gate(s string) Scenario   { return planned(s, "two sleepers of one process") }
func deaths(s string) Scenario { return planned(s, "death of a sender at every step") }

func planned(strategy, name string) Scenario {
	for _, p := range Plan(strategy) {
		if p.Name == name {
			return p.Scenario
		}
	}
	panic("no scenario is called " + name)
}

func TestFaults(t *testing.T) {
	defer fault.Switch()
	for _, e := range fault.Catalogue() {
		setup, ok := exposing[e.Name]
		if !ok {
			t.Log("NOT COVERED", e.Name)
			continue
		}
		for _, s := range e.On {
			t.Run(string(e.Name)+"/"+s, func(t *testing.T) {
				fault.Switch(e.Name)
				defer fault.Switch()
				r, err := Shortest(setup(s), 3, 30_000)
				require.NoError(t, err)
				if assert.NotNil(t, r.Finding, "%d schedules, bound %d", r.Schedules, r.Bound) {
					t.Logf("%d schedules, %d preemptions, %v\n%s", r.Schedules, r.Finding.Preemptions, r.Took, r.Finding)
				}
			})
		}
	}
}

// The event loops of the faults are sound by themselves.
func TestEventLoopsAreSound(t *testing.T) {
	for _, e := range fault.Catalogue() {
		if e.Name != fault.ClearedReadiness {
			continue
		}
		for _, s := range e.On {
			for _, p := range []Scenario{oneFrame(s), rings(s)} {
				r, err := Explore(p, Options{Bound: 2, Duration: 10 * time.Second})
				require.NoError(t, err)
				assert.Nil(t, r.Finding)
				t.Logf("%s: %d schedules, %v %v", s, r.Schedules, r.Exhausted, r.Took)
			}
		}
	}
}
