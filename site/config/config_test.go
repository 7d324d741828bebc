package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/diagnostic"
	"ddc/internal/fixture"
	"ddc/site/config"
)

// project makes a folder with a configuration and gives its path.
func project(t *testing.T, source string) string {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, ".config"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, config.Name), []byte(source), 0o644))
	return root
}

func load(t *testing.T, source string) *config.Config {
	t.Helper()
	c, err := config.Load(project(t, source), config.Overrides{})
	require.NoError(t, err)
	return c
}

const folders = "content \"docs/content\"\noutput \"public\"\n"

func TestTheConfigurationIsFoundUpwardsAndItsPathsAreRelativeToTheRoot(t *testing.T) {
	root := project(t, folders)
	deep := filepath.Join(root, "docs", "content", "guide")
	require.NoError(t, os.MkdirAll(deep, 0o755))
	c, err := config.Load(deep, config.Overrides{})
	require.NoError(t, err)
	assert.Equal(t, root, c.Root)
	assert.Equal(t, filepath.Join(root, config.Name), c.File)
	assert.Equal(t, filepath.Join(root, "docs", "content"), c.Content)
	assert.Equal(t, filepath.Join(root, "public"), c.Output)
	assert.Equal(t, filepath.Join(root, "docs", "templates"), c.Folder("templates"))
}

func TestARelativeStartMeansTheWorkingDirectory(t *testing.T) {
	root := project(t, folders)
	require.NoError(t, os.Mkdir(filepath.Join(root, "sub"), 0o755))
	t.Chdir(root)
	c, err := config.Load("sub", config.Overrides{Output: "elsewhere"})
	require.NoError(t, err)
	assert.Equal(t, "elsewhere", filepath.Base(c.Output))
	assert.True(t, filepath.IsAbs(c.Output))
}

func TestWhatTheFileLeavesOutHasItsDefault(t *testing.T) {
	c := load(t, folders)
	assert.Equal(t, config.LinkCheck{RateLimit: time.Second}, c.LinkCheck)
	assert.Empty(t, c.StableAssets)
	assert.Empty(t, c.Wake)
	assert.True(t, c.CodeExecution.Enabled)
	assert.True(t, c.CodeExecution.FailOnError)
	assert.Equal(t, 30*time.Second, c.CodeExecution.Timeout)
	assert.Equal(t, filepath.Join(c.Root, ".cache/code-execution"), c.CodeExecution.CacheDir)
	rust, ok := c.CodeExecution.Language("RS")
	require.True(t, ok)
	assert.EqualValues(t, 64<<20, c.MaxText)
	assert.Equal(t, 100, c.MaxResized)
	assert.Equal(t, config.Language{Command: "cargo", Args: []string{"run", "--quiet", "--release"},
		Extension: "rs", PrepareCode: true, ShowOutput: true}, rust)
	_, ok = c.CodeExecution.Language("python")
	assert.False(t, ok)
}

const everything = folders + `
link_check { rate_limit_ms 250; skip_domain "x.org"; skip_domain "y.org" "z.org" }
stable_assets { path "favicon.svg"; path "/img/../robots.txt" }
wake "futex,fonts=pipe"
max_text_mib 5
max_resized 7
code_execution {
    enabled #false
    fail_on_error false
    timeout_secs 5
    cache_dir "/var/tmp/samples"
    dependencies {
        "serde" "1.0" features="derive, rc"
        local path="crates/local"
        tip { git "https://example.org/tip"; branch "main" }
    }
    dependency "rand" version="0.9"
    rust auto_imports="use std::fmt;" { args "run" }
    Python { command "python3"; extension ".py" }
}
`

func TestEverySettingIsRead(t *testing.T) {
	t.Setenv(config.AllowVariable, "/var/tmp/samples")
	c := load(t, everything)
	assert.Equal(t, config.LinkCheck{RateLimit: 250 * time.Millisecond, SkipDomains: []string{"x.org", "y.org", "z.org"}}, c.LinkCheck)
	assert.Equal(t, []string{"favicon.svg", "robots.txt"}, c.StableAssets)
	assert.Equal(t, "futex,fonts=pipe", c.Wake)
	assert.EqualValues(t, 5<<20, c.MaxText)
	assert.Equal(t, 7, c.MaxResized)
	e := c.CodeExecution
	assert.False(t, e.Enabled)
	assert.False(t, e.FailOnError)
	assert.Equal(t, 5*time.Second, e.Timeout)
	assert.Equal(t, "/var/tmp/samples", e.CacheDir)
	assert.Equal(t, []config.Dependency{
		{Name: "serde", Version: "1.0", Features: []string{"derive", "rc"}},
		{Name: "local", Path: filepath.Join(c.Root, "crates/local")},
		{Name: "tip", Git: "https://example.org/tip", Branch: "main"},
		{Name: "rand", Version: "0.9"},
	}, e.Dependencies)
	rust, _ := e.Language("rust")
	assert.Equal(t, config.Language{Command: "cargo", Args: []string{"run"}, Extension: "rs", PrepareCode: true,
		AutoImports: []string{"use std::fmt;"}, ShowOutput: true}, rust)
	python, ok := e.Language("python")
	require.True(t, ok)
	assert.Equal(t, config.Language{Command: "python3", Extension: "py", ShowOutput: true}, python)
}

