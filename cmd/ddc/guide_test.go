package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/doctable"
	"ddc/plugins/markdown"
	"ddc/site/config"
	"ddc/site/starter"
)

var rewrite = flag.Bool("write", false, "write the tables of docs/guide, and what scripts compare with, anew")

const (
	guideFolder = "../../docs/guide"
	guideBegin  = "<!-- made by: go test ./cmd/ddc -run TestGuideLists -write -->\n"
	guideEnd    = "<!-- end -->\n"
)

// ofOthers is the head of a table of what other generators have.
const ofOthers = "\n## What Zola or Hugo have and this has not\n\nEach is a warning that says the same.\n"

// The pages are made of what the program itself reads, so that they list all
// there is and nothing else. The filters and functions are held by the tests of
// site/template.
func TestGuideListsAllThatTheProgramKnows(t *testing.T) {
	hold := func(page, text string) {
		doctable.Hold(t, filepath.Join(guideFolder, "content/reference", page), guideBegin, guideEnd, text+"\n", *rewrite)
	}
	var settings, keys [][2]string
	for _, e := range config.Reference() {
		settings = append(settings, [2]string{e.Name, e.Doc})
	}
	var instead [][2]string
	for _, e := range config.Elsewhere() {
		instead = append(instead, [2]string{e.Name, e.Doc})
	}
	hold("settings.md", doctable.Table("setting | says", settings)+ofOthers+doctable.Table("instead of | do this", instead))
	for _, k := range markdown.Keys() {
		keys = append(keys, [2]string{k.Name, k.Doc})
	}
	instead = nil
	for _, k := range markdown.Elsewhere() {
		instead = append(instead, [2]string{k.Name, k.Doc})
	}
	hold("front-matter.md", doctable.Table("key | says", keys)+ofOthers+doctable.Table("instead of | do this", instead))
	hold("commands.md", commandTables(newRoot(screenOf(io.Discard), screenOf(io.Discard))))
}

// commandTables lists the flags of a command and of those below it.
func commandTables(c *cobra.Command) string {
	var rows [][2]string
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		kind, what := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if kind != "" {
			name += " " + kind
		}
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if !f.Hidden {
			rows = append(rows, [2]string{name, strings.Join(strings.Fields(what), " ")})
		}
	})
	var b strings.Builder
	if c.Runnable() {
		b.WriteString("\n## " + c.CommandPath() + "\n\n" + c.Short + ": `" + c.UseLine() + "`\n")
		if len(rows) > 0 {
			b.WriteString(doctable.Table("flag | does", rows))
		}
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			b.WriteString(commandTables(sub))
		}
	}
	return b.String()
}

// guide is the guide as make guide puts it together: its pages in the clothes
// of the docs theme.
func guide(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "guide")
	require.NoError(t, starter.Write(folder, starter.Docs))
	for _, part := range []string{"content", ".config"} {
		require.NoError(t, os.RemoveAll(filepath.Join(folder, part)))
		require.NoError(t, os.CopyFS(filepath.Join(folder, part), os.DirFS(filepath.Join(guideFolder, part))))
	}
	return folder
}

func TestGuideBuildsWithoutAWarning(t *testing.T) {
	folder := guide(t)
	o := ddc(t, "build", folder, "--strict")
	require.Zero(t, o.code, o.stderr)
	assert.Empty(t, o.stderr)
	settings, err := os.ReadFile(filepath.Join(folder, "public/reference/settings/index.html"))
	require.NoError(t, err)
	assert.Contains(t, string(settings), "<code>link_check rate_limit_ms</code>")
}

func TestEachThemeBuildsWithoutAWarning(t *testing.T) {
	for theme, files := range map[string][]string{
		starter.Docs:    {"guide/first-steps/index.html", "404.html"},
		starter.Blog:    {"posts/hello/index.html", "tags/writing/index.html", "404.html", "atom.xml", "sitemap.xml"},
		starter.Minimal: {"guide/first-steps/index.html", "404.html"},
	} {
		t.Run(theme, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "site")
			require.Zero(t, ddc(t, "init", folder, "--theme", theme).code)
			o := ddc(t, "build", folder, "--strict", "--base-url", "https://example.org/sub")
			require.Zero(t, o.code, o.stderr)
			assert.Empty(t, o.stderr)
			home, err := os.ReadFile(filepath.Join(folder, "public/index.html"))
			require.NoError(t, err)
			assert.Contains(t, string(home), `<link rel=canonical href=https://example.org/sub/>`)
			assert.Regexp(t, `<meta name=description content="[A-Z][^"]+">`, string(home))
			assert.Contains(t, string(home), `href=#main>Skip to the text`)
			for _, file := range files {
				assert.FileExists(t, filepath.Join(folder, "public", file))
			}
		})
	}
}

func TestFeedsAreInTheHeadsOfTheirPages(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "blog")
	require.NoError(t, starter.Write(folder, starter.Blog))
	section := filepath.Join(folder, "content", "posts", "_index.md")
	source, err := os.ReadFile(section)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(section, bytes.Replace(source, []byte("+++\n"), []byte("+++\nfeed = true\n"), 1), 0o600))
	o := ddc(t, "build", folder, "--strict", "--no-search", "--base-url", "https://example.org/sub")
	require.Zero(t, o.code, o.stderr)
	feeds := regexp.MustCompile(`<link rel=alternate type=application/atom\+xml title="[^"]+" href=/sub/([^>]+)>|<link rel=alternate type=application/atom\+xml title=\w+ href=/sub/([^>]+)>`)
	for page, want := range map[string][]string{
		"index.html": {"atom.xml"}, "posts/index.html": {"atom.xml", "posts/atom.xml"}, "posts/hello/index.html": {"atom.xml", "posts/atom.xml"},
		"tags/writing/index.html": {"atom.xml", "tags/writing/atom.xml"}, "tags/index.html": {"atom.xml"},
	} {
		text, err := os.ReadFile(filepath.Join(folder, "public", page))
		require.NoError(t, err)
		var found []string
		for _, m := range feeds.FindAllStringSubmatch(string(text), -1) {
			found = append(found, m[1]+m[2])
			assert.FileExists(t, filepath.Join(folder, "public", m[1]+m[2]))
		}
		assert.Equal(t, want, found, page)
	}
}
