package minify

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/fixture"
	"ddc/plugins/minify/minifypb"
)

func minified(t *testing.T, source string) string {
	t.Helper()
	res, err := New().Html(context.Background(), &minifypb.HtmlRequest{Path: "index.html", Html: source})
	require.NoError(t, err)
	return res.GetHtml()
}

// pages are those of the fixture, and of a real site where it is there.
func pages(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	for _, site := range fixture.Sites("dodeca-docs/docs") {
		for name, page := range fixture.Framed(t, site) {
			pages[site.Name+"/"+name] = page
		}
	}
	return pages
}

func TestPagesKeepTheirVisibleTreeAndShrink(t *testing.T) {
	for file, page := range pages(t) {
		small := minified(t, page)
		assert.Equal(t, visible(t, page), visible(t, small), file)
		assert.Less(t, len(small), len(page), file)
		assert.True(t, strings.HasPrefix(small, "<!doctype html>"), file)
		assert.Contains(t, small, "<body", file)
	}
}

func TestMinifyingTwiceChangesNothingMore(t *testing.T) {
	for file, page := range pages(t) {
		once := minified(t, page)
		assert.Equal(t, once, minified(t, once), file)
	}
}

func TestDocumentTagsAndDoctypeStay(t *testing.T) {
	small := minified(t, "<!DOCTYPE html>\n<html>\n<head>\n  <title>A</title>\n</head>\n<body>\n  <p>Hello\n</body>\n</html>\n")
	for _, want := range []string{"<!doctype html>", "<html>", "<head>", "<body>", "</body>", "</html>"} {
		assert.Contains(t, small, want)
	}
}

func TestQuotesGoWhereTheyAreNotNeeded(t *testing.T) {
	assert.Equal(t, `<div data-icon=book data-custom=42 title="two words"></div>`,
		minified(t, `<div data-icon="book" data-custom="42" title="two words"></div>`))
}

func TestWhitespaceStaysWhereItIsSeen(t *testing.T) {
	for name, source := range map[string]string{
		"pre":            "<pre>\n  a\n\n    b  c\n</pre>",
		"pre code":       "<pre><code class=x>  a\n\n\tb\n</code></pre>",
		"code":           "<p>see <code>a  b</code> and <code> c </code></p>",
		"code with tags": "<p><code>a <b> b  c</b>\n d</code></p>",
		"textarea":       "<textarea>\n a  b\n</textarea>",
		"between words":  "<p>one <b>two</b> <i>three</i></p>",
	} {
		assert.Equal(t, visible(t, source), visible(t, minified(t, source)), name)
	}
	assert.Contains(t, minified(t, "<p>see <code>a  b</code></p>"), "a  b")
	assert.Contains(t, minified(t, "<pre>a\n  b</pre>"), "a\n  b")
}

func TestOddPagesKeepTheirVisibleTree(t *testing.T) {
	for _, source := range []string{
		"<p>{{ don't }}  b</p>\n<pre> a\n </pre> <p title=\"{{ x\">y</p> <code> a  b</code>",
		"<pre>{{ a</pre>  b <p> c }} d  e</p>",
		"<script>var a = '{{'; </script> <p> x  y</p>",
		"<p>a {{ <b>x</b> }} c</p><a href={{ url }}>x</a>",
		"<table><tr><td>a<td>b</table>  <ul><li>a <li>b</ul> <dl><dt>a<dd>b</dl>",
		"<svg> <text> a  <tspan>b</tspan></text></svg> <math><mi> x </mi></math>",
		"<p>a<!-- x --> b</p><p>a <!-- x --> b</p><p>a <br> b</p>",
		"<button> a </button> <label> b <input> </label> c",
		"<p>&lt;b&gt; &amp;amp; &nbsp;x <a title='a\"b' data-x='' hidden=hidden>x</a>",
		"<iframe srcdoc='<p>a</p>'></iframe><noscript><p> a  b</p></noscript>",
		"<p>a</p> text <div>b</div> tail <details><summary>a</summary> b</details>",
		"<span> a</span> <span>b </span><em> c </em>d <a-k>e</a-k> <a-k> f</a-k>",
		"<textarea>\n\n a</textarea><pre>\n\nx</pre>",
	} {
		assert.Equal(t, visible(t, source), visible(t, minified(t, source)), source)
	}
}

func TestStandInsNeverClashWithThePage(t *testing.T) {
	source := "<p>\uE000\uE001\uE003 <code>a  b\uE002</code></p>"
	assert.Equal(t, source, minified(t, source))
}

func TestTemplatesStayAsWritten(t *testing.T) {
	source := `<p title="{{ a | b('x  y') }}">{{  page.title  }} and <code>{{ x }}</code></p>`
	assert.Equal(t, source, minified(t, source))
}

func TestEndTagsBesideCustomElementsStay(t *testing.T) {
	source := "<my-note><p>inside</p></my-note><p>outside</p>"
	assert.Equal(t, visible(t, source), visible(t, minified(t, source)))
}

func TestStylesSelectOnDefaultAttributes(t *testing.T) {
	assert.Contains(t, minified(t, `<style>input[type=text]{color:red}</style><input type="text">`), "<input type=text>")
}

func TestInlineScriptsAndJSONShrink(t *testing.T) {
	assert.Equal(t, "<script>let a=1+window.b;</script>", minified(t, "<script>\n // note\n let a = 1 + window.b;\n</script>"))
	assert.Equal(t, `<script type=application/ld+json>{"a":[1,2]}</script>`, minified(t, "<script type=\"application/ld+json\">\n{ \"a\": [1, 2] }\n</script>"))
}

func TestWhatCannotBeParsedStaysAsWritten(t *testing.T) {
	broken := "<script>\n let = = ;\n</script>"
	assert.Equal(t, broken, minified(t, broken))
	other := "<script type=text/x-template>\n <b>  x </b>\n</script>"
	assert.Equal(t, other, minified(t, other))
}

func TestConditionalCommentsStayOthersGo(t *testing.T) {
	assert.Equal(t, "<!--[if IE]><p>old</p><![endif]--><p>x</p>", minified(t, "<!--[if IE]><p>old</p><![endif]--><!-- note --><p>x</p>"))
}

func TestCancelledCallDoesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := New().Html(ctx, &minifypb.HtmlRequest{Html: "<p>"})
	assert.Equal(t, codes.Canceled, status.Code(err))
}

func FuzzMinifyNeverFails(f *testing.F) {
	f.Add("<p>a <code> b  </code>{{ c }}")
	f.Add("<!doctype html><html><body><pre>\n x</pre><script>a</script>")
	service := New()
	f.Fuzz(func(t *testing.T, source string) {
		_, err := service.Html(context.Background(), &minifypb.HtmlRequest{Html: source})
		assert.NoError(t, err)
	})
}

func BenchmarkPage(b *testing.B) {
	source := fixture.Read(b, fixture.RealOrSkip(b, "dodeca-docs/docs"), "templates/base.html")
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		page(source)
	}
}
