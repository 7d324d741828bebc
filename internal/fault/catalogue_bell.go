package fault

// The names of the faults below.
const (
	CheckBeforeAnnounce Name = "check-before-announce"
	DrainAfterCheck     Name = "drain-after-check"
	KeyAfterCheck       Name = "key-after-check"
	PlainStore          Name = "plain-store"
	TimeoutHeals        Name = "timeout-heals"
	SuppressedDrained   Name = "suppressed-then-drained"
	RingBeforePublish   Name = "ring-before-publish"
	WrongPeerDoorbell   Name = "wrong-peer-doorbell"
	MovedDoorbell       Name = "moved-doorbell"
	EAGAINDropsToken    Name = "eagain-drops-token"
	EAGAINIsFatal       Name = "eagain-is-fatal"
	EINTRIsFatal        Name = "eintr-is-fatal"
	RingerDies          Name = "ringer-dies-before-token"
)

// sleeper lists the faults of whoever waits: steps S1 to S4 of package wake.
func sleeper() []Entry {
	return []Entry{
		{
			Name: CheckBeforeAnnounce, Rule: 1, Stands: NoFirstLook, On: everyone, Shows: []Kind{Hung},
			Defect: "the sleeper looks, then announces itself, and sleeps without another look",
			Seen: "the hang's report lists it as fixed: the plugin waited without looking for pending data first; " +
				"gVisor's and shmipc's consumers look again after arming, and lose wake-ups without that look (model-checked)",
			Window: "a change between the look and the announcement",
			Needs:  []Mechanism{Announcement},
			Signs:  asleep,
		},
		{
			Name: DrainAfterCheck, Rule: 3, On: everyone, Shows: []Kind{Hung},
			Defect: "tokens are drained between the last look and the sleep, to start clean",
			Seen:   "the fourth question of the hang's report: does the plugin drain its doorbell and miss the signal? iceoryx2's listener empties its buffer of tokens before it collects events",
			Window: "a token left between the last look and the drain",
			Needs:  []Mechanism{SeparateDrain},
			Signs:  asleep,
		},
		{
			Name: KeyAfterCheck, Rule: 2, On: []string{"futex"}, Shows: []Kind{Hung},
			Defect: "the word that the futex compares is read after the last look for tokens",
			Seen: "futex eventcount with the snapshot after the emptiness check loses wake-ups (model-checked); " +
				"the compare of futex(2) is there to prevent it, and only does if the value is older than the look",
			Immune: "a descriptor keeps its token until it is read, whatever the key: nothing is compared",
			Window: "a token left between the look and the reading of the word",
			Needs:  []Mechanism{WordCompare},
			Signs:  asleep.with(PluginStack, usually("futex")),
		},
		{
			Name: PlainStore, Rule: 1, On: everyone, Shows: []Kind{Hung},
			Defect: "the announcement is an ordinary store, not a sequentially consistent one",
			Seen: "the same protocol with a plain store of the flag or the index loses wake-ups on x86 (TSO model); " +
				"this repository had it under the race detector: 13 of 100 pairs of announcements missed each other (CHANGELOG.md)",
			Window: "a ring while the store waits in the processor's store buffer, some nanoseconds",
			Needs:  []Mechanism{Announcement},
			Signs:  asleep,
		},
		{
			Name: TimeoutHeals, Rule: 6, Stands: NoFirstLook, On: everyone, Shows: []Kind{Slow},
			Defect: "the sleeper looks before it announces itself, and a poll every 100 ms hides what that loses",
			Seen:   "ttrpc's one-second poll, and shmipc's close that lags by as much",
			Window: "a change between the look and the announcement",
			Needs:  []Mechanism{Announcement, PolledWait},
			Signs:  asleep,
		},
		{
			Name: SuppressedDrained, Rule: 3, On: everyone, Shows: []Kind{Hung}, Rare: true,
			Defect: "suppression has three states (idle, pending, notified), and tokens are drained after the state went back to idle",
			Seen: "iceoryx2's notifier as published, when model-checked: one notifier, one listener and three notifications suffice. " +
				"Stress of the same protocol showed it twice in 3.5 x 10^8 notifications, and stress of iceoryx2's own program never",
			Window: "a notification between the clearing of the state and the drain, and another that ends after it",
			Needs:  []Mechanism{Suppression},
			Signs:  asleep,
		},
	}
}

