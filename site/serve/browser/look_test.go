package browser_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// probe is a page with words that no other page has: in its title, in a table
// and in code.
const probe = `+++
title = "Zebrafish"
description = "What is looked for"
date = 2026-01-04
+++

## A table

| animal | lives |
|---|---|
| quokka | on an island that has a rather long name, so that the table is wider than a phone |
| a link | [to the first page](@/_index.md) |

## Code

` + "```rust,noexec\nfn wombat(burrow: &Burrow) -> Result<Wombat, Error> { burrow.look_for_whoever_is_at_home(true, false).map(Wombat::new) }\n```" + `

## Tasks

- [x] done, with *stress*
- [ ] to do

> [!WARNING]
> A note.

<h2>Written as HTML</h2>

Term
: what it is[^1]

[^1]: A footnote.
`

// looked is a site to be looked at.
type looked struct {
	open  func(t *testing.T) *built
	pages []string // below the folder
	// The search: its box, a link of what it has found, and words with the page
	// that has them.
	box, found string
	words      map[string]string
}

func themeToLook(theme, folder string) looked {
	return looked{
		open:  func(t *testing.T) *built { return themed(t, theme, "content/"+folder+"/probe.md", probe) },
		pages: []string{"/", "/" + folder + "/", "/" + folder + "/probe/", "/404.html"},
		box:   "#query", found: "#results li a",
		words: map[string]string{"Zebrafish": folder + "/probe/", "quokka": folder + "/probe/", "wombat": folder + "/probe/"},
	}
}

var sites = map[string]looked{
	"docs":    themeToLook("docs", "guide"),
	"blog":    themeToLook("blog", "posts"),
	"minimal": themeToLook("minimal", "guide"),
	"guide": {
		open:  guide,
		pages: []string{"/", "/start/porting/", "/writing/markdown/", "/reference/templates/"},
		box:   "#query", found: "#results li a",
		words: map[string]string{"Deploying": "publish/deploying/", "slugify": "reference/templates/", "rsync": "publish/deploying/"},
	},
	"example": {
		open:  example,
		pages: []string{"/", "/guide/", "/guide/protocol/", "/guide/strategies/"},
		box:   "#query", found: "#results li a",
		words: map[string]string{"Choosing": "guide/choosing/", "socketpair": "guide/strategies/", "unpark": "guide/protocol/"},
	},
}

// guide is the guide, in the clothes of the docs theme.
func guide(t *testing.T) *built {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "guide")
	ddc(t, "init", folder, "--theme", "docs")
	for _, part := range []string{"content", ".config"} {
		require.NoError(t, os.RemoveAll(filepath.Join(folder, part)))
		require.NoError(t, os.CopyFS(filepath.Join(folder, part), os.DirFS(filepath.Join(repository(t), "docs", "guide", part))))
	}
	return build(t, folder)
}

func example(t *testing.T) *built {
	t.Helper()
	folder := filepath.Join(repository(t), "examples", "site")
	if _, err := os.Stat(filepath.Join(folder, "static", "fonts")); err != nil {
		t.Skip("left out, as its picture and fonts are not made: run make example")
	}
	return build(t, folder)
}

func repository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	return root
}

// TestSitesAreWhatAPersonWouldKeep looks at the site of each theme, and at the
// example, as ddc builds them: below a folder of a server, on a phone and on a
// desk, by day and by night. It writes what it sees to out/shots.
func TestSitesAreWhatAPersonWouldKeep(t *testing.T) {
	for name, of := range sites {
		t.Run(name, func(t *testing.T) {
			b := of.open(t)
			t.Run("no dead link", func(t *testing.T) { b.in(t).crawlAll() })
			t.Run("valid", func(t *testing.T) { b.in(t).validate() })
			s := &site{t: t, url: b.url + below, said: func() string { return "" }}
			s.browse()
			for _, width := range []int64{390, 1280} {
				for _, scheme := range []string{"light", "dark"} {
					if testing.Short() && (width == 390) != (scheme == "light") {
						continue
					}
					seen := screen{width: width, scheme: scheme}
					for _, page := range of.pages {
						t.Run(fmt.Sprintf("%s %v", page, seen), func(t *testing.T) { s.in(t).look(name, page, seen) })
					}
					t.Run(fmt.Sprint("search ", seen), func(t *testing.T) { s.in(t).searches(name, of, seen) })
				}
			}
		})
	}
}

