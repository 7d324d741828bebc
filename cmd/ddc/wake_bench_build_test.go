package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
)

func TestBuildsAreComparedByEachWay(t *testing.T) {
	site := smallSite(t)
	socket := filepath.Join(t.TempDir(), "s")
	startWorker(t, "--listen", "unix:"+socket, "--plugins", "markdown,html")
	o := ddc(t, "wake", "bench", "--build", site, "--rounds", "1", "--json", "--remote", "markdown,html=unix:"+socket, "pipe", "inproc", "grpc", "remote")
	require.Zero(t, o.code, o.stdout+o.stderr)
	var said struct {
		Rounds int
		Rows   []buildRow
	}
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &said))
	assert.Equal(t, 1, said.Rounds)
	var ways []string
	for _, r := range said.Rows {
		ways = append(ways, r.Way)
		assert.Positive(t, r.Wall, r.Way)
		assert.LessOrEqual(t, r.Least, r.Wall, r.Way)
		assert.Positive(t, r.CPU, r.Way)
		assert.Equal(t, said.Rows[0].Calls, r.Calls, "%s makes other calls", r.Way)
		assert.Positive(t, r.Bytes, r.Way)
		assert.Positive(t, r.CallP50, r.Way)
		assert.LessOrEqual(t, r.CallP50, r.CallP99, r.Way)
	}
	assert.Equal(t, []string{"pipe", "inproc", "grpc", "remote"}, ways)
	o = ddc(t, "wake", "bench", "--build", site, "--rounds", "1", "inproc")
	require.Zero(t, o.code, o.stderr)
	assert.Regexp(t, `(?m)^ +inproc +\d+\.\d\d s `, o.stdout)
}

func TestBuildsThatDifferAreNoComparison(t *testing.T) {
	site, temporary := smallSite(t), t.TempDir()
	write(t, site, "templates/index.html", "words of a page")
	t.Setenv("TMPDIR", temporary)
	compared := make(chan outcome, 1)
	go func() { compared <- ddc(t, "wake", "bench", "--build", site, "--rounds", "10000", "inproc", "grpc") }()
	await.Until(t, "the second build to be under way", func() bool {
		outputs, err := filepath.Glob(filepath.Join(temporary, "ddc-bench-*", "grpc*"))
		require.NoError(t, err)
		return len(outputs) > 0 || len(compared) > 0
	})
	write(t, temporary, "index.html", "a page of words") // of the same letters
	require.NoError(t, os.Rename(filepath.Join(temporary, "index.html"), filepath.Join(site, "templates/index.html")))
	o := await.Value(t, "the comparison to end", compared)
	assert.Equal(t, exitMachinery, o.code, o.stdout)
	assert.Contains(t, o.stderr, ": /index.html differs from what inproc has made in the first round")
}

func TestBuildsOfAFaultySiteAreNotCompared(t *testing.T) {
	site := smallSite(t)
	write(t, site, "content/bad.md", "+++\ntitle = \n+++\n")
	o := ddc(t, "wake", "bench", "--build", site, "inproc")
	assert.Equal(t, exitMachinery, o.code)
	assert.Contains(t, o.stderr, "inproc: ")
	assert.Contains(t, o.stderr, "content/bad.md:2:")
	for want, args := range map[string][]string{
		`unknown way "fuetx"`:                {"--build", site, "fuetx"},
		`unknown way "remote"`:               {"--build", site, "remote"},
		"--remote is for whole builds":       {"--remote", "image=unix:x"},
		`unknown strategy "grpc"`:            {"grpc"},
		"--rounds 0, --spin 50µs: both must": {"--rounds", "0", "--build", site},
	} {
		o := ddc(t, append([]string{"wake", "bench"}, args...)...)
		assert.Equal(t, exitUsage, o.code, want)
		assert.Contains(t, o.stderr, want)
	}
}

// A command that was killed had nobody to remove its folder, in which a build
// went on writing.
func TestABenchmarkThatIsKilledLeavesNothing(t *testing.T) {
	site, temporary := smallSite(t), t.TempDir()
	c := startDdc(t, []string{"TMPDIR=" + temporary}, "wake", "bench", "--build", site, "--rounds", "1000", "inproc")
	await.Until(t, "a build to be under way", func() bool {
		outputs, err := filepath.Glob(filepath.Join(temporary, "ddc-bench-*", "*"))
		require.NoError(t, err)
		return len(outputs) > 0
	}, c.running)
	require.NoError(t, c.Process.Kill())
	await.Closed(t, "the benchmark to end", c.ended, c.running)
	clearedUp(t, c, temporary, t.TempDir())
}
