package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/image/font/gofont/goregular"

	"ddc/internal/await"
)

// sampleSiteOfTheOriginal is a site like the one that the original generator's
// tests of its server had.
func sampleSiteOfTheOriginal(t *testing.T) string {
	t.Helper()
	var picture bytes.Buffer
	require.NoError(t, png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 100, 100))))
	site := filepath.Join(t.TempDir(), "site")
	write(t, site,
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\n",
		"content/_index.md", "+++\ntitle = \"Home\"\n+++\n# Welcome\n\nThis is the home page. A [guide](/guide/), and [nothing](/nonexistent-page/).\n",
		"content/guide/_index.md", "+++\ntitle = \"Guide\"\n[extra]\nicon = \"book\"\ncustom = 42\n+++\nThe guide. See [advanced](@/guide/advanced.md#more).\n",
		"content/guide/getting-started.md", "+++\ntitle = \"Getting started\"\nweight = 10\n[extra]\ndifficulty = \"beginner\"\ntime = 5\n+++\n- see [advanced](advanced.md)\n- see [home](@/_index.md)\n\n```rust,noexec\nfn main() {\n    println!(\"Hello, world!\");\n}\n```\n",
		"content/guide/advanced.md", "+++\nweight = 20\n+++\n## More\n\nMuch.\n",
		"templates/base.html", `<!DOCTYPE html><html><head><title>{% block title %}{{ section.title }}{% endblock %}</title><link rel="stylesheet" href="/css/style.css"><link rel="stylesheet" href="/main.css"><script src="/js/main.js"></script></head><body>{% block content %}{% endblock %}<img src="/images/test.png" alt="a"><img src="/images/test.svg" alt="b"></body></html>`,
		"templates/index.html", `{% extends "base.html" %}{% block content %}{{ section.content | safe }}{% endblock %}`,
		"templates/macros.html", `{% macro list(path) %}{% set s = get_section(path=path) %}{% for p in s.pages %}<i>{{ p.title }}</i>{% endfor %}{% endmacro %}`,
		"templates/section.html", `{% extends "base.html" %}{% import "macros.html" as m %}{% block content %}<div data-icon="{{ section.extra.icon }}" data-custom="{{ section.extra.custom | default(value=0) }}"></div>{{ section.content | safe }}<ul>{% for p in section.pages %}<li>{{ p.title }}</li>{% endfor %}</ul>{{ m::list(path="guide/_index.md") }}{% endblock %}`,
		"templates/page.html", `{% extends "base.html" %}{% block title %}{{ page.title }}{% endblock %}{% block content %}{% if page.extra %}<p data-difficulty="{{ page.extra.difficulty }}" data-time="{{ page.extra.time }}"></p>{% endif %}{{ page.content | safe }}{% endblock %}`,
		"sass/main.scss", "$primary-color: #3498db;\nbody { border-color: $primary-color; }\n",
		"static/css/style.css", "@font-face { font-family: Test; src: url(/fonts/test.ttf) }\nbody { font-family: Test; font-weight: 400 }\n",
		"static/fonts/test.ttf", string(goregular.TTF), "static/images/test.png", picture.String(),
		"static/images/test.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10"/></svg>`,
		"static/js/main.js", "console.log(\"ready\")\n",
	)
	return site
}

// link finds the one address on a page that a pattern has.
func (s *serving) link(pattern string) string {
	s.t.Helper()
	_, page := s.get("/")
	found := regexp.MustCompile(pattern).FindString(page)
	require.NotEmpty(s.t, found, "the first page has no %s: %s", pattern, page)
	return found
}

// has claims that an address is answered with a text.
func (s *serving) has(path string, texts ...string) {
	s.t.Helper()
	status, page := s.get(path)
	assert.Equal(s.t, 200, status, path)
	for _, text := range texts {
		assert.Contains(s.t, page, text, path)
	}
}

// source is the text of one of the site's files.
func (s *serving) source(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.site, name))
	require.NoError(s.t, err)
	return string(text)
}

// save writes files of the site as write does, each in one step: a busy machine
// may stop a writer while its file is empty, for longer than the server waits,
// and then the empty file is shown.
func (s *serving) save(files ...string) {
	s.t.Helper()
	beside := s.site + ".saved"
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(s.site, files[i])
		require.NoError(s.t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(s.t, os.WriteFile(beside, []byte(files[i+1]), 0o666))
		require.NoError(s.t, os.Rename(beside, path))
	}
}

// loses waits for a text to go.
func (s *serving) loses(path, text string) {
	s.t.Helper()
	await.Until(s.t, path+" to lose "+text, func() bool { _, page := s.get(path); return !strings.Contains(page, text) }, s.stderr.String)
}

// answers waits for a status.
func (s *serving) answers(path string, want int) {
	s.t.Helper()
	await.Until(s.t, path+" to be answered otherwise", func() bool {
		status, _ := s.get(path)
		return status == want
	}, s.stderr.String)
}

const (
	styleLink = `/css/style\.[0-9acdeo]{12}\.css`
	sassLink  = `/main\.[0-9acdeo]{12}\.css`
)

// What the original's own tests ask of its server, with our names for what it
// names itself. First what it shows, then what it does about changes.
func TestServerShowsWhatTheOriginalsTestsAsk(t *testing.T) {
	inOtherProcesses(t)
	s := startServing(t, sampleSiteOfTheOriginal(t))
	t.Run("pages are there, and say what they should", func(t *testing.T) {
		for _, path := range []string{"/guide/", "/guide/getting-started/", "/guide/advanced/"} {
			s.has(path, "<!doctype html>", "<body>")
		}
		s.has("/", "Welcome", "This is the home page", "<title>Home</title>")
		s.has("/guide/advanced/", "<title>Advanced</title>") // a missing title is made of the name
		s.has("/guide/", "data-icon=book", "data-custom=42")
		s.has("/guide/getting-started/", "data-difficulty=beginner", "data-time=5", "<code", "Hello, world!")
		_, page := s.get("/guide/getting-started/")
		assert.Regexp(t, `(?s)<pre.*\{</span>\n    <span.*;</span>\n<span.*</pre>`, page, "code keeps its lines")
	})
	t.Run("assets have hashed names, and are there", func(t *testing.T) {
		sheet := s.link(styleLink)
		s.has(sheet)
		_, css := s.get(sheet)
		font := regexp.MustCompile(`/fonts/test\.[0-9acdeo]{12}\.\w+`).FindString(css)
		require.NotEmpty(t, font, css)
		assert.NotContains(t, css, "/fonts/test.ttf")
		s.has(font)
		s.has(s.link(`/images/test\.[0-9acdeo]{12}\.svg`), "<svg")
		s.has(s.link(`/js/main\.[0-9acdeo]{12}\.js`), "ready")
		s.has(s.link(sassLink), "#3498db")
		_, css = s.get(s.link(sassLink))
		assert.NotContains(t, css, "$primary-color")
	})
	t.Run("what is not there is not", func(t *testing.T) {
		for _, path := range []string{"/no-such-page/", "/css/no-such.css", "/css/style.css"} {
			status, _ := s.get(path)
			assert.Equal(t, 404, status, path)
		}
	})
	t.Run("search is there", func(t *testing.T) { s.has("/pagefind/pagefind.js") })
	t.Run("dead links are marked and good ones are not", func(t *testing.T) {
		s.has("/", `data-dead="[&#34;/nonexistent-page/&#34;]"`)
		_, page := s.get("/guide/getting-started/")
		assert.NotContains(t, page, "data-dead")
	})
	t.Run("links to sources are resolved", func(t *testing.T) {
		s.has("/guide/", "href=/guide/advanced/#more")
		s.has("/guide/getting-started/", "href=/guide/advanced/", "href=/")
	})
	assert.Zero(t, s.stop(), s.stderr.String())
}

func TestServerFollowsChangesAsTheOriginalsTestsAsk(t *testing.T) {
	inOtherProcesses(t)
	site := sampleSiteOfTheOriginal(t)
	s := startServing(t, site)
	t.Run("an edited style sheet has another name", func(t *testing.T) {
		before := s.link(styleLink)
		s.save("static/css/style.css", strings.Replace(s.source("static/css/style.css"), "400", "700", 1))
		s.loses("/", before)
		_, css := s.get(s.link(styleLink))
		assert.Regexp(t, `font-weight:\s*(700|bold)`, css)
		before = s.link(sassLink)
		s.save("sass/main.scss", strings.Replace(s.source("sass/main.scss"), "#3498db", "#ff0000", 1))
		s.loses("/", before)
		_, css = s.get(s.link(sassLink))
		assert.Regexp(t, `red|#f00|#ff0000`, css)
	})
	t.Run("pages come and go, and sections list them", func(t *testing.T) {
		status, _ := s.get("/guide/new-page/")
		assert.Equal(t, 404, status)
		s.save("content/guide/new-page.md", "+++\ntitle = \"Brand new\"\n+++\nnew text\n")
		s.shows("/guide/new-page/", "new text")
		s.has("/guide/", "<li>Brand new", "<i>Brand new</i>")
		require.NoError(t, os.Rename(filepath.Join(site, "content/guide/new-page.md"), filepath.Join(site, "content/guide/moved.md")))
		s.shows("/guide/moved/", "new text")
		s.answers("/guide/new-page/", 404)
		require.NoError(t, os.Remove(filepath.Join(site, "content/guide/moved.md")))
		s.answers("/guide/moved/", 404)
		_, page := s.get("/guide/")
		assert.NotContains(t, page, "Brand new")
		s.save("content/fresh/_index.md", "+++\ntitle = \"Fresh\"\n[extra]\nicon = \"x\"\n+++\nfresh\n")
		s.shows("/fresh/", "fresh")
		s.save("content/one/two/three/_index.md", "+++\ntitle = \"Deep\"\n[extra]\nicon = \"x\"\n+++\ndeep\n")
		s.shows("/one/two/three/", "deep")
	})
	t.Run("a fault in a template is shown and goes", func(t *testing.T) {
		good := s.source("templates/section.html")
		s.save("templates/section.html", "{% if %}\n"+good)
		s.shows("/guide/", "data-faults")
		s.has("/guide/", "templates/section.html", "&#34;line&#34;:1", "&#34;excerpt&#34;", "The guide.")
		s.save("templates/section.html", good)
		s.loses("/guide/", "data-faults")
		require.NoError(t, os.Remove(filepath.Join(site, "templates/section.html")))
		s.shows("/guide/", "data-faults")
		s.save("templates/section.html", good)
		s.loses("/guide/", "data-faults")
	})
	t.Run("a fault in front matter names its file and goes", func(t *testing.T) {
		good := s.source("content/guide/advanced.md")
		s.save("content/guide/advanced.md", "+++\ntitle = \n+++\nx\n")
		s.shows("/guide/advanced/", "content/guide/advanced.md")
		s.save("content/guide/advanced.md", good)
		s.shows("/guide/advanced/", "Much.")
	})
	t.Run("a linked static file is served", func(t *testing.T) {
		s.save("shared/linked.txt", "linked")
		require.NoError(t, os.Symlink("../shared/linked.txt", filepath.Join(site, "static/linked.txt")))
		s.save("templates/base.html", strings.Replace(s.source("templates/base.html"), "</body>", `<a href="/linked.txt">l</a></body>`, 1))
		s.shows("/linked.txt", "linked")
		s.save("shared/linked.txt", "changed elsewhere")
		s.shows("/linked.txt", "changed elsewhere")
	})
	assert.Zero(t, s.stop(), s.stderr.String())
}

