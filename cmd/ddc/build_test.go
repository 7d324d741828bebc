package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/fixture"
	"ddc/wake/strategy"
)

// ways are all that carries a build: the four strategies, and the control
// groups.
func ways() map[string][]string {
	ways := map[string][]string{"inproc": {"--transport", "inproc"}, "grpc": {"--transport", "grpc"}}
	for _, name := range strategy.Names() {
		ways[name] = []string{"--wake", name}
	}
	return ways
}

func TestEverySiteComesOutTheSameByEveryWay(t *testing.T) {
	t.Run("fixture", func(t *testing.T) { comesOutTheSame(t, fixture.Site(t)) })
	for site, flags := range map[string][]string{
		"sample-site":  nil,
		"no-scss-site": nil,
		"dodeca-docs":  {"--no-code-exec"},
	} {
		folder, found := fixture.Real(site)
		if !found {
			continue
		}
		t.Run(site, func(t *testing.T) {
			if testing.Short() {
				t.Skip("minutes under the race detector, and the fixture has been built")
			}
			comesOutTheSame(t, folder, flags...)
		})
	}
}

// comesOutTheSame builds a site by every way.
func comesOutTheSame(t *testing.T, folder string, flags ...string) {
	t.Helper()
	outputs := t.TempDir()
	nothingLeft(t, outputs)
	var first map[string]string
	for way, chosen := range ways() {
		output := filepath.Join(outputs, way)
		o := ddc(t, append(append([]string{"build", folder, "-o", output}, flags...), chosen...)...)
		require.Zero(t, o.code, "%s: %s", way, o.stderr)
		files := tree(t, output)
		if first == nil {
			first = files
		}
		assert.Equal(t, first, files, "%s differs", way)
	}
}

// made counts what a build makes of a site, by kind.
type made struct{ pages, fonts, webp, jxl int }

// The fixture and the documentation have everything that a build makes.
func TestSiteIsWholeAndSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute under the race detector")
	}
	t.Run("fixture", func(t *testing.T) {
		output := buildsWhole(t, fixture.Site(t), made{fixture.Pages, 2, 2, 2})
		page, err := os.ReadFile(filepath.Join(output, "guide/tides/index.html"))
		require.NoError(t, err)
		assert.Regexp(t, `/css/harbour\.[0-9acdeo]{12}\.css`, string(page))
		assert.Contains(t, string(page), "<span")
		assert.Contains(t, string(page), "/pagefind/pagefind-ui.js")
		home, err := os.ReadFile(filepath.Join(output, "index.html"))
		require.NoError(t, err)
		assert.Regexp(t, `<picture>.*/images/harbour-320w\.[0-9acdeo]{12}\.jxl 320w`, string(home))
		assert.FileExists(t, filepath.Join(output, "favicon.svg"), "its name is stable")
	})
	if folder, found := fixture.Real("dodeca-docs"); found {
		t.Run("dodeca-docs", func(t *testing.T) {
			output := buildsWhole(t, folder, made{23, 4, 5, 5})
			page, err := os.ReadFile(filepath.Join(output, "guide/sass/index.html"))
			require.NoError(t, err)
			assert.Regexp(t, `/css/style\.[0-9acdeo]{12}\.css`, string(page))
			assert.Contains(t, string(page), "<span")
			assert.Contains(t, string(page), "/pagefind/pagefind-ui.js")
		})
	}
}

// processes are how many of each plugin there were.
func processes(r buildReport) map[string]int {
	n := map[string]int{}
	for _, p := range r.Plugins {
		name, _, _ := strings.Cut(p.Name, "#")
		n[name]++
	}
	return n
}

