//go:build ddcfault

package conformance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/conformance/broken"
	"ddc/internal/fault"
)

// ratesVariable names the file that the rates are written to.
const ratesVariable = "DDC_RATES"

const (
	// longer is how many times the table's rounds a run has, and runs how many
	// there are on each strategy.
	longer = 5
	runs   = 3
)

// settleNarrow is longer than settleLost: a thread that only waits for a
// processor must not pass for a find.
const settleNarrow = 2 * time.Second

// How often do the suite's programs find a fault whose window is as narrow as
// it is? There is nothing to claim: what is found is chance. It is measured,
// for docs/FAULTS.md, when somebody asks for it: make rates.
func TestRatesOfNarrowWindows(t *testing.T) {
	file := os.Getenv(ratesVariable)
	if file == "" {
		t.Skip("measured by make rates, into a file")
	}
	var trials []trial
	for _, c := range broken.Narrow() {
		e, _ := fault.ByName(string(c.Fault))
		for _, s := range e.On {
			for seed := range uint64(runs) {
				trials = append(trials, trial{Catch: c, strategy: s, seed: seed})
			}
		}
	}
	runAll(t, trials, func(ctx context.Context, c *trial) {
		c.outcome, c.err = cell{Program: c.Program, Strategy: c.strategy, Seed: c.seed, Rounds: c.Rounds * longer, Settle: settleNarrow}.
			start(ctx, c.Fault, fault.NarrowVariable+"=1")
	})
	var rates []broken.Rate
	for _, c := range trials {
		require.NoError(t, c.err, c.name())
		if len(rates) == 0 || rates[len(rates)-1].Fault != c.Fault {
			rates = append(rates, broken.Rate{Fault: c.Fault, Program: c.Program, Rounds: c.Rounds * longer})
		}
		r := &rates[len(rates)-1]
		r.Runs++
		if c.caught() {
			r.Found++
		}
	}
	text, err := json.MarshalIndent(broken.Measured{Command: "make rates", Machine: machine(), Rates: rates}, "", "\t")
	require.NoError(t, err)
	assert.NoError(t, os.WriteFile(file, append(text, '\n'), 0o644))
}

// machine says on what the rates were measured, and how busy it was.
func machine() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	load, _ := os.ReadFile("/proc/loadavg")
	average, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("on %d processors with a load of %s, %s, Linux %s", runtime.NumCPU(), average, runtime.Version(), strings.TrimSpace(string(kernel)))
}