// ringer lists the faults of whoever rings, and of the tokens between the two.
func ringer() []Entry {
	return []Entry{
		{
			Name: RingBeforePublish, Rule: 1, On: everyone, Shows: []Kind{Hung},
			Defect: "the doorbell is rung before the frame is in the ring",
			Seen:   "the order that every event count forbids; folly's EventCount and the kernel's fs/eventfd.c document it as the missed wake-up",
			Window: "the sleeper's look between the ring and the publication",
			Needs:  []Mechanism{UnorderedRing},
			Signs:  asleep,
		},
		{
			Name: WrongPeerDoorbell, After: 10, Rule: 5, Stands: WrongPeer, On: everyone, Shows: []Kind{Hung},
			Defect: "after its first ten rings of a plugin the host rings that plugin's neighbour instead",
			Seen:   "suspected in the hang's report, and thought unlikely because the first calls worked",
			Needs:  []Mechanism{ManyDoorbells},
			Signs:  asleep,
		},
		{
			Name: MovedDoorbell, Rule: 11, On: files, Shows: []Kind{Hung},
			Defect: "the doorbell has been moved into the task that waits on it, so whoever is to ring has none",
			Seen:   "the hang's report has one object for both directions of a socket pair, given to the task that waits (doorbell.rs, hub_session.rs); a value in Rust has one owner",
			Immune: "a futex is a word in memory that both sides have mapped: nobody can own it alone",
			Needs:  []Mechanism{SharedDoorbell},
			Signs:  asleep.with(Answered, usually("none")),
		},
		{
			Name: EAGAINDropsToken, Rule: 4, On: everyone, Shows: []Kind{Hung},
			Defect: "the token is handed over without waiting, and dropped if the sleeper has announced itself but is not asleep yet",
			Seen:   "yamux sent its notification on a channel without room and dropped it when nobody stood there yet: Stream.Read hung for more than 24 hours in Nomad (hashicorp/yamux#127)",
			Window: "a ring between the last look and the sleep",
			Needs:  []Mechanism{Announcement, HandOver},
			Signs:  asleep,
		},
		{
			Name: EAGAINIsFatal, Rule: 4, On: everyone, Shows: []Kind{Failed, Hung},
			Defect: "EAGAIN is passed on as an error: of a full store of tokens, or of a futex word that has changed already",
			Seen:   "iceoryx2's notify fails when the kernel's buffer of notifications is full (issues 694, 925 and 1219); for a futex EAGAIN means that the wake-up has come (futex(2))",
			Window: "for a futex a ring between the look and the sleep; for a descriptor a store that is full",
			Needs:  []Mechanism{FullIsError},
			Signs:  asleep,
		},
		{
			Name: EINTRIsFatal, Rule: 9, On: files, Shows: []Kind{Failed, Hung},
			Defect: "a sleep that a signal interrupted is reported as an error",
			Seen:   "Go preempts with SIGURG, and epoll and poll return EINTR often (golang/go#20400)",
			Immune: "Linux itself goes on with a futex wait that has no time limit when the handler was installed with SA_RESTART, as all of Go's are; poll and epoll it ends",
			Window: "a signal during the sleep",
			Needs:  []Mechanism{InterruptIsError},
			Signs:  asleep,
		},
		{
			Name: RingerDies, Rule: 11, On: everyone, Shows: []Kind{Hung},
			Defect: "a peer that took the sleeper's flag is killed before it leaves the token, and whoever learns of its death rings only if the flag is up",
			Seen:   "robust futexes exist for this case (FUTEX_OWNER_DIED), and protect locks only, not wake-ups",
			Needs:  []Mechanism{Announcement, MortalRinger},
			Signs:  asleep,
		},
	}
}
