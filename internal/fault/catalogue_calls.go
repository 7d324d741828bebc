package fault

// The names of the faults below.
const (
	HandlerNeverEnds    Name = "handler-never-ends"
	BuildInsideBuild    Name = "build-inside-build"
	ReplyDropped        Name = "reply-dropped"
	StaleIndex          Name = "stale-index"
	WorkersBlocked      Name = "workers-blocked"
	LateSend            Name = "late-send"
	TwoProducersTrusted Name = "two-producers+trusted-index"
	StaleIndexTrusted   Name = "stale-index+trusted-index"
)

// calls lists the faults that are not of waking at all: whoever waits, waits
// for what nobody will do. Stacks and rings look as after a lost wake-up.
func calls() []Entry {
	return []Entry{
		{
			Name: HandlerNeverEnds, Rule: 13, On: everyone, Shows: []Kind{Hung}, Inproc: true,
			Defect: "the handler of a plugin's sixth call waits for another process, on a goroutine of its own, without a limit, and the process never ends",
			Seen: "the original of the hang's report, when it was built and driven: the code-execution plugin ran the documentation's bash samples, one of which starts a server " +
				"that never returns, and one a build inside the build. The sixth sample call hung in four runs of four, with rings empty and every doorbell sound",
			Needs: []Mechanism{ProcessWait, CallWithoutLimit},
			Signs: endless,
		},
		{
			Name: BuildInsideBuild, Rule: 13, On: everyone, Shows: []Kind{Hung}, Inproc: true,
			Defect: "as handler-never-ends, and the process that the handler waits for is as the host itself: it waits for another process, and that one for the next",
			Seen: "the original of the hang's report: the page of the sixth sample call holds a build of the site itself, whose own sixth call starts the next, and each waits for the one inside. " +
				"The commit of the report refuses a build inside a build",
			Needs: []Mechanism{ProcessWait, CallWithoutLimit, NestedRun},
			Signs: endless,
		},
		{
			Name: ReplyDropped, Rule: 12, On: everyone, Shows: []Kind{Hung}, Inproc: true,
			Defect: "a reply for which no slot is free, or that is too large, is dropped, and its caller is not told",
			Seen:   "the original of the hang's report: a send without a free slot is logged at most. With 64 callers a plugin 4 runs of 4 hung; once the send waited for a slot, 0 of 4",
			Needs:  []Mechanism{FailingReply},
			Signs: Signs{
				Children: mostly("no"), RingWords: usually("empty"), HubWaiters: usually("none"), HandlerAt: usually("ended"), TokenLeft: usually("none"),
				PluginStack: usually("epoll_wait", "poll", "futex"), SlotsFree: usually("none", "free"), FullRing: usually("no", "yes"),
				SameCall: usually("yes", "no"), GapBefore: mostly("none"), Answered: usually("some").orElse("none"), MendedBy: mostly("reply"),
			},
		},
		{
			Name: StaleIndex, Rule: 8, On: everyone, Shows: []Kind{Hung, Corrupt, Failed},
			Defect: "senders of one link take no turns: each reads the producer index once, keeps it over its wait for room, and then stores what follows it",
			Seen:   "the original of the hang's report, before its mutex: 33 runs of 42 hung, and 0 of 33 with the mutex",
			Window: "a second sender between the reading of the index and its storing",
			Needs:  []Mechanism{SeveralSenders, KeptIndex},
			Signs:  lost.with(FullRing, mostly("yes")),
		},
		{
			Name: WorkersBlocked, Rule: 7, Stands: FutexBlocks, On: everyone, Shows: []Kind{Hung},
			Defect: "a sender that waits for room blocks its thread, and a link has few: two at the host, one at the plugin. When all are taken nobody receives, nor hears that there is room",
			Seen:   "the original of the hang's report with its blocking futex wait for space: 3 runs of 3 hung with rings of 8, all 80 workers in futex; none with rings of 256",
			Window: "as many senders that find the ring full at once as there are threads",
			Needs:  []Mechanism{BlockingWait},
			Signs: Signs{
				Children: mostly("no"), RingWords: usually("full").orElse("empty", "unread"), HubWaiters: usually("all"), HandlerAt: usually("not-begun", "running"),
				TokenLeft: usually("none", "pending"), PluginStack: usually("futex").orElse("epoll_wait", "poll"), FullRing: mostly("yes"), SameCall: mostly("no"),
				GapBefore: mostly("none"), Answered: usually("some").orElse("none"), MendedBy: mostly("async-wait"),
			},
		},
		{
			Name: LateSend, Rule: 14, On: everyone, Shows: []Kind{Corrupt}, Inproc: true,
			Defect: "a sender that finds room does not ask whether its context is over: a call that its caller has given up is sent, and the plugin works on it for nobody",
			Seen: "this repository had it: a cancelled unary call was executed 50 times of 50, a cancelled stream went on for 14563 messages, and gRPC's own " +
				"cancel_after_begin failed (commit \"transport/hub: a context that is over sends nothing\")",
			Needs: []Mechanism{LateCall},
			// What the plugin works on is nobody's, and calls behind it wait. A
			// limit ends calls, and so makes more of these.
			Signs: Signs{
				Children: mostly("no"), RingWords: usually("empty"), HubWaiters: usually("none"), HandlerAt: usually("running"), TokenLeft: usually("none"),
				PluginStack: usually("epoll_wait", "poll", "futex"), FullRing: usually("no", "yes"), SameCall: mostly("no"), GapBefore: mostly("none"),
				Answered: usually("some"), MendedBy: usually("turn", "reply", "async-wait", "wake"),
			},
		},
	}
}

// compounds lists faults that hide behind another rule's check: with that
// broken too, what was an error is a hang.
func compounds() []Entry {
	return []Entry{
		{
			Name: TwoProducersTrusted, Rule: 8, Also: 10, On: everyone, Shows: []Kind{Hung, Corrupt, Failed},
			Defect: "senders of one link push without taking turns, and the consumer trusts the index: a producer's behind its own is an empty ring",
			Seen:   "the original of the hang's report: tail <= head is empty, and there is no bound",
			Window: "a second push between the filling of a cell and the index that hands it over",
			Needs:  []Mechanism{SeveralSenders, UncheckedIndex},
			Signs:  inverted.with(FullRing, usually("no", "yes")),
		},
		{
			Name: StaleIndexTrusted, Rule: 8, Also: 10, On: everyone, Shows: []Kind{Hung, Corrupt, Failed},
			Defect: "senders keep an index that they have read over their wait for room, and both ends trust the other's: the consumer says empty, the producer full, for ever",
			Seen:   "the original of the hang's report, to the letter of its claim: 13 of 330 hung plugins slept over a ring whose producer index had run back behind the consumer's",
			Window: "a second sender between the reading of the index and its storing",
			Needs:  []Mechanism{SeveralSenders, KeptIndex, UncheckedIndex},
			Signs:  inverted.with(FullRing, mostly("yes")),
		},
	}
}
