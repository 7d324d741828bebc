package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/wake/strategy"
)

// sources are ddc's own.
const sources = "../.."

// writtenAnew is a plugin as ddc plugin new writes it, in a folder of its own.
// The plugin is called as the folder is.
func writtenAnew(t *testing.T, language, name string) (folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), name)
	o := ddc(t, "plugin", "new", folder, "--lang", language, "--source", sources)
	require.Zero(t, o.code, o.stderr)
	return folder
}

// compiles runs a compiler in a folder.
func compiles(t *testing.T, folder, program string, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, args...)
	c.Dir, c.Env = folder, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s %v: %s", program, args, out)
}

// byCargo builds the crate in a folder, and gives the folder of what was built,
// which all of ddc's own crates share: what they need is compiled once.
func byCargo(t *testing.T, folder string, args ...string) (built string) {
	t.Helper()
	if os.Getenv("DDC_CARGO") == "" {
		t.Skip("DDC_CARGO says nothing: make rust runs this, where cargo and cc are")
	}
	fetch := exec.CommandContext(t.Context(), "cargo", "fetch", "--quiet", "--locked")
	fetch.Dir = folder
	if out, err := fetch.CombinedOutput(); err != nil {
		require.NotContains(t, string(out), "lock file", "Cargo.lock is of other crates")
		t.Skipf("the crates cannot be had: %s", out)
	}
	target, err := filepath.Abs(filepath.Join(sources, "sdk/rust/target"))
	require.NoError(t, err)
	compiles(t, folder, "cargo", append([]string{"build", "--quiet", "--locked", "--target-dir", target}, args...)...)
	return filepath.Join(target, "debug")
}

// inGo, inRust and inC are the programs of plugins that do the same to a page.
// Those in Go and Rust do more.
func inGo(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("a compiler takes its time")
	}
	folder := writtenAnew(t, "go", "shout")
	compiles(t, folder, "go", "build", "-o", "shout", ".")
	return filepath.Join(folder, "shout")
}

func inRust(t *testing.T) string {
	t.Helper()
	return filepath.Join(byCargo(t, writtenAnew(t, "rust", "shout")), "shout")
}

func inC(t *testing.T) string {
	t.Helper()
	library := byCargo(t, filepath.Join(sources, "sdk/rust"), "--lib")
	program := filepath.Join(t.TempDir(), "note")
	compiles(t, sources, "cc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-I", "sdk/rust/include", "-o", program,
		"examples/plugin-c/note.c", filepath.Join(library, "libddc_plugin.a"), "-lpthread", "-ldl", "-lm")
	return program
}

// siteWith is a site that has the same program as its plugin shout, for some
// stages or all that it has.
func siteWith(t *testing.T, program string, stages ...string) (site string) {
	t.Helper()
	content := "A [page](@/a.md).\n"
	template := "{{ section.content | safe }}"
	more := ""
	if len(stages) > 0 {
		more = "    stage \"" + strings.Join(stages, "\" \"") + "\"\n"
	} else {
		content += "\n:shout:, {{ shout(text=\"a < b\") }}, [all](/shout.txt)\n\nTODO\n"
		template += `{{ shout(text=section.title) }}`
	}
	site = filepath.Join(t.TempDir(), "site")
	write(t, site,
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nsearch #false\nplugin \"shout\" {\n    command "+strconv.Quote(program)+"\n"+more+"}\n",
		"content/_index.md", "+++\ntitle = \"Home\"\n+++\n"+content,
		"content/a.md", "+++\ntitle = \"A\"\n+++\n"+strings.Repeat("A long page, in pieces: more than any slot of the hub holds. ", 40_000),
		"templates/index.html", htmlPage(template),
		"templates/page.html", htmlPage(`{{ page.content | safe }}`),
	)
	return site
}

