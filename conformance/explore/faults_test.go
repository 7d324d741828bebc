//go:build explore && ddcfault

package explore

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/fault"
	"ddc/internal/sys"
	"ddc/wake/strategy"
)

// exposing are the scenarios that show each fault.
var exposing = map[fault.Name]func(strategy string) Scenario{
	fault.CheckBeforeAnnounce: oneFrame,
	fault.DrainAfterCheck:     oneFrame,
	fault.KeyAfterCheck:       oneFrame,
	fault.PlainStore:          oneFrame,
	fault.TimeoutHeals:        oneFrame,
	fault.EAGAINDropsToken:    oneFrame,
	fault.PrivateFutex:        oneFrame,
	fault.NoRingOnSpace:       threeFrames,
	fault.MissingFence:        threeFrames,
	fault.TrustedIndex:        func(s string) Scenario { return lying("a peer that stores nonsense", s) },
	fault.SuppressedDrained:   rings,
	fault.EAGAINIsFatal:       rings,
	fault.ClearedReadiness:    rings,
	fault.LateRegistration:    rings,
	fault.EINTRIsFatal: func(s string) Scenario {
		return oneWay("a signal in any system call", s, 1, 2, signals(1))
	},
	fault.RingerDies: func(s string) Scenario { return dying("death of a sender at every step", s) },

	fault.OneWordTwoMeanings: twoOfOneProcess,
	fault.LookBeforeRegister: twoOfOneProcess,
	fault.ReadinessTickWraps: func(s string) Scenario { return neighbours("two sleepers, one rung twice", s) },
	fault.DeregisteredFD:     func(s string) Scenario { return turns("twelve calls and replies", s, 12) },

	fault.RingBeforePublish:    linkFrames(1),
	fault.MovedDoorbell:        linkFrames(1),
	fault.FlagTakenRingFails:   linkFrames(1),
	fault.AnnounceOnce:         linkFrames(3),
	fault.WrongPeerDoorbell:    func(s string) Scenario { return hubNeighbours("link: 14 frames, two peers", s, 14) },
	fault.FullThenRing:         func(s string) Scenario { return hubSenders("link: two senders", s, 1, small, 1, 1) },
	fault.TwoProducers:         func(s string) Scenario { return hubSenders("link: two senders, ring of 2", s, 2, small, 1, 1) },
	fault.NoRingOnSlot:         twoPeersPieces,
	fault.SlotWaitersOwnPeer:   twoPeersPieces,
	fault.HandlerOnPump:        func(s string) Scenario { return hubReplies("link: calls faster than the ring", s, 3) },
	fault.PumpSends:            func(s string) Scenario { return hubBothWays("link: both directions full at once", s, 3) },
	fault.SlotHeldForSlot:      loneEcho(1, 2, slotted),
	fault.SlotAnnouncedOnce:    twoPeersPieces,
	fault.AbortFillsRing:       func(s string) Scenario { return hubAborts("link: a payload given up between pieces", s) },
	fault.CallerLeavesSilently: func(s string) Scenario { return hubCaller("link: a caller in the pump's place", s, false) },
	fault.AttendsUnannounced: func(s string) Scenario {
		return hubCaller("link: a caller in the pump's place before it rings", s, true)
	},
}

func oneFrame(s string) Scenario    { return oneWay("ring of 1, 1 frame", s, 1, 1) }
func threeFrames(s string) Scenario { return oneWay("ring of 1, 3 frames", s, 1, 3) }

func rings(s string) Scenario {
	return threeRings("three rings, room for one token", s, sys.Limits{Eventfd: 1, Pipe: 1, Socket: 1})
}

func twoOfOneProcess(s string) Scenario { return twoSleepers("two sleepers of one process", s) }

func linkFrames(n int) func(string) Scenario {
	return func(s string) Scenario { return hubOneWay("link: frames, ring of 1", s, n, small) }
}

func loneEcho(cells, calls, size int) func(string) Scenario {
	return func(s string) Scenario {
		return hubLone("link: a peer of one thread, starved", s, cells, 1, calls, size)
	}
}

func twoPeersPieces(s string) Scenario {
	return hubSlots("link: two peers, payloads in pieces, one slot", s, large)
}

