package site_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site"
)

// fronted is a page with front matter, written as lines of TOML.
func fronted(lines, body string) string { return "+++\n" + lines + "\n+++\n" + body }

func TestWhatNobodyKnowsIsAWarningAndIfStrictAnError(t *testing.T) {
	p := newProject(t, "content/a.md", fronted("title = \"A\"\ndrft = true", ""),
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nlnk_check { }\n")
	want := []string{`.config/dodeca.kdl:3:1: unknown setting "lnk_check" (did you mean link_check?)`,
		`content/a.md:3:1: unknown key "drft" in the front matter (did you mean draft?)`}
	warnings := p.mustBuild()
	if assert.Len(t, warnings, 2) {
		assert.Contains(t, warnings[0]+warnings[1], want[0])
		assert.Contains(t, warnings[0]+warnings[1], want[1])
	}
	assert.Len(t, p.faults(site.Options{Strict: true}), 2)
}

func TestDraftIsBuiltWhenAskedForAndALinkToItSaysSo(t *testing.T) {
	p := newProject(t, "content/a.md", fronted("draft = true", "text"), "content/b.md", fronted("", "\n[x](@/a.md) and [y](./a.md#part)"))
	faults := p.faults(site.Options{})
	if assert.Len(t, faults, 2) {
		assert.Contains(t, faults[0], `content/b.md:5:5: the link "@/a.md" leads to a draft (take draft out of its front matter, or build with --drafts)`)
	}
	_, err := p.build(site.Options{Drafts: true})
	require.NoError(t, err)
	assert.Contains(t, p.read("a/index.html"), "text")
	p.write("content/b.md", fronted("", "<a href=\"/a/\">x</a>"))
	assert.Contains(t, p.mustBuild()[0], `content/b.md:4:10: the link "/a/" leads to the draft content/a.md`)
	p.write("content/b.md", "", "templates/page.html", `{{ get_url(path="@/a.md") }}`)
	assert.Contains(t, p.faults(site.Options{})[0], `get_url: "@/a.md" is a draft`)
}

func TestFrontMatterChoosesTheAddress(t *testing.T) {
	p := newProject(t,
		"content/blog/_index.md", fronted("title = \"Blog\"", "[1](a.md) [2](@/blog/b.md?q#top) [3](<My Notes/Some File.md>) [4](./2024-05-01-hello.md) [5](@/blog/post/index.md)"),
		"content/blog/a.md", fronted("slug = \"first\"", ""), "content/blog/b.md", fronted("path = \"elsewhere/b\"", ""),
		"content/blog/My Notes/Some File.md", fronted("", ""), "content/blog/2024-05-01-hello.md", fronted("", ""), "content/blog/post/index.md", fronted("", ""),
		"templates/page.html", "{{ page.permalink }} {{ section.title }} {{ page.date | default(value=\"-\") }}",
	)
	assert.Empty(t, p.mustBuild())
	blog := p.read("blog/index.html")
	for _, link := range []string{"href=/blog/first/>1", "href=/elsewhere/b/?q#top>2", "href=/blog/my-notes/some-file/>3", "href=/blog/hello/>4", "href=/blog/post/>5"} {
		assert.Contains(t, blog, link)
	}
	assert.Contains(t, p.read("elsewhere/b/index.html"), "/elsewhere/b Blog -", "a page lies in the section of its folder")
	assert.Contains(t, p.read("blog/hello/index.html"), "/blog/hello Blog 2024-05-01", "a name may begin with the date")
}

func TestTwoPagesOfOneAddressAreAFaultOfTheSecond(t *testing.T) {
	p := newProject(t, "content/a.md", fronted("title = \"A\"", ""), "content/b.md", fronted("title = \"B\"\nslug = \"a\"", ""), "content/c.md", fronted("path = \"/\"", ""))
	faults := p.faults(site.Options{})
	if assert.Len(t, faults, 2) {
		assert.Contains(t, faults[0], `content/b.md:3:1: has the same address as a.md: /a/ (rename one of the two, or give one a slug)`)
		assert.Contains(t, faults[1], `content/c.md:2:1: the home page is written in _index.md`)
	}
}

func TestFilesBesidePagesGoWhereThePageGoes(t *testing.T) {
	p := newProject(t,
		"content/blog/_index.md", fronted("title = \"Blog\"", "![](side.png)"),
		"content/blog/side.png", pngFile(8, 8),
		"content/blog/plain.md", fronted("title = \"Plain\"", "![x](side.png)"),
		"content/blog/post/index.md", fronted("slug = \"moved\"", "![a picture](pics/photo.png) [notes](notes.txt) [rooted](@/blog/post/notes.txt)\n\n<img src=\"pics/photo.png\">"),
		"content/blog/post/pics/photo.png", pngFile(400, 10),
		"content/blog/post/notes.txt", "n",
		"content/blog/secret/index.md", fronted("draft = true", ""), "content/blog/secret/key.txt", "k",
	)
	assert.Empty(t, p.mustBuild())
	page := p.read("blog/moved/index.html")
	assert.Regexp(t, `<img src=/blog/moved/pics/photo\.[0-9acdeo]{12}\.webp alt="a picture"`, page)
	assert.Regexp(t, `href=/blog/moved/notes\.txt>notes</a> <a href=/blog/moved/notes`, page)
	assert.Contains(t, p.read("blog/plain/index.html"), "/blog/side.", "it is addressed as it lies in the folder")
	assert.NotContains(t, p.output(), "blog/secret/key.txt")
}

// Whole addresses of the site are often written without a scheme, or in data
// for robots, whose readers follow them.
func TestWholeAddressesOfTheSiteFollowItsFilesHoweverTheyAreWritten(t *testing.T) {
	page := `<link rel=icon href="//EX.org/sub/a.bin?v=1#x"><link rel=icon href="HTTPS://ex.org/sub/b.bin#x">` +
		`<script type="application/ld+json">["https://ex.org/sub/c.bin", "https:\/\/ex.org\/sub\/c.bin"]</script><p title="//ex.org/sub/d.bin"><link rel=icon href="/d.bin">`
	for _, prefix := range []string{"/sub", ""} {
		p := newProject(t, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nbase_url \"https://ex.org"+prefix+"\"\n", "content/_index.md", "",
			"templates/index.html", strings.ReplaceAll(strings.ReplaceAll(page, `\/sub`, strings.ReplaceAll(prefix, "/", `\/`)), "/sub", prefix),
			"static/a.bin", "a", "static/b.bin", "b", "static/c.bin", "c", "static/d.bin", "d")
		assert.Empty(t, p.mustBuild())
		html := hash.ReplaceAllString(p.read("index.html"), ".*.")
		assert.Contains(t, html, `"https://ex.org`+prefix+`/a.*.bin?v=1#x"`)
		assert.Contains(t, html, "href=https://ex.org"+prefix+"/b.*.bin#x")
		assert.Equal(t, 2, strings.Count(html, `"https://ex.org`+prefix+`/c.*.bin"`), html)
		assert.Contains(t, p.output(), "d.bin", "text that is not rewritten names it")
		for _, moved := range []string{"a.bin", "b.bin", "c.bin"} {
			assert.NotContains(t, p.output(), moved)
		}
		p.write("templates/index.html", strings.ReplaceAll(`<a href="//ex.org/sub/nowhere">x</a>`, "/sub", prefix))
		assert.Contains(t, p.mustBuild()[0], "leads nowhere: the site has neither a page nor a file /nowhere")
	}
}

// As Zola's documentation has it: arguments may be left out, and most pages say
// nothing of a cover.
func TestConditionsAskForWhatAPageOrCallDoesNotSay(t *testing.T) {
	p := newProject(t, "content/a.md", fronted("[extra]\ncover = \"c\"", "{{ yt(id=\"a\") }} {{ yt(id=\"b\", autoplay=true) }}"), "content/b.md", fronted("", ""),
		"templates/shortcodes/yt.html", `[{{ id }}{% if autoplay %}?autoplay{% endif %}]`,
		"templates/page.html", `{% if page.extra.cover %}{{ page.extra.cover }}{% endif %}{% if paginator %}p{% endif %}{% if config.extra.analytics %}x{% endif %}{{ page.content | safe }}`)
	assert.Empty(t, p.mustBuild())
	assert.Equal(t, "c<p>[a] [b?autoplay]</p>", strings.TrimSpace(p.read("a/index.html")))
	assert.Empty(t, strings.TrimSpace(p.read("b/index.html")))
	p.write("templates/page.html", `{% if page.titel %}{% endif %}`)
	assert.Contains(t, p.faults(site.Options{})[0], `page has no field "titel" (did you mean title?)`)
	p.write("content/b.md", fronted("[extra]\ncover = \"d\"", ""), "templates/page.html", `{% if page.extra.cover %}{{ page.extra.cover }}{% endif %}`)
	assert.Empty(t, p.mustBuild())
	assert.Equal(t, "d", strings.TrimSpace(p.read("b/index.html")))
}

// A page may be named where no link is: in a form, a page within the page,
// rules and data. Whether a path is a page is known; what else it may be is
// not.
func TestPagesThatNoLinkNamesAreBelowTheFolderOfTheSiteToo(t *testing.T) {
	p := newProject(t, ".config/dodeca.kdl", configured("base_url \"https://ex.org/sub\""),
		"content/a.md", "+++\n+++\n", "static/js/y.js", "export let y;\n",
		"static/m.webmanifest", `{"name": "/ and /a/", "start_url": "/", "scope": "/", "shortcuts": [{"url": "/a/?x=1"}, {"url": "/sub/a/"}], "icons": [{"src": "/d.svg"}]}`,
		"static/d.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><a href="/a/#f"><path d="M0 0h1"/></a></svg>`,
		"templates/index.html", `<!DOCTYPE html><meta http-equiv=refresh content="9; url=/a/?x=1"><title>t</title><link rel=manifest href=/m.webmanifest>`+
			`<script type=speculationrules>{"prefetch":[{"urls":["/a/","/sub/a/","/b/"]}]}</script><script type="application/ld+json">{"url":"\/a\/"}</script>`+
			`<script type="application/json">{"to":"/a/","between":"/","text":"see /a/ here"}</script>`+
			`<script type=importmap>{"imports":{"x/":"/js/","y":"/js/y.js"},"scopes":{"/js/":{"z":"/gone.js"},"https://x.org/":{"z":"https://x.org/z.js"}}}</script>`+
			`<form action=/a/><button formaction="/a/#f">x</button></form><form action=/api/send></form><iframe srcdoc="<a href='/a/'>x</a>"></iframe>`+
			`<p data-to=/a/ data-all='["/a/","/"]' title=/a/>/a/</p><img src=/d.svg alt="">`)
	assert.Empty(t, p.mustBuild())
	page := p.read("index.html")
	for _, want := range []string{
		`content="9; url=/sub/a/?x=1"`, `"urls":["/sub/a/","/sub/a/","/b/"]`, `{"url":"/sub/a/"}`, `{"to":"/sub/a/","between":"/","text":"see /a/ here"}`,
		`"x/":"/sub/js/"`, `"scopes":{"/sub/js/":{"z":"/sub/gone.js"},"https://x.org/":{"z":"https://x.org/z.js"}}`, `<form action=/sub/a/>`, `formaction=/sub/a/#f`, `action=/api/send`,
		`srcdoc="<a href='/sub/a/'>x`, `data-to=/sub/a/`, `title=/a/>/a/<`,
	} {
		assert.Contains(t, page, want)
	}
	assert.Regexp(t, `"x/y.js":"/sub/js/y\.[0-9a-eo]{12}\.js"`, page)
	assert.Regexp(t, `^\{"name": "/ and /a/", "start_url": "/sub/", "scope": "/sub/", "shortcuts": \[\{"url": "/sub/a/\?x=1"\}, \{"url": "/sub/a/"\}\], "icons": \[\{"src": "/sub/d\.[0-9a-eo]{12}\.svg"\}\]\}$`, p.read("m.webmanifest"))
	assert.Contains(t, p.read(regexp.MustCompile(`d\.[0-9a-eo]{12}\.svg`).FindString(page)), `href="/sub/a/#f"`)
}
