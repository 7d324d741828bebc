package fault

import "slices"

// Observation is one thing that can be looked at in a hang: "ring", "children".
type Observation string

// The observations; [Observations] says what each asks, and how to make it.
const (
	Children    Observation = "children"
	RingWords   Observation = "ring"
	HubWaiters  Observation = "hub-waiters"
	HandlerAt   Observation = "handler"
	TokenLeft   Observation = "token"
	PluginStack Observation = "plugin-stack"
	SlotsFree   Observation = "slots"
	FullRing    Observation = "full-ring"
	SameCall    Observation = "same-call"
	GapBefore   Observation = "gap"
	Answered    Observation = "answered"
	MendedBy    Observation = "mended-by"
)

// ObservationEntry says what an observation asks, what the answers are, and how
// to make it on Linux. PID is the plugin's process unless the command says
// HOST.
type ObservationEntry struct {
	Name Observation
	// Short names it before a value: "slots: none".
	Short    string
	Question string
	Values   []string
	Command  string
	// Reading says how to read what the command prints, or "".
	Reading string
}

// Observations lists them, the cheapest to make first.
func Observations() []ObservationEntry {
	return []ObservationEntry{
		{Children, "children of the plugin", "Has the plugin whose call is outstanding a child process?", []string{"yes", "no"},
			"ps --ppid PID -o pid,etime,stat,args", "a line below the head is a child; its time tells since when"},
		{RingWords, "the ring to the plugin", "What do the index words of the ring to the plugin say?", []string{"empty", "unread", "full", "inverted"},
			"ddc inspect HOST", "in another system: xxd the producer's and the consumer's word in the hub's file; inverted is a producer behind its consumer"},
		{HubWaiters, "threads of the host asleep on a word of the hub", "How many threads of the host sleep on a word of the hub?", []string{"none", "one", "all"},
			"grep HUBFILE /proc/HOST/maps; cat /proc/HOST/task/*/syscall", "futex is 202 on x86-64, and the next number its address: only one inside the mapping is a wait for ring space"},
		{HandlerAt, "the handler of the outstanding call", "How far is the handler of the outstanding call?", []string{"not-begun", "running", "ended"},
			"kill -USR1 PID", "the dump, or a line in the log where the handler begins and ends"},
		{TokenLeft, "a token in the plugin's doorbell", "Does a token lie in the plugin's doorbell?", []string{"none", "pending"},
			"ss -xp | grep pid=PID", "Recv-Q of a socket pair; for an eventfd: cat /proc/PID/fdinfo/FD"},
		{PluginStack, "the plugin's thread asleep in", "Where does the plugin's receiving thread sleep?", []string{"epoll_wait", "poll", "futex", "wait4"},
			"cat /proc/PID/task/*/syscall", "on x86-64: 232 or 281 epoll_wait, 7 poll, 202 futex, 61 wait4"},
		{SlotsFree, "slots", "Are payload slots free?", []string{"free", "none"},
			"ddc inspect HOST", "in another system: the words of the slot table in the hub's file"},
		{FullRing, "the ring full before it hung", "Was the ring full before it hung?", []string{"yes", "no"},
			"watch -n 0.1 ddc inspect HOST", "the producer's index less the consumer's, while it runs"},
		{SameCall, "the same call each time", "Is it the same call each time?", []string{"yes", "no"},
			"for i in 1 2 3 4 5; do timeout 120 COMMAND; done", "note the outstanding call of each run, and what it works on"},
		{GapBefore, "work before the hang", "Is there a gap before the hang, in which somebody works?", []string{"seconds", "none"},
			"strace -f -tt -p PID", "or the times of the last lines in the log"},
		{Answered, "calls answered before", "Were calls answered before?", []string{"some", "none"},
			"grep -c CALL LOG", "count the calls that ended"},
		{MendedBy, "it stopped with", "With which change did it stop?", []string{"limit", "turn", "reply", "async-wait", "wake"},
			"git log", "limit: a call or a handler got a limit; turn: senders take turns; reply: a reply that fails tells its caller; async-wait: no thread waits for room; wake: the doorbell or its order"},
	}
}

