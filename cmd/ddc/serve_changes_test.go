package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/site/output"
	"ddc/wake/strategy"
)

// envChanges is how many changes are made of a site that is served.
const envChanges = "DDC_SERVE_CHANGES"

// changing is a site that is served while it changes, plugins and the server
// are killed, and the cache's files are damaged.
type changing struct {
	*serving
	random *rand.Rand
	wake   string
	done   []string // to be shown should the site come out otherwise
}

func (c *changing) draw(all ...string) string { return all[c.random.IntN(len(all))] }

// change makes one change up.
func (c *changing) change(step int) {
	c.t.Helper()
	word := fmt.Sprintf("word%d", step)
	page := c.draw("content/guide/advanced.md", "content/guide/getting-started.md", "content/guide/added.md", "content/far/off/deep.md")
	titled := "+++\ntitle = \"" + c.draw("T", word) + "\"\n+++\n"
	body := c.draw("## More\n\n"+word+"\n", "[a](@/guide/_index.md) é"+word+"\n", "![p](/images/test.png)\n", "```go,noexec\nfunc f() {}\n```\n", "[gone](/"+word+"/)\n")
	unlinked := c.draw("content/guide/added.md", "content/far/off/deep.md") // a dead link is no site to be compared
	said := page
	switch c.random.IntN(11) {
	case 0, 1, 2:
		write(c.t, c.site, page, titled+body)
	case 3:
		require.NoError(c.t, os.RemoveAll(filepath.Join(c.site, unlinked)))
		said = "remove " + unlinked
	case 4:
		_ = os.Rename(filepath.Join(c.site, unlinked), filepath.Join(c.site, "content", word+".md")) // it may not be there
		said = "move " + unlinked
	case 5:
		said = "templates/macros.html"
		write(c.t, c.site, said, `{% macro list(path) %}{% set s = get_section(path=path) %}{% for p in s.pages %}<i>{{ p.title }} `+word+`</i>{% endfor %}{% endmacro %}`)
	case 6:
		said = "templates/page.html"
		write(c.t, c.site, said, `{% extends "base.html" %}{% block content %}<p>`+word+`</p>{{ page.content | safe }}{% endblock %}`)
	case 7:
		said = "sass/main.scss"
		write(c.t, c.site, said, fmt.Sprintf("$c: #3498db;\nbody { border-color: $c; margin: %dpx }\n", step))
	case 8:
		said = "static/css/style.css"
		write(c.t, c.site, said, fmt.Sprintf("@font-face { font-family: Test; src: url(/fonts/test.ttf) }\nbody { font-family: Test; margin: %dpx }\n", step))
	case 9:
		said = "static/" + c.draw("a", "b") + ".txt"
		write(c.t, c.site, said, word)
	default:
		said = ".config/dodeca.kdl"
		write(c.t, c.site, said, "content \"content\"\noutput \"public\"\n"+c.draw("", "search #false\n"))
	}
	c.done = append(c.done, said)
}

// mischief has something happen that is no change, most times.
func (c *changing) mischief() {
	c.t.Helper()
	what := c.random.IntN(8)
	switch what {
	case 0, 1:
		for _, pid := range childrenSoFar(c.t, c.cmd.Process.Pid, "\x00plugin\x00") {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
		}
		c.done = append(c.done, "plugins die")
		return
	case 2, 3:
		c.kill()
	case 4:
		require.Zero(c.t, c.stop(), c.stderr.String())
	default:
		return
	}
	c.done = append(c.done, fmt.Sprint("the server ends, in way ", what))
	if c.random.IntN(2) == 0 {
		c.damage()
	}
	c.serving = startServing(c.t, c.site, "--wake", c.wake)
}

// damage damages a file of the cache.
func (c *changing) damage() {
	c.t.Helper()
	var paths []string
	for _, pattern := range []string{"graph-*", "session-*", "pack-*", "values/*/*"} {
		found, err := filepath.Glob(filepath.Join(c.site, ".cache/answers", pattern))
		require.NoError(c.t, err)
		paths = append(paths, slices.DeleteFunc(found, func(path string) bool {
			info, err := os.Stat(path)
			return err != nil || !info.Mode().IsRegular() || info.Size() == 0
		})...)
	}
	if len(paths) == 0 {
		return
	}
	path, ways := c.draw(paths...), damages(c.t)
	name := c.draw(slices.Sorted(maps.Keys(ways))...)
	require.NoError(c.t, ways[name](path))
	c.done = append(c.done, filepath.Base(path)[:5]+" is "+name)
}

// isAsNew waits until the server has all that a build makes that remembers
// nothing.
func (c *changing) isAsNew() {
	c.t.Helper()
	clean := filepath.Join(c.t.TempDir(), "clean")
	o := ddc(c.t, "build", c.site, "-o", clean, "--no-cache", "--no-code-exec", "-q", "--transport", "inproc")
	require.Zero(c.t, o.code, o.stderr)
	want := texts(c.t, clean)
	said := ""
	await.Until(c.t, "the server to have what a clean build has", func() bool {
		for name, text := range want {
			status, got := c.get("/" + strings.TrimSuffix(name, "index.html"))
			if got = client.ReplaceAllString(got, ""); name != output.Marker && (status != 200 || got != text) {
				said = fmt.Sprintf("%s, %d: %.2000q\nbuilt: %.2000q", name, status, got, text)
				return false
			}
		}
		return true
	}, func() string { return fmt.Sprintf("%s\nafter %q\n%s", said, c.done, c.stderr.String()) })
}

// What is served is what a clean build has, whatever changes, dies and is
// damaged. The seed is fixed. In make serve-changes each strategy has its part
// of the changes.
func TestServerEqualsACleanBuildWhateverChangesAndDies(t *testing.T) {
	inOtherProcesses(t)
	remembering(t)
	changes, wakes := number(t, envChanges, 0), strategy.Names()
	if changes == 0 {
		changes, wakes = 40, wakes[:1]
	}
	for i, wake := range wakes {
		t.Run(wake, func(t *testing.T) {
			site := sampleSiteOfTheOriginal(t)
			c := &changing{startServing(t, site, "--wake", wake), rand.New(rand.NewPCG(1, uint64(i))), wake, nil}
			for step := range changes / len(wakes) {
				if c.random.IntN(2) == 0 {
					c.change(step)
					c.mischief()
				} else {
					c.mischief()
					c.change(step)
				}
				c.isAsNew()
			}
			require.Zero(t, c.stop(), c.stderr.String())
		})
	}
}
