package peers

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A contender is one way to make the same call.
type contender struct {
	name string
	// open starts a process for each of plugins.
	open func(b *testing.B, n, plugins int) []echoer
	// alone says that it carries one call at a time.
	alone bool
}

// echoer is a process that answers with what it was asked.
type echoer struct {
	pid  int // 0 is this process
	call func() error
	// slow is a call that is answered after slowCall; nil if there is none.
	slow func() error
	// wakeups is how many tokens either side has left; nil if nobody counts.
	wakeups func() uint64
}

// slowCall is how long the handler of a slow call does nothing.
const slowCall = 100 * time.Millisecond

// envOnly picks contenders by a part of their names: BENCH_ONLY=hub.
const envOnly = "BENCH_ONLY"

// contenders are held beside each other. Futex is the default strategy.
func contenders() []contender {
	each := func(open func(b *testing.B, n int) echoer) func(b *testing.B, n, plugins int) []echoer {
		return func(b *testing.B, n, plugins int) (all []echoer) {
			for range plugins {
				all = append(all, open(b, n))
			}
			return all
		}
	}
	all := []contender{
		{name: "raw futex and copies", alone: true, open: each(overFloor)},
		{name: "raw futex and protobuf", alone: true, open: each(overMessages)},
		{name: "gRPC over unix", open: each(func(b *testing.B, n int) echoer {
			client, pid := overGRPC(b)
			return echoer{pid: pid, call: echoCall(b, client, n), slow: slowEcho(b, client)}
		})},
		{name: "ttrpc over unix", open: each(overTTRPC)},
	}
	for _, s := range []setting{parked, auto, spinning} {
		all = append(all, contender{name: "hub, " + s.name, open: func(b *testing.B, n, plugins int) []echoer {
			return overPlugins(b, s.spin, n, plugins)
		}})
	}
	for _, s := range []setting{parked, spinning} {
		all = append(all, contender{name: "leases, " + s.name, open: func(b *testing.B, n, plugins int) []echoer {
			return leasesOf(b, s.spin, n, plugins)
		}})
	}
	return all
}

// round is how long each contender has at a time.
const round = time.Second

// BenchmarkLoad holds all contenders beside each other, under few callers and
// many: an operation is a round of a second of each (a quarter of one caller),
// by turns, so that whatever else the machine does meanwhile hits them all. It
// prints a table:
//
//	calls/s     of all callers together
//	cpu         processor time of all processes, for each call
//	p50, p99    of how long a call takes
//	wake-ups    tokens left by both sides, for each call
//	slowest     the longest call
//	tenth       how much of a second's calls the busiest tenth of the callers
//	            made, in the median second; 13 % of 16 callers, 10 % of 80, is equal
//
// The calls of a slow caller are not counted.
func BenchmarkLoad(b *testing.B) {
	for _, w := range []workload{
		{"64B/1 caller", 64, 1, 1, false}, {"64B/4 callers", 64, 4, 1, false}, {"64B/16 callers", 64, 16, 1, false},
		{"64B/80 callers", 64, 80, 1, false}, {"64B/16 plugins", 64, 16, 16, false},
		{"64B/1 caller beside a slow one", 64, 1, 1, true}, {"64B/16 plugins, one slow caller", 64, 16, 16, true},
		{"1MiB/1 caller", 1 << 20, 1, 1, false},
	} {
		b.Run(w.name, func(b *testing.B) { holdBeside(b, w, contenders()) })
	}
}

// workload is who calls whom.
type workload struct {
	name                   string
	size, callers, plugins int
	slow                   bool // one more caller makes slow calls to the first plugin
}

// round is how long each contender has at a time. One caller has no
// busiest tenth to look for, so its turns are short, which is fairer to each.
func (w *workload) round() time.Duration {
	if w.callers == 1 {
		return round / 4
	}
	return round
}

// holdBeside makes rounds of each of the contenders in turn, and prints a
// table.
func holdBeside(b *testing.B, w workload, all []contender) {
	b.Helper()
	var running []*measured
	for _, c := range all {
		if (w.slow || w.callers > w.plugins) && c.alone || !strings.Contains(c.name, os.Getenv(envOnly)) {
			continue
		}
		m := &measured{name: c.name}
		echoers := c.open(b, w.size, w.plugins)
		m.echoers = echoers
		for i := range w.callers {
			m.callers = append(m.callers, caller{call: echoers[i%w.plugins].call})
		}
		if m.slow = echoers[0].slow; !w.slow {
			m.slow = nil
		} else if m.slow == nil {
			continue
		}
		require.NoError(b, m.round(round/10)) // every process has started, and is warm
		m.forget()
		running = append(running, m)
	}
	place(b)
	for b.Loop() {
		for _, m := range running {
			require.NoError(b, m.round(w.round()))
		}
	}
	b.ReportMetric(0, "ns/op")  // the table has the figures
	fmt.Println(table(running)) // b.Log would cut it after ten lines
}

