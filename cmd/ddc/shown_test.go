package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/diagnostic"
	"ddc/site/config"
)

func TestTerminalShowsTheLineInColoursAndAPipeShowsOneLine(t *testing.T) {
	site := smallSite(t)
	write(t, site, config.Name, "max_text_mib \"many\"\ncontent \"content\"\noutput \"public\"\n")
	t.Chdir(site)
	fault := config.Name + ":1:14: max_text_mib must be a whole number, not the string \"many\"\n"
	plain := "error: " + fault + "    1 | max_text_mib \"many\"\n      |              ^^^^^^\n"

	t.Setenv("NO_COLOR", "")
	code, shown := onTerminal(t, "build", "-c", "content")
	assert.Equal(t, exitSite, code)
	assert.Contains(t, shown, "\x1b[1;31merror: \x1b[0m\x1b[1m"+config.Name+":1:14: \x1b[0m")
	assert.Contains(t, shown, "\x1b[1;31m             ^^^^^^\x1b[0m\n")

	t.Setenv("NO_COLOR", "1")
	_, shown = onTerminal(t, "build", "-c", "content", "-q")
	assert.Equal(t, plain+"Build failed: 1 error. The last output is as it was.\n", shown)
	_, shown = onTerminal(t, "clean")
	assert.Contains(t, shown, plain)

	o := ddc(t, "build", "-c", "content")
	assert.Equal(t, "error: "+fault+"Build failed: 1 error. The last output is as it was.\n", o.stderr)
}

func TestJSONHasAProblemWhole(t *testing.T) {
	site := smallSite(t)
	write(t, site, "templates/page.html", "<p>{{ page.titel }}")
	o := ddc(t, "build", site, "--json", "--transport", "inproc", "--no-code-exec")
	assert.Equal(t, exitSite, o.code)
	r := decodeReport(t, o)
	assert.Equal(t, filepath.Join(site, "public"), r.Output)
	require.Len(t, r.Errors, 1, o.stdout)
	assert.Equal(t, diagnostic.Problem{
		File: "templates/page.html", Line: 1, Col: 12, Length: 5, Message: `page has no field "titel"`, Hint: "did you mean title?",
		Pages: r.Errors[0].Pages, Page: r.Errors[0].Page, Excerpt: &diagnostic.Excerpt{Text: "<p>{{ page.titel }}", Col: 1},
	}, r.Errors[0])
	assert.NotZero(t, r.Errors[0].Pages)
	assert.NotEmpty(t, r.Errors[0].Page)
}
