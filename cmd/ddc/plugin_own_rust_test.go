package main

import (
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/fixture"
	"ddc/internal/markup/markuptest"
	"ddc/plugin/host"
	"ddc/plugins/minify/minifypb"
)

// minifyInRust is the program of examples/minify-rust, which DDC_MINIFY names.
// make rust builds it.
func minifyInRust(t *testing.T) string {
	t.Helper()
	program := os.Getenv("DDC_MINIFY")
	if program == "" {
		t.Skip("DDC_MINIFY names no program")
	}
	return program
}

// outlines are what a browser makes of a page, without and with scripts.
func outlines(t *testing.T, r markuptest.Reading, page string) (all []string) {
	t.Helper()
	for _, scripting := range []bool{false, true} {
		r.Scripting = scripting
		outline, err := r.Outline(page)
		require.NoError(t, err)
		all = append(all, outline...)
	}
	return all
}

func TestMinifyInRustTakesThePlaceOfDdcs(t *testing.T) {
	program := minifyInRust(t)
	nothingLeft(t, t.TempDir())
	site := ownSite(t, "", "static/main.css", "a { color: red }\n", "static/dot.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1"/></svg>`,
		"templates/index.html", htmlPage(`<!-- c --><link rel="stylesheet" href="/main.css"><img  src="/dot.svg" alt=""><pre>  a
  b</pre><script>const a = "<!-- b -->";</script>{{ section.content | safe }}`),
		"templates/page.html", htmlPage(`{{ page.content | safe }}`), "content/_index.md", "+++\n+++\n[a](@/a.md) *b*\n",
		"content/a.md", "+++\n+++\n```rust\nfn main() {}\n```\n\n| a | b |\n|---|---|\n| `c` | d |\n")
	write(t, site, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nsearch #false\n")
	takesThePlace(t, program, site)
	if folder, found := fixture.Real("dodeca-docs"); found {
		site = filepath.Join(t.TempDir(), "docs")
		require.NoError(t, os.CopyFS(site, os.DirFS(folder)))
		takesThePlace(t, program, site, "--no-code-exec", "--no-search") // the index is of the pages as they are written
	}
}

// takesThePlace builds a site twice, with ddc's minify and with the program in
// its place, and compares what a browser makes of the pages.
func takesThePlace(t *testing.T, program, site string, flags ...string) {
	t.Helper()
	output := filepath.Join(t.TempDir(), "public")
	flags = append([]string{"build", site, "-o", output}, flags...)
	o := ddc(t, flags...)
	require.Zero(t, o.code, o.stderr)
	ours := texts(t, output)
	write(t, site, ".config/dodeca.kdl", read(t, site, ".config/dodeca.kdl")+"\n"+naming("minify", program))
	o = ddc(t, append(flags, "--allow", "minify", "-v")...)
	require.Zero(t, o.code, o.stderr)
	assert.Regexp(t, `plugin minify \(.+\): in the place of ddc's`, o.stdout)
	theirs := texts(t, output)
	assert.Len(t, theirs, len(ours))
	for name, text := range ours {
		if path.Ext(name) != ".html" {
			assert.Equal(t, text, theirs[name], name)
			continue
		}
		r := markuptest.Reading{Comments: true, HeadSpace: true, Scripts: true} // ddc's leaves out more
		assert.Equal(t, outlines(t, r, text), outlines(t, r, theirs[name]), name)
		assert.NotContains(t, theirs[name], "<!-- c -->")
	}
}

// Pages that are hard to edit have the tree that they had.
func TestMinifyInRustLeavesTheTreeOfEveryDocument(t *testing.T) {
	program := minifyInRust(t)
	h, err := host.New(host.Options{Command: func(string) (string, []string) { return program, nil }})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.Close()) })
	client := minifypb.NewMinifyClient(h.Conn("minify"))
	given, smaller := 0, 0
	for source := range markuptest.Documents() {
		answer, err := client.Html(t.Context(), &minifypb.HtmlRequest{Html: source})
		require.NoError(t, err)
		given++
		if answer.Html == source {
			continue
		}
		smaller++
		require.LessOrEqual(t, len(answer.Html), len(source), "%q became %q", source, answer.Html)
		r := markuptest.Reading{Comments: true}
		require.Equal(t, outlines(t, r, source), outlines(t, r, answer.Html), "%q became %q", source, answer.Html)
	}
	assert.Greater(t, given, 10000)
	assert.Greater(t, smaller, given/6)
}