func TestSeveralProcessesOfAPluginMakeTheSameSite(t *testing.T) {
	site := fixture.Site(t)
	alone, several := filepath.Join(t.TempDir(), "alone"), filepath.Join(t.TempDir(), "several")
	o := ddc(t, "build", site, "-o", alone, "--no-code-exec", "--json")
	require.Zero(t, o.code, o.stdout+o.stderr)
	for _, transport := range []string{"shm", "grpc"} {
		o = ddc(t, "build", site, "-o", several, "--no-code-exec", "--json", "--all-plugins", "--transport", transport, "--replicas", "minify=3,markdown=2,html=1")
		require.Zero(t, o.code, o.stdout+o.stderr)
		assert.Equal(t, tree(t, alone), tree(t, several))
		r := decodeReport(t, o)
		n := processes(r)
		assert.Equal(t, []int{3, 2, 1}, []int{n["minify"], n["markdown"], n["html"]})
		for _, p := range r.Plugins {
			assert.NotZero(t, p.PID, p.Name)
		}
	}
}

// buildsWhole builds a site with all plugins, and returns the output.
func buildsWhole(t *testing.T, folder string, want made) string {
	t.Helper()
	output := filepath.Join(t.TempDir(), "out")
	o := ddc(t, "build", folder, "-o", output, "--no-code-exec", "--json", "--all-plugins")
	require.Zero(t, o.code, o.stdout+o.stderr)
	r := decodeReport(t, o)
	assert.Equal(t, want.pages+1, r.Pages, "404.html is one too")
	assert.Len(t, processes(r), len(pluginNames()))
	for _, p := range r.Plugins {
		assert.NotZero(t, p.PID, p.Name)
		assert.Equal(t, "futex", p.Wake)
		assert.Zero(t, p.Errors, p.Name)
		assert.Zero(t, p.Restarts, p.Name)
	}
	var got made
	for file := range tree(t, output) {
		info, err := os.Stat(filepath.Join(output, file))
		require.NoError(t, err)
		switch {
		case strings.HasSuffix(file, "index.html"):
			got.pages++
		case strings.HasPrefix(file, "fonts/"):
			got.fonts++
			assert.Less(t, info.Size(), int64(100_000), file)
			assert.Regexp(t, `^fonts/[\w-]+\.[0-9acdeo]{12}\.(woff2|ttf)$`, file)
		case strings.HasSuffix(file, ".webp"):
			got.webp++
		case strings.HasSuffix(file, ".jxl"):
			got.jxl++
		}
	}
	assert.Equal(t, want, got)
	assert.FileExists(t, filepath.Join(output, "pagefind/pagefind.js"))
	return output
}

func TestFailingSampleFailsTheBuildWithItsPageAndLine(t *testing.T) {
	folder := fixture.Site(t)
	write(t, folder, "content/failing.md", "+++\ntitle = \"Failing\"\n+++\nA sample:\n\n```sh\ntrue\nfalse\n```\n")
	output := filepath.Join(t.TempDir(), "out")
	o := ddc(t, "build", folder, "-o", output)
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stderr, "error: content/failing.md:6")
	assert.NotContains(t, o.stderr, "error: content/guide/tides.md")
	assert.NoDirExists(t, output)

	o = ddc(t, "build", folder, "-o", output, "--no-code-exec")
	assert.Zero(t, o.code, o.stderr)

	real, found := fixture.Real("code-execution-site") // its samples are in Rust
	if !found {
		return
	}
	o = ddc(t, "build", real, "-o", filepath.Join(t.TempDir(), "out"))
	assert.Equal(t, exitSite, o.code)
	assert.Regexp(t, `error: content/failing\.md:\d+:\d+: `, o.stderr)
	assert.NotContains(t, o.stderr, "successful.md")
}

// An extra: the samples are those of a site that people read.
func TestOfTheDocumentationsSamplesOneIsNoProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute under the race detector")
	}
	// The cache lies in the project: built in a copy, the original stays as it
	// is.
	folder := filepath.Join(t.TempDir(), "docs")
	require.NoError(t, os.CopyFS(folder, fixture.RealOrSkip(t, "dodeca-docs")))
	o := ddc(t, "build", folder, "--json")
	assert.Equal(t, exitSite, o.code)
	r := decodeReport(t, o)
	require.Len(t, r.Errors, 1, o.stdout)
	assert.Equal(t, "docs/content/internals/architecture.md", r.Errors[0].File)
	assert.NotZero(t, r.Errors[0].Line)
}

