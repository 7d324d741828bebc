package fault

import (
	"slices"
)

// Mechanism is a part of a design without which a fault cannot exist. A system
// that does not have the mechanism is free of the fault, whatever was seen of
// it.
type Mechanism string

// The mechanisms; [Mechanisms] says what each is.
const (
	Announcement        Mechanism = "announcement"
	Suppression         Mechanism = "suppression"
	SpaceAnnouncement   Mechanism = "space-announcement"
	SilentDequeue       Mechanism = "silent-dequeue"
	SeparateDrain       Mechanism = "separate-drain"
	UnorderedRing       Mechanism = "unordered-ring"
	WordCompare         Mechanism = "word-compare"
	PrivateWord         Mechanism = "private-word"
	SharedWord          Mechanism = "shared-word"
	PolledWait          Mechanism = "polled-wait"
	ManyDoorbells       Mechanism = "many-doorbells"
	SharedDoorbell      Mechanism = "shared-doorbell"
	HandOver            Mechanism = "hand-over"
	FullIsError         Mechanism = "full-is-error"
	InterruptIsError    Mechanism = "interrupt-is-error"
	MortalRinger        Mechanism = "mortal-ringer"
	ConcurrentReadiness Mechanism = "concurrent-readiness"
	ChangedRegistration Mechanism = "changed-registration"
	SeveralSenders      Mechanism = "several-senders"
	KeptIndex           Mechanism = "kept-index"
	UncheckedIndex      Mechanism = "unchecked-index"
	NonsensePeer        Mechanism = "nonsense-peer"
	SharedSlots         Mechanism = "shared-slots"
	Pieces              Mechanism = "pieces"
	StandIn             Mechanism = "stand-in"
	BlockingWait        Mechanism = "blocking-wait"
	ReceiverSends       Mechanism = "receiver-sends"
	HandlerOnReceiver   Mechanism = "handler-on-receiver"
	FailingReply        Mechanism = "failing-reply"
	ProcessWait         Mechanism = "process-wait"
	CallWithoutLimit    Mechanism = "call-without-limit"
	NestedRun           Mechanism = "nested-run"
	LateCall            Mechanism = "late-call"
)

// MechanismEntry says what a mechanism is, as a question about a system, and
// what holds in a system without it.
type MechanismEntry struct {
	Name              Mechanism
	Question, Without string
}

// Mechanisms lists them all.
func Mechanisms() []MechanismEntry {
	return []MechanismEntry{
		{Announcement, "Does a sleeper announce that it is about to sleep, and does a ringer look at that before it leaves a token?",
			"No sleeper announces itself, so no ring depends on that"},
		{Suppression, "May a ring be left out, because an earlier one or another sender's is thought to do?",
			"No ring is left out"},
		{SpaceAnnouncement, "Is a sender that waits for ring space told only if it has announced that?",
			"No sender has to announce that it waits for room"},
		{SilentDequeue, "Can the consumer make room in a full ring and wake none of the senders that wait for it?",
			"Room that is made wakes whoever waits for it"},
		{SeparateDrain, "Are tokens thrown away in a step of its own, after the last look and before the sleep?",
			"No token is thrown away between the last look and the sleep"},
		{UnorderedRing, "Is there any place that rings before the frame is in the ring?",
			"Nothing rings before the frame is in the ring"},
		{WordCompare, "Does the sleep on the doorbell compare a word (a futex) that is read apart from the last look?",
			"The sleep on the doorbell compares no word"},
		{PrivateWord, "Are futex calls between processes made with FUTEX_PRIVATE_FLAG?",
			"No futex call is confined to one process"},
		{SharedWord, "Do several sleepers of different purpose wait on one word?",
			"Sleepers of different purpose share no word"},
		{PolledWait, "Does a wait end by itself after a while, and look again?",
			"No wait ends by itself"},
		{ManyDoorbells, "Does one sender choose among several doorbells?",
			"A sender has one doorbell, and can ring no other"},
		{SharedDoorbell, "Are both ends of a doorbell one object, which a single task can own?",
			"The two ends of a doorbell are objects of their own"},
		{HandOver, "Is a token dropped if the sleeper is not asleep yet?",
			"A token stays, whether or not anybody sleeps"},
		{FullIsError, "Is EAGAIN, from a full store of tokens or a changed word, reported as an error?",
			"A full doorbell is no error"},
		{InterruptIsError, "Is EINTR reported as an error?",
			"An interrupted call is no error"},
		{MortalRinger, "Can a process end between taking a sleeper's flag and leaving the token?",
			"No process can die between a sleeper's flag and its token"},
		{ConcurrentReadiness, "Is readiness cached in user space, and can an edge come in between the read that finds nothing and the clearing?",
			"No edge can come in between the read that finds nothing and the clearing of readiness"},
		{ChangedRegistration, "Is a doorbell's descriptor registered with epoll late, or removed from it in use?",
			"The doorbell is registered with epoll once, in time, and stays so"},
		{SeveralSenders, "Can two senders store one producer index without taking turns?",
			"Senders take turns"},
		{KeptIndex, "Does a sender keep an index that it has read over its wait for room?",
			"An index is read again after each wait"},
		{UncheckedIndex, "Does the consumer take the producer's index without a look at whether it can be?",
			"The consumer checks the producer's index"},
		{NonsensePeer, "Can a peer store nonsense in shared memory by itself, being hostile or broken?",
			"No peer stores nonsense by itself"},
		{SharedSlots, "Do several peers share payload slots, so that one waits for what another frees?",
			"Nobody waits for a slot that another peer frees"},
		{Pieces, "Can a payload in several frames be given up half-way?",
			"No payload comes in several frames"},
		{StandIn, "Can a caller receive in the place of the task that receives otherwise?",
			"One task receives, and no other"},
		{BlockingWait, "Does a wait for ring space block a thread that the runtime needs for other work?",
			"A wait for room blocks no thread that is needed elsewhere"},
		{ReceiverSends, "Does the task that receives also send, and wait for room to do so?",
			"The task that receives never waits in order to send"},
		{HandlerOnReceiver, "Can a handler that blocks stop the task that receives, because both share a task or a thread?",
			"No handler can stop the task that receives"},
		{FailingReply, "Can a reply fail to be sent (no slot, too large) without an error to its caller?",
			"A reply that cannot be sent reaches its caller as an error"},
		{ProcessWait, "Does a handler wait for another process to end?",
			"No handler waits for a process"},
		{CallWithoutLimit, "Are there calls without a time limit?",
			"Every call has a limit"},
		{NestedRun, "Can what a handler runs start the same program again, which then waits in turn?",
			"Nothing that a handler runs starts the program again"},
		{LateCall, "Can a call still be sent once its caller has given it up, or its time is over?",
			"No call is sent that is over already"},
	}
}

// Needs are the mechanisms that a design must have, all of them, for the fault
// to exist in it.
func (n Name) Needs() []Mechanism {
	if e, ok := ByName(string(n)); ok {
		return e.Needs
	}
	var all []Mechanism
	for _, part := range n.Parts() {
		e, _ := ByName(string(part))
		for _, m := range e.Needs {
			if !slices.Contains(all, m) {
				all = append(all, m)
			}
		}
	}
	return all
}
