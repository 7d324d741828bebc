//go:build explore

package explore

import (
	"flag"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/wake/strategy"
)

var (
	all    = flag.Bool("explore.all", false, "search each scenario as far as make prove does")
	replay = flag.String("explore.replay", "", "run the one schedule of this token")
)

// Garbage is most of what a schedule leaves.
func init() { debug.SetGCPercent(800) }

// On the code as it is no schedule of any scenario shows a defect.
func TestScenarios(t *testing.T) {
	for _, s := range strategy.Names() {
		for _, p := range Plan(s) {
			t.Run(s+"/"+p.Name, func(t *testing.T) { explored(t, s, p) })
		}
	}
}

func explored(t *testing.T, strategy string, p Planned) {
	if *replay != "" {
		f, err := Replay(p.Scenario, *replay)
		require.NoError(t, err)
		if f != nil {
			t.Fatal(f)
		}
		return
	}
	extent := p.Fast
	if *all {
		extent = p.All
	}
	if extent == skip {
		t.Skip("only with -explore.all")
	}
	search := func() (Result, error) {
		if extent.Drawn > 0 {
			return Draw(p.Scenario, extent.Drawn)
		}
		return Explore(p.Scenario, Options{Bound: extent.Bound, Delays: extent.Delays, Races: extent.Races})
	}
	r, err := search()
	require.NoError(t, err)
	report(Row{Scenario: p.Name, Strategy: strategy}, extent, r)
	if r.Finding != nil {
		t.Fatal(r.Finding)
	}
	assert.True(t, r.Exhausted)
	assert.GreaterOrEqual(t, r.Schedules, leastSchedules, "the row shows nothing")
}
