package verdict

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"ddc/conformance/bench"
	"ddc/conformance/matrix"
	"ddc/internal/fault"
)

var columns = []string{matrix.Inproc, "futex", "eventfd", "pipe", "socketpair", matrix.Reported}

// ideal is a matrix in which everything comes as the catalogue expects, hangs
// with all of the report's evidence.
func ideal() *matrix.Report {
	r := &matrix.Report{Begun: time.Unix(0, 0), Took: time.Minute, Calls: 1}
	for _, s := range columns {
		r.Cells = append(r.Cells, matrix.Cell{Fault: matrix.NoFault, Strategy: s, Outcome: matrix.Outcome{Verdict: matrix.Immune, Answered: 1000}, Agrees: true})
	}
	for _, e := range fault.Catalogue() {
		for _, s := range columns {
			c := matrix.Cell{Fault: string(e.Name), Strategy: s, Outcome: matrix.Outcome{Verdict: matrix.Immune, Answered: 1000}, Agrees: true}
			if c.Expected.Bites = s != matrix.Inproc && e.Bites(s); c.Expected.Bites && !e.Rare {
				c.Verdict, c.Answered, c.AnsweredByPlugin, c.Plugin = matrix.Verdict(e.Shows[0]), 11, 10, "fonts"
				c.Evidence = asReported(s)
			}
			r.Cells = append(r.Cells, c)
		}
	}
	return r
}

func asReported(strategy string) *matrix.Evidence {
	e := &matrix.Evidence{
		Words:       []string{"host waits for ring space, fonts asleep with 4 unread frames in a ring of 4, no token", "more"},
		Link:        matrix.LinkEvidence{ToPlugin: true, Unread: 4, Cells: 4, SenderWaitsForSpace: true, Asleep: true, Due: true, Sent: 9, Received: 9, Suppressed: 3},
		PluginWaits: map[string]int{"its doorbell": 1}, PluginThreads: map[string]int{"epoll_wait": 1, "poll": 1},
	}
	if loops(strategy) {
		e.PluginThreads = map[string]int{"epoll_wait": 2}
	}
	return e
}

func strategyRows() []bench.Row {
	row := func(name string, us int) bench.Row {
		trip := bench.RoundTrip{P50: time.Duration(us) * time.Microsecond, P99: time.Duration(10*us) * time.Microsecond}
		return bench.Row{Strategy: name, Parked: trip, Spinning: trip, Busy: trip, PerRoundTrip: bench.Cost{CPU: float64(us) * 1000, SystemCalls: 3}}
	}
	return []bench.Row{row("futex", 5), row("eventfd", 30), row("pipe", 9), row("socketpair", 20)}
}

func markdown(t *testing.T, in Input) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Write(&b, in))
	return b.String()
}

// rows reads the table whose first head is given.
func rows(t *testing.T, text, head string) (heads []string, table map[string][]string) {
	t.Helper()
	table = map[string][]string{}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case heads == nil && cells[0] == head:
			heads = cells
		case heads != nil && !strings.HasPrefix(line, "|"):
			return heads, table
		case heads != nil && !strings.HasPrefix(line, "|-"):
			assert.Len(t, cells, len(heads), line)
			table[cells[0]] = cells
		}
	}
	require.NotNil(t, heads, "no table begins with %q", head)
	return heads, table
}

func TestEverySuspicionIsRuledOnForEveryStrategy(t *testing.T) {
	text := markdown(t, Input{Matrix: ideal()})
	heads, table := rows(t, text, "the report's")
	assert.Equal(t, append([]string{"the report's"}, columns[1:]...), heads)
	require.Len(t, table, 7)
	for s, cells := range table {
		for i, ruling := range cells[1:] {
			in := strings.HasPrefix(ruling, "**in**")
			loopOnly := s == string(fault.Deregistered) || s == string(fault.EdgeLost)
			assert.Equal(t, !loopOnly || loops(heads[i+1]), in, "%s on %s: %s", s, heads[i+1], ruling)
			if !in {
				assert.Equal(t, "out", ruling)
			}
		}
	}
	assert.Contains(t, text, "Suspect 1 is out on futex, eventfd, pipe and socketpair: ")
}

