package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/fixture"
	"ddc/site/output"
)

// blog is a blog with all that an author needs within a week. Its picture is
// made.
func blog(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "blog")
	require.NoError(t, os.CopyFS(folder, os.DirFS("testdata/blog")))
	write(t, folder, "content/posts/trip/hill.jpg", string(fixture.JPEG(t, fixture.Photograph(60, 40))))
	return folder
}

// client is what a server puts into a page, and a build does not.
var client = regexp.MustCompile(`<script[^>]*data-ddc[^>]*></script>`)

func TestBlogComesOutTheSameByEveryWayFromCacheAndFromAServer(t *testing.T) {
	folder := blog(t)
	comesOutTheSame(t, folder, "--strict")

	clean := filepath.Join(t.TempDir(), "clean")
	o := ddc(t, "build", folder, "-o", clean, "--strict", "--no-cache")
	require.Zero(t, o.code, o.stderr)
	assert.Empty(t, o.stderr)
	want := texts(t, clean)
	again := filepath.Join(t.TempDir(), "again")
	require.Zero(t, ddc(t, "build", folder, "-o", again, "--strict").code)
	assert.Equal(t, want, texts(t, again), "from the cache")

	s := startServing(t, folder)
	base := strings.TrimSuffix(s.url, "/blog")
	require.NotEqual(t, base, s.url, "the server has the site where it will be")
	s.isAs(want)
	assert.Zero(t, s.stop(), s.stderr.String())
}

// isAs claims that the server has these files, but for its script.
func (s *serving) isAs(want map[string]string) {
	s.t.Helper()
	for name, text := range want {
		if name == output.Marker {
			continue
		}
		status, got := s.get("/" + strings.TrimSuffix(name, "index.html"))
		assert.Equal(s.t, 200, status, name)
		assert.Equal(s.t, text, client.ReplaceAllString(got, ""), name)
	}
}

// isAsBuilt claims that the server has what a build makes that remembers
// nothing.
func (s *serving) isAsBuilt() {
	s.t.Helper()
	clean := filepath.Join(s.t.TempDir(), "clean")
	o := ddc(s.t, "build", s.site, "-o", clean, "--no-cache", "--no-code-exec")
	require.Zero(s.t, o.code, o.stderr)
	s.isAs(texts(s.t, clean))
}

func TestBlogHasWhatItsAuthorMeant(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "out")
	o := ddc(t, "build", blog(t), "-o", folder, "--strict", "--transport", "inproc")
	require.Zero(t, o.code, o.stderr)
	files := texts(t, folder)
	for name, wants := range map[string][]string{
		"index.html": {"6 May 2024 21 words, 1 min", "2024: 3", "<th>time</th><th>height</th>", "<td>1,2", "<a href=/blog/tags/hills/>hills</a> 1", "<p>123 tide-time b 3 8 true true [1,2] a%20b", "<p>The second", "<em>marked</em>",
			"Moved /elsewhere/here/", "SLOWLY one, two Quay/Pier", "<a href=/blog/posts/trip/#the-way-up>", "href=https://example.org/blog/>"},
		"posts/index.html":                       {"A trip", "The second", "1 of 2", "<a href=/blog/posts/page/2/>next"},
		"posts/page/2/index.html":                {"The first", "It began with", "2 of 2", "<a href=/blog/posts/>back"},
		"posts/page/1/index.html":                {"url=/blog/posts/"},
		"posts/first/index.html":                 {"“quotes” – and dots…", "id=continue-reading", "<a href=https://example.org/else>", "<a href=/blog/posts/number-two/>the next"},
		"posts/number-two/index.html":            {"changed 2024-05-01", `<label><input`, "markdown-alert-tip", "<dt>Term", "footnote", "<mark>", "lib.rs", "<pre class=mermaid>", "<h2 id=raw>", "<h2 id=raw-html>", "#raw>Raw HTML", `aria-label="Link to this part"`},
		"posts/trip/index.html":                  {"Ada and Bob", "Up <em>and</em> down", "of 60 by 40", "/blog/processed_images/hill.", "<figcaption>A hill 1", "<aside class=tip>", "<i>drop</i>", "<h2 id=the-way-down>", "<em>steady</em>", "{{ figure(src="},
		"notes/index.html":                       {"Moved</a>", "Some note</a>"},
		"notes/some-note-with-spaces/index.html": {"/blog/notes/list.txt"},
		"elsewhere/here/index.html":              {"Here."},
		"old/index.html":                         {"url=/blog/posts/"},
		"old/first.html":                         {"url=/blog/posts/first/"},
		"begin/index.html":                       {"url=/blog/posts/first/"},
		"tags/index.html":                        {"hills</a> 1", "ea</a> 3", "Words &amp; more</a> 1"},
		"tags/sea/index.html":                    {"A trip", "The second"},
		"tags/sea/page/2/index.html":             {"The first"},
		"tags/words-more/index.html":             {"The first"},
		"authors/bob/index.html":                 {"The second"},
		"404.html":                               {"There is no such page"},
		"robots.txt":                             {"Sitemap: https://example.org/blog/sitemap.xml"},
		"sitemap.xml":                            {"<loc>https://example.org/blog/elsewhere/here/</loc>"},
		"atom.xml":                               {"<title>A trip</title>", `src=&quot;https://example.org/blog/`},
		"posts/atom.xml":                         {"<title>Tide &amp; Time · Posts</title>"},
		"tags/hills/atom.xml":                    {"<title>Tide &amp; Time · hills</title>"},
		"CNAME":                                  {"example.org"},
		"pagefind/pagefind.js":                   nil,
	} {
		text, there := files[name]
		if !assert.True(t, there, name) {
			continue
		}
		for _, want := range wants {
			assert.Contains(t, text, want, name)
		}
	}
	assert.NotContains(t, strings.Join(names(files), " "), "draft")
	assert.Regexp(t, `href=/blog/main\.[0-9a-eo]{12}\.css`, files["index.html"])
	assert.Regexp(t, `href=/blog/print\.[0-9a-eo]{12}\.css`, files["index.html"])
}

// texts are the contents of all files below a folder.
func texts(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for name := range tree(t, folder) {
		data, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		files[name] = string(data)
	}
	return files
}

func names(files map[string]string) (all []string) {
	for name := range files {
		all = append(all, name)
	}
	return all
}
