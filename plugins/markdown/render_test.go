package markdown

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"ddc/internal/fixture"
	"ddc/plugins/markdown/markdownpb"
)

func renderBody(t *testing.T, body string, known ...string) *markdownpb.RenderResponse {
	t.Helper()
	page, err := New().Render(t.Context(), &markdownpb.RenderRequest{Path: "guide/intro.md", Body: body, BodyLine: 5, Addresses: addressesOf(known)})
	require.NoError(t, err)
	return page
}

// addressesOf puts each file where a site does that says nothing else.
func addressesOf(paths []string) map[string]string {
	addresses := map[string]string{}
	for _, file := range paths {
		name, _ := strings.CutSuffix("/"+strings.TrimSuffix(file, ".md")+"/", "/_index/")
		addresses[file] = (&url.URL{Path: strings.TrimSuffix(name, "/") + "/"}).EscapedPath()
	}
	return addresses
}

func TestMarkdownOfTheSiteFormat(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"table":                {"| a | b |\n|---|--:|\n| 1 | `x` |\n", "<td style=\"text-align:right\"><code>x</code></td>"},
		"footnote":             {"Word[^1].\n\n[^1]: Note.\n", `<li id="fn:1">`},
		"strikethrough":        {"~~gone~~", "<del>gone</del>"},
		"raw block":            {"<div class=\"x\">\n<b>raw</b>\n</div>\n", "<div class=\"x\">\n<b>raw</b>\n</div>"},
		"raw inline":           {"a <kbd>K</kbd>", "<p>a <kbd>K</kbd></p>"},
		"template braces":      {"use `{{ page.title }}` and {{ x }}", "<code>{{ page.title }}</code> and {{ x }}"},
		"no smart quotes":      {`"a" -- b`, "&quot;a&quot; -- b"},
		"task list":            {"- [ ] todo\n- [x] done", `<li><label><input disabled="" type="checkbox"> todo</label></li>`},
		"loose task":           {"- [x] *a* b\n\n  more\n\n- [ ]", "<li>\n<p><label><input checked=\"\" disabled=\"\" type=\"checkbox\"> <em>a</em> b</label></p>\n<p>more</p>\n</li>"},
		"bare address":         {"see https://x.org/a_b.", `<p>see <a href="https://x.org/a_b">https://x.org/a_b</a>.</p>`},
		"bare address in code": {"`https://x.org`", "<p><code>https://x.org</code></p>"},
		"definition list":      {"Term\n: what it is", "<dl>\n<dt>Term</dt>\n<dd>what it is</dd>\n</dl>"},
		"alert":                {"> [!NOTE]\n> Read *this*.\n", "<blockquote class=\"markdown-alert markdown-alert-note\"><p class=\"markdown-alert-title\">Note</p>\n<p>Read <em>this</em>.</p>\n</blockquote>"},
		"alert of blocks":      {"> [!warning]\n>\n> - a\n", "<p class=\"markdown-alert-title\">Warning</p>\n<ul>"},
		"no alert":             {"> [!NOTE] x\n", "<blockquote>\n<p>[!NOTE] x</p>"},
		"quote in lists":       {"- > [!Tip]\n  > x\n", "<p class=\"markdown-alert-title\">Tip</p>\n<p>x</p>"},
		"image is kept":        {"![a](@/x.png)", `src="@/x.png"`},
		"heading attribute":    {"## Go { #start .big }", `<h2 id="start" class="big">Go</h2>`},
	} {
		t.Run(name, func(t *testing.T) { assert.Contains(t, renderBody(t, c.body).Html, c.want) })
	}
}

func TestPunctuationIsTypographicWhenAskedFor(t *testing.T) {
	page, err := New().Render(t.Context(), &markdownpb.RenderRequest{Path: "a.md", Body: "\"a\" -- b... `\"c\"`", SmartPunctuation: true})
	require.NoError(t, err)
	assert.Contains(t, page.Html, "“a” – b… <code>&quot;c&quot;</code>")

	page, err = New().Render(t.Context(), &markdownpb.RenderRequest{Path: "a.md", Body: "## It's \"x\" -- y", SmartPunctuation: true})
	require.NoError(t, err)
	require.Len(t, page.Headings, 1)
	assert.Equal(t, [2]string{"It’s “x” – y", "it-s-x-y"}, [2]string{page.Headings[0].Title, page.Headings[0].Id})
}

