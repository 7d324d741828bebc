package matrix

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"ddc/internal/fault"
)

// recorded is a small report.
func recorded() *Report {
	r := &Report{Begun: time.Unix(0, 0).UTC(), Took: time.Minute, Calls: 10, Cells: []Cell{
		{Fault: NoFault, Strategy: Inproc, Outcome: Outcome{Verdict: Immune, Answered: 3100}},
		{Fault: NoFault, Strategy: "futex", Outcome: Outcome{Verdict: Immune, Answered: 3800, Latency: []Latency{{Stage: stageSingle, Buckets: []int{0, 5, 90}}}}},
		{Fault: "no-ring-on-space", Strategy: Inproc, Outcome: Outcome{Verdict: Immune, Answered: 3100}},
		{Fault: "no-ring-on-space", Strategy: "futex", Outcome: Outcome{Verdict: Hung, Answered: 41, Stage: "first calls", Why: "host waits for <ring space>", Evidence: &Evidence{Words: []string{"host waits for <ring space>", "more"}}}},
		{Fault: "timeout-heals", Strategy: "futex", Outcome: Outcome{Verdict: Immune, Answered: 3700, Stalls: Stalls{Count: 9, Longest: time.Second}}},
		{Fault: "suppressed-then-drained", Strategy: "futex", Outcome: Outcome{Verdict: Immune, Answered: 3700}},
		{Fault: "key-after-check", Strategy: "pipe", Outcome: Outcome{Verdict: Failed, Answered: 5, Why: "no"}},
	}}
	r.finish()
	return r
}

func TestCellsAgreeWithTheCatalogueOrSaySo(t *testing.T) {
	r := recorded()
	assert.Equal(t, "hung 42", r.Cell("no-ring-on-space", "futex").Short())
	assert.Equal(t, Slow, r.Cell("timeout-heals", "futex").Verdict, "stalls that its control does not have")
	assert.Equal(t, "not seen", r.Cell("suppressed-then-drained", "futex").Short(), "rare: it may show, or not")
	differ := r.Disagreements()
	require.Len(t, differ, 1)
	assert.Equal(t, "error 6 !", differ[0].Short())
	e, _ := fault.ByName("key-after-check")
	assert.Contains(t, differ[0].Difference(), "expected immune, since "+e.Immune)
}

func TestSlowIsSoInComparisonOnly(t *testing.T) {
	r := recorded()
	r.Cell(NoFault, "futex").Stalls.Count = 9
	slow := r.Cell("timeout-heals", "futex")
	slow.Verdict = Immune
	r.judgeSlow()
	assert.Equal(t, Immune, slow.Verdict, "its control has as many")
	slow.Latency = []Latency{{Stage: stageSingle, Buckets: append(make([]int, 18), 7)}}
	r.judgeSlow()
	assert.Equal(t, Slow, slow.Verdict, "calls that had the machine to themselves were late")
}

func TestPlanHasTheControlsAndEveryFault(t *testing.T) {
	tasks := plan(Options{})
	have := map[[2]string]bool{}
	for _, x := range tasks {
		key := [2]string{x.Fault, x.Strategy}
		assert.False(t, have[key], "%v twice", key)
		have[key] = true
	}
	for _, name := range append([]string{NoFault}, fault.Names()...) {
		for _, s := range []string{Inproc, "futex", "eventfd", "pipe", "socketpair", Reported} {
			assert.True(t, have[[2]string{name, s}], "%s on %s", name, s)
		}
	}
	assert.True(t, have[[2]string{"cleared-readiness", "eventfd+epoll"}])
	tasks = plan(Options{Faults: []string{"plain-store"}, Strategies: []string{"pipe"}})
	assert.Len(t, tasks, 4, "with controls")
	tasks = plan(Options{Faults: []string{"plain-store"}, Strategies: []string{Inproc}})
	assert.Equal(t, []task{{Fault: NoFault, Strategy: Inproc}, {Fault: "plain-store", Strategy: Inproc}}, tasks)
}

func TestTableAndPageShowEveryCell(t *testing.T) {
	r := recorded()
	var table bytes.Buffer
	require.NoError(t, r.Table(&table))
	rows := map[string][]string{}
	for line := range strings.Lines(table.String()) {
		if f := strings.Fields(line); len(f) > 0 {
			rows[f[0]] = f[1:]
		}
	}
	assert.Equal(t, []string{"INPROC", "FUTEX", "PIPE"}, rows["FAULT"])
	assert.Equal(t, []string{"immune", "hung", "42", "-"}, rows["no-ring-on-space"])

	var page bytes.Buffer
	require.NoError(t, r.HTML(&page))
	root, err := html.Parse(&page)
	require.NoError(t, err)
	found := map[string]int{}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		found[n.Data]++
		for _, a := range n.Attr {
			assert.NotContains(t, []string{"src", "href"}, a.Key, "it needs nothing but itself")
			if n.Data == "summary" {
				found["class "+a.Val]++
			}
		}
	}
	assert.Equal(t, len(r.Cells), found["summary"])
	assert.Equal(t, 1, found["class hung"])
	assert.Equal(t, 1, found["class slow"])
	assert.GreaterOrEqual(t, found["svg"], 2, "when it hung, and what slow looks like")
	assert.Zero(t, found["ring"], "texts are escaped")
}

func TestReportSurvivesJSON(t *testing.T) {
	r := recorded()
	text, err := json.Marshal(r)
	require.NoError(t, err)
	var back Report
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, *r, back)
}

func TestLatenciesAreSortedIntoBuckets(t *testing.T) {
	s := newStopwatch()
	for i := range 100 {
		s.add("a", time.Duration(i+1)*time.Microsecond)
	}
	s.add("b", time.Second)
	l := s.latencies()
	require.Len(t, l, 2)
	assert.Equal(t, Latency{Stage: "a", Calls: 100, P50: 51 * time.Microsecond, P99: 100 * time.Microsecond, Max: 100 * time.Microsecond,
		Buckets: []int{0, 1, 2, 4, 8, 16, 32, 37}}, l[0])
}