// caller makes one call after the other.
type caller struct {
	call func() error
	took []time.Duration // each call
	made int             // calls of this round
}

func (c *caller) work(until time.Time) error {
	c.made = 0
	for start := time.Now(); start.Before(until); c.made++ {
		if err := c.call(); err != nil {
			return err
		}
		end := time.Now()
		c.took = append(c.took, end.Sub(start))
		start = end
	}
	return nil
}

// measured is what a contender has done so far.
type measured struct {
	name    string
	callers []caller
	echoers []echoer
	slow    func() error // made again and again beside the callers, if not nil

	elapsed, cpu time.Duration
	calls        int
	wakeups      uint64
	shares       []float64 // of the busiest tenth, for each round
}

func (m *measured) forget() {
	m.elapsed, m.cpu, m.calls, m.wakeups, m.shares = 0, 0, 0, 0, nil
	for i := range m.callers {
		m.callers[i].took = nil
	}
}

// round lets every caller work for so long.
func (m *measured) round(long time.Duration) error {
	before, err := m.used()
	if err != nil {
		return err
	}
	errs := make([]error, len(m.callers)+1)
	start := time.Now()
	var working, waiting sync.WaitGroup
	if m.slow != nil {
		beside := caller{call: m.slow}
		waiting.Go(func() { errs[len(m.callers)] = beside.work(start.Add(long)) })
	}
	for i := range m.callers {
		working.Go(func() { errs[i] = m.callers[i].work(start.Add(long)) })
	}
	working.Wait()
	m.elapsed += time.Since(start)
	after, err := m.used()
	if err != nil {
		return err
	}
	m.cpu += after.cpu - before.cpu
	m.wakeups += after.wakeups - before.wakeups
	waiting.Wait()
	made := make([]int, len(m.callers))
	sum := 0
	for i, c := range m.callers {
		made[i] = c.made
		sum += c.made
	}
	m.calls += sum
	m.shares = append(m.shares, busiest(made)/float64(sum))
	return errors.Join(errs...)
}

// busiest is how many calls the busiest tenth made, rounded up to whole
// callers.
func busiest(made []int) float64 {
	slices.Sort(made)
	sum := 0
	for _, n := range made[len(made)-(len(made)+9)/10:] {
		sum += n
	}
	return float64(sum)
}

// use is what this process and the others have used.
type use struct {
	cpu     time.Duration
	wakeups uint64
}

func (m *measured) used() (u use, err error) {
	if u.cpu, err = processorTime(unix.CLOCK_PROCESS_CPUTIME_ID); err != nil {
		return u, err
	}
	for _, e := range m.echoers {
		if e.pid == 0 {
			continue // in this process
		}
		cpu, err := processorTime(int32(^e.pid)<<3 | 2) // clock_getcpuclockid(3)
		if err != nil {
			return u, err
		}
		u.cpu += cpu
		if e.wakeups != nil {
			u.wakeups += e.wakeups()
		}
	}
	return u, nil
}

func processorTime(clock int32) (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0, fmt.Errorf("read the processor time of clock %d: %w", clock, err)
	}
	return time.Duration(t.Nano()), nil
}

func table(all []*measured) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "| \t| calls/s\t| cpu, us\t| p50, us\t| p99, us\t| p99/p50\t| wake-ups\t| slowest, ms\t| tenth, %\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, m := range all {
		var took []time.Duration
		for _, c := range m.callers {
			took = append(took, c.took...)
		}
		slices.Sort(took)
		slices.Sort(m.shares)
		us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
		p50, p99 := took[len(took)/2], took[len(took)*99/100]
		fmt.Fprintf(w, "| %s\t| %.0f\t| %.1f\t| %.1f\t| %.1f\t| %.1f\t| %s\t| %.1f\t| %.0f\t|\n", m.name,
			float64(m.calls)/m.elapsed.Seconds(), us(m.cpu)/float64(m.calls), us(p50), us(p99), float64(p99)/float64(p50), m.wakeupsEach(),
			us(took[len(took)-1])/1e3, 100*m.shares[len(m.shares)/2])
	}
	_ = w.Flush()
	return text.String()
}

func (m *measured) wakeupsEach() string {
	if m.echoers[0].wakeups == nil {
		return ""
	}
	return fmt.Sprintf("%.2f", float64(m.wakeups)/float64(m.calls))
}
