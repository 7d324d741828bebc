package html

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/fixture"
	"ddc/plugins/html/htmlpb"
)

func mustBase(t *testing.T) *url.URL {
	t.Helper()
	base, err := parseBase("/guide/intro/")
	require.NoError(t, err)
	return base
}

func TestInspectListsAPage(t *testing.T) {
	res, err := New().Inspect(context.Background(), &htmlpb.InspectRequest{Html: frame(t, fixture.Text())})
	require.NoError(t, err)
	var seen []string
	for _, link := range res.GetLinks() {
		seen = append(seen, link.GetElement()+" "+link.GetAttribute()+" "+link.GetUrl())
	}
	assert.Equal(t, []string{"link href /favicon.svg", "link href /pagefind/pagefind-ui.css", "link href /main.css", "link href /css/harbour.css", "a href /"}, seen[:5])
	assert.EqualValues(t, 8, res.GetLinks()[0].GetLine())
	assert.Equal(t, []string{"search"}, res.GetIds())
	require.Len(t, res.GetScripts(), 1)
	assert.Contains(t, res.GetScripts()[0], "new PagefindUI")
	require.Len(t, res.GetStyles(), 1)
	assert.Contains(t, res.GetStyles()[0], ".mark")
}

const mixed = `<!DOCTYPE html>
<style>a{}</style><style type="text/less">@x</style>
<p id=one style="color: &quot;red&quot;"><a name="old" href='/x?a&amp;b'>x</a>
<img srcset="/a.png 1x,
 /b.png 2x" style='top:0'>
<script>one()</script><script type="application/ld+json">{"a":1}</script><script src="/x.js"></script>
<script type="module">two("</p>")</script><script></script><svg><style>b{}</style></svg>`

func TestInspectKnowsWhatIsScriptAndWhatIsNot(t *testing.T) {
	res, err := New().Inspect(context.Background(), &htmlpb.InspectRequest{Html: mixed})
	require.NoError(t, err)
	assert.Equal(t, []string{"one()", `two("</p>")`}, res.GetScripts())
	assert.Equal(t, []string{"a{}", "b{}"}, res.GetStyles())
	assert.Equal(t, []string{`color: "red"`, "top:0"}, res.GetStyleAttributes())
	assert.Equal(t, []string{"one", "old"}, res.GetIds())
	var urls []string
	var lines []int32
	for _, link := range res.GetLinks() {
		urls, lines = append(urls, link.GetUrl()), append(lines, link.GetLine())
	}
	assert.Equal(t, []string{"/x?a&b", "/a.png", "/b.png", "/x.js"}, urls)
	assert.Equal(t, []int32{3, 4, 4, 6}, lines)
}

func TestReplaceInlinePutsTextsWhereInspectFoundThem(t *testing.T) {
	res, err := New().ReplaceInline(context.Background(), &htmlpb.ReplaceInlineRequest{Html: mixed,
		Styles: []string{"A", "B"}, Scripts: []string{"ONE", "TWO"}, StyleAttributes: []string{`x:"y"`, "z"}})
	require.NoError(t, err)
	want := strings.NewReplacer("a{}", "A", "b{}", "B", "one()", "ONE", `two("</p>")`, "TWO",
		`"color: &quot;red&quot;"`, `"x:&quot;y&quot;"`, "'top:0'", "'z'").Replace(mixed)
	assert.Equal(t, want, res.GetHtml())
}

func TestReplaceInlineWithWhatInspectFoundChangesNothing(t *testing.T) {
	pages := []string{mixed}
	for _, site := range fixture.Sites("dodeca-docs/docs") {
		pages = append(pages, frame(t, site))
	}
	for _, page := range pages {
		found := inspect(page)
		res, err := New().ReplaceInline(context.Background(), &htmlpb.ReplaceInlineRequest{Html: page,
			Styles: found.GetStyles(), Scripts: found.GetScripts(), StyleAttributes: found.GetStyleAttributes()})
		require.NoError(t, err)
		assert.Equal(t, page, res.GetHtml())
	}
}

