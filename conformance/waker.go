// Package conformance is the suite that every waker and every transport must
// pass. To have a fifth waker judged takes five lines, in a test file of its
// package:
//
//	var strategy = func() wake.Strategy { return carrierpigeon.Strategy{} }
//
//	func TestMain(m *testing.M)        { conformance.Main(m, strategy) }
//	func TestConformance(t *testing.T) { conformance.TestWaker(t, strategy) }
//
// [TestTransport] judges a transport. Every sub-test is one program of package
// scenario, and checks one rule of the wake protocol. A failure names the rule,
// the strategy and the seed, shows the counters of all sides, and says how to
// run it again.
//
// The suite finds a lost wake-up by looking at the sleeper's state, never by a
// time-out. The faults of package broken test that the suite finds what it is
// meant to find.
//
// The suite takes some 20 seconds for each waker; -short cuts it to a quarter.
package conformance

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"ddc/conformance/scenario"
	"ddc/wake"
)

// seedVariable is the environment variable that fixes the seed.
const seedVariable = "DDC_CONFORMANCE_SEED"

// TestWaker judges the wakers of one strategy, alone and under the doorbell.
// Each call of strategy makes the strategy of one process.
func TestWaker(t *testing.T, strategy func() wake.Strategy) {
	seed := chooseSeed(t)
	for _, p := range scenario.Wakers() {
		t.Run(p.Name, func(t *testing.T) {
			e := &scenario.Env{Strategy: strategy, Peer: peerCommand(t), Seed: seed}
			if testing.Short() {
				e.Rounds = 60
			}
			if err := p.Run(t.Context(), e); err != nil {
				t.Errorf("%v\nbroken by strategy %s, seed %d: %v\n%s", scenario.RuleOf(p.Rule, err), strategy().Name(), seed, err, again(t, seed))
			}
		})
	}
}

func chooseSeed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv(seedVariable)
	if text == "" {
		return rand.Uint64()
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%q is no seed: %v", seedVariable, text, err)
	}
	return seed
}

// again says how to run one sub-test again, with the same choices.
func again(t *testing.T, seed uint64) string {
	where := "."
	if dir, err := os.Getwd(); err == nil {
		where = dir
	}
	return fmt.Sprintf("run it again: cd %s && %s=%d go test -tags nodynamic -count=1 -run '^%s$'", where, seedVariable, seed, t.Name())
}

// peerCommand runs this test binary as a peer process; see [Main].
func peerCommand(t *testing.T) func() *exec.Cmd {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatalf("find the test binary: %v", err)
	}
	return func() *exec.Cmd { return exec.Command(filepath.Clean(binary)) }
}
