//go:build ddcfault

package conformance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/conformance/broken"
	"ddc/internal/fault"
)

// A fault stays, so a sleeper that it has lost is the same after any time. One
// that has a token may also be waiting for a processor, and is given longer; a
// sound one may be kept from running for as long as the machine is busy, and is
// given the programs' own patience.
const (
	settleLost  = 400 * time.Millisecond
	settleToken = time.Second
)

func settle(c broken.Catch) time.Duration {
	if c.Token {
		return settleToken
	}
	return settleLost
}

// patience is for how long a program that has not met a fault's window is run
// again, with another seed. On a busy machine the two that must meet seldom run
// at the same time.
const patience = 4 * time.Minute

// cellPatience ends a cell that ends by no verdict.
const cellPatience = 2 * time.Minute

// atOnce is how many cells run at a time. Most of their time they wait.
const atOnce = 4

// start runs a cell in a process of its own, with a fault on.
func (c cell) start(ctx context.Context, name fault.Name, more ...string) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, cellPatience)
	defer cancel()
	text, err := json.Marshal(c)
	if err != nil {
		return outcome{}, err
	}
	command := exec.CommandContext(ctx, "/proc/self/exe")
	command.Env = slices.Concat(os.Environ(), []string{cellVariable + "=" + string(text), fault.Variable + "=" + string(name)}, more)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return outcome{}, fmt.Errorf("run %s on %s with %s: %w\n%s", c.Program, c.Strategy, name, err, output)
	}
	var o outcome
	if err := json.Unmarshal(output, &o); err != nil {
		return o, fmt.Errorf("read what %s on %s with %s said: %w\n%s", c.Program, c.Strategy, name, err, output)
	}
	return o, nil
}

// trial is a cell of the table, and what became of it.
type trial struct {
	broken.Catch
	strategy string
	seed     uint64
	outcome  outcome
	err      error
}

func (c *trial) name() string { return fmt.Sprintf("%s/%s/%s", c.Fault, c.Program, c.strategy) }

// caught says whether the outcome is what the table says.
func (c *trial) caught() bool {
	switch {
	case c.Any:
		return c.outcome.Error != ""
	case c.Says != "" && !c.looped():
		return strings.Contains(c.outcome.Error, c.Says)
	}
	return c.outcome.Lost || c.outcome.Undelivered && (c.Token || c.looped())
}

// search runs a trial, with another seed each time, until it is found.
func (c *trial) search(ctx context.Context, settle time.Duration, found func() bool) {
	began := time.Now()
	for seed := uint64(1); c.err == nil && !found() && time.Since(began) < patience; seed++ {
		c.outcome, c.err = cell{Program: c.Program, Strategy: c.strategy, Seed: seed, Rounds: c.Rounds, Settle: settle}.start(ctx, c.Fault)
	}
}

// looped says that the program runs on an event loop, which has nobody to tell
// of an error, and stops.
func (c *trial) looped() bool { return strings.Contains(c.strategy, fault.EpollSuffix) }

// runAll runs trials, some at a time.
func runAll(t *testing.T, trials []trial, run func(ctx context.Context, c *trial)) {
	t.Helper()
	turns := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for i := range trials {
		running.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			run(t.Context(), &trials[i])
		})
	}
	running.Wait()
}

// everywhere lists the trials of the table for which want holds. In a short run
// each catch has one strategy, in turn.
func everywhere(want func(c broken.Catch, strategy string) bool) []trial {
	var trials []trial
	for n, c := range broken.Table() {
		var on []string
		for _, s := range append(broken.Strategies(), inprocName) {
			if want(c, s) {
				on = append(on, s)
			}
		}
		if testing.Short() && len(on) > 0 {
			on = on[n%len(on):][:1]
		}
		for _, s := range on {
			trials = append(trials, trial{Catch: c, strategy: s})
		}
	}
	return trials
}

func TestSuiteCatchesEveryFaultWhereItCanBite(t *testing.T) {
	trials := everywhere(func(c broken.Catch, strategy string) bool {
		e, _ := fault.ByName(string(c.Fault))
		return c.In(strategy) && slices.Contains(e.On, strategy)
	})
	runAll(t, trials, func(ctx context.Context, c *trial) { c.search(ctx, settle(c.Catch), c.caught) })
	for _, c := range trials {
		t.Run(c.name(), func(t *testing.T) {
			require.NoError(t, c.err)
			assert.True(t, c.caught(), "want %q or a lost wake-up, got %q", c.Says, c.outcome.Error)
		})
	}
}

// The control group shares no memory and wakes nobody. A fault that harms it
// all the same was never about waking.
func TestFaultsOfOtherKindsHarmTheControlGroupToo(t *testing.T) {
	for _, c := range broken.Table() {
		e, _ := fault.ByName(string(c.Fault))
		if !e.Inproc {
			continue
		}
		t.Run(string(e.Name), func(t *testing.T) {
			harmed := trial{Catch: c, strategy: inprocName}
			harmed.search(t.Context(), settleLost, func() bool { return harmed.outcome.Error != "" })
			require.NoError(t, harmed.err)
			assert.NotEmpty(t, harmed.outcome.Error)
		})
	}
}

// No program may report a fault on a strategy that is immune to it, or in the
// control group.
func TestNoFaultIsReportedWhereAStrategyIsImmune(t *testing.T) {
	trials := everywhere(func(c broken.Catch, strategy string) bool {
		e, _ := fault.ByName(string(c.Fault))
		if strategy == inprocName {
			return !e.Inproc && overLinks(c.Program)
		}
		return !e.Bites(strategy) && !strings.Contains(strategy, fault.EpollSuffix)
	})
	require.NotEmpty(t, trials)
	runAll(t, trials, func(ctx context.Context, c *trial) {
		c.outcome, c.err = cell{Program: c.Program, Strategy: c.strategy, Seed: 1, Rounds: c.Rounds}.start(ctx, c.Fault)
	})
	for _, c := range trials {
		t.Run(c.name(), func(t *testing.T) {
			require.NoError(t, c.err)
			assert.Empty(t, c.outcome.Error)
		})
	}
}