func TestReplaceInlineRefusesWhatWouldBreakThePage(t *testing.T) {
	for _, req := range []*htmlpb.ReplaceInlineRequest{
		{Html: mixed, Styles: []string{"only one"}},
		{Html: mixed, StyleAttributes: []string{"1", "2", "3"}},
	} {
		_, err := New().ReplaceInline(context.Background(), req)
		assert.Equal(t, codes.InvalidArgument, status.Code(err), err)
	}
}

// A new name of a file can hold anything. Each context has its own way to write
// it.
func TestReplacedTextStaysInItsElement(t *testing.T) {
	for _, c := range []struct{ page, text, want string }{
		{"<script>a</script>", `f("</script>")`, `<script>f("<\/script>")</script>`},
		{"<script type=module>a</script>", `f("</SCRIPT x")`, `<script type=module>f("<\/SCRIPT x")</script>`},
		{"<script>a</script>", "f('<!--<script>')", `<script>f('\x3C!--<script>')</script>`},
		{"<script>a</script>", "f('<!--', '-->')", `<script>f('<!--', '-->')</script>`},
		{"<script>a</script>", "<!--\nf()\n-->", "<script><!--\nf()\n--></script>"},
		{"<style>a</style>", `b{content:"</Style>"}`, `<style>b{content:"<\/Style>"}</style>`},
		{"<svg><style>a</style></svg>", `b{content:"</style>&amp;"}`, `<svg><style>b{content:"&lt;/style>&amp;amp;"}</style></svg>`},
		{"<svg><script>a</script></svg>", `f("</script>" && 1)`, `<svg><script>f("&lt;/script>" &amp;&amp; 1)</script></svg>`},
		{"<svg><style>/*<![CDATA[*/ a /*]]>*/</style></svg>", "b>c{}", "<svg><style>b>c{}</style></svg>"},
	} {
		req := &htmlpb.ReplaceInlineRequest{Html: c.page, Scripts: []string{c.text}}
		if strings.Contains(c.page, "style") {
			req = &htmlpb.ReplaceInlineRequest{Html: c.page, Styles: []string{c.text}}
		}
		res, err := New().ReplaceInline(context.Background(), req)
		require.NoError(t, err)
		assert.Equal(t, c.want, res.GetHtml())
	}
}

// In an <svg> a style is markup: entities count, and a comment of CSS may open
// a CDATA section.
func TestInlineTextOfAnSVGIsReadAsABrowserReadsIt(t *testing.T) {
	found := inspect("<svg><style>/*<![CDATA[*/ a>b{} /*]]>*/</style><style>a &gt; b{}</style><style/><title>x<a href=/y></a></title></svg><style>&gt;</style>")
	assert.Equal(t, []string{"/**/ a>b{} /**/", "a > b{}", "&gt;"}, found.GetStyles())
	require.Len(t, found.GetLinks(), 1)
	assert.Equal(t, "/y", found.GetLinks()[0].GetUrl())
}

func TestAddedAttributeIsNoValueOfAnother(t *testing.T) {
	marked, _ := markDeadLinks("<a href=/nope b=>x</a><a = href=/nope c = >y</a>", mustBase(t), nil)
	assert.Equal(t, `<a href=/nope data-dead="/nope" b=>x</a><a = href=/nope data-dead="/nope" c = >y</a>`, marked)
}

func TestCarriageReturnInAValueStaysOne(t *testing.T) {
	res, err := New().ReplaceInline(context.Background(), &htmlpb.ReplaceInlineRequest{Html: "<p style='a'>", StyleAttributes: []string{"b\r"}})
	require.NoError(t, err)
	assert.Equal(t, "<p style='b&#13;'>", res.GetHtml())
}