// builtBy builds a site on some ways, and gives what came out of all of them.
func builtBy(t *testing.T, site string, ways ...[]string) (pages map[string]string, warnings string) {
	t.Helper()
	for i, way := range ways {
		o := ddc(t, append([]string{"build", site, "--allow", "shout"}, way...)...)
		require.Zero(t, o.code, o.stderr)
		if got := texts(t, filepath.Join(site, "public")); i == 0 {
			pages, warnings = got, o.stderr
		} else {
			assert.Equal(t, pages, got, way)
		}
	}
	return pages, warnings
}

// The same plugin in three languages, each of which a site names: the pages
// are the same bytes, whatever wakes the plugin.
func TestPluginsInGoRustAndCMakeTheSamePages(t *testing.T) {
	nothingLeft(t, t.TempDir())
	var everyWay [][]string
	for _, name := range strategy.Names() {
		everyWay = append(everyWay, []string{"--wake", name})
	}
	program := inGo(t)
	all, warned := builtBy(t, siteWith(t, program), everyWay...)
	assert.Contains(t, all["index.html"], "<strong>A &lt; B!</strong>")
	assert.Contains(t, all["index.html"], "<strong>shout</strong>")
	assert.Contains(t, all["index.html"], "HOME!")
	assert.Equal(t, "/\n/a/\n", all["shout.txt"])
	assert.Contains(t, warned, "content/_index.md:8:1: shout: something is still to do (do it)")
	page, _ := builtBy(t, siteWith(t, program, "html"), []string{"--transport", "grpc"})
	for _, name := range []string{"index.html", "a/index.html"} {
		assert.Regexp(t, `<meta name="?shout"? content="?0\.1\.0"?`, page[name])
	}
	assert.Greater(t, len(page["a/index.html"]), 2<<20)

	t.Run("Rust", func(t *testing.T) {
		got, alsoWarned := builtBy(t, siteWith(t, inRust(t)), everyWay...)
		assert.Equal(t, all, got)
		assert.Equal(t, warned, alsoWarned)
	})
	t.Run("C", func(t *testing.T) {
		got, _ := builtBy(t, siteWith(t, inC(t), "html"), everyWay...)
		assert.Equal(t, page, got)
	})
}

// A plugin of a site that never answers: a look at the build from outside names
// it, with what it was asked and the page.
func TestInspectNamesAPluginOfASiteThatHangs(t *testing.T) {
	hangs := func(t *testing.T, program string, args ...string) {
		t.Helper()
		site := filepath.Join(t.TempDir(), "site")
		plugin := strings.Replace(naming("shout", program, args...), "}", "    stage \"html\"\n}", 1)
		write(t, site, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nsearch #false\n"+plugin,
			"content/_index.md", "", "templates/index.html", htmlPage(""))
		build := startBuild(t, nil, site, "--allow", "shout")
		t.Cleanup(func() {
			_ = build.Process.Kill()
			await.Closed(t, "the build to end", build.ended)
		})
		pid := strconv.Itoa(build.Process.Pid)
		var o outcome
		await.Until(t, "the call to count as stuck", func() bool {
			o = ddc(t, "inspect", pid)
			return strings.Contains(o.stdout, "handler stuck: ")
		}, func() string { return o.stdout + o.stderr })
		assert.Equal(t, exitSite, o.code)
		assert.Regexp(t, `(?m)^shout: handler stuck: shout since \d+ s in Html for `, o.stdout)
		assert.Regexp(t, `(?m)^  call /ddc\.site\.v1\.SitePlugin/Html for content/_index\.md, `, o.stdout)
		assert.Equal(t, 2, strings.Count(o.stdout, "handler stuck: "), "in the table and below it: nobody else is named")
	}
	t.Run("Go", func(t *testing.T) {
		program, err := os.Executable()
		require.NoError(t, err)
		hangs(t, program, ownRole, "slow")
	})
	t.Run("Rust", func(t *testing.T) {
		folder := writtenAnew(t, "rust", "silent")
		const answers = `reply(html(read(request)?))`
		text := read(t, folder, "src/main.rs")
		require.Contains(t, text, answers)
		write(t, folder, "src/main.rs", strings.Replace(text, answers, `loop { std::thread::park() }`, 1))
		hangs(t, filepath.Join(byCargo(t, folder), "silent"))
	})
}
