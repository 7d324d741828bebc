package peer

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ddc/conformance/peer/peerpb"
	"ddc/internal/proc"
	"ddc/plugin/host"
	"ddc/wake"
	"ddc/wake/strategy"
)

// One caller's calls to the service in Go and to the programs that DDC_PEER
// names, with commas between them, on the default strategy. Compare what was
// measured side by side only; on a busy machine, the processor time that the
// program (peer-µs/op) and its host (host-µs/op) used:
//
//	DDC_PEER=$PWD/sdk/rust/target/release/examples/peer go test -tags nodynamic -run '^$' -bench Echo -count 5 ./conformance/peer
func BenchmarkEcho(b *testing.B) {
	byTurns(b, 1, []int{64, 1 << 20})
}

// BenchmarkCrowd is the same with 16 callers at once, which a plugin may answer
// one after the other, or by turns.
func BenchmarkCrowd(b *testing.B) {
	byTurns(b, 16, []int{64})
}

func byTurns(b *testing.B, callers int, sizes []int) {
	own, err := os.Executable()
	require.NoError(b, err)
	programs := map[string]string{"go": own}
	who := []string{"go"}
	for program := range strings.SplitSeq(os.Getenv("DDC_PEER"), ",") {
		if program != "" {
			who = append(who, filepath.Base(program))
			programs[filepath.Base(program)] = program
		}
	}
	for _, size := range sizes {
		for _, one := range who {
			b.Run(fmt.Sprintf("%d/%s", size, one), func(b *testing.B) { benchmarkEcho(b, programs[one], size, callers) })
		}
	}
}

func benchmarkEcho(b *testing.B, program string, size, callers int) {
	h, err := host.New(host.Options{
		Command: func(string) (string, []string) { return program, nil },
		Wake:    strategy.Default, Spin: wake.SpinAuto, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(b, err)
	defer func() { require.NoError(b, h.Close()) }()
	client := peerpb.NewPeerClient(h.Conn(name))
	request := &peerpb.Work{Body: body(size, 0)}
	_, err = client.Echo(b.Context(), request)
	require.NoError(b, err)
	look, ok := h.Plugin(name).Look()
	require.True(b, ok)
	pss := proportional(b, look.PID)
	b.SetBytes(int64(size))
	peer, own := ran(b, look.PID), ran(b, os.Getpid())
	if callers == 1 {
		for b.Loop() {
			if _, err := client.Echo(b.Context(), request); err != nil {
				b.Fatal(err)
			}
		}
	} else {
		b.SetParallelism((callers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
		b.ResetTimer()
		b.RunParallel(func(turn *testing.PB) {
			for turn.Next() {
				if _, err := client.Echo(b.Context(), request); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	calls := float64(b.N) * float64(time.Microsecond)
	b.ReportMetric(float64(ran(b, look.PID)-peer)/calls, "peer-µs/op")
	b.ReportMetric(float64(ran(b, os.Getpid())-own)/calls, "host-µs/op")
	b.ReportMetric(pss, "PSS-kB")
}

// ran is the processor time that a process's threads have used, without those
// that have ended.
func ran(b *testing.B, pid int) (sum time.Duration) {
	threads, err := proc.Threads(pid)
	require.NoError(b, err)
	for _, thread := range threads {
		if ran, _, err := proc.Turns(pid, thread); err == nil {
			sum += ran
		}
	}
	return sum
}

// proportional is the memory of a process, in kilobytes: of what others have
// too, its part.
func proportional(b *testing.B, pid int) float64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	require.NoError(b, err)
	_, rest, ok := strings.Cut(string(content), "\nPss:")
	require.True(b, ok)
	var kilobytes float64
	_, err = fmt.Sscan(rest, &kilobytes)
	require.NoError(b, err)
	return kilobytes
}
