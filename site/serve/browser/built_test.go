package browser_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// A built site is copied below a folder of an ordinary server, as a person
// would.

const (
	// published is where the sites are told that they will be.
	published = "https://site.example"
	below     = "/sub"
)

// built is a site that ddc has built, and a server that has it below a folder.
type built struct {
	t      *testing.T
	public string
	url    string // of the server
}

// themed is the site of a theme, with files given as path and content in turn.
func themed(t *testing.T, theme string, files ...string) *built {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "site")
	ddc(t, "init", folder, "--theme", theme)
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(folder, files[i])
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o777))
		require.NoError(t, os.WriteFile(name, []byte(files[i+1]), 0o666))
	}
	return build(t, folder)
}

// build builds a site and serves what comes out.
func build(t *testing.T, folder string) *built {
	t.Helper()
	b := &built{t: t, public: filepath.Join(t.TempDir(), "server", "public")}
	ddc(t, "build", folder, "-o", b.public, "--strict", "--base-url", published+below+"/", "--no-code-exec", "--no-cache")
	b.publish()
	return b
}

// publish serves the site's files below its folder.
func (b *built) publish() { b.publishAt(below) }

// publishAt serves the site's files as an ordinary server does, which shows
// 404.html where there is nothing.
func (b *built) publishAt(folder string) {
	files := http.StripPrefix(folder, http.FileServer(http.Dir(b.public)))
	mux := http.NewServeMux()
	mux.HandleFunc(folder+"/", func(w http.ResponseWriter, r *http.Request) {
		name := filepath.Join(b.public, filepath.FromSlash(strings.TrimPrefix(r.URL.Path, folder)))
		if _, err := os.Stat(name); err == nil {
			files.ServeHTTP(w, r)
			return
		}
		page, err := os.ReadFile(filepath.Join(b.public, "404.html"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write(page)
	})
	server := httptest.NewServer(mux)
	b.t.Cleanup(server.Close)
	b.url = server.URL
}

// ddc runs a command that is to do without a word of complaint.
func ddc(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.NotContains(t, string(out), "warning:")
}

// crawled is a page that the crawl has read.
type crawled struct {
	ids   map[string]bool
	links []string
}

// crawlAll follows all that leads to the site itself, from its home page, its
// feeds and its map on.
func (b *built) crawlAll() { b.crawl(below+"/", below+"/404.html", below+"/sitemap.xml") }

// crawl follows all that leads to the site itself from some of its pages, and
// claims that all of it is there.
func (b *built) crawl(queue ...string) (seen map[string]*crawled) {
	b.t.Helper()
	seen = map[string]*crawled{}
	from := map[string]string{}
	type fragment struct{ page, id, from string }
	var fragments []fragment
	for len(queue) > 0 {
		address := queue[0]
		queue = queue[1:]
		if seen[address] != nil {
			continue
		}
		page := b.fetch(address, from[address])
		seen[address] = page
		for _, link := range page.links {
			to, own := b.within(address, link)
			if !own {
				continue
			}
			if to.Fragment != "" {
				fragments = append(fragments, fragment{to.EscapedPath(), to.Fragment, address})
			}
			next := to.EscapedPath()
			if from[next] == "" {
				from[next] = address
			}
			queue = append(queue, next)
		}
	}
	for _, f := range fragments {
		assert.True(b.t, seen[f.page].ids[f.id], "%s has no #%s, to which %s leads", f.page, f.id, f.from)
	}
	assert.Greater(b.t, len(seen), 5, "the crawl has gone somewhere")
	return seen
}

// within says whether a link leads to the site itself, and where.
func (b *built) within(from, link string) (*url.URL, bool) {
	base, err := url.Parse(published + from)
	require.NoError(b.t, err)
	reference, err := url.Parse(strings.TrimSpace(link))
	require.NoError(b.t, err, "%s, on %s", link, from)
	to := base.ResolveReference(reference)
	return to, to.Host == base.Host && to.Scheme == base.Scheme
}

func (b *built) fetch(address, from string) *crawled {
	b.t.Helper()
	response, err := http.Get(b.url + address)
	require.NoError(b.t, err)
	defer response.Body.Close()
	if !assert.Equal(b.t, http.StatusOK, response.StatusCode, "%s, to which %s leads", address, from) {
		return &crawled{}
	}
	assert.Equal(b.t, address, response.Request.URL.EscapedPath(), "the server had to lead on, from %s", from)
	page := &crawled{ids: map[string]bool{}}
	switch path.Ext(address) {
	case "", ".html", ".xml":
	default:
		return page
	}
	z := html.NewTokenizer(response.Body)
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		token := z.Token()
		if kind == html.TextToken && strings.HasPrefix(strings.TrimSpace(token.Data), published) {
			page.links = append(page.links, token.Data) // of a feed or a map
		}
		for _, a := range token.Attr {
			switch {
			case a.Key == "id":
				page.ids[a.Val] = true
			case a.Key == "srcset":
				for candidate := range strings.SplitSeq(a.Val, ",") {
					page.links = append(page.links, strings.Fields(candidate)[0])
				}
			case slices.Contains([]string{"href", "src", "poster", "action", "data"}, a.Key), a.Key == "content" && strings.HasPrefix(a.Val, published):
				page.links = append(page.links, a.Val)
			}
		}
	}
	return page
}

// npm is a file of the packages that make tools installs.
func npm(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join(os.Getenv("DDC_TOOLS"), "..", "npm", "node_modules", filepath.FromSlash(name))
	if _, err := os.Stat(file); err != nil {
		t.Skipf("left out, as npm has not installed %s: run make tools", name)
	}
	return file
}

// validate holds each page to the standard of HTML.
func (b *built) validate() {
	b.t.Helper()
	program := npm(b.t, "html-validate/bin/html-validate.mjs")
	rules := filepath.Join(b.t.TempDir(), "rules.json")
	require.NoError(b.t, os.WriteFile(rules, []byte(validation), 0o600))
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "node", program, "--config", rules, "--formatter", "json", "**/*.html")
	c.Dir = b.public
	var said strings.Builder
	c.Stderr = &said
	out, err := c.Output()
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(b.t, err, &exit, said.String())
	}
	var pages []struct {
		FilePath string
		Messages []struct {
			RuleID, Message string
			Line, Column    int
		}
	}
	require.NoError(b.t, json.Unmarshal(out, &pages), "%s%s", out, &said)
	assert.Equal(b.t, err == nil, len(pages) == 0, "it lists the pages that are not valid, and fails if there are any")
	for _, page := range pages {
		for _, m := range page.Messages {
			b.t.Errorf("%s:%d:%d: %s (%s)", strings.TrimPrefix(page.FilePath, b.public), m.Line, m.Column, m.Message, m.RuleID)
		}
	}
}

// validation leaves out what a minified page does without, as the standard lets
// it.
const validation = `{
	"root": true,
	"extends": ["html-validate:standard", "html-validate:a11y", "html-validate:document"],
	"rules": {
		"no-implicit-close": "off",
		"no-implicit-button-type": "off",
		"no-raw-characters": "off",
		"require-sri": "off"
	}
}`