// What a package manager has installed is used by way of a link.
func TestServerFollowsALibraryOfStyleSheets(t *testing.T) {
	inOtherProcesses(t)
	site := sampleSiteOfTheOriginal(t)
	s := startServing(t, site)
	s.save("node_modules/lib/_colours.scss", "$c: #00ff00;\n")
	require.NoError(t, os.Symlink("../node_modules/lib", filepath.Join(site, "sass/lib")))
	before := s.link(sassLink)
	s.save("sass/main.scss", "@use \"lib/colours\";\nbody { border-color: colours.$c; }\n")
	s.loses("/", before)
	before = s.link(sassLink)
	_, css := s.get(before)
	assert.Regexp(t, `lime|#0f0|#00ff00`, css)
	s.save("node_modules/lib/_colours.scss", "$c: #0000ff;\n")
	s.loses("/", before)
	_, css = s.get(s.link(sassLink))
	assert.Regexp(t, `blue|#00f|#0000ff`, css)
	assert.Zero(t, s.stop(), s.stderr.String())
}

func TestServerDoesWithoutSass(t *testing.T) {
	inOtherProcesses(t)
	site := sampleSiteOfTheOriginal(t)
	require.NoError(t, os.RemoveAll(filepath.Join(site, "sass")))
	s := startServing(t, site)
	_, page := s.get("/")
	assert.NotRegexp(t, sassLink, page)
	write(t, site, "sass/other.scss", "a { b: c }\n")
	write(t, site, "content/guide/advanced.md", "+++\n+++\nafter\n")
	s.shows("/guide/advanced/", "after")
	assert.NotRegexp(t, sassLink, s.link("(?s).*"))
}