func TestHeadingsGetLinksToThemselvesWhenAskedFor(t *testing.T) {
	const mark = `<a class="zola-anchor" href="#a-b" aria-label="Link to this part">#</a>`
	for anchors, want := range map[string]string{
		"": `<h2 id="a-b">A <em>b</em></h2>`, "none": `<h2 id="a-b">A <em>b</em></h2>`,
		"left": `<h2 id="a-b">` + mark + `A <em>b</em></h2>`, "right": `<h2 id="a-b">A <em>b</em>` + mark + `</h2>`,
		"heading": `<h2 id="a-b"><a href="#a-b">A <em>b</em></a></h2>`,
	} {
		page, err := New().Render(t.Context(), &markdownpb.RenderRequest{Path: "a.md", Body: "## A *b*\n\n## [x](/y)\n", Anchors: anchors})
		require.NoError(t, err)
		assert.Contains(t, page.Html, want, anchors)
		assert.Equal(t, "A b", page.Headings[0].Title)
		if anchors == "heading" {
			assert.Contains(t, page.Html, `<h2 id="x"><a href="/y">x</a><a class="zola-anchor" href="#x"`, "no link in a link")
		}
	}
}

func TestIDOfRawHTMLIsGivenToNoHeading(t *testing.T) {
	page := renderBody(t, "<h2 ID='setup' class=x>Setup</h2>\n\n## Setup\n\ntext <a id=\"more\">x</a>\n\n## More {#more}\n")
	require.Len(t, page.Headings, 3)
	assert.Equal(t, "setup", page.Headings[0].Id)
	assert.Equal(t, "setup-1", page.Headings[1].Id)
	assert.Equal(t, "more-1", page.Headings[2].Id)
}

func TestHeadingsOfHTMLAreListedAmongTheOthers(t *testing.T) {
	page := renderBody(t, "# Top\n\n<h2>Set <b>up</b> &amp; go</h2>\n\n## Set up go\n\n<h3 class=x id=\"own\">Own</h3>\n<H2\nclass=y>Two\nlines</H2>\n<h2></h2>\n\n"+
		"<h2>\n\n*Markdown* in it\n\n</h2>\n\n<!-- <h2>no</h2> --><script>\"<h2>no</h2>\"</script>\n\ntext <h2>in a line</h2>\n\n## Last\n\n`<h2>code</h2>`\n")
	var all []string
	for _, h := range page.Headings {
		all = append(all, fmt.Sprint(h.Level, " ", h.Id, " ", h.Title))
		assert.Equal(t, 1, strings.Count(page.Html, `id="`+h.Id+`"`), h.Id)
	}
	assert.Equal(t, []string{"1 top Top", "2 set-up-go-1 Set up & go", "2 set-up-go Set up go", "3 own Own", "2 two-lines Two lines", "2 markdown-in-it Markdown in it", "2 in-a-line in a line", "2 last Last"}, all)
	assert.Contains(t, page.Html, `<h2 id="set-up-go-1">Set <b>up</b> &amp; go</h2>`)
	assert.Contains(t, page.Html, "<H2 id=\"two-lines\"\nclass=y>")
}

func TestEachHeadingGetsItsOwnID(t *testing.T) {
	page := renderBody(t, "## Sub `first()` &amp; *more*\n\n# Top\n\n## Sub {#explicit .c}\n\nSet\next\n===\n\n### ++\n\n## [Lnk](https://x.org) \\*x\\*\n")
	want := []*markdownpb.Heading{
		{Title: "Sub first() & more", Id: "sub-first-more", Level: 2},
		{Title: "Top", Id: "top", Level: 1},
		{Title: "Sub", Id: "explicit", Level: 2},
		{Title: "Set ext", Id: "set-ext", Level: 1},
		{Title: "++", Id: "section", Level: 3},
		{Title: "Lnk *x*", Id: "lnk-x", Level: 2},
	}
	require.Len(t, page.Headings, len(want))
	for i, h := range want {
		assert.Equal(t, h.String(), page.Headings[i].String())
		assert.Contains(t, page.Html, `id="`+h.Id+`"`)
	}
	assert.Contains(t, page.Html, `<h1 id="top">Top</h1>`)
}

func TestIDsAreUniqueAndWrittenOnesWin(t *testing.T) {
	page := renderBody(t, "# Setup\n# Setup\n# Setup 1\n# Other {#setup}\n# Größe Æ\n")
	var ids []string
	for _, h := range page.Headings {
		ids = append(ids, h.Id)
	}
	assert.Equal(t, []string{"setup-1", "setup-2", "setup-1-1", "setup", "größe-æ"}, ids)
}

