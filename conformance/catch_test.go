package conformance_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/conformance/broken"
	"ddc/conformance/scenario"
	"ddc/internal/await"
	"ddc/transport"
	"ddc/wake"
	"ddc/wake/strategy"
)

// settleCaught is longer than a sleeper that has a token waits for a processor
// on a busy machine: else that one is found first, and reported as a token that
// is not delivered.
const settleCaught = time.Second

// catch is a fault, the program that must find it, and what it must say.
type catch struct {
	fault   string
	rule    scenario.Rule
	program string
	put     func(e *scenario.Env)
	// says is part of the error. lost asks for the verdict on a sleeper's
	// state.
	says string
	lost bool
}

func decorate(f func(wake.Strategy) wake.Strategy) func(*scenario.Env) {
	return func(e *scenario.Env) {
		sound := e.Strategy
		e.Strategy = func() wake.Strategy { return f(sound()) }
	}
}

func catches() []catch {
	return []catch{
		{fault: "DropToken", rule: 0, program: "BurstsThenSilence", lost: true,
			put: decorate(func(s wake.Strategy) wake.Strategy { return broken.DropToken(s, 5) })},
		{fault: "DropToken", rule: 0, program: "TokenLeftBeforeWaitIsNotLost", says: "pending after a ring is false",
			put: decorate(func(s wake.Strategy) wake.Strategy { return broken.DropToken(s, 5) })},
		{fault: "DropToken", rule: 0, program: "EightyWorkersOnSixteenConnections", lost: true,
			put: decorate(func(s wake.Strategy) wake.Strategy { return broken.DropToken(s, 5) })},
		{fault: "DrainBeforeWait", rule: 3, program: "RingAfterTheLastCheckIsNotDrained", lost: true,
			put: decorate(broken.DrainBeforeWait)},
		{fault: "TrustTheWakeup", rule: 3, program: "StaleTokenAndSpuriousWakeAreTolerated", says: "nothing was ready",
			put: func(e *scenario.Env) { e.Bell = broken.TrustTheWakeup }},
		{fault: "FullIsForgotten", rule: 4, program: "RingInAnyLookIsNotLost", lost: true,
			put: func(e *scenario.Env) {
				sound := broken.FullIsForgotten(e.Strategy())
				e.Strategy = func() wake.Strategy { return sound }
			}},
		{fault: "PollTimeout", rule: 6, program: "WaitDoesNotPoll", says: "it polls",
			put: decorate(func(s wake.Strategy) wake.Strategy { return broken.PollTimeout(s, 100*time.Millisecond) })},
		{fault: "PendingOnce", rule: 0, program: "PendingConsumesNothing", says: "pending after having been asked is false",
			put: decorate(broken.PendingOnce)},
	}
}

// caught runs a program, with another seed each time, until it finds something,
// and, where a lost wake-up is to be found, until it finds a sleeper without a
// token: what a run meets is up to the scheduler.
func caught(run func(seed uint64) error, lost bool) (err error) {
	for seed, begun := uint64(1), time.Now(); time.Since(begun) < await.Limit; seed++ {
		var found *scenario.LostWakeup
		if err = run(seed); err != nil && (!lost || errors.As(err, &found) && found.At.Lost()) {
			break
		}
	}
	return err
}

func programNamed(t *testing.T, name string) scenario.Program {
	t.Helper()
	for _, p := range scenario.Wakers() {
		if p.Name == name {
			return p
		}
	}
	require.Failf(t, "no such program", "%s", name)
	return scenario.Program{}
}

func TestSuiteCatchesEveryFaultOnEveryStrategy(t *testing.T) {
	for _, c := range catches() {
		for _, name := range strategy.Names() {
			t.Run(c.fault+"/"+c.program+"/"+name, func(t *testing.T) {
				t.Parallel()
				e := &scenario.Env{Strategy: byName(t, name), Seed: 1, Settle: settleCaught}
				c.put(e)
				err := caught(func(seed uint64) error {
					e.Seed = seed
					return programNamed(t, c.program).Run(t.Context(), e)
				}, c.lost)
				require.Error(t, err, "the fault breaks %v", c.rule)
				var lost *scenario.LostWakeup
				if c.lost {
					require.ErrorAs(t, err, &lost)
					assert.Contains(t, err.Error(), "lost wake-up")
					assert.True(t, lost.At.Lost())
				} else {
					assert.ErrorContains(t, err, c.says)
					assert.False(t, errors.As(err, &lost), "%v", err)
				}
			})
		}
	}
}

// A waker whose tokens stay costs nothing when the key is read too late: the
// ring that came in between left one.
func TestKeyReadAfterTheCheckIsHarmlessWhereTokensStay(t *testing.T) {
	for _, name := range strategy.Names() {
		t.Run(name, func(t *testing.T) {
			e := &scenario.Env{Strategy: byName(t, name), Seed: 1, Bell: broken.KeyAfterCheck}
			for _, program := range []string{"RingInAnyLookIsNotLost", "RingBetweenCheckAndSleepIsNotDrained", "BurstsThenSilence"} {
				assert.NoError(t, programNamed(t, program).Run(t.Context(), e))
			}
		})
	}
}

func byName(t *testing.T, name string) func() wake.Strategy {
	t.Helper()
	_, err := strategyByName(name)
	require.NoError(t, err)
	return func() wake.Strategy {
		s, _ := strategyByName(name)
		return s
	}
}

// A hub whose wakers drop tokens shows as all sleepers asleep, no token, and
// frames due.
func TestSuiteCatchesAHubThatLosesWakeups(t *testing.T) {
	for _, name := range strategy.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &scenario.LinkEnv{Seed: 1, Settle: settleCaught, New: func(room scenario.Room) (transport.Transport, error) {
				return newHub(room, broken.DropToken(byName(t, name)(), 7), wake.SpinOff)
			}}
			for _, program := range []string{"LinkBurstsThenSilence", "EightyWorkersOnSixteenLinksWithTinyRings"} {
				err := caught(func(seed uint64) error {
					e.Seed = seed
					return linkProgramNamed(t, program).Run(t.Context(), e)
				}, true)
				var lost *scenario.LostWakeup
				require.ErrorAs(t, err, &lost, program)
				assert.Contains(t, err.Error(), "lost wake-up")
			}
		})
	}
}

func linkProgramNamed(t *testing.T, name string) scenario.LinkProgram {
	t.Helper()
	for _, p := range scenario.Transports() {
		if p.Name == name {
			return p
		}
	}
	require.Failf(t, "no such program", "%s", name)
	return scenario.LinkProgram{}
}
