package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
)

// remembering lets builds of a test remember, as they do of themselves.
func remembering(t *testing.T) {
	t.Helper()
	t.Setenv(rememberVariable, "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
}

// built runs a build, and gives its report and the calls that plugins answered.
func built(t *testing.T, args ...string) (r buildReport, calls uint64) {
	t.Helper()
	o := ddc(t, append([]string{"build", "--json", "--no-code-exec"}, args...)...)
	require.Zero(t, o.code, o.stdout+o.stderr)
	r = decodeReport(t, o)
	for _, p := range r.Plugins {
		calls += p.Calls
	}
	return r, calls
}

func TestUnchangedSiteIsBuiltWithTheAnswersOfTheLastBuild(t *testing.T) {
	remembering(t)
	site := smallSite(t)
	r, cold := built(t, site)
	require.NotNil(t, r.Answers)
	assert.Zero(t, r.Answers.Remembered)
	assert.NotZero(t, cold)
	first := tree(t, filepath.Join(site, "public"))

	assert.Positive(t, r.Rendered)

	r, warm := built(t, site)
	assert.Equal(t, r.Answers.Asked, r.Answers.Remembered)
	assert.Zero(t, warm, "nothing has changed: no plugin is asked")
	assert.Zero(t, r.Rendered)
	assert.Equal(t, first, tree(t, filepath.Join(site, "public")))

	o := ddc(t, "build", site, "-v", "--no-code-exec")
	assert.Regexp(t, `remembered: \d+ of \d+ answers, of which \d+ were worked out again to compare`, o.stdout)
	assert.Equal(t, first, tree(t, filepath.Join(site, "public")))
}

// TestAnEditMakesTheCallsOfWhatItChanges compares each build that remembers
// with one that does not.
func TestAnEditMakesTheCallsOfWhatItChanges(t *testing.T) {
	remembering(t)
	site := smallSite(t)
	_, cold := built(t, site)
	for _, edit := range []struct{ file, text string }{
		{"content/_index.md", "+++\ntitle = \"Home\"\n+++\nanother text\n"},
		{"content/_index.md", "+++\ntitle = \"Another title\"\n+++\nanother text\n"},
	} {
		require.FileExists(t, filepath.Join(site, edit.file))
		require.NoError(t, os.WriteFile(filepath.Join(site, edit.file), []byte(edit.text), 0o666))
		r, calls := built(t, site)
		assert.NotEqual(t, r.Answers.Asked, r.Answers.Remembered)
		assert.Less(t, calls, cold)
		warm := tree(t, filepath.Join(site, "public"))
		r, _ = built(t, site, "--no-cache")
		assert.Nil(t, r.Answers)
		assert.Equal(t, tree(t, filepath.Join(site, "public")), warm)
	}
}

func TestCacheIsRemovedAloneWhereThatIsAskedFor(t *testing.T) {
	remembering(t)
	site := smallSite(t)
	built(t, site)
	o := ddc(t, "clean", "--cache", site)
	require.Zero(t, o.code, o.stderr)
	assert.NoDirExists(t, filepath.Join(site, ".cache/answers"))
	assert.DirExists(t, filepath.Join(site, "public"))
	r, _ := built(t, site)
	assert.Zero(t, r.Answers.Remembered)
	require.Zero(t, ddc(t, "clean", site).code)
	assert.NoDirExists(t, filepath.Join(site, ".cache/answers"))
}

// damages are what may befall a file of the cache.
func damages(t *testing.T) map[string]func(path string) error {
	return map[string]func(path string) error{
		"cut":   func(path string) error { return os.Truncate(path, 500) },
		"empty": func(path string) error { return os.Truncate(path, 0) },
		"flipped": func(path string) error {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			text[len(text)/2] ^= 4
			return os.WriteFile(path, text, 0o600)
		},
		"a folder": func(path string) error {
			require.NoError(t, os.Remove(path))
			return os.Mkdir(path, 0o700)
		},
	}
}

// TestDamagedCacheIsSaidAndTheSiteIsRight damages each file, in turn, in each
// way.
func TestDamagedCacheIsSaidAndTheSiteIsRight(t *testing.T) {
	remembering(t)
	site := smallSite(t)
	built(t, site)
	want := tree(t, filepath.Join(site, "public"))
	for _, pattern := range []string{"graph-*", "session-*", "pack-*", "values/*/*"} {
		for name, damage := range damages(t) {
			paths, err := filepath.Glob(filepath.Join(site, ".cache/answers", pattern))
			require.NoError(t, err)
			require.NotEmpty(t, paths, pattern)
			for _, path := range paths {
				require.NoError(t, damage(path), name)
			}
			require.NoError(t, os.RemoveAll(filepath.Join(site, "public"))) // so that values are read
			o := ddc(t, "build", site, "-v", "--no-code-exec")
			require.Zero(t, o.code, o.stderr)
			if pattern == "graph-*" || pattern == "session-*" {
				assert.Contains(t, o.stderr, "made anew", "%s: %s", pattern, name)
			}
			assert.Equal(t, want, tree(t, filepath.Join(site, "public")), "%s: %s", pattern, name)
			require.NoError(t, os.RemoveAll(filepath.Join(site, ".cache/answers")))
			built(t, site)
		}
	}
}

// TestACacheThatIsAnothersOrCannotBeKeptIsDoneWithout: another user's key, a
// cache that leads out of the project, and one that is a file.
func TestACacheThatIsAnothersOrCannotBeKeptIsDoneWithout(t *testing.T) {
	remembering(t)
	site := smallSite(t)
	built(t, site)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	r, _ := built(t, site)
	assert.Zero(t, r.Answers.Remembered, "another user signed it")

	require.NoError(t, os.RemoveAll(filepath.Join(site, ".cache")))
	outside := t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(site, ".cache")))
	o := ddc(t, "build", site, "-v", "--no-code-exec")
	if o.code == 0 { // the cache of code samples is refused there too
		assert.Contains(t, o.stderr, "leads out of the project")
	}
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	for _, e := range entries {
		assert.NotEqual(t, "answers", e.Name())
	}

	require.NoError(t, os.Remove(filepath.Join(site, ".cache")))
	require.NoError(t, os.Mkdir(filepath.Join(site, ".cache"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(site, ".cache/answers"), nil, 0o666))
	r, _ = built(t, site, "--no-code-exec")
	assert.Nil(t, r.Answers)
}

