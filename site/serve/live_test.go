package serve_test

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site/serve"
)

func remove(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(path))
}

func patched(u update) bool  { return len(u.Patches) > 0 }
func reloaded(u update) bool { return u.Reload }

func TestOpenPageGetsPatches(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", html("<p>one</p>"), "content/b/index.html", html("<p>b</p>"))
	first, second, other := s.open("/"), s.open("/"), s.open("/b/")
	s.save("content/index.html", html("<p>two</p>"))
	for _, tab := range []*tab{first, second} {
		u := tab.hears("patches", patched)
		require.Len(t, u.Patches, 1)
		p := u.Patches[0]
		assert.Equal(t, "set_text", p.Op)
		assert.Equal(t, []int{1, 1, 0, 0}, p.Path)
		assert.Equal(t, []string{"html", "body", "p", "#text"}, p.Names)
		assert.Equal(t, "two", p.Value)
		assert.Equal(t, "one", *p.Old)
		assert.Equal(t, between(s.get("/").body, `data-ddc="`, `"`), u.Hash)
	}
	s.save("content/b/index.html", html("<p>B</p>"))
	assert.Equal(t, "B", other.hears("patches", patched).Patches[0].Value, "not those of another page")
}

// Where only all pages can tell what a page comes to, those who look at it see
// it before that.
func TestOpenPageGetsADraftFirst(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", html("<p>one</p>"))
	tab := s.open("/")
	tab.hears("how it stands", func(update) bool { return true })
	slow := make(chan struct{})
	s.site.mu.Lock()
	s.site.slow = slow
	s.site.mu.Unlock()
	s.save("content/index.html", html("<p>two</p>"))
	assert.Equal(t, "draft of two", tab.hears("a draft", patched).Patches[0].Value)
	close(slow)
	assert.Equal(t, "two", tab.hears("what it is", patched).Patches[0].Value)
	assert.NotContains(t, s.get("/").body, "draft")
}

func TestPageThatMissedChangesGetsThemWhenItComesBack(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", html("<p>one</p>"))
	old := between(s.get("/").body, `data-ddc="`, `"`)
	s.save("content/index.html", html("<p>two</p>"))
	s.next("the change")
	tab := s.open("/")
	tab.say("index.html", old)
	assert.Equal(t, "two", tab.hears("patches", patched).Patches[0].Value)
	tab.say("index.html", "0123456789abcdef")
	tab.hears("a version that nobody knows", reloaded)
}

func TestChangeThatNoPatchCanMakeLoadsThePageAgain(t *testing.T) {
	for name, c := range map[string]struct{ from, to string }{
		"script":         {html("<script>a()</script>"), html("<script>b()</script>")},
		"script added":   {html("<p>x"), html("<p>x<script src=a></script>")},
		"script renamed": {html("<script src=a></script>"), html("<script src=b></script>")},
		"whole document": {html("a"), `<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01//EN"><p>a`},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, serve.Options{}, "content/index.html", c.from)
			tab := s.open("/")
			s.save("content/index.html", c.to)
			tab.hears("to load", reloaded)
		})
	}
}

func TestPageThatGoesAndComesIsLoadedAgain(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", html("home"), "content/a/index.html", html("a"))
	there := s.open("/a/")
	remove(t, s.path("content/a"))
	there.hears("to load", reloaded)
	assert.Equal(t, 404, s.get("/a/").status)
	gone := s.open("/a/")
	s.save("content/a/index.html", html("again"))
	gone.hears("to load", reloaded)
	assert.Contains(t, s.get("/a/").body, "again")
}

func TestFaultIsShownOverTheLastGoodPageAndGoesByItself(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", html("<p>good</p>"), "content/b/index.html", html("<p>b</p>"))
	tab, other := s.open("/"), s.open("/b/")
	s.save("content/index.html", html("<p>FAULT</p>"))
	u := tab.hears("a fault", func(u update) bool { return len(u.Faults) > 0 })
	assert.Equal(t, "index.html", u.Faults[0].File)
	assert.Equal(t, 3, u.Faults[0].Line)
	assert.Equal(t, "mend it", u.Faults[0].Hint)
	assert.Empty(t, u.Patches)
	got := s.get("/")
	assert.Equal(t, 200, got.status)
	assert.Contains(t, got.body, "<p>good</p>")
	assert.Contains(t, got.body, "data-faults")
	assert.NotContains(t, s.get("/b/").body, "data-faults", "another page's fault")

	s.save("content/index.html", html("<p>mended</p>"))
	u = tab.hears("the fault to go", func(u update) bool { return len(u.Faults) == 0 })
	assert.Equal(t, "mended", u.Patches[0].Value)
	assert.NotContains(t, s.get("/").body, "data-faults")

	s.save("content/b/index.html", html("<p>B</p>"))
	assert.Empty(t, other.hears("patches", patched).Faults)
}

