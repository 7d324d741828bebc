package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ddc/inspect"
	"ddc/site/starter"
)

// BenchmarkBuildWatched builds a site of a few seconds, by turns alone and with
// `ddc inspect --watch` on it, and reports how much longer the watched builds
// took: the median of the pairs, and their quartiles. Run it some thirty times:
// -benchtime 30x.
func BenchmarkBuildWatched(b *testing.B) {
	site := filepath.Join(b.TempDir(), "site")
	require.NoError(b, starter.Write(site, starter.Minimal))
	for i := range 1500 {
		text := fmt.Sprintf("+++\ntitle = \"Page %d\"\n+++\n\n# A heading\n\n```go\nfunc main() { println(%d) }\n```\n\nAnd *text*, with a [link](/).\n", i, i)
		require.NoError(b, os.WriteFile(filepath.Join(site, "content", fmt.Sprintf("page-%d.md", i)), []byte(text), 0o666))
	}
	var longer, alone []float64
	for i := 0; b.Loop(); i++ {
		var took [2]time.Duration
		for turn := range 2 {
			watched := (i + turn) % 2
			took[watched] = buildTime(b, site, watched == 1)
		}
		alone = append(alone, took[0].Seconds())
		longer = append(longer, 100*(took[1].Seconds()/took[0].Seconds()-1))
	}
	slices.Sort(longer)
	slices.Sort(alone)
	b.ReportMetric(longer[len(longer)/2], "%-longer")
	b.ReportMetric(longer[len(longer)/4], "%-longer-p25")
	b.ReportMetric(longer[len(longer)*3/4], "%-longer-p75")
	b.ReportMetric(alone[len(alone)/2], "s-alone")
	b.ReportMetric(0, "ns/op") // that of a pair says nothing
}

func buildTime(b *testing.B, site string, watched bool) time.Duration {
	b.Helper()
	program, err := os.Executable()
	require.NoError(b, err)
	begun := time.Now()
	build := exec.CommandContext(b.Context(), program, "build", site, "-o", filepath.Join(b.TempDir(), "out"))
	build.Stderr = os.Stderr
	require.NoError(b, build.Start())
	target := strconv.Itoa(build.Process.Pid)
	for { // whoever watches comes once there is a hub, which costs those alone as much
		hubs, err := inspect.Open(target)
		for _, h := range hubs {
			require.NoError(b, h.Close())
		}
		if err == nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if watched {
		watch := exec.CommandContext(b.Context(), program, "inspect", "--watch", target)
		watch.Stderr = os.Stderr
		require.NoError(b, watch.Start())
		defer func() { _ = watch.Wait() }() // it ends with the build
	}
	require.NoError(b, build.Wait())
	return time.Since(begun)
}
