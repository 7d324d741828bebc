//go:build ddcfault

package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/conformance/matrix"
	"ddc/inspect"
	"ddc/internal/await"
	"ddc/internal/fault"
	"ddc/site/starter"
	"ddc/wake/strategy"
)

// rightDiagnosis is what is to be said of a fault; of all others that a wake-up
// was lost.
var rightDiagnosis = map[fault.Name][]inspect.Kind{
	// A handler on the pump may be stuck in its reply, for which there is no
	// room; a pump that sends may hold up one direction only.
	fault.HandlerOnPump: {inspect.HandlerStuck, inspect.Deadlock},
	fault.PumpSends:     {inspect.Deadlock, inspect.HandlerStuck},
	fault.RingerDies:    {inspect.PeerDead},
	// If two write at once, the result is one of the frames, or one that nobody
	// sent.
	fault.TwoProducers: {inspect.LostFrame, inspect.LostWakeup, inspect.Corrupt},
	fault.TrustedIndex: {inspect.Corrupt},
	fault.StaleIndex:   {inspect.LostFrame, inspect.Corrupt, inspect.LostWakeup},
	// Only an observer reports that an index is impossible.
	fault.TwoProducersTrusted: {inspect.LostFrame, inspect.Corrupt},
	fault.StaleIndexTrusted:   {inspect.LostFrame, inspect.Corrupt},
	fault.ReplyDropped:        {inspect.LostFrame},
	fault.HandlerNeverEnds:    {inspect.HandlerStuck},
	fault.BuildInsideBuild:    {inspect.HandlerStuck},
	fault.LateSend:            {inspect.Orphaned},
	fault.SlotHeldForSlot:     {inspect.SlotsExhausted},
	// The goroutine that receives there waits for a thread.
	fault.WorkersBlocked: {inspect.HandlerStuck, inspect.Deadlock},
	// An end that takes the kernel's answer for a failure gives the link up.
	fault.EAGAINIsFatal: {inspect.BellFailed},
	fault.EINTRIsFatal:  {inspect.BellFailed},
}

func rightDiagnoses(name fault.Name) []inspect.Kind {
	if right := rightDiagnosis[name]; right != nil {
		return right
	}
	return []inspect.Kind{inspect.LostWakeup}
}

// seen is what was seen of a cell from outside.
type seen struct {
	verdict matrix.Verdict
	why     string
	inspect []inspect.LinkReport // of links with something wrong
	dump    string
}

// right says whether inspect named the right diagnosis.
func (s seen) right(name fault.Name) bool {
	right := rightDiagnoses(name)
	return slices.ContainsFunc(s.kinds(), func(k inspect.Kind) bool { return slices.Contains(right, k) })
}

// dumped says whether the dump of SIGUSR1 named it too, or nobody could ask for
// one before all was over.
func (s seen) dumped(name fault.Name) bool {
	table := s.table()
	return table == "" || slices.ContainsFunc(rightDiagnoses(name), func(k inspect.Kind) bool {
		return strings.Contains(table, string(k)+" (") || strings.Contains(table, string(k)+": ") || strings.Contains(table, string(k)+" by ")
	})
}

// table is the dump's, which is too long to be shown whole.
func (s seen) table() string {
	table, _, _ := strings.Cut(s.dump, "\n\n")
	return table
}

// kinds are those that inspect named.
func (s seen) kinds() []inspect.Kind {
	var kinds []inspect.Kind
	for _, l := range s.inspect {
		if !slices.Contains(kinds, l.Kind) {
			kinds = append(kinds, l.Kind)
		}
	}
	return kinds
}

// diagnosisCells are what the short test runs: one of each diagnosis, one of
// each kind of strategy. DDC_DIAGNOSIS, the document to write, makes it run
// all.
var diagnosisCells = []struct {
	fault    fault.Name
	strategy string
}{
	{fault.WrongPeerDoorbell, "futex"}, {fault.NoRingOnSpace, "eventfd"}, {fault.NoRingOnSlot, "pipe"},
	{fault.HandlerOnPump, "socketpair"}, {fault.PumpSends, "futex"}, {fault.RingerDies, "pipe"},
	{fault.TrustedIndex, "futex"}, {fault.EINTRIsFatal, "pipe"}, {fault.PlainStore, "eventfd"},
	{fault.PrivateFutex, "futex"}, {fault.DeregisteredFD, "socketpair" + fault.EpollSuffix}, {fault.TimeoutHeals, "eventfd"},
	{fault.HandlerNeverEnds, "socketpair"}, {fault.ReplyDropped, "pipe"}, {fault.WorkersBlocked, "futex"},
	{fault.LateSend, "eventfd"}, {fault.BuildInsideBuild, "futex"},
	{fault.StaleIndexTrusted, "socketpair"}, {fault.TwoProducersTrusted, "eventfd"},
}

// strategiesOf are those on which a fault is tried: the four, or for a fault of
// event loops those that have one.
func strategiesOf(e *fault.Entry) []string {
	names := strategy.Names()
	bites := func(s string) bool { return e.Bites(s) }
	if !slices.ContainsFunc(names, bites) {
		names = e.On
	}
	return slices.DeleteFunc(slices.Clone(names), func(s string) bool { return !e.Bites(s) })
}

// unclear are the faults that nobody can name at once.
var unclear = []fault.Name{fault.HandlerNeverEnds, fault.BuildInsideBuild, fault.LateSend}

// tries bounds how often a cell is run until its fault has shown for all to
// see: some may also go by, or garble a reply and nothing else.
const tries = 8