// Every fault shows on each strategy where it can bite, with a schedule that
// shows it again, and on none that is immune.
func TestFaults(t *testing.T) {
	for _, e := range fault.Catalogue() {
		setup, ok := exposing[e.Name]
		if !assert.True(t, ok, "no scenario exposes %s", e.Name) {
			continue
		}
		if !*all && e.Name == fault.AnnounceOnce {
			continue // it takes ten thousand schedules
		}
		strategies := e.On
		if !*all {
			strategies = e.On[len(e.On)-1:] // one will do in passing
		}
		for _, s := range strategies {
			t.Run(string(e.Name)+"/"+s, func(t *testing.T) { found(t, e, s, setup(s)) })
		}
		for _, s := range strategy.Names() {
			if !e.Bites(s) && (*all || s == strategy.Default) {
				t.Run(string(e.Name)+"/"+s+" is immune", func(t *testing.T) { immune(t, e, s, setup(s)) })
			}
		}
	}
}

func found(t *testing.T, e fault.Entry, strategy string, s Scenario) {
	fault.Switch(e.Name)
	defer fault.Switch()
	if *replay != "" {
		f, err := Replay(s, *replay)
		require.NoError(t, err)
		if f != nil {
			t.Fatal(f)
		}
		return
	}
	r, err := Shortest(s, 3, 100_000)
	require.NoError(t, err)
	require.NotNil(t, r.Finding, "%d schedules, up to %d preemptions, show nothing", r.Schedules, r.Bound)
	report(Row{Scenario: s.Name, Strategy: strategy, Fault: string(e.Name)}, races(r.Bound), r)
	if testing.Verbose() {
		t.Log(r.Finding)
	}
	assert.NotContains(t, []Kind{Panic, Endless}, r.Finding.Kind)
	// A fault that fails in a program shows as an error, or as what the check
	// was to prevent.
	if slices.Contains(e.Shows, fault.Hung) && !slices.Contains(e.Shows, fault.Failed) && !slices.Contains(e.Shows, fault.Corrupt) {
		assert.Contains(t, []Kind{LostWakeup, Deadlock}, r.Finding.Kind, r.Finding)
	}
	again, err := Replay(s, r.Finding.Replay)
	require.NoError(t, err)
	require.NotNil(t, again)
	assert.Equal(t, r.Finding.Columns, again.Columns)
	fault.Switch()
	sound, err := Replay(s, r.Finding.Replay)
	assert.True(t, err != nil || sound == nil, "without the fault the same schedule shows\n%v", sound)
}

func immune(t *testing.T, e fault.Entry, strategy string, s Scenario) {
	fault.Switch(e.Name)
	defer fault.Switch()
	r, err := Explore(s, Options{Bound: 1, Delays: true})
	require.NoError(t, err)
	report(Row{Scenario: s.Name, Strategy: strategy, Fault: string(e.Name)}, delays(1), r)
	assert.Nil(t, r.Finding, "%v", r.Finding)
}

// The event loops of the faults are sound by themselves, or what they show was
// nothing.
func TestEventLoopsAreSound(t *testing.T) {
	loops, ok := fault.ByName(string(fault.ClearedReadiness))
	require.True(t, ok)
	for _, s := range loops.On {
		for _, p := range []Scenario{oneFrame(s), rings(s), neighbours("two sleepers, one rung twice", s)} {
			t.Run(s+"/"+p.Name, func(t *testing.T) {
				explored(t, s, Planned{Scenario: p, Fast: delays(1), All: delays(2)})
			})
		}
	}
}

// A peer of one thread shows each of the rules of an end (package hub), where a
// fault breaks it.
func TestPeerOfOneThreadShowsTheFaultsOfEachRule(t *testing.T) {
	for name, s := range map[fault.Name]Scenario{
		fault.SlotHeldForSlot:   loneEcho(1, 2, slotted)(strategy.Default),
		fault.PumpSends:         loneEcho(1, 4, small)(strategy.Default),
		fault.AnnounceOnce:      loneEcho(1, 4, small)(strategy.Default),
		fault.SlotAnnouncedOnce: loneEcho(1, 3, slotted)(strategy.Default),
	} {
		if !*all && name == fault.AnnounceOnce {
			continue // it takes ten thousand schedules
		}
		t.Run(string(name), func(t *testing.T) {
			e, ok := fault.ByName(string(name))
			require.True(t, ok)
			found(t, e, strategy.Default, s)
		})
	}
}