func TestCodeBlocksLeavePlaceholders(t *testing.T) {
	body := strings.Join([]string{
		"Text", // line 5 of the source
		"",
		"```rust,noexec",
		"fn main() {",
		"\tprintln!(\"<&\");",
		"}",
		"```",
		"",
		"- item",
		"",
		"  ~~~ toml title=\"a b\"", // line 15
		"  [x]",
		"    y = 1",
		"",
		"  z = 2",
		"  ~~~",
		"",
		"  1. deep",
		"",
		"         indented <i>", // line 24
		"         code",
		"",
		"> ```",
		"> quoted",
		"> ```",
		"",
		"```",
		"```",
		"",
	}, "\n")
	page := renderBody(t, body)
	type block struct {
		code, language string
		line           int32
	}
	var got []block
	for _, c := range page.CodeBlocks {
		got = append(got, block{c.Code, c.Language, c.Line})
		assert.Equal(t, 1, strings.Count(page.Html, c.Placeholder), c.Placeholder)
	}
	assert.Equal(t, []block{
		{"fn main() {\n\tprintln!(\"<&\");\n}\n", "rust,noexec", 7},
		{"[x]\n  y = 1\n\nz = 2\n", `toml title="a b"`, 15},
		{"indented <i>\ncode\n", "", 24},
		{"quoted\n", "", 27},
		{"", "", 31},
	}, got)
	assert.NotContains(t, page.Html, "<pre>")
	assert.Equal(t, page.CodeBlocks[0].Placeholder, "<!--CODE_BLOCK_PLACEHOLDER_0-->")
}

func TestPageCannotForgeAPlaceholder(t *testing.T) {
	page := renderBody(t, "<!--CODE_BLOCK_PLACEHOLDER_0-->\n\n```\nx\n```\n")
	require.Len(t, page.CodeBlocks, 1)
	assert.Equal(t, 1, strings.Count(page.Html, page.CodeBlocks[0].Placeholder))
	assert.Contains(t, page.Html, "<!--CODE_BLOCK_PLACEHOLDER_0-->")
}

func TestLinksToContentBecomeURLs(t *testing.T) {
	known := []string{"_index.md", "guide/_index.md", "guide/intro.md", "guide/a b.md", "other/deep/page.md", "my_index.md"}
	for link, want := range map[string]string{
		"@/_index.md":                   "/",
		"@/guide/_index.md#start":       "/guide/#start",
		"@/guide/intro.md?x=1#y":        "/guide/intro/?x=1#y",
		"@/guide/../other/deep/page.md": "/other/deep/page/",
		"@/my_index.md":                 "/my_index/",
		"intro.md":                      "/guide/intro/",
		"./intro.md#part":               "/guide/intro/#part",
		"../other/deep/page.md":         "/other/deep/page/",
		"./_index.md":                   "/guide/",
		"a%20b.md":                      "/guide/a%20b/",
		"<a b.md>":                      "/guide/a%20b/",
		"https://x.org/readme.md":       "https://x.org/readme.md",
		"//x.org/readme.md":             "//x.org/readme.md",
		"/docs/plain.md":                "/docs/plain.md",
		"#fragment":                     "#fragment",
		"mailto:a@b.md":                 "mailto:a@b.md",
		"./picture.png":                 "./picture.png",
		"/guide/":                       "/guide/",
	} {
		page := renderBody(t, "See [it]("+link+").", known...)
		assert.Empty(t, page.BrokenLinks, link)
		assert.Contains(t, page.Html, `<a href="`+want+`">it</a>`, link)
	}
}

func TestReferenceLinksAndLinksInsideBlocksAreResolved(t *testing.T) {
	page := renderBody(t, "- [a][r]\n\n> | t |\n> |---|\n> | [b](@/x.md) |\n\n# [c](x.md)\n\nn[^1]\n\n[^1]: [d](@/x.md)\n\n[r]: @/x.md 'T'\n", "x.md", "guide/x.md")
	assert.Empty(t, page.BrokenLinks)
	assert.Contains(t, page.Html, `<a href="/x/" title="T">a</a>`)
	assert.Equal(t, 3, strings.Count(page.Html, `href="/x/"`))
	assert.Contains(t, page.Html, `<a href="/guide/x/">c</a>`)
}

func TestUnknownLinkIsReportedWithPlaceAndSuggestion(t *testing.T) {
	known := []string{"_index.md", "guide/intro.md", "guide/features.md", "internals/architecture.md"}
	page := renderBody(t, "Text\n\nSó [`x` y](@/architecture.md#z) and [w](./feature.md).\n\n- a\n  - [v](@/zzzzzzzzzzzz.md), [u](../../up.md), ![i](no.md)\n", known...)
	type broken struct {
		target       string
		line, column int32
		suggestion   string
	}
	var got []broken
	for _, b := range page.BrokenLinks {
		got = append(got, broken{b.Target, b.Line, b.Column, b.Suggestion})
	}
	assert.Equal(t, []broken{
		{"@/architecture.md#z", 7, 4, "internals/architecture.md"},
		{"./feature.md", 7, 37, "guide/features.md"},
		{"@/zzzzzzzzzzzz.md", 10, 5, ""},
		{"../../up.md", 10, 29, ""},
	}, got)
}