func TestPropertiesMeanWhatChildNodesMean(t *testing.T) {
	nodes := load(t, folders+"code_execution { enabled #false; timeout_secs 7 }\nlink_check { rate_limit_ms 5 }")
	props := load(t, folders+"code_execution enabled=#false timeout_secs=7\nlink_check rate_limit_ms=5")
	assert.Equal(t, nodes.LinkCheck, props.LinkCheck)
	assert.Equal(t, nodes.CodeExecution.Timeout, props.CodeExecution.Timeout)
	assert.Equal(t, nodes.CodeExecution.Enabled, props.CodeExecution.Enabled)
}

func TestOverridesReplaceFoldersAndBothNeedNoFile(t *testing.T) {
	empty := t.TempDir()
	content, output := filepath.Join(empty, "site", "pages"), filepath.Join(empty, "out")
	c, err := config.Load(empty, config.Overrides{Content: content, Output: output})
	require.NoError(t, err)
	assert.Empty(t, c.File)
	assert.Equal(t, filepath.Join(empty, "site"), c.Root)
	assert.Equal(t, content, c.Content)
	assert.Equal(t, filepath.Join(empty, "site", ".cache", "code-execution"), c.CodeExecution.CacheDir)

	_, err = config.Load(empty, config.Overrides{Content: content})
	require.ErrorIs(t, err, config.ErrNotFound)
	assert.ErrorContains(t, err, `content "content"`, "the error shows what to write")
	assert.ErrorContains(t, err, empty)

	c, err = config.Load(project(t, `output "public"`), config.Overrides{Content: content})
	require.NoError(t, err, "an override stands in for a missing setting")
	assert.Equal(t, content, c.Content)
}

func TestFaultsNamePlaceAndRemedyAllAtOnce(t *testing.T) {
	for source, want := range map[string][]string{
		"contnet \"a\"\noutput \"b\"": {
			"1:1: content is missing; add: content \"content\"",
			"1:1: unknown setting \"contnet\" (did you mean content?)",
		},
		folders + "link_check { rate_limit_ms \"x\" }":     {`3:28: rate_limit_ms must be a whole number, not the string "x"`},
		folders + "link_check { rate_limit_ms -1 }":        {`3:28: rate_limit_ms must lie between 0 and 86400000, not -1`},
		folders + "link_check 5":                           {`3:1: link_check takes no value but a block, as in: link_check { ... }`},
		folders + "stable_assets { path \"../x\" }":        {`3:17: path must name a file below the static folder, not "../x"`},
		folders + "output \"again\"":                       {"3:1: output is given again\n  2:1: it stands here"},
		folders + "wake \"a\" \"b\"":                       {`3:1: wake takes one value, not 2`},
		folders + "max_text_mib 0":                         {`3:14: max_text_mib must lie between 1 and 250, not 0`},
		folders + "max_resized 5001":                       {`3:13: max_resized must lie between 1 and 5000, not 5001`},
		folders + "wake":                                   {`3:1: wake takes one value, not 0`},
		folders + "code_execution { enabled \"yes\" }":     {`3:26: enabled must be #true or #false, not the string "yes"`},
		folders + "code_execution { timeout_secs 0 }":      {`3:18: timeout_secs must be at least 1`},
		folders + "code_execution { go { args \"run\" } }": {`3:18: the language go needs a command, as in: command "python3"`},
		folders + "code_execution { dependency }":          {`3:18: dependency needs a name, as in: dependency "serde" version="1.0"`},
		folders + "code_execution { dependency \"a\" }":    {`3:18: the dependency a needs a version, git or path`},
		folders + "code_execution { dependencies { a \"1\" branch=\"m\"; a \"1\" }}": {
			`3:33: the dependency a has rev or branch, which need git`,
			`3:51: the dependency a is given twice`,
		},
		"content \"\"\noutput 3":              {`1:1: content must name a folder; it is empty`, `2:8: output must be a string, not the number 3`},
		folders + "base_url \"example.org\"":  {`3:1: base_url is to be an address such as "https://example.org/blog", or a path such as "/blog", not "example.org"`},
		folders + "feed \"yes\"":              {`3:6: feed must be #true or #false, not the string "yes"`},
		folders + "taxonomies { tags \"x\" }": {`3:14: a taxonomy is a name with settings, as in: taxonomies { tags paginate_by=10 }`},
		folders + "taxonomies { \"a/b\" }":    {`3:14: a taxonomy's name is a part of its address, and "a/b" cannot be one (use letters, digits and -)`},
		folders + "taxonomies { tags; tags }": {"3:20: tags is given again\n  3:14: it stands here"},
		folders + "wake \"open":               {`3:6: this string is never closed on its line`},
	} {
		root := project(t, source)
		_, err := config.Load(root, config.Overrides{})
		var all diagnostic.Errors
		if !assert.ErrorAs(t, err, &all, source) {
			continue
		}
		var got []string
		for _, one := range all {
			assert.Equal(t, config.Name, one.File, "as of a fault that is found later, wherever the user is")
			assert.NotNil(t, one.Excerpt, source)
			got = append(got, strings.ReplaceAll(one.Error(), one.File+":", ""))
		}
		assert.Equal(t, want, got, source)
	}
}

