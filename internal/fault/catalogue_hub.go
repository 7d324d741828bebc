package fault

// The names of the faults below.
const (
	FullThenRing         Name = "full-then-ring"
	NoRingOnSpace        Name = "no-ring-on-space"
	NoRingOnSlot         Name = "no-ring-on-slot"
	SlotWaitersOwnPeer   Name = "slot-waiters-own-peer-only"
	OneWordTwoMeanings   Name = "one-word-two-meanings"
	PrivateFutex         Name = "private-futex"
	TwoProducers         Name = "two-producers"
	TrustedIndex         Name = "trusted-index"
	MissingFence         Name = "missing-fence"
	HandlerOnPump        Name = "handler-on-pump"
	PumpSends            Name = "pump-sends"
	LookBeforeRegister   Name = "look-before-register"
	AnnounceOnce         Name = "announce-once"
	SlotAnnouncedOnce    Name = "slot-announced-once"
	SlotHeldForSlot      Name = "slot-held-for-slot"
	AbortFillsRing       Name = "abort-fills-ring-unrung"
	FlagTakenRingFails   Name = "flag-taken-ring-fails"
	CallerLeavesSilently Name = "caller-leaves-silently"
	AttendsUnannounced   Name = "attends-unannounced"
)

// sharing lists the faults of what several wait for: room, slots, words.
func sharing() []Entry {
	return []Entry{
		{
			Name: FullThenRing, Rule: 1, Stands: FullFirst, On: everyone, Shows: []Kind{Hung},
			Defect: "senders that come together ring once, when the last of them has pushed; one that finds the ring full sleeps for space before that",
			Seen:   "suspected in the hang's report: the ring is full before the doorbell's byte is written",
			Needs:  []Mechanism{Suppression},
			Signs:  filled.with(RingWords, usually("full")).with(HubWaiters, usually("one")),
		},
		{
			Name: NoRingOnSpace, Rule: 5, On: everyone, Shows: []Kind{Hung},
			Defect: "the consumer frees cells of a full ring and tells nobody",
			Seen:   "shmipc has no wake-up for space at all: its sender sleeps and polls",
			Needs:  []Mechanism{SilentDequeue},
			Signs:  roomy,
		},
		{
			Name: NoRingOnSlot, Rule: 5, On: everyone, Shows: []Kind{Hung},
			Defect: "a payload slot is freed and nobody who waits for one is told",
			Seen:   "shmipc's senders run out of buffers under load and are told so by a retry, if ever (shmipc-go#32, #37 to #39)",
			Needs:  []Mechanism{SharedSlots},
			Signs:  slotless,
		},
		{
			Name: SlotWaitersOwnPeer, Rule: 5, On: everyone, Shows: []Kind{Hung},
			Defect: "a freed slot is offered only to the peer whose link it was freed on",
			Seen:   "the system that this replaces told the peer at hand only (docs/ARCHITECTURE.md)",
			Needs:  []Mechanism{SharedSlots},
			Signs:  slotless,
		},
		{
			Name: OneWordTwoMeanings, Rule: 5, On: []string{"futex"}, Shows: []Kind{Hung},
			Defect: "several sleepers share one futex word, a ring wakes one of them, and it may be one that the ring was not for",
			Seen:   "a futex wake names a word, not a sleeper, and says nothing more (futex(2)); rings for data and for space shared a word in the system that this replaces",
			Immune: "each doorbell has a descriptor of its own, which one goroutine sleeps on",
			Needs:  []Mechanism{SharedWord},
			Signs:  asleep.with(RingWords, usually("unread", "full", "empty")).with(HubWaiters, usually("one")).with(PluginStack, usually("futex")),
		},
		{
			Name: PrivateFutex, Rule: 0, On: []string{"futex"}, Shows: []Kind{Hung},
			Defect: "the futex calls carry FUTEX_PRIVATE_FLAG, which confines a wake-up to one process",
			Seen:   "Go's own runtime uses the private calls, which are right within one process only (futex(2))",
			Immune: "a descriptor is the same file in both processes",
			Needs:  []Mechanism{PrivateWord},
			Signs:  asleep.with(PluginStack, usually("futex")).with(Answered, usually("none")),
		},
	}
}

// indices lists the faults of the indices of a ring, and of what is read beside
// them.
func indices() []Entry {
	return []Entry{
		{
			Name: TwoProducers, Rule: 8, On: everyone, Shows: []Kind{Corrupt, Failed, Hung},
			Defect: "senders of one link push into the ring without taking turns",
			Seen:   "shmipc's queue needs a mutex within the process for the same reason",
			Window: "a second push between the filling of a cell and the index that hands it over",
			Needs:  []Mechanism{SeveralSenders},
			Signs:  lost.with(FullRing, usually("no", "yes")),
		},
		{
			Name: TrustedIndex, Rule: 10, On: everyone, Shows: []Kind{Corrupt, Failed, Hung},
			Defect: "the consumer takes the producer's index as it stands in shared memory, without a look at whether it can be",
			Seen:   "Xen's paravirtual drivers read and trusted what the other side could write (XSA-155, CVE-2015-8550)",
			Window: "a peer that stores nonsense, which no sound one does",
			Needs:  []Mechanism{UncheckedIndex, NonsensePeer},
			Signs:  inverted.with(MendedBy, mostly()).with(SameCall, mostly("no", "yes")),
		},
		{
			Name: MissingFence, Rule: 1, On: everyone, Shows: []Kind{Hung},
			Defect: "the consumer reads the sender's flag before it has stored the index that makes room",
			Seen:   "a load may overtake an earlier store in every processor's memory model; without a fence the flag is read too early (TSO model)",
			Window: "the sender's announcement and its last look, between the two",
			Needs:  []Mechanism{SpaceAnnouncement},
			Signs:  roomy,
		},
	}
}

