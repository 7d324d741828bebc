package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/wake/strategy"
)

// remains are what a build has left: processes, temporary files, what is beside
// the output, its control group.
func remains(t *testing.T, c *child, temporary, beside string) []string {
	t.Helper()
	var left []string
	for pid, line := range c.processes() {
		left = append(left, fmt.Sprintf("process %d: %s", pid, line))
	}
	for _, folder := range []string{temporary, beside} {
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		for _, e := range entries {
			if e.Name() != "out" {
				left = append(left, filepath.Join(folder, e.Name()))
			}
		}
	}
	groups, err := filepath.Glob(fmt.Sprintf("/sys/fs/cgroup/memory/*/*/ddc-%d-*", c.Process.Pid))
	require.NoError(t, err)
	return append(left, groups...)
}

// clearedUp waits until nothing remains, and says how long that took.
func clearedUp(t *testing.T, c *child, temporary, beside string) time.Duration {
	t.Helper()
	begun := time.Now()
	var left []string
	await.Until(t, "nothing to be left", func() bool {
		left = remains(t, c, temporary, beside)
		return len(left) == 0
	}, func() string { return fmt.Sprintf("left: %v", left) })
	return time.Since(begun)
}

// sampleSite has a code sample that starts a program of its own, and never
// ends.
func sampleSite(t *testing.T) string {
	t.Helper()
	site := smallSite(t)
	write(t, site,
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\ncode_execution {\n enabled #true\n timeout_secs 600\n forever {\n  command \"sh\"\n  extension \"sh\"\n }\n}\n",
		"content/sample.md", "+++\ntitle = \"x\"\n+++\n\n```forever\nsleep 600 &\nsleep 600\n```\n",
		"sass/main.scss", "body { color: red }\n")
	return site
}

func TestHostDeathEndsSamplesAndWhatTheyStarted(t *testing.T) {
	site := sampleSite(t)
	for _, name := range strategy.Names() {
		t.Run(name, func(t *testing.T) {
			temporary, beside := t.TempDir(), t.TempDir()
			c := startBuild(t, []string{"TMPDIR=" + temporary}, site, "-o", filepath.Join(beside, "deep", "er", "out"), "--wake", name)
			await.Until(t, "the sample to run", func() bool {
				lines := make([]string, 0, 8)
				for _, line := range c.processes() {
					lines = append(lines, line)
				}
				return slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "sleep ") })
			}, c.running)
			require.NoError(t, c.Process.Kill())
			<-c.ended
			t.Logf("cleared up after %v", clearedUp(t, c, temporary, beside).Round(time.Millisecond))
		})
	}
}

// Nothing outlives a host that was killed at any moment, and the last output is
// whole. `make chaos` kills two hundred.
func TestHostDeathLeavesNothingAndTheLastOutput(t *testing.T) {
	sites := chaosSites(t)
	names := make([]string, 0, len(sites))
	for name := range sites {
		names = append(names, name)
	}
	slices.Sort(names)
	wanted := 8
	if testing.Short() {
		wanted = 4
	}
	wanted = number(t, envDeaths, wanted)
	seed := uint64(number(t, envSeed, 1))
	reference, lasts := map[string]map[string]string{}, map[string]time.Duration{}
	for _, name := range names {
		output := filepath.Join(t.TempDir(), "out")
		begun := time.Now()
		c := startBuild(t, nil, sites[name], "-o", output, "--no-code-exec")
		<-c.ended
		require.Zero(t, c.ProcessState.ExitCode(), c.stderr.String())
		lasts[name] = time.Since(begun)
		reference[name] = tree(t, output)
	}
	var took []time.Duration
	finished := 0
	for round := 0; len(took) < wanted; round++ {
		wake, name := strategy.Names()[round%len(strategy.Names())], names[round/len(strategy.Names())%len(names)]
		random := rand.New(rand.NewPCG(seed, uint64(round)))
		run := fmt.Sprintf("round %d of seed %d: %s, %s", round, seed, name, wake)
		temporary, beside := t.TempDir(), t.TempDir()
		output := filepath.Join(beside, "out")
		old := oldOutput(t, output)
		c := startBuild(t, []string{"TMPDIR=" + temporary}, sites[name], "-o", output, "--no-code-exec", "--wake", wake)
		select {
		case <-c.ended:
		case <-time.After(time.Duration(random.Int64N(int64(lasts[name])))): // the moment
		}
		killed := c.Process.Signal(syscall.SIGKILL) == nil
		<-c.ended
		if !killed || c.ProcessState.ExitCode() == exitOK {
			finished++
			assert.Equal(t, reference[name], tree(t, output), run)
			require.Less(t, finished, 10*wanted+10, "builds end before they can be killed")
			continue
		}
		took = append(took, clearedUp(t, c, temporary, beside))
		if now := tree(t, output); now["index.html"] == old["index.html"] {
			assert.Equal(t, old, now, run)
		} else { // it was killed when it had put the new one in place
			assert.Equal(t, reference[name], now, run)
		}
	}
	slices.Sort(took)
	late, _ := slices.BinarySearch(took, time.Second)
	t.Logf("%d hosts killed (%d more builds had ended by then): cleared up after %v in the middle, %v at most; %d took more than a second",
		len(took), finished, took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), len(took)-late)
	if os.Getenv(envDeaths) != "" { // make chaos has the machine to itself
		assert.Less(t, took[len(took)-1], time.Second)
	}
}
