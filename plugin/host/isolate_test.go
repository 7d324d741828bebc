package host

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"ddc/rpc/rpctestpb"
)

// The cost of isolation: calls of several sizes to sixteen plugins, one after
// the other and from eight workers, through one hub and through sixteen; and
// starting the sixteen.
func BenchmarkIsolation(b *testing.B) {
	for _, isolate := range []bool{false, true} {
		name := map[bool]string{false: "shared", true: "isolated"}[isolate]
		b.Run("start/"+name, func(b *testing.B) {
			b.Setenv(envRole, "plugin")
			for b.Loop() {
				h := sixteen(b, isolate)
				if err := h.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Setenv(envRole, "plugin")
		h := sixteen(b, isolate)
		for _, size := range []int{0, 4 << 10, 1 << 20} {
			for _, workers := range []int{1, 8} {
				b.Run(fmt.Sprintf("call/%s/%d-bytes/%d-workers", name, size, workers), func(b *testing.B) {
					b.SetBytes(int64(2 * size))
					calls(b, h, size, workers)
					b.ReportMetric(hubMegabytes(b), "hub-MB")
				})
			}
		}
		if err := h.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// hubMegabytes is how much of this process's hubs is in memory.
func hubMegabytes(b *testing.B) float64 {
	b.Helper()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		b.Fatal(err)
	}
	total, within := 0, false
	for line := range strings.SplitSeq(string(maps), "\n") {
		if fields := strings.Fields(line); len(fields) > 4 && strings.Contains(fields[0], "-") {
			within = strings.Contains(line, "/memfd:ddc-hub")
		}
		var kilobytes int
		if n, _ := fmt.Sscanf(line, "Rss: %d kB", &kilobytes); n == 1 && within {
			total += kilobytes
		}
	}
	return float64(total) / 1000
}

func sixteen(b *testing.B, isolate bool) *Host {
	b.Helper()
	h, err := New(Options{Command: self, Isolate: isolate})
	if err != nil {
		b.Fatal(err)
	}
	var started sync.WaitGroup
	for i := range 16 {
		started.Go(func() {
			if _, err := echo(b, h, fmt.Sprint(i), &rpctestpb.Packet{}); err != nil {
				b.Error(err)
			}
		})
	}
	started.Wait()
	return h
}

// calls makes b.N calls, to the sixteen in turn.
func calls(b *testing.B, h *Host, size, workers int) {
	clients := make([]rpctestpb.TestClient, 16)
	for i := range clients {
		clients[i] = rpctestpb.NewTestClient(h.Conn(fmt.Sprint(i)))
	}
	request := &rpctestpb.Packet{Data: make([]byte, size)}
	var working sync.WaitGroup
	b.ResetTimer()
	for w := range workers {
		working.Go(func() {
			for n := w; n < b.N; n += workers {
				if _, err := clients[n%16].Echo(b.Context(), request); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	working.Wait()
}
