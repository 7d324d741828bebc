package broken

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/conformance/scenario"
	"ddc/internal/fault"
)

var write = flag.Bool("write", false, "write docs/FAULTS.md anew")

const page = "../../docs/FAULTS.md"

func TestEveryRuleIsBrokenByAFaultThatIsCaught(t *testing.T) {
	for rule := range rules {
		broken, caught := breakers(rule)
		if scenario.Rule(rule) == scenario.SlotsComeBack {
			assert.Empty(t, broken, "then rules needs another comment")
			continue
		}
		assert.NotEmpty(t, broken, "rule %d", rule)
		assert.NotEmpty(t, caught, "rule %d", rule)
	}
}

// A program that was renamed, or a fault that came, leaves a record of
// something else.
func TestRatesAreOfWhatTheTableHas(t *testing.T) {
	type measured struct {
		Fault   fault.Name
		Program string
	}
	var want, have []measured
	for _, c := range Narrow() {
		want = append(want, measured{c.Fault, c.Program})
	}
	recorded, err := Rates()
	require.NoError(t, err)
	for _, r := range recorded.Rates {
		have = append(have, measured{r.Fault, r.Program})
		assert.NotZero(t, r.Runs, r.Fault)
	}
	assert.Equal(t, want, have, "run make rates")
}

func TestPageOfFaultsIsCurrent(t *testing.T) {
	want, err := Page()
	require.NoError(t, err)
	if *write {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o644))
	}
	have, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, want, string(have), "run make faults")
}
