package site_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site"
)

// truncate makes a file of the project so long, with holes that take no room.
func (p *project) truncate(name string, size int64) {
	p.t.Helper()
	require.NoError(p.t, os.Truncate(filepath.Join(p.folder, name), size))
}

func TestTextOfManyGigabytesIsAFaultOfTheSiteAtOnce(t *testing.T) {
	for _, name := range []string{"content/a.md", "data/a.yaml", "data/a.json", "data/a.toml", "data/a.kdl", "templates/a.html",
		"sass/main.scss", "static/a.css", "static/a.js", "static/a.svg"} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, name, "")
			p.truncate(name, 20<<30)
			assert.Equal(t, []string{name + ": is a text of 20480 MiB; at most 64 MiB is read of one " +
				"(split the file, or allow more with max_text_mib in .config/dodeca.kdl)"}, p.faults(site.Options{}))
			p.assertNoOutput()
		})
	}
}

func TestPictureOrFontOfManyGigabytesIsAFaultOfTheSiteAtOnce(t *testing.T) {
	for _, name := range []string{"static/a.png", "static/a.woff2"} {
		p := newProject(t, name, "")
		p.truncate(name, 20<<30)
		assert.Contains(t, strings.Join(p.faults(site.Options{}), "\n"), name+": has 20480 MiB; a picture or font has at most 256 MiB")
	}
}

func TestSizeOfTextsIsConfiguredAndFilesThatAreOnlyCopiedHaveNone(t *testing.T) {
	p := newProject(t, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nmax_text_mib 1\n", "static/a.bin", "", "content/a.md", "")
	p.truncate("static/a.bin", 3<<20)
	p.mustBuild()
	assert.Len(t, p.read("a.bin"), 3<<20)
	p.truncate("content/a.md", 1<<20+1)
	assert.Contains(t, p.faults(site.Options{})[0], "content/a.md: is a text of 1048577 bytes; at most 1048576 bytes is read of one")
}

// laughs is YAML of some 500 bytes that means a billion values.
func laughs() string {
	text := "a0: &a0 [lol]\n"
	for i := 1; i < 10; i++ {
		text += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	return text
}

func TestTextThatMeansMoreThanItSaysIsAFaultWithItsPlace(t *testing.T) {
	deep := strings.Repeat
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"a billion laughs":        {[]string{"data/a.yaml", laughs()}, "data/a.yaml:6:"},
		"laughs in front matter":  {[]string{"content/a.md", "---\nextra:\n  " + strings.ReplaceAll(laughs(), "\n", "\n  ") + "\n---\n"}, "content/a.md:7:"},
		"brackets of YAML":        {[]string{"data/a.yaml", deep("[", 100_000)}, "data/a.yaml:1:1: exceeded max depth of 10000"},
		"brackets of JSON":        {[]string{"data/a.json", deep("[", 100_000)}, "data/a.json:1:129: lists and tables are nested more than 128 deep"},
		"brackets of TOML":        {[]string{"data/a.toml", "a = " + deep("[", 200) + deep("]", 200)}, "data/a.toml:1:1: lists and tables are nested more than 128 deep"},
		"braces of KDL":           {[]string{"data/a.kdl", deep("a {\n", 200) + deep("}\n", 200)}, "data/a.kdl:129:4: children are nested more than 128 deep"},
		"values of KDL":           {[]string{"data/a.kdl", deep("a 1 2 3 4\n", 100_001)}, "data/a.kdl:100001:1: there are more than 500000 values"},
		"keys of front matter":    {[]string{"content/a.md", "+++\n" + numbered("k%d = 1\n", 1_000_000) + "+++\n"}, "content/a.md:5002:1: front matter is not valid TOML: there are more than 10000 values"},
		"keys of YAML before it":  {[]string{"content/a.md", "---\n" + numbered("k%d: 1\n", 1_000_000) + "---\n"}, "content/a.md:5002:"},
		"dots in front matter":    {[]string{"content/a.md", "+++\n" + deep("a.", 100_000) + "b = 1\n+++\n"}, "content/a.md:2:"},
		"brackets in the details": {[]string{"content/a.md", "---\nextra: {a: " + deep("[", 5000) + deep("]", 5000) + "}\n---\n"}, "content/a.md:2:"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, c.files...)
			faults := strings.Join(p.faults(site.Options{}), "\n")
			assert.Contains(t, faults, c.want)
			p.assertNoOutput()
		})
	}
}

func TestEachOfManyDeadLinksIsToldWithItsPlace(t *testing.T) {
	const n = 10_000
	p := newProject(t, "content/a.md", "+++\ntitle = \"a\"\n+++\n"+numbered("- é [a](/dead-%d)\n", n))
	warnings := p.mustBuild()
	require.Len(t, warnings, n)
	assert.Equal(t, `content/a.md:4:9: the link "/dead-0" leads nowhere: the site has neither a page nor a file /dead-0`, warnings[0])
	assert.Equal(t, `content/a.md:10003:9: the link "/dead-9999" leads nowhere: the site has neither a page nor a file /dead-9999`, warnings[n-1])
}

// numbered repeats a format with the numbers from 0.
func numbered(format string, n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, format, i)
	}
	return all.String()
}