func TestSecondVisitMakesNothing(t *testing.T) {
	inOtherProcesses(t)
	s := startServing(t, sampleSiteOfTheOriginal(t), "--json")
	made := func(edit string) (change struct{ Pages, Calls int }) {
		s.save("content/guide/advanced.md", "+++\nweight = 20\n+++\n"+edit+"\n")
		for {
			var told struct {
				Files        []string
				Pages, Calls int
			}
			require.NoError(t, json.Unmarshal([]byte(s.line("the change")), &told))
			if len(told.Files) > 0 {
				change.Pages, change.Calls = told.Pages, told.Calls
				return change
			}
		}
	}
	s.line("all pages to be looked at") // an edit before that is no change
	// The letters stay the same: others would be another font, which all pages
	// name.
	made("visits make no page")
	made("no page visits make")
	s.shows("/guide/advanced/", "no page visits make")
	for range 3 {
		for _, path := range []string{"/", "/guide/", "/guide/getting-started/", "/guide/advanced/"} {
			s.has(path)
		}
	}
	// A change is told with all that was made since the one before it was
	// begun.
	assert.Equal(t, 1, made("page visits make no").Pages)
	assert.Zero(t, s.stop(), s.stderr.String())
}

// An open page is told of an edit in JSON, through a socket. The message is
// short if the edit is: some 150 bytes for a patch with what it expects to
// find, and as many around it.
func TestPatchesOfASmallEditAreSmall(t *testing.T) {
	inOtherProcesses(t)
	s := startServing(t, sampleSiteOfTheOriginal(t))
	_, page := s.get("/guide/advanced/")
	said := regexp.MustCompile(`data-ddc="([^"]*)" data-name="([^"]*)"`).FindStringSubmatch(page)
	require.Len(t, said, 3, page)
	c, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(s.url, "http")+"/__ddc/live", nil)
	require.NoError(t, err)
	defer func() { _ = c.CloseNow() }()
	require.NoError(t, c.Write(t.Context(), websocket.MessageText, []byte(`{"name":"`+said[2]+`","hash":"`+said[1]+`"}`)))
	s.save("content/guide/advanced.md", "+++\nweight = 20\n+++\n## More\n\nMuch much.\n") // of the same letters
	for {
		_, text, err := c.Read(t.Context())
		require.NoError(t, err, s.stderr.String())
		var told struct {
			Patches []struct{ Op, Value, Old string }
		}
		require.NoError(t, json.Unmarshal(text, &told))
		if len(told.Patches) == 0 {
			continue
		}
		require.Len(t, told.Patches, 1)
		assert.Equal(t, "set_text", told.Patches[0].Op)
		assert.Equal(t, "Much much.", told.Patches[0].Value)
		assert.Equal(t, "Much.", told.Patches[0].Old)
		assert.Less(t, len(text), 300, "%s", text)
		break
	}
	assert.Zero(t, s.stop(), s.stderr.String())
}
