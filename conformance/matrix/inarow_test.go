package matrix

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/fault"
)

func TestEachFaultHasACellAsTheReportCouldHaveSeenIt(t *testing.T) {
	cells := inARow(Options{})
	assert.Len(t, cells, len(fault.Names())+1)
	for _, c := range cells {
		e, known := fault.ByName(c.Fault)
		assert.True(t, c.InARow && (!known || e.Bites(c.Strategy)), "%s on %s", c.Fault, c.Strategy)
		if !known || e.Bites(Reported) {
			assert.Equal(t, Reported, c.Strategy, c.Fault)
		}
	}
	cells = inARow(Options{Faults: []string{"handler-never-ends"}, Strategies: []string{"pipe"}})
	assert.Equal(t, []task{{Fault: NoFault, Strategy: "pipe", InARow: true}, {Fault: "handler-never-ends", Strategy: "pipe", InARow: true}}, cells)
	assert.Empty(t, inARow(Options{Strategies: []string{Inproc}}), "the control column alone")
}

func TestFaultsThatShowWithinTenCallsAreSaid(t *testing.T) {
	r := &Report{InARow: []Cell{
		{Fault: "handler-never-ends", Strategy: "pipe", Outcome: Outcome{Verdict: Hung, Answered: 5, Why: "nothing unread"}},
		{Fault: "workers-blocked", Strategy: "pipe", Outcome: Outcome{Verdict: Immune, Answered: 10}},
	}}
	var out strings.Builder
	require.NoError(t, r.inARowTable(&out))
	assert.Contains(t, out.String(), "  handler-never-ends  on pipe  hung at call 6: nothing unread\n")
	assert.Contains(t, out.String(), "1 show nothing in so few: workers-blocked\n")
}
