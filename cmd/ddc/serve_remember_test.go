package main

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
)

// begun is what a server did to look at all pages when it began.
type begun struct{ Pages, Calls int }

// beginServing serves a site, and says what that took at first.
func beginServing(t *testing.T, site string) (*serving, begun) {
	t.Helper()
	s := startServing(t, site, "--json", "-v")
	var first begun
	line := s.line("all pages to be looked at")
	require.NoError(t, json.Unmarshal([]byte(line), &first), line)
	return s, first
}

// kill ends the server as a machine does that has no memory left.
func (s *serving) kill() {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGKILL))
	s.ended <- await.Value(s.t, "the server to die", s.ended)
}

// marksOf are what those who have a site's cache open say of it.
func marksOf(t *testing.T, site string) (said []string) {
	t.Helper()
	marks, err := filepath.Glob(filepath.Join(site, ".cache/answers/open/*"))
	require.NoError(t, err)
	for _, mark := range marks {
		text, err := os.ReadFile(mark)
		if err == nil {
			said = append(said, string(text))
		}
	}
	return said
}

// keeps waits until the server has kept what it knows.
func (s *serving) keeps() {
	s.t.Helper()
	await.Until(s.t, "the server to keep what it knows", func() bool {
		said := marksOf(s.t, s.site)
		return len(said) == 1 && said[0] == "sound\n"
	}, s.stderr.String)
}

func TestServerBeginsWithWhatTheLastBuildOrServerKept(t *testing.T) {
	inOtherProcesses(t)
	remembering(t)
	site := smallSite(t)
	s, cold := beginServing(t, site)
	assert.Positive(t, cold.Pages)
	s.isAsBuilt()
	assert.Zero(t, s.stop(), s.stderr.String())
	assert.Empty(t, marksOf(t, site))

	s, warm := beginServing(t, site)
	assert.Less(t, warm.Pages, cold.Pages)
	assert.Less(t, warm.Calls, cold.Calls)
	s.isAsBuilt()
	write(t, site, "content/_index.md", "+++\ntitle = \"Home\"\n+++\nedited\n")
	s.shows("/", "edited")
	assert.Zero(t, s.stop(), s.stderr.String())

	o := ddc(t, "build", site, "--json") // which may run samples, as the server may not
	require.Zero(t, o.code, o.stderr)
	assert.Less(t, decodeReport(t, o).Rendered, cold.Pages, "a build begins with what the server kept")
	want := tree(t, filepath.Join(site, "public"))
	require.Zero(t, ddc(t, "build", site, "--no-cache").code)
	assert.Equal(t, tree(t, filepath.Join(site, "public")), want)

	write(t, site, "content/_index.md", "+++\ntitle = \"Home\"\n+++\nedited while nobody served\n")
	s, warm = beginServing(t, site)
	assert.Less(t, warm.Pages, cold.Pages, "a server begins with what the build kept")
	s.has("/", "edited while nobody served")
	assert.Zero(t, s.stop(), s.stderr.String())
}

func TestKilledServerLosesLittle(t *testing.T) {
	inOtherProcesses(t)
	remembering(t)
	site := smallSite(t)
	s, cold := beginServing(t, site)
	write(t, site, "content/_index.md", "+++\ntitle = \"Home\"\n+++\nedited\n")
	s.shows("/", "edited")
	s.keeps()
	s.kill()

	// It is killed before it has kept anything, unless the machine is busy for
	// seconds.
	for kept := true; kept; kept = slices.Contains(marksOf(t, site), "sound\n") {
		s, warm := beginServing(t, site)
		assert.Less(t, warm.Pages, cold.Pages)
		assert.NotContains(t, s.stderr.String(), "was killed or died")
		s.has("/", "edited")
		s.kill() // which may have been what it had read
	}

	s, again := beginServing(t, site)
	assert.Equal(t, cold.Pages, again.Pages)
	assert.Contains(t, s.stderr.String(), "was killed or died")
	s.has("/", "edited")
	assert.Zero(t, s.stop(), s.stderr.String())
}

// Kills come at moments of a fixed seed. They hit the start, the look at all
// pages, and what is kept then.
func TestServerIsRightAfterItWasKilledAtAnyTime(t *testing.T) {
	inOtherProcesses(t)
	remembering(t)
	site := smallSite(t)
	random := rand.New(rand.NewPCG(13, 3))
	kills := 12
	if testing.Short() {
		kills = 4
	}
	for i := range kills {
		s := &serving{t: t, site: site, lines: make(chan string, 1000), stderr: &lockedText{}, ended: make(chan error, 1)}
		s.start()
		timer := time.NewTimer(time.Duration(random.IntN(1 << i * int(time.Millisecond))))
		select {
		case <-timer.C:
		case <-s.lines:
			write(t, site, "content/_index.md", "+++\ntitle = \"Home\"\n+++\nedit "+string(rune('a'+i))+"\n")
		}
		timer.Stop()
		s.kill()
	}
	write(t, site, "content/_index.md", "+++\ntitle = \"Home\"\n+++\nthe last edit\n")
	s, _ := beginServing(t, site)
	s.has("/", "the last edit")
	s.isAsBuilt()
	assert.Zero(t, s.stop(), s.stderr.String())
	parts, err := filepath.Glob(filepath.Join(site, ".cache/answers/part-*"))
	require.NoError(t, err)
	assert.Empty(t, parts)
}

func TestServerWithADamagedCacheIsRightAndMendsIt(t *testing.T) {
	inOtherProcesses(t)
	remembering(t)
	site := smallSite(t)
	s, cold := beginServing(t, site)
	assert.Zero(t, s.stop(), s.stderr.String())
	for name, damage := range damages(t) {
		for _, pattern := range []string{"graph-*", "session-*", "pack-*", "values/*/*"} {
			paths, err := filepath.Glob(filepath.Join(site, ".cache/answers", pattern))
			require.NoError(t, err)
			for _, path := range paths {
				require.NoError(t, damage(path), name)
			}
		}
		s, _ := beginServing(t, site)
		s.isAsBuilt()
		assert.Zero(t, s.stop(), s.stderr.String())
		s, warm := beginServing(t, site)
		assert.Less(t, warm.Pages, cold.Pages, "%s: %s", name, s.stderr.String())
		assert.Zero(t, s.stop(), s.stderr.String())
	}
}
