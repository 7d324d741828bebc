package fault

// Mechanism is a part of a design without which a fault cannot exist. A system
// that does not have the mechanism is free of the fault, whatever was seen of it.
type Mechanism string

// The mechanisms. What each is, [Mechanisms] says.
const (
	Announcement        Mechanism = "announcement"
	Suppression         Mechanism = "suppression"
	SpaceAnnouncement   Mechanism = "space-announcement"
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
	SharedSlots         Mechanism = "shared-slots"
	Pieces              Mechanism = "pieces"
	StandIn             Mechanism = "stand-in"
	BlockingWait        Mechanism = "blocking-wait"
	HandlerOnReceiver   Mechanism = "handler-on-receiver"
	FailingReply        Mechanism = "failing-reply"
	ProcessWait         Mechanism = "process-wait"
	CallWithoutLimit    Mechanism = "call-without-limit"
)

// MechanismEntry says what a mechanism is, as a question about a system.
type MechanismEntry struct {
	Name     Mechanism
	Question string
}

// Mechanisms lists them all.
func Mechanisms() []MechanismEntry {
	return []MechanismEntry{
		{Announcement, "Does a sleeper announce that it is about to sleep, and does a ringer look at that before it leaves a token?"},
		{Suppression, "May a ring be left out, because an earlier one or another sender's is thought to do?"},
		{SpaceAnnouncement, "Is a sender that waits for ring space told only if it has announced that?"},
		{SeparateDrain, "Are tokens thrown away in a step of its own, after the last look and before the sleep?"},
		{UnorderedRing, "Is there any place that rings before the frame is in the ring?"},
		{WordCompare, "Does the sleep compare a word that is read apart from the last look (a futex)?"},
		{PrivateWord, "Are futex calls between processes made with FUTEX_PRIVATE_FLAG?"},
		{SharedWord, "Do several sleepers of different purpose wait on one word?"},
		{PolledWait, "Does a wait end by itself after a while, and look again?"},
		{ManyDoorbells, "Does one sender choose among several doorbells?"},
		{SharedDoorbell, "Are both ends of a doorbell one object, which a single task can own?"},
		{HandOver, "Is a token dropped if the sleeper is not asleep yet?"},
		{FullIsError, "Is EAGAIN, from a full store of tokens or a changed word, reported as an error?"},
		{InterruptIsError, "Is EINTR reported as an error?"},
		{MortalRinger, "Can a process end between taking a sleeper's flag and leaving the token?"},
		{ConcurrentReadiness, "Is readiness cached in user space, and can an edge come in between the read that finds nothing and the clearing?"},
		{ChangedRegistration, "Is a doorbell's descriptor registered with epoll late, or removed from it in use?"},
		{SeveralSenders, "Can two senders store one producer index without taking turns?"},
		{KeptIndex, "Does a sender keep an index that it has read over its wait for room?"},
		{UncheckedIndex, "Does the consumer take the producer's index without a look at whether it can be?"},
		{SharedSlots, "Do several peers share payload slots, so that one waits for what another frees?"},
		{Pieces, "Can a payload in several frames be given up half-way?"},
		{StandIn, "Can a caller receive in the place of the goroutine that receives otherwise?"},
		{BlockingWait, "Does a wait for ring space block a thread that the runtime needs for other work?"},
		{HandlerOnReceiver, "Do handlers run on the task that receives?"},
		{FailingReply, "Can a reply fail to be sent (no slot, too large) without an error to its caller?"},
		{ProcessWait, "Does a handler wait for another process to end?"},
		{CallWithoutLimit, "Are there calls without a time limit?"},
	}
}

// needs are the mechanisms without which each fault cannot exist.
var needs = map[Name][]Mechanism{
	CheckBeforeAnnounce:  {Announcement},
	DrainAfterCheck:      {SeparateDrain},
	KeyAfterCheck:        {WordCompare},
	PlainStore:           {Announcement},
	TimeoutHeals:         {Announcement, PolledWait},
	SuppressedDrained:    {Suppression},
	RingBeforePublish:    {UnorderedRing},
	WrongPeerDoorbell:    {ManyDoorbells},
	MovedDoorbell:        {SharedDoorbell},
	EAGAINDropsToken:     {Announcement, HandOver},
	EAGAINIsFatal:        {FullIsError},
	EINTRIsFatal:         {InterruptIsError},
	RingerDies:           {Announcement, MortalRinger},
	ClearedReadiness:     {ConcurrentReadiness},
	DeregisteredFD:       {ChangedRegistration},
	LateRegistration:     {ChangedRegistration},
	ReadinessTickWraps:   {ConcurrentReadiness},
	FullThenRing:         {Suppression},
	NoRingOnSpace:        {SpaceAnnouncement},
	NoRingOnSlot:         {SharedSlots},
	SlotWaitersOwnPeer:   {SharedSlots},
	OneWordTwoMeanings:   {SharedWord},
	PrivateFutex:         {PrivateWord},
	TwoProducers:         {SeveralSenders},
	TrustedIndex:         {UncheckedIndex},
	MissingFence:         {SpaceAnnouncement},
	HandlerOnPump:        {HandlerOnReceiver},
	PumpSends:            {BlockingWait},
	LookBeforeRegister:   {Announcement, SharedWord},
	AnnounceOnce:         {SpaceAnnouncement},
	AbortFillsRing:       {Pieces},
	FlagTakenRingFails:   {Announcement},
	CallerLeavesSilently: {StandIn},
}

// Needs are the mechanisms that a design must have, all of them, for the fault to
// exist in it.
func (n Name) Needs() []Mechanism { return needs[n] }