// TestSiteWithoutAnIndexHasNoSearchBox also looks at the console: nothing loads
// the search.
func TestSiteWithoutAnIndexHasNoSearchBox(t *testing.T) {
	b := themed(t, "docs", ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nsearch #false\n")
	s := &site{t: t, url: b.url + below, said: func() string { return "" }}
	s.browse()
	v := s.view("/", screen{width: 390, scheme: "light"})
	assert.False(t, eval[bool](v.tab, `!!document.querySelector("input") || document.documentElement.outerHTML.includes("pagefind.js")`))
	v.noTrouble()
}

// TestThemesWorkWhereverTheyAreCopied takes the output of each theme to the
// root of a server, built without an address, and below a folder: no link is
// dead, and the page for what is not there, which is shown at any depth, has
// all that it needs, with a search that finds.
func TestThemesWorkWhereverTheyAreCopied(t *testing.T) {
	for _, theme := range []string{"docs", "blog", "minimal"} {
		for folder, flags := range map[string][]string{"": nil, "/a/b": {"--base-url", "/a/b"}} {
			t.Run(theme+folder, func(t *testing.T) {
				source := filepath.Join(t.TempDir(), "site")
				ddc(t, "init", source, "--theme", theme)
				b := &built{t: t, public: filepath.Join(t.TempDir(), "public")}
				out, err := exec.CommandContext(t.Context(), program, append([]string{"build", source, "-o", b.public, "--no-code-exec", "--no-cache"}, flags...)...).CombinedOutput()
				require.NoError(t, err, "%s", out)
				b.publishAt(folder)
				b.crawl(folder+"/", folder+"/404.html")
				s := &site{t: t, url: b.url + folder, said: func() string { return "" }}
				s.browse()
				v := s.view("/no/such/page", screen{width: 390, scheme: "light"})
				defer v.close()
				v.until("the search box to be there", `!!document.querySelector("#query")`)
				v.run(chromedp.Focus("#query"), chromedp.KeyEvent("write"))
				v.until("the search to find a page", `!!document.querySelector("#results li a")`)
				home := eval[string](v.tab, `document.querySelector("main a").pathname`)
				assert.Equal(t, folder+"/", home)
				v.mu.Lock()
				defer v.mu.Unlock()
				assert.Equal(t, []string{"404 " + b.url + folder + "/no/such/page"}, v.failed, "all else is there")
			})
		}
	}
}

func (b *built) in(t *testing.T) *built { return &built{t, b.public, b.url} }

// in is the site, for a part of its test.
func (s *site) in(t *testing.T) *site {
	return &site{t: t, folder: s.folder, url: s.url, said: s.said, ctx: s.ctx}
}

// screen is what a page is looked at on.
type screen struct {
	width  int64
	scheme string
	// kind is "", or print (paper), forced (the system's few colours) or silent
	// (no script runs).
	kind string
}

func (s screen) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", s.width, s.scheme, s.kind))
}

// shows are the features of the screen, as style sheets ask for them.
func (s screen) shows() emulation.SetEmulatedMediaParams {
	p := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s.scheme}}}
	switch s.kind {
	case "print":
		p.Media = "print"
	case "forced":
		p.Features = append(p.Features, &emulation.MediaFeature{Name: "forced-colors", Value: "active"})
	}
	return p
}

// view is a tab with a page on a screen.
type view struct {
	*tab
	mu     sync.Mutex
	failed []string // requests
}

// view opens a page on a screen, and waits until it is loaded.
func (s *site) view(page string, on screen) *view {
	s.t.Helper()
	v := &view{tab: s.newTab()}
	require.NoError(s.t, chromedp.Listen(v.ctx, func(ev any) {
		if e, is := ev.(*network.EventResponseReceived); is && e.Response.Status >= 400 {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.failed = append(v.failed, fmt.Sprint(e.Response.Status, " ", e.Response.URL))
		}
	}))
	v.run(
		chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{})
			return err
		}),
		chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, on.shows())
			return err
		}),
		chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: on.kind == "silent"})
			return err
		}),
		chromedp.EmulateViewport(on.width, 844),
		chromedp.Navigate(s.url+page),
	)
	v.until("the page to be loaded", `document.readyState === "complete"`)
	return v
}