// Look is what a fault lets one observation be.
type Look struct {
	// Usual are the values that it has as a rule, Possible those that it can
	// have too.
	Usual, Possible []string
	// Any says that each other value is possible as well.
	Any bool
}

func usually(values ...string) Look           { return Look{Usual: values} }
func mostly(values ...string) Look            { return Look{Usual: values, Any: true} }
func (l Look) orElse(possible ...string) Look { l.Possible = possible; return l }

// Allows says whether the fault can look so at all.
func (l Look) Allows(value string) bool {
	return l.Any || slices.Contains(l.Usual, value) || slices.Contains(l.Possible, value)
}

// Signs are what a hang of a fault looks like. An observation that is not among
// them tells nothing of the fault.
type Signs map[Observation]Look

// with gives a copy in which one observation looks otherwise.
func (s Signs) with(o Observation, l Look) Signs {
	changed := Signs{o: l}
	for other, look := range s {
		if other != o {
			changed[other] = look
		}
	}
	return changed
}

// The classes of faults, by what they look like.
var (
	// asleep: the plugin sleeps over unread frames, and nobody left it a token.
	asleep = Signs{
		Children: mostly("no"), RingWords: usually("unread", "full"), HubWaiters: usually("none", "one"), HandlerAt: usually("not-begun"),
		TokenLeft: usually("none"), PluginStack: usually("epoll_wait", "poll", "futex"), SameCall: mostly("no"), GapBefore: mostly("none"),
		Answered: usually("some").orElse("none"), MendedBy: mostly("wake"),
	}
	// deaf: as asleep, with a token that the event loop does not tell of.
	deaf = asleep.with(TokenLeft, usually("pending")).with(PluginStack, usually("epoll_wait"))
	// filled: as asleep, and only once a ring is full.
	filled = asleep.with(FullRing, usually("yes"))
	// roomy: a sender waits for room, although the ring has it.
	roomy = filled.with(RingWords, usually("empty").orElse("unread")).with(HubWaiters, usually("one")).with(HandlerAt, usually("ended").orElse("not-begun"))
	// slotless: a sender waits for a slot, although there is one.
	slotless = asleep.with(RingWords, usually("empty")).with(SlotsFree, usually("free")).with(HandlerAt, usually("running", "not-begun"))
	// lost: a frame is lost between two senders, or the indices are nonsense.
	lost = Signs{
		Children: mostly("no"), RingWords: usually("empty"), HubWaiters: usually("none").orElse("one"), HandlerAt: usually("not-begun", "ended"),
		TokenLeft: usually("none"), PluginStack: usually("epoll_wait", "poll", "futex"), SameCall: mostly("no"), GapBefore: mostly("none"),
		Answered: usually("some").orElse("none"), MendedBy: mostly("turn"),
	}
	// inverted: as lost, where the consumer trusts what it reads.
	inverted = lost.with(RingWords, usually("empty", "inverted")).with(HubWaiters, usually("none", "one"))
	// blocked: the thread that receives waits for something else than its
	// doorbell.
	blocked = Signs{
		Children: mostly("no"), RingWords: usually("unread", "full", "empty"), HubWaiters: usually("none", "one"), HandlerAt: usually("running"),
		TokenLeft: usually("pending").orElse("none"), PluginStack: usually("futex", "wait4"), SameCall: mostly("no"), GapBefore: mostly("none"),
		Answered: usually("some").orElse("none"), MendedBy: mostly("async-wait"),
	}
	// endless: the handler waits for another process, and all else is idle.
	endless = Signs{
		Children: usually("yes"), RingWords: usually("empty"), HubWaiters: usually("none"), HandlerAt: usually("running"), TokenLeft: usually("none"),
		PluginStack: usually("epoll_wait", "poll", "futex"), FullRing: usually("no", "yes"), SameCall: usually("yes"), GapBefore: usually("seconds").orElse("none"),
		Answered: usually("some").orElse("none"), MendedBy: mostly("limit"),
	}
)

// Signs are what a hang of the fault looks like. A compound that has none of
// its own looks like the first of its parts.
func (n Name) Signs() Signs {
	if e, ok := ByName(string(n)); ok {
		return e.Signs
	}
	e, _ := ByName(string(n.Parts()[0]))
	return e.Signs
}
