package markup

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestPagesThatMultiplyAreSeen(t *testing.T) {
	many := strings.Repeat("<p>x", 50_000)
	for name, page := range map[string]string{
		"elements":            numbered(400, "<b a=%d>") + many,
		"in turns":            strings.Repeat("<b><i>", 200) + numbered(200, "<u a=%d><s a=%[1]d>") + many,
		"attributes":          "<p><b " + numbered(400, "a%d ") + ">" + many,
		"cells":               "<table><td>" + numbered(400, "<b a=%d>") + strings.Repeat("<div></div>x", 50_000),
		"attributes of roots": "<html " + numbered(20_000, "a%d ") + ">" + strings.Repeat("<html a><body b>", 20_000),
	} {
		assert.True(t, Multiplies(page), name)
	}
	for name, page := range map[string]string{
		"paragraphs":         many,
		"closed":             strings.Repeat("<p><b class=a><i>x</i></b> y<a href=/b>c</a>", 50_000),
		"never closed":       strings.Repeat("<p><b>x", 50_000),
		"code":               "<pre><code class=a>" + strings.Repeat("<span class=b>x</span> ", 200_000) + "</code></pre>",
		"blocks in a link":   strings.Repeat("<a href=/a class=b><div>x</div><div>y</div></a>", 50_000),
		"one root":           "<html " + numbered(20_000, "a%d ") + "><body>x",
		"in a drawing alone": "<svg>" + numbered(400, "<text a=%d>") + strings.Repeat("<g>x</g>", 50_000),
	} {
		assert.False(t, Multiplies(page), name)
	}
}

// What is counted covers what the parser makes, as far as it can be seen in the
// tree.
func TestWhatIsCountedCoversWhatTheParserMakes(t *testing.T) {
	for _, page := range []string{
		numbered(20, "<b a=%d>") + strings.Repeat("<p>x", 50),
		strings.Repeat("<b>", 20) + strings.Repeat("<p>x", 50),
		"<p>" + numbered(20, "<i a=%d><u>") + strings.Repeat("</p>x", 50),
		numbered(20, "<p><b a=%d>x</p>"),
		"<table>" + strings.Repeat("<tr><td><b>x", 50),
		numbered(9, "<a a=%d><b>") + strings.Repeat("<li>x<ul>", 20),
		numbered(9, "<nobr a=%d><b>") + strings.Repeat("<h1>x</h1>", 20),
	} {
		root, err := html.Parse(strings.NewReader(page))
		require.NoError(t, err)
		made, tags := 0, strings.Count(page, "<")-strings.Count(page, "</")
		for n := range root.Descendants() {
			if n.Type == html.ElementNode {
				made++
			}
		}
		r := repeats{source: page}
		p := Page{Source: page}
		p.Walk(r.token)
		assert.GreaterOrEqual(t, r.sum, made-tags-6, "%.60s", page) // html, head, body, tbody, tr
	}
}