func TestDeadLinksAreMarkedAndListed(t *testing.T) {
	routes := []string{"/", "/guide", "/guide/intro/", "/guide/über/"}
	for href, target := range map[string]string{
		"/guide/": "", "/guide": "", "guide": "/guide/intro/guide", "../": "", ".": "", "./": "", "": "", "/": "",
		"../intro#part": "", "/guide/?q=1": "", "/guide//intro/": "", "/guide/%C3%BCber": "", "/guide/nope/#x": "/guide/nope/",
		"#top": "", "?q": "", "https://x.org/y": "", "//x.org/y": "", "mailto:a@b.c": "", "tel:1": "", "javascript:void(0)": "",
		"/__open": "", "/a.PNG": "", "/feed.xml": "", "../intro/a.svg#b": "", "/docs/NOTES.md": "/docs/NOTES.md",
	} {
		source := `<p><a href="` + href + `">x</a>`
		marked, dead := markDeadLinks(source, mustBase(t), routes)
		if target == "" {
			assert.Equal(t, source, marked, href)
			assert.Empty(t, dead, href)
		} else {
			assert.Equal(t, `<p><a href="`+href+`" data-dead="`+target+`">x</a>`, marked)
			assert.Equal(t, []string{href}, dead)
		}
	}
}

func TestBuildInfoIsFoundWhateverTheIndent(t *testing.T) {
	page := "<body><pre><code class=x><a-k>fn</a-k> main() {\n    a &lt; b;\n\n}\n</code></pre><pre>other</pre></body>"
	res, err := New().InjectBuildInfo(context.Background(), &htmlpb.InjectBuildInfoRequest{Html: page,
		Samples: map[string]*htmlpb.BuildInfo{"  fn main() {\n  a < b;\n}\n": {Compiler: "cargo", Version: "rustc 1.95.0 \"x\"\nmore", Platform: "linux", DurationMs: 7}}})
	require.NoError(t, err)
	assert.EqualValues(t, 1, res.GetInjected())
	out := res.GetHtml()
	assert.Contains(t, out, `</code><button type="button" class="build-info-btn verified" data-pagefind-ignore title="Verified: rustc 1.95.0 &quot;x&quot;"`)
	assert.Equal(t, strings.Index(out, "function showBuildInfoPopup"), strings.LastIndex(out, "function showBuildInfoPopup"))

	root, err := html.Parse(strings.NewReader(out))
	require.NoError(t, err)
	for node := range root.Descendants() {
		if node.Data == "button" {
			onclick := node.Attr[4].Val
			assert.Equal(t, `showBuildInfoPopup({"compiler":"cargo","duration_ms":7,"platform":"linux","version":"rustc 1.95.0 \"x\"\nmore"})`, onclick)
			assert.Equal(t, "pre", node.Parent.Data)
		}
	}
}

func TestStyleOfBuildInfoLiesInTheHeadWhereThereIsOne(t *testing.T) {
	inject := func(page string) string {
		res, err := New().InjectBuildInfo(context.Background(), &htmlpb.InjectBuildInfoRequest{Html: page,
			Samples: map[string]*htmlpb.BuildInfo{"a": {Compiler: "cargo"}}})
		require.NoError(t, err)
		require.EqualValues(t, 1, res.GetInjected())
		return res.GetHtml()
	}
	whole := inject("<html><head><title></head></title></head><body><pre>a</pre></body></html>")
	assert.True(t, strings.HasPrefix(whole, "<html><head><title></head></title>"+popupStyle+"</head><body><pre>a<button"), whole)
	assert.True(t, strings.HasSuffix(whole, "</pre>"+popupScript+"</body></html>"), whole)
	assert.True(t, strings.HasSuffix(inject("<pre>a</pre>"), "</pre>"+popupStyle+popupScript))
}

func TestPageWithoutVerifiedSamplesStays(t *testing.T) {
	for _, samples := range []map[string]*htmlpb.BuildInfo{nil, {"nothing like it": {}}} {
		res, err := New().InjectBuildInfo(context.Background(), &htmlpb.InjectBuildInfoRequest{Html: mixed, Samples: samples})
		require.NoError(t, err)
		assert.Equal(t, mixed, res.GetHtml())
		assert.Zero(t, res.GetInjected())
	}
}
