package verdict

import (
	"slices"
	"strings"

	"ddc/conformance/scenario"
	"ddc/internal/fault"
)

// Cause is what a team can look for: one fault, or several that are one defect
// in different designs.
type Cause struct {
	// Title names it in a few words, Plain says what happens.
	Title, Plain string
	// Remedy is what mends it.
	Remedy string
	// sound says that the cause breaks no rule of waking: the doorbell is
	// sound.
	sound bool
	// Rulings are the rulings on its faults that are in, the best fit first.
	Rulings []Ruling
}

// family is a cause of several faults, or one that no rule of waking explains.
type family struct {
	faults               []fault.Name
	title, plain, remedy string
	sound                bool
}

// families lists these causes. Any other fault is a cause by itself. Faults of
// one family look alike from outside: only the code tells them apart.
var families = []family{
	{
		[]fault.Name{fault.HandlerNeverEnds, fault.BuildInsideBuild}, "A handler that never ends",
		"A handler waits for another process, which does not end: a server, or a program that starts the same build again. The transport is idle and sound. It only looks stuck, because nobody limits the call.",
		"Give every call a limit, end the process with the call, and refuse a build inside a build. Let the report of a hang name the call, what it works on, and the plugin's children.",
		true,
	},
	{
		[]fault.Name{fault.TwoProducers, "stale-index", "two-producers+trusted-index", "stale-index+trusted-index"}, "Two senders on one producer index",
		"Two tasks send into a ring that is made for one. Either one overwrites the other's frame, and a call is lost; or an old index is stored over a newer one, and the producer's index falls behind the consumer's. A consumer that trusts it then sees an empty ring, and the sender a full one, for ever. No time-out heals that.",
		"Put a mutex round load, enqueue and store. Make the consumer refuse an index that cannot be, loudly.",
		true,
	},
	{
		[]fault.Name{"reply-dropped"}, "A reply that cannot be sent is dropped",
		"The handler has ended, and its reply finds no free slot or is too large. The plugin logs that at most. Its caller waits for ever.",
		"Send an error in its place, in a frame that needs no slot.",
		true,
	},
	{
		[]fault.Name{"workers-blocked"}, "Every worker waits for ring space",
		"The wait for space blocks the runtime's own threads. When all of them wait, none is left to receive, so no room is ever made.",
		"Wait for space without holding a thread that receiving needs.",
		true,
	},
	{
		[]fault.Name{
			fault.CheckBeforeAnnounce, fault.DrainAfterCheck, fault.KeyAfterCheck, fault.PlainStore, fault.TimeoutHeals, fault.SuppressedDrained, fault.RingBeforePublish,
			fault.WrongPeerDoorbell, fault.MovedDoorbell, fault.EAGAINDropsToken, fault.EAGAINIsFatal, fault.EINTRIsFatal, fault.RingerDies, fault.FullThenRing,
			fault.OneWordTwoMeanings, fault.PrivateFutex, fault.LookBeforeRegister, fault.AbortFillsRing, fault.FlagTakenRingFails, fault.CallerLeavesSilently,
			fault.AttendsUnannounced,
		}, "A lost wake-up",
		"The plugin sleeps over unread frames, and no token lies in its doorbell. None was left for it, or it was thrown away.",
		"Read the sleep and the ring in the code, against the rules of waking in docs/PROTOCOL.md.",
		false,
	},
	{
		[]fault.Name{fault.ClearedReadiness, fault.DeregisteredFD, fault.LateRegistration, fault.ReadinessTickWraps}, "An event loop that does not tell",
		"The doorbell was rung, and the event loop does not say so: its readiness was cleared, or its descriptor is not registered.",
		"Look at the ring once more after readiness was cleared. Register the descriptor once, before anybody can ring.",
		false,
	},
	{
		[]fault.Name{fault.NoRingOnSpace, fault.MissingFence, fault.AnnounceOnce}, "A sender that nobody tells of room",
		"A sender waits for room in a ring that has some.",
		"Ring whoever waits after each dequeue that makes room.",
		false,
	},
	{
		[]fault.Name{fault.NoRingOnSlot, fault.SlotWaitersOwnPeer, fault.SlotAnnouncedOnce}, "A sender that nobody tells of a slot",
		"A sender waits for a payload slot, and one is free.",
		"Ring whoever waits for a slot, of any peer, when one is freed.",
		false,
	},
	{
		[]fault.Name{fault.SlotHeldForSlot}, "A sender that keeps a slot while it waits for one",
		"Every payload slot is held by somebody who waits for another.",
		"Give a slot away, or give it back, before waiting for the next.",
		false,
	},
	{
		[]fault.Name{fault.HandlerOnPump, fault.PumpSends}, "A receiver that is blocked",
		"The task that receives waits for something else than its doorbell: for a child process, or for room to send.",
		"Let the task that receives do nothing that can block.",
		false,
	},
}

// causes groups the faults that are in, the best fit first.
func causes(rulings []Ruling) []Cause {
	var all []Cause
	where := map[string]int{}
	for _, r := range rulings {
		if r.Standing != In {
			continue
		}
		c := causeOf(r.Fault)
		i, known := where[c.Title]
		if !known {
			i = len(all)
			where[c.Title] = i
			all = append(all, c)
		}
		all[i].Rulings = append(all[i].Rulings, r)
	}
	better := func(a, b Ruling) int { return b.fit() - a.fit() }
	for i := range all {
		slices.SortStableFunc(all[i].Rulings, better)
	}
	slices.SortStableFunc(all, func(a, b Cause) int { return better(a.Rulings[0], b.Rulings[0]) })
	return all
}

func causeOf(n fault.Name) Cause {
	for _, f := range families {
		if slices.Contains(f.faults, n) {
			return Cause{Title: f.title, Plain: f.plain, Remedy: f.remedy, sound: f.sound}
		}
	}
	e, ok := fault.ByName(string(n))
	if !ok {
		return Cause{Title: string(n), Plain: "Two faults at once: docs/FAULTS.md has each.", Remedy: "Mend either, and see whether the hang stays."}
	}
	return Cause{Title: string(n), Plain: upper(e.Defect) + ".", Remedy: "Keep to " + scenario.Rule(e.Rule).String() + "."}
}

// signs are the values that an observation usually has with a cause, for all of
// its faults that are in. They are nil if one of these faults says nothing
// about it.
func (c *Cause) signs(o fault.Observation) []string {
	var values []string
	for _, r := range c.Rulings {
		look, says := r.Fault.Signs()[o]
		if !says {
			return nil
		}
		for _, v := range look.Usual {
			if !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
	}
	return values
}

// faults are the names of its faults that are in.
func (c *Cause) faults() (names []string) {
	for _, r := range c.Rulings {
		names = append(names, string(r.Fault))
	}
	return names
}

// upper begins a sentence, and lower goes on with one.
func upper(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
func lower(text string) string { return strings.ToLower(text[:1]) + text[1:] }
