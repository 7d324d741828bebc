package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site/config"
)

func TestUnknownSettingIsAWarningThatSaysWhatWasMeant(t *testing.T) {
	for source, want := range map[string]string{
		"contnet \"a\"":                                             `3:1: unknown setting "contnet" (did you mean content?)`,
		"link_check { rate_limit_m 5 }":                             `3:14: unknown setting of link_check "rate_limit_m" (did you mean rate_limit_ms?)`,
		"code_execution { enabld #true }":                           `3:18: unknown setting of code_execution "enabld" (did you mean enabled?)`,
		"code_execution { rust { comand \"c\" }}":                   `3:25: unknown setting of the language rust "comand" (did you mean command?)`,
		"markdown { smart-punctuation #true }":                      `3:12: unknown setting of markdown "smart-punctuation" (did you mean smart_punctuation?)`,
		"syntax-highlight { darktheme \"x\" }":                      `3:20: unknown setting of syntax-highlight "darktheme" (did you mean dark-theme?)`,
		"taxonomies { tags { paginate 3 } }":                        `3:21: unknown setting of the taxonomy tags "paginate" (did you mean paginate_by?)`,
		"generate_feeds #true":                                      `3:1: unknown setting "generate_feeds" (write feed)`,
		"code_execution { dependency \"a\" v=\"1\" version=\"1\" }": `3:35: unknown setting of a dependency "v" (there are version, git, rev, branch, path, features)`,
	} {
		root := project(t, folders+source)
		c, err := config.Load(root, config.Overrides{})
		if !assert.NoError(t, err, source) || !assert.Len(t, c.Warnings, 1, source) {
			continue
		}
		assert.NotNil(t, c.Warnings[0].Excerpt, source)
		assert.Equal(t, want, strings.ReplaceAll(c.Warnings[0].String(), config.Name+":", ""), source)
	}
}

func TestSettingsOfTheOriginalAreTakenByAnyNameOfTheirChildren(t *testing.T) {
	c := load(t, folders+`title "Dodeca"
syntax-highlight { light-theme "github-light"; dark-theme "tokyo-night" }
stable_assets { file "favicon.svg"; - "img" }
link_check rate_limit_ms=7 { domain "x.org"; skip_domain "y.org" }
`)
	assert.Empty(t, c.Warnings)
	assert.Equal(t, "Dodeca", c.Site.Title)
	assert.Equal(t, config.Highlight{Light: "github-light", Dark: "tokyo-night"}, c.Site.Highlight)
	assert.Equal(t, []string{"favicon.svg", "img"}, c.StableAssets)
	assert.Equal(t, []string{"x.org", "y.org"}, c.LinkCheck.SkipDomains)
}

func TestSettingsOfTheSiteAreRead(t *testing.T) {
	c := load(t, folders+`title "T"
description "D"
author "A"
language "de"
base_url "https://example.org/blog/"
feed #true
feed_limit 5
feed_content #false
search #false
taxonomies { tags paginate_by=10 feed=#true; authors }
markdown { smart_punctuation #true }
extra name="x" { links "a" "b" }
`)
	assert.Empty(t, c.Warnings)
	assert.True(t, load(t, folders).Site.Search, "a site that says nothing has a search")
	assert.True(t, load(t, folders).Site.FeedContent, "and whole texts in its feeds")
	s := c.Site
	require.Len(t, s.Extra, 2)
	assert.Equal(t, []string{"name", "links"}, []string{s.Extra[0].Name, s.Extra[1].Name})
	s.Extra = nil
	assert.Equal(t, config.Site{Title: "T", Description: "D", Author: "A", Language: "de",
		Base: config.Base{Origin: "https://example.org", Prefix: "/blog"}, Feed: true, FeedLimit: 5,
		Taxonomies: []config.Taxonomy{{Name: "tags", PaginateBy: 10, Feed: true}, {Name: "authors"}},
		Markdown:   config.Markdown{SmartPunctuation: true}}, s)
	tags, known := s.Taxonomy("tags")
	assert.True(t, known && tags.Feed)
	_, known = s.Taxonomy("series")
	assert.False(t, known)
}

func TestBaseIsAnAddressOrAPath(t *testing.T) {
	for text, want := range map[string]config.Base{
		"https://example.org":             {Origin: "https://example.org"},
		"https://example.org/":            {Origin: "https://example.org"},
		"http://localhost:8080/a/b/":      {Origin: "http://localhost:8080", Prefix: "/a/b"},
		"https://me.github.io/re%20po///": {Origin: "https://me.github.io", Prefix: "/re%20po"},
		"/":                               {},
		"/blog":                           {Prefix: "/blog"},
		"/a/../b/":                        {Prefix: "/b"},
	} {
		got, err := config.ParseBase(text)
		assert.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "example.org", "blog/", "//example.org", "ftp://x.org", "https://", "https://x.org?a", "https://x.org/#a", "https://u:p@x.org/", "/a b", "/a\"b", "mailto:x@y.z", "https:/x"} {
		_, err := config.ParseBase(text)
		assert.Error(t, err, text)
	}
	b := config.Base{Origin: "https://x.org", Prefix: "/a"}
	assert.Equal(t, "https://x.org/a/guide/", b.Absolute("/guide/"))
	assert.Equal(t, "https://x.org/a", b.String())
	assert.Equal(t, "/", config.Base{}.String())
}

func TestBaseOfTheCommandLineWins(t *testing.T) {
	base := config.Base{Prefix: "/preview"}
	c, err := config.Load(project(t, folders+`base_url "https://example.org"`), config.Overrides{Base: base})
	require.NoError(t, err)
	assert.Equal(t, base, c.Site.Base)
}

// The reference is made of what files are read by, so that it cannot leave a
// setting out.
func TestReferenceHasALineForEachSetting(t *testing.T) {
	names := map[string]bool{}
	for _, e := range config.Reference() {
		assert.NotEmpty(t, e.Doc, e.Name)
		names[e.Name] = true
	}
	for _, name := range []string{"content", "base_url", "link_check rate_limit_ms", "code_execution timeout_secs", "taxonomies tags paginate_by", "syntax-highlight dark-theme"} {
		assert.True(t, names[name], name)
	}
}

func TestConfigurationOfAnotherGeneratorIsNamed(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "config.toml"), nil, 0o600))
	_, err := config.Load(folder, config.Overrides{})
	require.ErrorIs(t, err, config.ErrNotFound)
	assert.ErrorContains(t, err, "has a config.toml, which is Zola or Hugo's; write a .config/dodeca.kdl that says")
}