func TestSuspicionThatCouldShowAndDidNotStaysOpen(t *testing.T) {
	m := ideal()
	c := m.Cell(string(fault.WrongPeerDoorbell), "pipe")
	c.Verdict = matrix.Immune
	_, table := rows(t, markdown(t, Input{Matrix: m}), "the report's")
	assert.Equal(t, "open: wrong-peer-doorbell did not show in 11 calls", table[string(fault.WrongPeer)][3])
	found := Exploration{Fault: string(fault.WrongPeerDoorbell), Strategy: "pipe", Finding: "lost wake-up"}
	_, table = rows(t, markdown(t, Input{Matrix: m, Explore: []Exploration{found}}), "the report's")
	assert.Equal(t, "**in**: wrong-peer-doorbell, found by the explorer", table[string(fault.WrongPeer)][3])
}

func TestHangLooksLikeTheReportByWhatTheReportHasSeenAlone(t *testing.T) {
	whole := matrix.Cell{Fault: "full-then-ring", Strategy: matrix.Reported, Outcome: matrix.Outcome{
		Verdict: matrix.Hung, Answered: 11, AnsweredByPlugin: 10, Evidence: asReported(matrix.Reported)}}
	require.True(t, compare(&whole).exact())
	for name, spoil := range map[string]func(*matrix.Cell){
		"no call succeeded":         func(c *matrix.Cell) { c.AnsweredByPlugin = 0 },
		"too many did":              func(c *matrix.Cell) { c.AnsweredByPlugin = fewCalls + 1 },
		"the plugin sleeps in poll": func(c *matrix.Cell) { c.Evidence.PluginThreads["poll"] = 1 },
		"it is slow":                func(c *matrix.Cell) { c.Verdict = matrix.Slow },
	} {
		c := whole
		c.Evidence = asReported(matrix.Reported)
		spoil(&c)
		assert.False(t, compare(&c).exact(), name)
		c.Again = []matrix.Outcome{whole.Outcome}
		m := compare(&c)
		assert.True(t, m.exact(), "another run shows it")
		assert.Equal(t, []int{1, 2}, []int{m.seen, m.runs})
	}
	// The report's conclusions need not be true.
	empty := whole
	empty.Evidence = asReported(matrix.Reported)
	empty.Evidence.Link.Unread, empty.Evidence.Link.SenderWaitsForSpace = 0, false
	m := compare(&empty)
	assert.True(t, m.exact())
	assert.Equal(t, []string{"empty", "none", "no"}, []string{m.ring(), m.token(), m.space()})
}

func TestFaultsThatShowInTheCallsOfTheReportAreTold(t *testing.T) {
	m := ideal()
	assert.NotContains(t, markdown(t, Input{Matrix: m}), "one after the other, over rings of 256")
	m.InARow = []matrix.Cell{
		{Fault: matrix.NoFault, Strategy: matrix.Reported, Outcome: matrix.Outcome{Verdict: matrix.Immune, Answered: 10}},
		{Fault: "moved-doorbell", Strategy: matrix.Reported, Outcome: matrix.Outcome{Verdict: matrix.Hung}},
		{Fault: "workers-blocked", Strategy: matrix.Reported, Outcome: matrix.Outcome{Verdict: matrix.Immune, Answered: 10}},
		{Fault: "handler-never-ends", Strategy: matrix.Reported, Outcome: matrix.Outcome{Verdict: matrix.Hung, Answered: 5}},
	}
	text := markdown(t, Input{Matrix: m, System: brief(t)})
	assert.Contains(t, text, "### Calls one after the other, over rings of 256")
	assert.Contains(t, text, "| `handler-never-ends` | socketpair+epoll | hung | 6 | in |\n| `moved-doorbell` | socketpair+epoll | hung | 1 | out by evidence |\n")
	assert.Contains(t, text, "What shows nothing in so few needs a full ring, several senders at once, a large payload, a death, or luck: `workers-blocked`.")
	assert.Contains(t, text, "Besides, 4 cells of 10 calls one after the other, over rings of 256.")
}