// TestAKilledBuildLeavesACacheThatTheNextOneSurvives kills a build that has its
// mark in the cache, and waits for a link.
func TestAKilledBuildLeavesACacheThatTheNextOneSurvives(t *testing.T) {
	inOtherProcesses(t)
	remembering(t)
	asked := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	site := smallSite(t)
	write(t, site, "content/link.md", "+++\ntitle = \"a\"\n+++\n[a]("+server.URL+")\n")
	built(t, site)
	want := tree(t, filepath.Join(site, "public"))
	program, err := os.Executable()
	require.NoError(t, err)
	c := exec.CommandContext(t.Context(), program, "build", site, "--no-code-exec", "--check-links")
	require.NoError(t, c.Start())
	await.Closed(t, "the build to ask for the link", asked)
	assert.Len(t, marksOf(t, site), 1)
	require.NoError(t, c.Process.Signal(syscall.SIGKILL))
	_ = c.Wait()
	o := ddc(t, "build", site, "-v", "--no-code-exec")
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stderr, "was killed or died")
	assert.Equal(t, want, tree(t, filepath.Join(site, "public")))
	r, _ := built(t, site)
	assert.Equal(t, r.Answers.Asked, r.Answers.Remembered)
}

func TestAToolOfAnotherVersionIsAskedAgain(t *testing.T) {
	tools := t.TempDir()
	t.Setenv("DDC_TOOLS", tools)
	path := filepath.Join(tools, "hb-subset")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(tools, "woff2_compress"), []byte("#!/bin/sh\n"), 0o755))
	version := func() string {
		v, ok := (&toolVersions{program: "p", of: map[string]string{}}).version("fonts")
		require.True(t, ok)
		return v
	}
	first := version()
	assert.Equal(t, first, version())
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n# newer\n"), 0o755))
	assert.NotEqual(t, first, version())
	plain, ok := (&toolVersions{program: "q", of: map[string]string{}}).version("markdown")
	require.True(t, ok)
	assert.True(t, strings.HasPrefix(plain, "q"))
}

func TestReportSaysWhetherAnythingIsRemembered(t *testing.T) {
	text, err := json.Marshal(buildReport{})
	require.NoError(t, err)
	assert.Contains(t, string(text), `"answers":null`)
}
