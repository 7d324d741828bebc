package site_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// body is the text of a page's body as a browser's parser reads it, without
// scripts and styles.
func body(t *testing.T, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var text strings.Builder
	inBody := false
	for n := range root.Descendants() {
		inBody = inBody || n.Type == html.ElementNode && n.Data == "body"
		if inBody && n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style" {
			text.WriteString(n.Data)
		}
	}
	return text.String()
}

func TestInlineScriptNeverEndsItsOwnElement(t *testing.T) {
	const script = `const a = "<\/script>", b = '<\/SCRIPT>', c = "/lib.js"; f(a, b, c); // <b>`
	var page strings.Builder
	types := []string{"", ` type="module"`, ` type="text/javascript"`, ` type="application/javascript"`, ` type="text/ecmascript"`, " async"}
	for _, kind := range types {
		page.WriteString("<script" + kind + ">" + script + "</script>")
	}
	page.WriteString(`<script type="application/ld+json">{"a": "\u003c/script>", "b": "<\/script>"}</script>`)
	p := newProject(t, "static/lib.js", "f()",
		"templates/index.html", "<!DOCTYPE html><html><head><title>x</title></head><body>"+page.String()+"<p>after</p></body></html>")
	p.mustBuild()
	out := p.read("index.html")
	assert.Equal(t, "after", body(t, out))
	assert.Equal(t, len(types)+1, strings.Count(strings.ToLower(out), "</script"))
	assert.Equal(t, len(types), strings.Count(hash.ReplaceAllString(out, ".*."), `const a="<\/script>",b="<\/SCRIPT>",c="/lib.*.js"`))
}

// No style sheet is asked: any element may be inline, and any space may be
// seen.
func TestPageIsReadAsItIsWritten(t *testing.T) {
	const source = `<dl><dt style="display:inline">Hello
</dt><dd style="display:inline">World</dd></dl>
<div style="display:inline-block">a</div> <div style="display:inline-block">b</div>
<ul class="inline"><li>x</li> <li>y</li></ul><p>p <script>f()</script> after <style>b{color:red}</style> st <template></template> t <noscript>n</noscript> end</p>
<div style="white-space:pre">a   b</div><div class="poem">c   d
  e</div><p title="a  b">f</p>`
	p := newProject(t, "templates/index.html", "<!DOCTYPE html><html><head>\n <title>x</title>\n</head><body>"+source+
		`<style>.col>div { flex: 1 1 0px }</style><i style="flex:1 1 0px;margin:0px"></i></body></html>`)
	p.mustBuild()
	out := p.read("index.html")
	assert.Equal(t, body(t, "<body>"+source), body(t, out))
	for _, want := range []string{"Hello\n</dt><dd", "</div> <div", "</li> <li>", "</style> st <template></template> t <noscript>n</noscript> end", ">a   b</div>",
		">c   d\n  e</div>", `title="a  b"`, `style="flex:1 1 0px;margin:0px"`, "{flex:1 1 0px}", "<head><title>x</title></head>"} {
		assert.Contains(t, out, want)
	}
}

func TestSearchFindsTheWordsOfATable(t *testing.T) {
	needTools(t, "pagefind_extended")
	p := newProject(t, "content/_index.md", "+++\ntitle = \"x\"\n+++\n| alpha | beta | gamma |\n|--|--|--|\n| one | two | three |\n",
		"content/raw.md", "+++\ntitle = \"raw\"\n+++\n<table><tr><th>delta</th><th>epsilon</th></tr></table><dl><dt>zeta</dt><dd>eta</dd></dl>\n")
	p.mustBuild()
	fragments, err := filepath.Glob(filepath.Join(p.folder, "public/pagefind/fragment/*"))
	require.NoError(t, err)
	texts := map[string]string{}
	for _, file := range fragments {
		packed, err := os.ReadFile(file)
		require.NoError(t, err)
		unpacked, err := gzip.NewReader(bytes.NewReader(packed))
		require.NoError(t, err)
		text, err := io.ReadAll(unpacked)
		require.NoError(t, err)
		var fragment struct{ URL, Content string }
		require.NoError(t, json.Unmarshal(bytes.TrimPrefix(text, []byte("pagefind_dcd")), &fragment))
		texts[fragment.URL] = strings.Join(strings.Fields(strings.ReplaceAll(fragment.Content, ".", " ")), " ")
	}
	assert.Equal(t, map[string]string{"/": "alpha beta gamma one two three", "/raw/": "delta epsilon zeta eta"}, texts)
}