func TestRingAndWaitForSpaceAreReadFromTheWords(t *testing.T) {
	for want, link := range map[string]matrix.LinkEvidence{
		"empty":                 {ToPlugin: true, Cells: 4},
		"unread":                {ToPlugin: true, Cells: 4, Unread: 3},
		"full":                  {ToPlugin: true, Cells: 4, Unread: 4},
		"inverted":              {ToPlugin: true, Cells: 4, Unread: ^uint64(0)},
		"to the host: 2 unread": {Cells: 4, Unread: 2},
	} {
		// The host's threads say nothing of it: an idle runtime has the same
		// stacks.
		e := matrix.Evidence{Link: link, HostThreads: map[string]int{"futex_wait, idle": 80}, HostWaits: map[string]int{"ring space": 1}}
		m := match{run: &matrix.Outcome{Evidence: &e}}
		assert.Equal(t, want, m.ring())
		assert.Equal(t, "no", m.space())
	}
}

func TestVerdictOnRunsOpensWithTheAnswer(t *testing.T) {
	text := markdown(t, Input{Matrix: ideal()})
	opening := strings.Split(text, "\n\n")[1]
	assert.LessOrEqual(t, words(opening), openingWords)
	assert.Contains(t, opening, "**The wake strategy is not the fault.**")
	assert.Contains(t, text, "suspect 1 and suspect 2 can only happen to those who sleep in edge-triggered epoll")
	assert.Contains(t, text, "With any strategy that was run suspect 3 and suspect 4 can happen")
	assert.Contains(t, text, "it does not tell them apart")
	assert.Contains(t, text, "For `wrong-peer-doorbell` and `deregistered-fd` the first says nothing")

	m := ideal()
	m.Cells[1].Verdict = matrix.Hung
	assert.Contains(t, markdown(t, Input{Matrix: m}), "**The control row is not clean**")
}

func TestVerdictOnPartOfTheMatrixSaysSoInItsFirstLine(t *testing.T) {
	whole := markdown(t, Input{Matrix: ideal()})
	assert.NotContains(t, whole, "PARTIAL")
	for name, cut := range map[string]func(*matrix.Report){
		"3 of 400 cells were run": func(r *matrix.Report) { r.Planned, r.Cells = 400, r.Cells[:3] },
		fmt.Sprintf("1 of %d faults were not run", len(fault.Catalogue())): func(r *matrix.Report) {
			r.Cells = slices.DeleteFunc(r.Cells, func(c matrix.Cell) bool { return c.Fault == "plain-store" })
		},
		"pipe was not run": func(r *matrix.Report) {
			r.Cells = slices.DeleteFunc(r.Cells, func(c matrix.Cell) bool { return c.Strategy == "pipe" })
		},
	} {
		m := ideal()
		cut(m)
		for _, in := range []Input{{Matrix: m}, {Matrix: m, System: brief(t)}} {
			first, _, _ := strings.Cut(markdown(t, in), "\n")
			assert.Contains(t, first, "# PARTIAL verdict")
			assert.Contains(t, first, name)
		}
	}
}

func TestWhatWasNotRunIsNotRuledOn(t *testing.T) {
	m := ideal()
	m.Cells = slices.DeleteFunc(m.Cells, func(c matrix.Cell) bool { return c.Fault == string(fault.DeregisteredFD) })
	_, table := rows(t, markdown(t, Input{Matrix: m}), "the report's")
	for _, ruling := range table[string(fault.Deregistered)][1:] {
		assert.Equal(t, "open: deregistered-fd was not run", ruling)
	}

	m = ideal()
	m.Cells = slices.DeleteFunc(m.Cells, func(c matrix.Cell) bool { return c.Strategy == "pipe" && c.Fault != matrix.NoFault })
	text := markdown(t, Input{Matrix: m, Bench: strategyRows()})
	assert.Contains(t, text, "0 of 0 faults on pipe")
}

