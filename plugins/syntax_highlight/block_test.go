package syntax_highlight

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	pb "ddc/plugins/syntax_highlight/syntax_highlightpb"
)

func blockOf(t *testing.T, about, code string) *pb.Block {
	t.Helper()
	answer, err := New().Highlight(t.Context(), only(about, code))
	require.NoError(t, err)
	return answer.Blocks[0]
}

func TestBlockIsWholeAndShowsItsAttributes(t *testing.T) {
	for about, want := range map[string]string{
		"":                          "<pre><code>a\nb &amp; c\n</code></pre>",
		"text":                      `<pre><code class="language-text">` + "a\nb &amp; c\n</code></pre>",
		"text,noexec":               `<pre><code class="language-text">` + "a\nb &amp; c\n</code></pre>",
		"mermaid":                   `<pre class="mermaid">` + "a\nb &amp; c\n</pre>",
		"text,hl_lines=2":           `<span class="line">a</span>` + "\n" + `<span class="line"><mark>b &amp; c</mark></span>` + "\n</code>",
		"text hl_lines=1-9":         `<span class="line"><mark>a</mark></span>` + "\n" + `<span class="line"><mark>b`,
		"text {2}":                  `<span class="line">a</span>` + "\n" + `<span class="line"><mark>b`,
		"text,linenos":              `<span class="line"><span class="line-number" data-line="1"></span>a</span>`,
		"text,linenos=false":        `<pre><code class="language-text">a`,
		"text,linenostart=41":       `<span class="line-number" data-line="42"></span>b &amp; c`,
		"text,hide_lines=1":         `<code class="language-text"><span class="line">b &amp; c</span>` + "\n</code>",
		`text title="a <b>.txt"`:    `<figure class="code"><figcaption>a &lt;b&gt;.txt</figcaption><pre><code class="language-text">`,
		"text,name=x.txt,linenos":   `<figcaption>x.txt</figcaption><pre><code class="language-text"><span class="line"><span class="line-number"`,
		"text,copy":                 `<pre data-copy><code class="language-text">a`,
		"copy,text,copy=false":      `<pre><code class="language-text">a`,
		"copy":                      `<pre data-copy><code>a`,
		" copy linenos":             `<pre data-copy><code><span class="line"><span class="line-number" data-line="1"></span>a`,
		"linenos,text":              `<pre><code class="language-text"><span class="line"><span class="line-number" data-line="1"></span>a`,
		"copy title=x text":         `<figure class="code"><figcaption>x</figcaption><pre data-copy><code>a`,
		"text linenos copy title=x": `<figure class="code"><figcaption>x</figcaption><pre data-copy><code`,
		"hl_lines=1":                `<pre><code><span class="line"><mark>a</mark>`,
		"text,hl_lines=1 2,linenos": `data-line="2"></span><mark>b &amp; c</mark>`,
	} {
		assert.Contains(t, blockOf(t, about, "a\nb & c\n").Html, want, about)
	}
	assert.True(t, blockOf(t, "text,linenos", "a").Styled)
	assert.False(t, blockOf(t, "text", "a").Styled)
}

func TestLinesOfOneTokenAreMarkedOneByOne(t *testing.T) {
	const code = "/* one\n two\n three */ let x;\n"
	block := blockOf(t, "rust,hl_lines=2,linenos", code).Html
	assert.Contains(t, block, `<mark><span class="cm"> two</span></mark></span>`+"\n")
	doc, err := html.Parse(strings.NewReader(block))
	require.NoError(t, err)
	var text strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			text.WriteString(n.Data)
		}
	}
	assert.Equal(t, code, text.String(), "the text is the code: numbers are no part of it")
}

func TestAttributesOfAMegabyteAreReadInPart(t *testing.T) {
	for _, about := range []string{strings.Repeat(`"`, 1<<20), strings.Repeat("{", 1<<20), "x " + strings.Repeat("a=", 1<<19), "x,hl_lines=" + strings.Repeat("1-999999999 ", 1<<16), strings.Repeat("x=\"", 1<<18)} {
		parseInfo(about)
		assert.Contains(t, blockOf(t, about, "a\n").Html, "a")
	}
}

func TestThemesAreForLightAndDarkScreens(t *testing.T) {
	sheet := func(light, dark string) *pb.StylesheetResponse {
		answer, err := New().Stylesheet(t.Context(), &pb.StylesheetRequest{Light: light, Dark: dark})
		require.NoError(t, err)
		return answer
	}
	both := sheet("github-light", "dracula")
	assert.Empty(t, both.Unknown)
	light, dark := strings.Index(both.Css, "background:#f7f7f7"), strings.Index(both.Css, "@media (prefers-color-scheme:dark){\n:root:not([data-theme=light]) pre:has(>code>span){background:#282a36")
	assert.True(t, light >= 0 && light < dark, both.Css)
	assert.Contains(t, both.Css, ":root[data-theme=dark] pre:has(>code>span){background:#282a36")
	one := sheet("", "nord")
	assert.Contains(t, one.Css, "background:#2e3440")
	assert.NotContains(t, one.Css, "prefers-color-scheme")
	wrong := sheet("githb-light", "dracula")
	assert.Equal(t, []string{"githb-light"}, wrong.Unknown)
	assert.Contains(t, wrong.Known, "github-light")
	assert.Contains(t, wrong.Css, "background:#f7f7f7", "another of its kind takes its place")
}
