package broken

import "ddc/internal/fault"

// Catch says which program of package scenario catches a fault, on the
// strategies where the fault can bite, and what the program then reports.
type Catch struct {
	Fault   fault.Name
	Program string
	// Says is part of the error. Empty means the verdict by state: there is a
	// sleeper that nothing will wake.
	Says string
	// Token means that the sleeper has a token, which does not wake it.
	Token bool
	// Any means any error at all: chance decides what is harmed.
	Any bool
	// Only are the strategies that the catch is about, or nil for all on which
	// the fault can bite.
	Only []string
	// Rounds is how long the program goes on, as scenario.Env.Rounds.
	Rounds int
}

// In says whether the catch is about a strategy.
func (c Catch) In(strategy string) bool {
	e, ok := fault.ByName(string(c.Fault))
	if !ok || !e.Bites(strategy) {
		return false
	}
	for _, s := range c.Only {
		if s == strategy {
			return true
		}
	}
	return c.Only == nil
}

// Table lists what catches what. Each fault is caught on each strategy where it
// can bite, with real wakers, and with real processes if the fault is about
// processes. Package conformance's tests run it.
func Table() []Catch {
	return []Catch{
		{Fault: fault.CheckBeforeAnnounce, Program: "RingInAnyLookIsNotLost", Rounds: 100},
		{Fault: fault.DrainAfterCheck, Program: "RingBetweenCheckAndSleepIsNotDrained", Rounds: 100},
		{Fault: fault.KeyAfterCheck, Program: "RingWakesWhoWaits", Token: true, Rounds: 100},
		{Fault: fault.KeyAfterCheck, Program: "PeerProcessEchoesInBursts", Token: true, Rounds: 100},
		{Fault: fault.PlainStore, Program: "SleeperAndRingerAtTheSameMoment", Rounds: 1000},
		{Fault: fault.TimeoutHeals, Program: "AwaitDoesNotPoll", Says: "it polls", Rounds: 100},
		{Fault: fault.SuppressedDrained, Program: "BurstsThenSilence", Rounds: 300},
		{Fault: fault.EAGAINDropsToken, Program: "EightyRingersOfOneBell", Rounds: 100},
		{Fault: fault.EAGAINIsFatal, Program: "FullStoreOfTokensIsSuccess", Says: "resource temporarily unavailable", Only: fault.Files(), Rounds: 100},
		{Fault: fault.EAGAINIsFatal, Program: "RingWakesWhoWaits", Says: "resource temporarily unavailable", Only: []string{"futex"}, Rounds: 100},
		{Fault: fault.EINTRIsFatal, Program: "SignalsAreNotLostTokens", Says: "interrupted system call", Rounds: 300},
		{Fault: fault.EINTRIsFatal, Program: "SignalsHitThePeerProcess", Says: "interrupted system call", Rounds: 300},
		{Fault: fault.RingerDies, Program: "PeerProcessDiesOwingAToken", Rounds: 100},
		{Fault: fault.ClearedReadiness, Program: "RingWakesWhoWaits", Token: true, Rounds: 100},
		{Fault: fault.ClearedReadiness, Program: "PeerProcessEchoesInBursts", Token: true, Rounds: 100},
		{Fault: fault.DeregisteredFD, Program: "RingWakesWhoWaits", Token: true, Rounds: 100},
		{Fault: fault.DeregisteredFD, Program: "PeerProcessEchoesInBursts", Token: true, Rounds: 100},
		{Fault: fault.LateRegistration, Program: "TokenLeftBeforeWaitIsNotLost", Token: true, Rounds: 100},
		{Fault: fault.ReadinessTickWraps, Program: "WakeUpsOfNeighboursHideNoToken", Token: true, Rounds: 100},
		{Fault: fault.NoRingOnSpace, Program: "RoomMadeRingsTheSenderThatWaits", Rounds: 100},
		{Fault: fault.NoRingOnSpace, Program: "EightySendersThroughTinyRings", Rounds: 60},
		{Fault: fault.TrustedIndex, Program: "IndexThatNoSoundPeerStoresIsRefused", Says: "was taken for frames", Rounds: 100},
		{Fault: fault.MissingFence, Program: "EightySendersThroughTinyRings", Rounds: 60},
		{Fault: fault.OneWordTwoMeanings, Program: "ManyWaitersOfOneProcessAreAllWoken", Token: true, Rounds: 100},
		{Fault: fault.PrivateFutex, Program: "RingWakesWhoWaits", Token: true, Rounds: 100},
		{Fault: fault.PrivateFutex, Program: "PeerProcessEchoesInBursts", Token: true, Rounds: 100},
		{Fault: fault.RingBeforePublish, Program: "LinkBurstsThenSilence", Rounds: 100},
		{Fault: fault.RingBeforePublish, Program: "PeerProcessEchoesInBursts", Rounds: 100},
		{Fault: fault.WrongPeerDoorbell, Program: "EightyWorkersOnSixteenLinks", Rounds: 100},
		{Fault: fault.MovedDoorbell, Program: "LinkBurstsThenSilence", Rounds: 100},
		{Fault: fault.MovedDoorbell, Program: "PeerProcessEchoesInBursts", Rounds: 100},
		{Fault: fault.FullThenRing, Program: "EightySendersOfOneLink", Rounds: 100},
		{Fault: fault.FullThenRing, Program: "EightySendersThroughTinyRings", Rounds: 60},
		{Fault: fault.NoRingOnSlot, Program: "ReleaseLetsWaitingSendersGoOn", Rounds: 100},
		{Fault: fault.SlotWaitersOwnPeer, Program: "SlotFreedOnOneLinkServesAnother", Rounds: 60},
		{Fault: fault.TwoProducers, Program: "EightySendersOfOneLink", Any: true, Rounds: 100},
		{Fault: fault.HandlerOnPump, Program: "CallThatBlocksStopsNoOtherCall", Rounds: 100},
		{Fault: fault.PumpSends, Program: "BothDirectionsFullWithTinyRings", Rounds: 60},
		{Fault: fault.AnnounceOnce, Program: "BothDirectionsFullWithTinyRings", Rounds: 60},
		{Fault: fault.SlotAnnouncedOnce, Program: "EightyWorkersOnSixteenLinksWithTinyRings", Rounds: 100},
		{Fault: fault.SlotHeldForSlot, Program: "PayloadsOfEverySizeThroughTinyRings", Says: "by those who wait for one more", Rounds: 60},
		{Fault: fault.AbortFillsRing, Program: "PayloadsGivenUpInPiecesLeaveTheLinkWhole", Rounds: 100},
		{Fault: fault.FlagTakenRingFails, Program: "LinkBurstsThenSilence", Rounds: 100},
		{Fault: fault.CallerLeavesSilently, Program: "CallerThatLeavesInAnyLookLeavesNoFrameBehind", Rounds: 100},
		{Fault: fault.AttendsUnannounced, Program: "CallersInThePumpsPlaceComeAndGo", Rounds: 100},
		{Fault: fault.HandlerNeverEnds, Program: "HandlerEndsWithItsCall", Says: "has not ended with its call", Rounds: 100},
		{Fault: fault.BuildInsideBuild, Program: "HandlerEndsWithItsCall", Says: "has not ended with its call", Rounds: 100},
		{Fault: fault.ReplyDropped, Program: "ReplyThatCannotBeSentIsAnError", Rounds: 100},
		{Fault: fault.LateSend, Program: "ContextThatIsOverSendsNothing", Says: "were sent by a context that is over", Rounds: 100},
		{Fault: fault.StaleIndex, Program: "EightySendersOfOneLink", Any: true, Rounds: 100},
		{Fault: fault.StaleIndex, Program: "EightySendersThroughTinyRings", Any: true, Rounds: 60},
		{Fault: fault.WorkersBlocked, Program: "BothDirectionsFullWithTinyRings", Rounds: 60},
		{Fault: fault.TwoProducersTrusted, Program: "EightySendersOfOneLink", Any: true, Rounds: 100},
		{Fault: fault.StaleIndexTrusted, Program: "EightySendersThroughTinyRings", Any: true, Rounds: 60},
		{Fault: fault.LookBeforeRegister, Program: "ManyWaitersOfOneProcessAreAllWoken", Token: true, Rounds: 100},
	}
}