func TestEachFaultGetsTheRightDiagnosis(t *testing.T) {
	file := os.Getenv("DDC_DIAGNOSIS")
	site := filepath.Join(t.TempDir(), "site")
	require.NoError(t, starter.Write(site, starter.Minimal))
	program, err := os.Executable()
	require.NoError(t, err)
	cells, err := matrix.Hold(t.Context(), matrix.Options{Program: program, Args: []string{"wake", "cell"}, Open: openService, Site: site})
	require.NoError(t, err)

	var mu sync.Mutex
	table := map[fault.Name]map[string]seen{}
	try := func(t *testing.T, name fault.Name, strategy string) {
		t.Run(string(name)+" on "+strategy, func(t *testing.T) {
			t.Parallel()
			var s seen
			for seed := range uint64(tries) {
				// A cell that hung, and was ended before anybody had looked,
				// says nothing; and what is wrong for a while only may be over
				// when its dump is made.
				if s = seeCell(t, cells, name, strategy, seed+1); s.right(name) && s.dumped(name) {
					break
				}
			}
			checkDiagnosis(t, name, s)
			mu.Lock()
			defer mu.Unlock()
			if table[name] == nil {
				table[name] = map[string]seen{}
			}
			table[name][strategy] = s
		})
	}
	t.Run("cells", func(t *testing.T) {
		if file == "" {
			for _, c := range diagnosisCells {
				try(t, c.fault, c.strategy)
			}
			return
		}
		for _, e := range fault.Catalogue() {
			for _, s := range strategiesOf(&e) {
				try(t, e.Name, s)
			}
		}
	})
	if file != "" && !t.Failed() {
		require.NoError(t, os.WriteFile(file, []byte(diagnosisDocument(t, table)), 0o666))
	}
}

// seeCell runs a cell, and looks at it from outside: all the while, and where
// it hangs once more, and at its dump.
func seeCell(t *testing.T, cells *matrix.Holding, name fault.Name, strategy string, seed uint64) seen {
	t.Helper()
	cell, err := cells.Start(string(name), strategy, seed)
	require.NoError(t, err)
	defer func() { assert.NoError(t, cell.Close()) }()
	passing := map[string]inspect.LinkReport{} // what was wrong for a while, by diagnosis
	looking, stop := context.WithCancel(t.Context())
	var looks sync.WaitGroup
	if name == fault.TimeoutHeals {
		looks.Go(func() { lookAllTheWhile(looking, cell.PID(), passing) })
	}
	outcome, err := cell.Outcome(t.Context())
	stop()
	looks.Wait()
	require.NoError(t, err)
	s := seen{verdict: outcome.Verdict, why: outcome.Why}
	for _, l := range passing {
		s.inspect = append(s.inspect, l)
	}
	if outcome.Verdict == matrix.Immune || outcome.Verdict == matrix.Slow {
		return s
	}
	hubs, err := inspect.Open(strconv.Itoa(cell.PID()))
	require.NoError(t, err)
	for _, h := range hubs {
		// A handler is called stuck after some seconds only, and one of
		// nobody's once it has begun.
		await.Until(t, "somebody to tell of the handler", func() bool {
			first := h.Look()
			time.Sleep(250 * time.Millisecond)
			s.inspect = append(s.inspect, wrongLinks(inspect.NewReport(h.Path, first, h.Look()))...)
			return !slices.Contains(unclear, name) || s.right(name)
		})
		assert.NoError(t, h.Close())
	}
	require.NoError(t, syscall.Kill(cell.PID(), syscall.SIGUSR1))
	await.Until(t, "the host to dump its state", func() bool {
		said, err := cell.Said()
		require.NoError(t, err)
		s.dump = said
		return strings.Contains(said, "goroutines\n")
	}, func() string { return s.dump })
	return s
}

func wrongLinks(r inspect.Report) []inspect.LinkReport {
	return slices.DeleteFunc(r.Links, func(l inspect.LinkReport) bool { return !l.Kind.Wrong() })
}

// lookAllTheWhile is for what heals before it could be called hung.
func lookAllTheWhile(ctx context.Context, pid int, found map[string]inspect.LinkReport) {
	for ctx.Err() == nil {
		hubs, err := inspect.Open(strconv.Itoa(pid))
		if err != nil {
			time.Sleep(10 * time.Millisecond) // it has not made one yet, or has ended
			continue
		}
		for _, h := range hubs {
			for first := h.Look(); ctx.Err() == nil; {
				time.Sleep(20 * time.Millisecond)
				second := h.Look()
				for _, l := range wrongLinks(inspect.NewReport(h.Path, first, second)) {
					found[l.Text] = l
				}
				first = second
			}
			_ = h.Close()
		}
	}
}

func checkDiagnosis(t *testing.T, name fault.Name, s seen) {
	t.Helper()
	right := rightDiagnoses(name)
	assert.True(t, s.right(name), "inspect says %v, not one of %v; the matrix says %s: %s", s.kinds(), right, s.verdict, s.why)
	if name == fault.BuildInsideBuild {
		assert.True(t, slices.ContainsFunc(s.inspect, func(l inspect.LinkReport) bool {
			return strings.Contains(l.Text, "(sh), which waits for process ") && strings.Contains(l.Text, "(cat)")
		}), "inspect does not say who waits for whom: %v", s.inspect)
	}
	assert.True(t, s.dumped(name), "the dump of SIGUSR1 says\n%s", s.table())
}