func TestBuildSaysOneLineAndNothingElse(t *testing.T) {
	site := smallSite(t)
	nothingLeft(t, site)
	o := ddc(t, "build", site, "--spin", "off", "--all-plugins")
	require.Zero(t, o.code, o.stderr)
	assert.Empty(t, o.stderr)
	assert.Equal(t, 1, strings.Count(o.stdout, "\n"), o.stdout)
	assert.Regexp(t, fmt.Sprintf(`public: 5 pages, \d+ files, .* \(%d plugins, futex\)`, len(pluginNames())), o.stdout)
}

func TestSecondBuildGivesTheSameBytesAndCleanRemovesThem(t *testing.T) {
	site := smallSite(t)
	require.Zero(t, ddc(t, "build", site).code)
	first := tree(t, filepath.Join(site, "public"))
	require.Zero(t, ddc(t, "build", site, "--jobs", "1").code)
	assert.Equal(t, first, tree(t, filepath.Join(site, "public")))

	o := ddc(t, "clean", site)
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stdout, "removed")
	assert.NoDirExists(t, filepath.Join(site, "public"))
	assert.Contains(t, ddc(t, "clean", site).stdout, "nothing to remove")
}

func TestVerboseShowsEachPluginsWakeUps(t *testing.T) {
	o := ddc(t, "build", smallSite(t), "--wake", "pipe,markdown=futex", "-v")
	require.Zero(t, o.code, o.stderr)
	assert.Regexp(t, `markdown +futex +\d+ +\d+`, o.stdout)
	assert.Regexp(t, `html +pipe +\d+ +\d+`, o.stdout)
	assert.Contains(t, o.stderr, "call")
}

func TestJSONHasTheFieldsThatScriptsReadAlsoWhereTheBuildFails(t *testing.T) {
	site := smallSite(t)
	keys := func(o outcome) []string {
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(o.stdout), &object), o.stdout)
		var keys []string
		for key := range object {
			keys = append(keys, key)
		}
		return keys
	}
	want := []string{"output", "pages", "rendered", "files", "bytes", "duration_ms", "peak_memory_bytes", "wake", "transport", "sandbox", "samples", "plugins", "own_plugins", "call_times", "answers", "hangs", "warnings", "errors"}
	o := ddc(t, "build", site, "--json", "--wake", "socketpair")
	require.Zero(t, o.code, o.stderr)
	assert.ElementsMatch(t, want, keys(o))
	r := decodeReport(t, o)
	assert.Equal(t, "socketpair", r.Wake)
	assert.Equal(t, "shm", r.Transport)
	assert.Empty(t, r.Errors)
	for _, p := range r.Plugins {
		assert.NotZero(t, p.PID, p.Name)
		assert.NotZero(t, p.Calls, p.Name)
		assert.NotZero(t, p.BytesIn, p.Name)
		assert.NotZero(t, p.BytesOut, p.Name)
	}

	write(t, site, "content/bad.md", "+++\ntitle = \n+++\n")
	o = ddc(t, "build", site, "--json")
	assert.Equal(t, exitSite, o.code)
	assert.ElementsMatch(t, want, keys(o))
	r = decodeReport(t, o)
	require.NotEmpty(t, r.Errors)
	assert.Equal(t, "content/bad.md", r.Errors[0].File)
	assert.Equal(t, 2, r.Errors[0].Line)
}

// The hang that all this is about came after some ten calls. `make soak` runs
// two hundred builds on each strategy.
func TestBuildsInARowLeaveNothingBehind(t *testing.T) {
	if testing.Short() {
		t.Skip("the fixture has been built on every strategy")
	}
	folder := fixture.Site(t)
	builds := 2
	if soak := os.Getenv("DDC_SOAK"); soak != "" {
		var err error
		builds, err = strconv.Atoi(soak)
		require.NoError(t, err)
	}
	for _, name := range strategy.Names() {
		t.Run(name, func(t *testing.T) {
			outputs := t.TempDir()
			nothingLeft(t, outputs)
			for range builds {
				o := ddc(t, "build", folder, "-o", filepath.Join(outputs, "out"), "--all-plugins", "--spin", "off", "--wake", name)
				require.Zero(t, o.code, o.stderr)
			}
		})
	}
}
