package browser_test

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asWritten is a page whose blanks and sizes a minifier, or a <picture>, may
// change: between elements of a line, of blocks that a style sheet puts into a
// line, of preformatted text, and of boxes that share a height.
const asWritten = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>x</title><link rel="icon" type="image/png" href="/icon.png"><style>
body { margin: 0 } img { width: auto; height: auto; max-width: 100% }
.column { display: flex; flex-direction: column } .column > div { flex: 1 1 0px; min-height: 0; overflow: hidden }
.line > * { display: inline } .pre { white-space: pre } .half { width: 50% }
</style></head><body>
<img src="/icon.png" alt="">
<div class="column"><div>text</div></div>
<div class="pre">a   b
 c</div>
<p><i class="icon"></i> Tags <b>bold</b>, <em>em</em> <strong>s</strong> <a href="/">l</a> <code>c</code> <kbd>k</kbd> x <span hidden>h</span> y <br> z <wbr> w
<label> l </label> <button>b</button> <svg width="5" height="5"></svg> s <custom-el>e</custom-el> c <time>t</time> <sub>1</sub> <sup>2</sup> <q>q</q></p>
<p>p <script>var a = 1</script> after <style>b { }</style> st <template></template> t <noscript>n</noscript> end <del>d</del> <ins>i</ins></p>
<dl class="line"><dt>Hello
</dt><dd>World</dd></dl>
<div style="display: inline-block">a</div> <div style="display: inline-block">b</div>
<ul class="line"><li>x</li> <li>y</li></ul>
<p>text <!-- c --> text2<!-- d -->text3</p>
<span>a </span> <span> b</span><span> </span><span>c</span>
<pre><code>x

  y</code></pre> tail
<textarea rows="3">
 one
  two</textarea>
<p class="half"><img src="/icon.png" alt="twice"></p>
</body></html>
`

// TestBuiltPageIsDrawnAsItWasWritten compares what a browser makes of both.
func TestBuiltPageIsDrawnAsItWasWritten(t *testing.T) {
	folder := t.TempDir()
	var icon bytes.Buffer
	require.NoError(t, png.Encode(&icon, slope(64, 64)))
	for name, text := range map[string]string{
		".config/dodeca.kdl":   "content \"content\"\noutput \"public\"\n",
		"content/_index.md":    "+++\ntitle = \"x\"\n+++\n",
		"templates/index.html": asWritten, "static/icon.png": icon.String(),
	} {
		name = filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o777))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o666))
	}
	b := build(t, folder)
	written := strings.ReplaceAll(asWritten, `"/icon.png"`, `"icon-as-written.png"`)
	require.NoError(t, os.WriteFile(filepath.Join(b.public, "written.html"), []byte(written), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(b.public, "icon-as-written.png"), icon.Bytes(), 0o666))
	s := &site{t: t, url: b.url + below, said: func() string { return "" }}
	s.browse()
	drawn := func(page string) []string {
		v := s.view(page, screen{width: 1200, scheme: "light"})
		defer v.close()
		v.noTrouble()
		return append(eval[[]string](v.tab, `[...document.querySelectorAll("body *:not(picture, source, script, style, template, noscript, wbr)")].map((e) => {
			const box = e.getBoundingClientRect();
			return e.localName + " " + [box.x, box.y, box.width, box.height].map((n) => Math.round(10 * n) / 10).join(" ");
		})`), eval[string](v.tab, `document.body.innerText`))
	}
	want := drawn("/written.html")
	assert.Contains(t, want[0], " 64 64", "an image of its own size")
	assert.Contains(t, want[1], " 0", "a column without a height")
	assert.Equal(t, want, drawn("/"))
}