func TestSiteThatWasNeverGoodIsServedWithItsFault(t *testing.T) {
	s := start(t, serve.Options{}, ".config/site", "FAULT", "content/index.html", html("home"))
	got := s.get("/")
	assert.Equal(t, 500, got.status)
	assert.Contains(t, got.body, "is at fault")
	tab := s.open("/")
	s.save(".config/site", "good")
	tab.hears("to load", reloaded)
	assert.Contains(t, s.get("/").body, "home")
	s.save(".config/site", "FAULT again")
	s.shows("/", 200, "data-faults")
	assert.Contains(t, s.get("/").body, "home", "a broken configuration keeps the last good site")
	s.save(".config/site", "good again")
	s.shows("/", 200, `data-name="index.html">`)
}

func TestFaultsAreTextAndNoMarkup(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", "FAULT")
	got := s.get("/")
	assert.Contains(t, got.body, "is &lt;at&gt; fault")
	assert.NotContains(t, got.body, "<at>")
}

func TestStyleSheetAndPictureWithoutHashAreSwappedAndAScriptLoads(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", html(`<link rel=stylesheet href=/a.css><img src="b.png"><script src="c.js"></script>`),
		"static/a.css", "1", "static/b.png", "1", "static/c.js", "1", "static/other.css", "1")
	tab := s.open("/")
	swapped := func(u update) bool { return len(u.Swap) > 0 }
	tab.hears("the first word", func(update) bool { return true })
	s.save("static/other.css", "2")
	s.next("a file that the page does not load")
	s.save("static/a.css", "2")
	assert.Equal(t, []string{"/a.css"}, tab.hears("a style sheet", swapped).Swap)
	s.save("static/b.png", "2")
	assert.Equal(t, []string{"b.png"}, tab.hears("a picture", swapped).Swap)
	s.save("static/c.js", "2")
	tab.hears("a script", reloaded)
}

// The index is made of all pages. It is not on the way from a save to the
// screen, also if the page loads the search's script.
func TestSearchIsMadeForThoseWhoAskForIt(t *testing.T) {
	page := func(text string) string {
		return html(`<link rel=stylesheet href=/pagefind/pagefind-ui.css><script src="pagefind/pagefind.js"></script><p>` + text + `</p>`)
	}
	s := start(t, serve.Options{}, "content/index.html", page("one"), "static/pagefind/pagefind.js", "script")
	searched := func() bool {
		s.site.mu.Lock()
		defer s.site.mu.Unlock()
		return s.site.searched
	}
	tab := s.open("/")
	s.save("content/index.html", page("two"))
	assert.Equal(t, "two", tab.hears("patches", patched).Patches[0].Value)
	assert.False(t, searched())
	assert.Equal(t, "script", s.get("/pagefind/pagefind.js").body)
	assert.True(t, searched())
}

func TestDeadLinksAreNamedAndGoodOnesAreNot(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", html(`<a href="/no/">x</a><a href="b/">x</a><a href="/b">x</a><a href="b/index.html#x">x</a><a href="">x</a><a href="#x">x</a><a href="https://elsewhere.test/no/">x</a><a href="mailto:x">x</a><a href="/x.pdf">x</a>`),
		"content/b/index.html", html(`<a href="../">x</a>`))
	assert.Equal(t, "[&#34;/no/&#34;]", between(s.get("/").body, `data-dead="`, `"`))
	assert.NotContains(t, s.get("/b/").body, "data-dead")
	tab := s.open("/")
	s.save("content/no/index.html", html("it comes"))
	tab.hears("the link to live", func(u update) bool { return len(u.Dead) == 0 })
	assert.NotContains(t, s.get("/").body, "data-dead")
}

// A browser, too, turns text around and hides it, and what is fetched with
// another program may end on a terminal.
func TestNamesAreShownAsTheyAreSpelled(t *testing.T) {
	const odd, spelled = "a\u202egnp\u200b\x1b]0;x\a.exe", `a\u202egnp\u200b\u001b]0;x\u0007.exe`
	path := "/" + url.PathEscape(odd)
	s := start(t, serve.Options{}, "content/index.html", html("home"), "content/"+odd+"/index.html", html("good"),
		"content/never/"+odd+"/index.html", "FAULT", "static/"+odd+".css", "FAULT")
	spells := func(what, text string) {
		t.Helper()
		assert.Contains(t, text, spelled, what)
		for _, r := range text {
			assert.False(t, unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && r != '\n', "%s: %U in %q", what, r, text)
		}
	}
	body := func(path string, headers ...string) string {
		return between(s.ask(http.MethodGet, path, headers...).body, "<body>", "</body>")
	}
	spells("a page that was never good", body("/never"+path+"/"))
	spells("an address that there is not", body("/gone"+path+"/"))
	spells("the nearest address", body("/"+url.PathEscape(odd+"x")+"/"))
	spells("a file that there is not", s.ask(http.MethodGet, path+".png", "Sec-Fetch-Dest", "image").body)
	spells("a file at fault", s.get(path+".css").body)

	tab := s.open(path + "/")
	s.save("content/"+odd+"/index.html", html("FAULT"))
	u := tab.hears("a fault", func(u update) bool { return len(u.Faults) > 0 })
	spells("the fault over a page", u.Faults[0].File)
	inJSON := between(s.get(path+"/").body, `data-faults="`, `"`)
	spells("the fault in a page", strings.ReplaceAll(inJSON, `\\`, `\`))
}