// pump lists the faults of the goroutine that receives.
func pump() []Entry {
	return []Entry{
		{
			Name: HandlerOnPump, Rule: 7, Stands: ChildBlocks, On: everyone, Shows: []Kind{Hung}, Inproc: true,
			Defect: "handlers run on the goroutine that receives, so one that blocks stops all frames",
			Seen:   "the hang's report lists it as fixed: a blocking child process in a handler, on the runtime's only thread; shmipc runs handlers with its dispatcher's lock held",
			Needs:  []Mechanism{HandlerOnReceiver},
			Signs:  blocked.with(Children, usually("yes").orElse("no")).with(MendedBy, mostly("async-wait", "limit")),
		},
		{
			Name: PumpSends, Rule: 7, Stands: FutexBlocks, On: everyone, Shows: []Kind{Hung},
			Defect: "the goroutine that receives waits for room in order to send what its frames ask for",
			Seen:   "the hang's report lists it as fixed: a blocking futex wait for space froze the plugin's only thread",
			Window: "both rings full at once",
			Needs:  []Mechanism{ReceiverSends, BlockingWait},
			Signs:  blocked.with(FullRing, usually("yes")).with(RingWords, usually("full")).with(PluginStack, usually("futex")),
		},
	}
}

// found lists the faults that were bugs of this repository, and what its own
// refinements could break.
func found() []Entry {
	return []Entry{
		{
			Name: LookBeforeRegister, Rule: 1, Stands: NoFirstLook, On: []string{"futex"}, Shows: []Kind{Hung},
			Defect: "a waiter looks for its token, then joins those whom the process's leader wakes",
			Seen:   "wake/futex had it: two doorbells of one process hung within a minute under the race detector (CHANGELOG.md)",
			Immune: "waiters do not share a sleeper: each polls its own descriptor",
			Window: "a token that the leader sees between the look and the joining",
			Needs:  []Mechanism{Announcement, SharedWord},
			Signs:  asleep.with(PluginStack, usually("futex")),
		},
		{
			Name: AnnounceOnce, Rule: 5, On: everyone, Shows: []Kind{Hung},
			Defect: "a sender announces once that it waits for room, wakes to a ring that is full, and sleeps again unannounced",
			Seen:   "this repository's benchmark had it: both sides asleep, ring empty (CHANGELOG.md)",
			Window: "room used up, and the ring full again, before the consumer takes the announcement",
			Needs:  []Mechanism{SpaceAnnouncement},
			Signs:  roomy,
		},
		{
			Name: SlotAnnouncedOnce, Rule: 5, On: everyone, Shows: []Kind{Hung},
			Defect: "a sender announces once that it waits for a slot, wakes to find it taken, and sleeps again unannounced",
			Seen:   "a plugin in Rust, written from docs/PROTOCOL.md when the page did not say that an announcement holds for one wake-up",
			Window: "the slot that came free taken by somebody else before the sender looks",
			Needs:  []Mechanism{SharedSlots},
			Signs:  slotless,
		},
		{
			Name: SlotHeldForSlot, Rule: 16, On: everyone, Shows: []Kind{Hung},
			Defect: "a sender has filled one slot, and keeps it while it waits for the next: all slots are held by those who wait for one",
			Seen:   "a plugin in Rust, written from docs/PROTOCOL.md when the page had no such rule: it stood still 9 times in 240,000 calls on rings of 4 with 19 slots, and never in 5.5 million on an ordinary hub",
			Window: "as many senders as there are slots, or a payload that needs them all",
			Needs:  []Mechanism{SharedSlots},
			Signs:  slotless.with(SlotsFree, usually("none")).with(MendedBy, mostly("reply")),
		},
		{
			Name: AbortFillsRing, Rule: 1, On: everyone, Shows: []Kind{Hung},
			Defect: "aborts of payloads in pieces are pushed and not rung for, and the frame behind them finds the ring full",
			Seen:   "transport/hub had it (commit \"aborts are rung for, also where nothing fits behind them\")",
			Needs:  []Mechanism{Pieces},
			Signs:  filled,
		},
		{
			Name: FlagTakenRingFails, Rule: 11, On: everyone, Shows: []Kind{Hung},
			Defect: "a ring that took the sleeper's flag fails to leave the token, and the link goes on",
			Seen:   "transport/hub had it (commit \"a doorbell that cannot ring ends the link\"): nobody would ever ring that sleeper again",
			Needs:  []Mechanism{Announcement},
			Signs:  asleep,
		},
		{
			Name: CallerLeavesSilently, Rule: 11, On: everyone, Shows: []Kind{Hung},
			Defect: "a caller that received in its pump's place goes without leaving what it has not looked at to the pump",
			Seen:   "the hand-over that gVisor's sleepers and this hub's callers need (pairs with: caller-leaves); without it a ring that chose the caller is a ring of nobody",
			Window: "a frame rung for after the caller's last look",
			Needs:  []Mechanism{StandIn},
			Signs:  asleep,
		},
		{
			Name: AttendsUnannounced, Rule: 1, On: everyone, Shows: []Kind{Hung},
			Defect: "a caller that has said that it is about to look sleeps without announcing itself, as its word is set already",
			Seen:   "the mistake that a word of three values invites (package wake, S0): nobody need ring a caller that attends, since it looks again, and somebody must ring one that sleeps",
			Needs:  []Mechanism{StandIn},
			Signs:  asleep,
		},
	}
}