func TestFaultHasTheWordThatIsWrongAndItsLine(t *testing.T) {
	for source, want := range map[string]diagnostic.Problem{
		"content \"\" // é":                   {Line: 1, Col: 1, Length: 7, Excerpt: &diagnostic.Excerpt{Text: "content \"\" // é", Col: 1}},
		"content \"a\"\r\noutput 12.5":        {Line: 2, Col: 8, Length: 4, Excerpt: &diagnostic.Excerpt{Text: "output 12.5", Col: 1}},
		"content \"a\"; output \"b\"; wake 5": {Line: 1, Col: 31, Length: 1, Excerpt: &diagnostic.Excerpt{Text: "content \"a\"; output \"b\"; wake 5", Col: 1}},
	} {
		_, err := config.Load(project(t, source), config.Overrides{Content: "c", Output: "o"})
		all := diagnostic.Of(err)
		if assert.Len(t, all, 1, source) {
			assert.Equal(t, want, diagnostic.Problem{Line: all[0].Line, Col: all[0].Col, Length: all[0].Length, Excerpt: all[0].Excerpt}, source)
		}
	}
}

func TestAFileBelowTheWorkingDirectoryIsNamedRelativeToIt(t *testing.T) {
	t.Chdir(project(t, "content 1\noutput \"x\""))
	_, err := config.Load(".", config.Overrides{})
	assert.EqualError(t, err, ".config/dodeca.kdl:1:9: content must be a string, not the number 1")
}

func TestAStartThatIsNoFolderIsSaidSo(t *testing.T) {
	root := project(t, folders)
	_, err := config.Load(filepath.Join(root, "missing"), config.Overrides{})
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = config.Load(filepath.Join(root, config.Name), config.Overrides{})
	assert.ErrorContains(t, err, "not a directory")
}

func TestConfigurationsOfSitesLoad(t *testing.T) {
	contents := map[string]string{fixture.Site(t): "content"}
	for name, content := range map[string]string{
		"dodeca-docs": "docs/content", "sample-site": "content", "code-execution-site": "content", "no-scss-site": "content",
	} {
		if folder, found := fixture.Real(name); found {
			contents[folder] = content
		}
	}
	for folder, content := range contents {
		c, err := config.Load(folder, config.Overrides{})
		if !assert.NoError(t, err, folder) {
			continue
		}
		assert.DirExists(t, c.Content, folder)
		assert.Equal(t, filepath.Join(c.Root, filepath.FromSlash(content)), c.Content, folder)
		assert.True(t, c.CodeExecution.Enabled, folder)
	}
}

func TestConfigurationIsFoundFromTheContentUpwards(t *testing.T) {
	site := fixture.Site(t)
	c, err := config.Load(filepath.Join(site, "content", "guide"), config.Overrides{})
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(site, "content"), c.Content)
	assert.Equal(t, []string{"favicon.svg", "robots.txt"}, c.StableAssets)
	sh, known := c.CodeExecution.Language("sh")
	assert.True(t, known)
	assert.Equal(t, "sh", sh.Command)

	folder, found := fixture.Real("dodeca-docs/docs/content")
	if !found {
		return // its imports and crates are those of a site that someone runs
	}
	c, err = config.Load(folder, config.Overrides{})
	require.NoError(t, err)
	rust, _ := c.CodeExecution.Language("rust")
	assert.Equal(t, []string{"use std::collections::HashMap;"}, rust.AutoImports)
	assert.Equal(t, []config.Dependency{{Name: "serde", Version: "1.0"}}, c.CodeExecution.Dependencies)
}
