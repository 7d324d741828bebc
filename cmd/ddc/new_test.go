package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewWritesADraftAndLeavesWhatIsThere(t *testing.T) {
	site := smallSite(t)
	for name, want := range map[string]string{
		"blog/first-post": "content/blog/first-post.md", "notes/": "content/notes/_index.md", "a b.md": "content/a b.md", filepath.Join(site, "content", "x"): "content/x.md",
	} {
		o := ddc(t, "new", name, "--site", site)
		require.Zero(t, o.code, o.stderr)
		assert.Equal(t, filepath.Join(site, want)+"\n", o.stdout)
	}
	text, err := os.ReadFile(filepath.Join(site, "content/blog/first-post.md"))
	require.NoError(t, err)
	assert.Regexp(t, `^\+\+\+\ntitle = "First Post"\ndate = \d{4}-\d\d-\d\d\ndraft = true\n\+\+\+\n\n$`, string(text))
	o := ddc(t, "new", "blog/first-post", "--title", `a "b"`, "--site", site)
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "first-post.md is there already")
	assert.Zero(t, ddc(t, "build", site, "--drafts", "--transport", "inproc").code)
	assert.FileExists(t, filepath.Join(site, "public/blog/first-post/index.html"))
}

func TestNewWritesNothingOutsideTheContent(t *testing.T) {
	site := smallSite(t)
	outside := t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(site, "content", "away")))
	for _, name := range []string{"../x", "/etc/x", ".hidden", "a/../../x", "away/x", "/"} {
		o := ddc(t, "new", name, "--site", site)
		assert.NotZero(t, o.code, name)
		assert.NotEmpty(t, o.stderr, name)
	}
	assert.Empty(t, tree(t, outside))
	assert.NoFileExists(t, filepath.Join(site, "x.md"))
}

func TestCheckFindsWhatABuildFindsAndWritesNothing(t *testing.T) {
	site := smallSite(t)
	o := ddc(t, "check", site, "--transport", "inproc")
	require.Zero(t, o.code, o.stderr)
	assert.Regexp(t, `^4 pages, 1 warning in .*; nothing is written\n$`, o.stdout)
	assert.Equal(t, 1, strings.Count(o.stderr, "there is no sitemap.xml"), "nobody has said where the site will be")
	o = ddc(t, "check", site, "--transport", "inproc", "--base-url", "https://x.org")
	assert.Regexp(t, `^4 pages, 0 warnings in .*; nothing is written\n$`, o.stdout)
	assert.NoDirExists(t, filepath.Join(site, "public"))
	write(t, site, "content/bad.md", "+++\ntitle = \"x\"\ndrft = true\n+++\n[x](/nowhere/)\n")
	o = ddc(t, "check", site, "--transport", "inproc")
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stderr, "did you mean draft?")
	assert.Contains(t, o.stderr, "leads nowhere")
	o = ddc(t, "check", site, "--strict", "--transport", "inproc")
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stderr, "Nothing is written.")
	assert.NoDirExists(t, filepath.Join(site, "public"))
}

func TestBaseOfTheCommandLineThatIsNoneIsWrongUsage(t *testing.T) {
	o := ddc(t, "build", smallSite(t), "--base-url", "example.org")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, `--base-url "example.org" is to be an address such as`)
}
