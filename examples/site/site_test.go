// Package site_test checks what can be told about the example site without
// building it; the tests of the pipeline build it.
package site_test

import (
	"bytes"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site/config"
	"ddc/site/template"
)

func TestTheConfigurationLoads(t *testing.T) {
	c, err := config.Load(".", config.Overrides{})
	require.NoError(t, err)
	assert.DirExists(t, c.Content)
	for _, asset := range c.StableAssets {
		assert.FileExists(t, filepath.Join(c.Folder("static"), asset))
	}
	rust, ok := c.CodeExecution.Language("rust")
	require.True(t, ok)
	assert.Len(t, rust.AutoImports, 3)
}

// values stand for what the pipeline gives a template.
func values(t *testing.T) map[string]any {
	t.Helper()
	source, err := os.ReadFile("data/strategies.toml")
	require.NoError(t, err)
	var strategies map[string]any
	require.NoError(t, toml.Unmarshal(source, &strategies))
	toc := []any{map[string]any{"title": "Outer", "permalink": "#outer", "children": []any{
		map[string]any{"title": "Inner", "permalink": "#inner", "children": []any{}}}}}
	entry := func(name string) map[string]any {
		return map[string]any{"title": name, "permalink": "/guide/" + name, "extra": map[string]any{"lead": "About " + name}}
	}
	page := map[string]any{"title": "b", "permalink": "/guide/b", "content": "<p>text</p>", "toc": toc,
		"ancestors": []any{map[string]any{"title": "Guide", "permalink": "/guide"}},
		"extra":     map[string]any{"lead": "A <lead>", "minutes": 1, "table": true}}
	section := map[string]any{"title": "Guide", "permalink": "/guide", "content": "<p>text</p>", "extra": nil,
		"pages": []any{entry("a"), entry("b"), entry("c")}}
	return map[string]any{"page": page, "section": section, "current_path": "/guide/b", "data": map[string]any{"strategies": strategies},
		"config": map[string]any{"title": "Example"}, "root": map[string]any{"title": "Home", "subsections": []any{section}}}
}

func TestTheTemplatesRenderWithWhatPagesHaveAndLack(t *testing.T) {
	names, err := filepath.Glob("templates/*.html")
	require.NoError(t, err)
	sources := map[string]string{}
	for _, name := range names {
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		sources[filepath.Base(name)] = string(source)
	}
	set, err := template.Load(sources)
	require.NoError(t, err)
	funcs := template.Funcs{GetURL: func(path string) (string, error) { return "/" + path, nil }}
	shown := map[string]string{}
	for _, name := range []string{"index.html", "section.html", "page.html"} {
		shown[name], err = set.Render(t.Context(), name, values(t), funcs)
		require.NoError(t, err)
	}
	assert.Contains(t, shown["page.html"], `<p class="lead">A &lt;lead&gt;</p>`)
	assert.Contains(t, shown["page.html"], `<a href="#inner">Inner</a>`, "the contents nest")
	assert.Contains(t, shown["page.html"], "1 minute to read")
	assert.Contains(t, shown["page.html"], `<a class="step previous" href="/guide/a/">`)
	assert.Contains(t, shown["page.html"], `<a class="step next" href="/guide/c/">`)
	assert.Contains(t, shown["page.html"], `<a href="/guide/b/" aria-current="page">b</a>`)
	assert.Contains(t, shown["index.html"], "<code>socketpair</code>")
	assert.Contains(t, shown["index.html"], `<td class="number" data-label="Descriptors">none</td>`, "futex needs no descriptor")
	assert.NotContains(t, shown["section.html"], "<img src=\"\"")
	assert.Contains(t, shown["section.html"], "About a")

	bare := values(t)
	bare["page"].(map[string]any)["extra"] = nil
	got, err := set.Render(t.Context(), "page.html", bare, funcs)
	require.NoError(t, err)
	assert.NotContains(t, got, `class="lead"`)
	assert.NotContains(t, got, "<table>")
}

func TestGenerateMakesThePictureAndTheFontsAndNothingTwice(t *testing.T) {
	generate := func() {
		out, err := exec.CommandContext(t.Context(), "go", "run", "./generate").CombinedOutput()
		require.NoError(t, err, string(out))
	}
	generate()
	picture, err := os.ReadFile("static/images/waves.png")
	require.NoError(t, err)
	decoded, err := png.Decode(bytes.NewReader(picture))
	require.NoError(t, err)
	assert.Equal(t, 1600, decoded.Bounds().Dx())
	before, err := os.Stat("static/images/waves.png")
	require.NoError(t, err)
	generate()
	after, err := os.Stat("static/images/waves.png")
	require.NoError(t, err)
	assert.Equal(t, before.ModTime(), after.ModTime())

	sass, err := os.ReadFile("sass/main.scss")
	require.NoError(t, err)
	for _, part := range strings.Split(string(sass), `src: url("`)[1:] {
		font, _, _ := strings.Cut(part, `"`)
		assert.FileExists(t, filepath.Join("static", font))
	}
}