// noTrouble claims that the page has loaded all that it asked for, without a
// word in the console, and that nothing has moved.
func (v *view) noTrouble() {
	v.s.t.Helper()
	for _, moved := range promised[[]string](v, `new Promise((done) => {
		const moved = [];
		const name = (n) => n ? n.nodeName + "." + n.className + "#" + n.id : "what has gone";
		const box = (r) => [r.x, r.y, r.width, r.height].map(Math.round).join(" ");
		const watch = (entries) => {
			for (const e of entries) moved.push("the layout shifts by " + e.value + ": " +
				e.sources.map((s) => name(s.node) + " from " + box(s.previousRect) + " to " + box(s.currentRect)).join(", "));
		};
		const observer = new PerformanceObserver((list) => watch(list.getEntries()));
		observer.observe({ type: "layout-shift", buffered: true });
		setTimeout(() => { watch(observer.takeRecords()); done(moved); }, 100);
	})`) {
		v.s.t.Error(moved)
	}
	v.loadedAll()
}

// loadedAll claims that the page has loaded all that it asked for, without a
// word in the console.
func (v *view) loadedAll() {
	v.s.t.Helper()
	v.mu.Lock()
	assert.Empty(v.s.t, v.failed)
	v.mu.Unlock()
	v.s.noProblems()
}

// loadPictures loads those that wait to be scrolled to, too.
func (v *view) loadPictures() {
	v.s.t.Helper()
	promised[bool](v, `Promise.all([...document.images].map((i) => { i.loading = "eager"; return i.decode() })).then(() => true)`)
}

// promised is what a promise comes to.
func promised[T any](v *view, expression string) T {
	v.s.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, time.Minute)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(v.s.t, err)
	return value
}

// look looks at one page.
func (s *site) look(name, page string, on screen) {
	v := s.view(page, on)
	defer v.close()
	if on.kind != "silent" {
		v.loadPictures()
		v.noTrouble()
	}
	s.shoot(v, strings.Trim(name+strings.ReplaceAll(strings.TrimSuffix(page, ".html"), "/", "-"), "-"), on)
	assert.LessOrEqual(s.t, eval[int64](v.tab, `document.documentElement.scrollWidth`), on.width, "the page is wider than the screen")
	if on.kind == "silent" { // nor would axe run
		assert.False(s.t, eval[bool](v.tab, `[...document.querySelectorAll("button, input:not(:disabled)")].some((e) => e.checkVisibility())`), "nothing is shown that would do nothing")
		return
	}
	axe, err := os.ReadFile(npm(s.t, "axe-core/axe.min.js"))
	require.NoError(s.t, err)
	eval[bool](v.tab, string(axe)+"; true")
	for _, found := range promised[[]string](v, `axe.run(document, { resultTypes: ["violations"] }).then((r) => r.violations
		.filter((v) => v.impact !== "minor").map((v) => v.id + " (" + v.impact + "): " + v.nodes.map((n) => n.html + " " + n.failureSummary).join("\n")))`) {
		s.t.Error(found)
	}
}

// searches finds words by the keyboard alone.
func (s *site) searches(name string, of looked, on screen) {
	for word, page := range of.words {
		v := s.view(of.pages[1], on)
		v.until("the search box to be there", `!!document.querySelector("`+of.box+`")`)
		tabs := 0
		for ; !eval[bool](v.tab, `document.activeElement.matches("`+of.box+`")`); tabs++ {
			require.Less(s.t, tabs, 20, "the tabulator leads to no search box")
			v.run(chromedp.KeyEvent(kb.Tab))
		}
		v.run(chromedp.KeyEvent(word))
		v.until("the search to find "+word, `[...document.querySelectorAll("`+of.found+`")].some((a) => a.pathname === "`+below+"/"+page+`")`)
		v.run(chromedp.KeyEvent(kb.Tab))
		v.noTrouble()
		s.shoot(v, name+"-search-"+strings.ToLower(word), on)
		v.run(chromedp.KeyEvent(kb.Escape))
		assert.True(s.t, eval[bool](v.tab, `document.getElementById("results").hidden && document.activeElement.matches("`+of.box+`")`), "Escape leads back to the box")
		v.close()
	}
}

// shoot writes what the screen shows.
func (s *site) shoot(v *view, name string, on screen) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, time.Minute)
	defer cancel()
	data, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(s.t, err)
	folder := filepath.Join(repository(s.t), "out", "shots")
	require.NoError(s.t, os.MkdirAll(folder, 0o777))
	require.NoError(s.t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%s.png", name, strings.ReplaceAll(on.String(), " ", "-"))), data, 0o666))
}