// codeBlocks is how many code blocks all pages of a site have.
var codeBlocks = map[string]int{"fixture": 16, "dodeca-docs/docs": 94}

func TestEveryPageOfASiteRenders(t *testing.T) {
	for _, site := range fixture.Sites("dodeca-docs/docs") {
		t.Run(site.Name, func(t *testing.T) {
			pages := fixture.Folder(t, site, "content")
			found := 0
			for name, source := range pages {
				found += rendersWhole(t, name, source, slices.Collect(maps.Keys(pages)))
			}
			assert.Equal(t, codeBlocks[site.Name], found)
		})
	}
}

// rendersWhole renders a page of a sound site, and counts its code blocks.
func rendersWhole(t *testing.T, name, source string, known []string) int {
	t.Helper()
	parsed := parse(t, source)
	assert.NotEmpty(t, parsed.FrontMatter.Title, name)
	page, err := New().Render(t.Context(), &markdownpb.RenderRequest{Path: name, Body: parsed.Body, BodyLine: parsed.BodyLine, Addresses: addressesOf(known)})
	require.NoError(t, err, name)
	assert.Empty(t, page.BrokenLinks, name)
	assert.NotContains(t, page.Html, "@/", name)
	lines := strings.Split(source, "\n")
	for _, c := range page.CodeBlocks {
		assert.Equal(t, 1, strings.Count(page.Html, c.Placeholder), name)
		fence := lines[c.Line-1]
		assert.Contains(t, fence, c.Language, "%s:%d", name, c.Line)
		assert.True(t, strings.HasPrefix(strings.TrimSpace(fence), "```") || strings.HasPrefix(fence, "    "), "%s:%d: %s", name, c.Line, fence)
	}
	doc, err := html.Parse(strings.NewReader(page.Html))
	require.NoError(t, err)
	ids := map[string]bool{}
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "id" {
				assert.False(t, ids[a.Val], "%s: id %s twice", name, a.Val)
				ids[a.Val] = true
			}
		}
	}
	for _, h := range page.Headings {
		assert.True(t, ids[h.Id], "%s: no element has id %s", name, h.Id)
	}
	return len(page.CodeBlocks)
}

func TestPagesRenderedAtOnceComeOutAsAlone(t *testing.T) {
	pages, alone := map[string]string{}, map[string]string{}
	for _, site := range fixture.Sites("dodeca-docs/docs") {
		for name, source := range fixture.Folder(t, site, "content") {
			name = site.Name + "/" + name
			pages[name] = parse(t, source).Body
			alone[name] = renderBody(t, pages[name]).Html
		}
	}
	var together sync.WaitGroup
	for range 4 {
		together.Go(func() {
			for name, body := range pages {
				page, err := New().Render(t.Context(), &markdownpb.RenderRequest{Path: "guide/intro.md", Body: body})
				assert.NoError(t, err)
				assert.Equal(t, alone[name], page.GetHtml(), name)
			}
		})
	}
	together.Wait()
}

func FuzzRender(f *testing.F) {
	f.Add("# A {#a}\n\n```rust\nx\n```\n[l](@/x.md) [m](y.md)\n\n- a\n\n      code\n")
	f.Add("> 1. ~~~\n>    x\n[^1]\n\n[^1]: y\n| a |\n|---|\n")
	f.Fuzz(func(t *testing.T, body string) {
		page, err := render(&markdownpb.RenderRequest{Path: "p.md", Body: body, BodyLine: 1, Addresses: map[string]string{"x.md": "/x/"}})
		if err != nil {
			return
		}
		last := int32(strings.Count(body, "\n") + 1)
		for _, c := range page.CodeBlocks {
			assert.True(t, c.Line >= 1 && c.Line <= last)
			assert.LessOrEqual(t, strings.Count(page.Html, c.Placeholder), 1)
		}
		for _, b := range page.BrokenLinks {
			assert.True(t, b.Line >= 1 && b.Line <= last)
		}
		ids := map[string]bool{}
		for _, h := range page.Headings {
			assert.False(t, ids[h.Id])
			ids[h.Id] = true
		}
	})
}

func BenchmarkRenderRealPage(b *testing.B) {
	source := fixture.Read(b, fixture.RealOrSkip(b, "dodeca-docs/docs"), "content/internals/architecture.md")
	b.SetBytes(int64(len(source)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := render(&markdownpb.RenderRequest{Path: "internals/architecture.md", Body: source, BodyLine: 1}); err != nil {
			b.Fatal(err)
		}
	}
}
