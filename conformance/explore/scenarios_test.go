//go:build explore

package explore

import (
	"flag"
	"fmt"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ddc/wake/strategy"
)

var (
	all    = flag.Bool("explore.all", false, "search each scenario as far as make prove does")
	replay = flag.String("explore.replay", "", "run the one schedule of this token")
)

// Garbage is most of what a schedule leaves.
func init() { debug.SetGCPercent(800) }

func TestScenarios(t *testing.T) {
	for _, s := range strategy.Names() {
		for _, p := range Plan(s) {
			t.Run(s+"/"+p.Name, func(t *testing.T) {
				if *replay != "" {
					f, err := Replay(p.Scenario, *replay)
					require.NoError(t, err)
					if f != nil {
						t.Fatal(f)
					}
					return
				}
				bound := p.Fast
				if *all {
					bound = p.Bound
				}
				if bound == Skip {
					t.Skip("only in make prove")
				}
				r, err := Explore(p.Scenario, Options{Bound: bound, Duration: 30 * time.Second})
				require.NoError(t, err)
				fmt.Printf("%-10s %-42s %8d schedules %9d steps, longest %3d, %-5v bound %d  %v\n", s, p.Name, r.Schedules, r.Steps, r.Longest, r.Exhausted, bound, r.Took.Round(time.Millisecond))
				if r.Finding != nil {
					t.Fatal(r.Finding)
				}
			})
		}
	}
}