func TestAppendixSaysOfEachHangWhetherTheSystemCanHaveIt(t *testing.T) {
	text := markdown(t, Input{Matrix: ideal(), System: brief(t)})
	_, table := rows(t, text, "fault")
	require.NotNil(t, table)
	assert.Contains(t, text, "| out by design |")
	assert.Less(t, strings.Index(text, "## What to look at next"), strings.Index(text, "## Appendix"))
	assert.NotContains(t, text, "asked of this transport", "the report's questions are answered for its own system")
}

func TestEveryQuestionOfTheReportIsAnswered(t *testing.T) {
	text := markdown(t, Input{Matrix: ideal()})
	answers := strings.Split(text, "\n### ")
	var found int
	for _, a := range answers {
		if a[0] >= '1' && a[0] <= '4' && a[1] == '.' {
			found++
			_, answer, _ := strings.Cut(a, "\n\n")
			assert.Greater(t, len(answer), 100, a)
		}
	}
	assert.Equal(t, 4, found)
	assert.Contains(t, text, "had been given 9 tokens and the plugin had returned from sleep 9 times, while 3 rings had left none")
}

func TestDefaultIsChosenByFigures(t *testing.T) {
	works := []bench.Availability{{Strategy: "futex", Needs: "Linux 2.6"}, {Strategy: "pipe", Needs: "Linux 2.6.27"}}
	text := markdown(t, Input{Matrix: ideal(), Bench: strategyRows(), Works: works})
	assert.Contains(t, text, "**Latency: `futex`.** A parked round trip takes 5.0 µs")
	assert.Contains(t, text, "**Processor time: `futex`.**")
	assert.Contains(t, text, "**Portability: `pipe`** beyond Linux")
	assert.Contains(t, text, "| Linux 2.6.27 |")
	slow := strategyRows()
	slices.Reverse(slow)
	slow[3].Parked.P50 = time.Second // futex
	slow[2].Strategy, slow[1].Strategy = slow[1].Strategy, slow[2].Strategy
	assert.Contains(t, markdown(t, Input{Matrix: ideal(), Bench: slow}), "**Latency: `eventfd`.**")
}

func TestWhatIsMissingIsSaidToBe(t *testing.T) {
	assert.ErrorIs(t, Write(&bytes.Buffer{}, Input{}), ErrNothing)
	text := markdown(t, Input{Matrix: ideal()})
	assert.Contains(t, text, "No benchmark was given")
	assert.Contains(t, text, "No search was given")
	text = markdown(t, Input{Matrix: ideal(), Explore: []Exploration{
		{Scenario: "one-to-one", Strategy: "pipe", Schedules: 12, Exhausted: true},
		{Scenario: "one-to-one", Strategy: "pipe", Fault: "full-then-ring", Schedules: 3, Finding: "lost wake-up\nmore", Interleaving: "host | plugin", Replay: "abc"},
	}})
	assert.Contains(t, text, "Without a fault 12 schedules of the real code were run, and 1 of 1 scenarios exhausted.")
	assert.Contains(t, text, "```\nhost | plugin\n```")
	assert.Contains(t, text, "Replay: `abc`")
}

func TestPageNeedsNothingButItself(t *testing.T) {
	m := ideal()
	m.Cells[10].Why = "<script>alert(1)</script>"
	var b bytes.Buffer
	require.NoError(t, WriteHTML(&b, Input{Matrix: m, Bench: strategyRows()}))
	root, err := html.Parse(&b)
	require.NoError(t, err)
	count := map[string]int{}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			count[n.Data]++
			for _, a := range n.Attr {
				assert.NotContains(t, []string{"src", "href"}, a.Key)
			}
		}
	}
	assert.Zero(t, count["script"])
	assert.Equal(t, 1, count["h1"])
	assert.Equal(t, len(m.Cells), count["summary"], "the matrix unfolds")
	assert.GreaterOrEqual(t, count["svg"], 2)
	assert.GreaterOrEqual(t, count["table"], 5)
}
