package site_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ddc/site"
)

// Each is one thing that an author gets wrong, and what the build says of it.
func TestEveryFaultNamesItsFileAndPlace(t *testing.T) {
	const page = "+++\ntitle = \"x\"\n+++\n"
	for name, c := range map[string]struct {
		files []string
		want  []string
	}{
		"front matter that is no TOML": {
			[]string{"content/a.md", "+++\ntitle = \n+++\n"}, []string{"content/a.md:2:"}},
		"a template with a syntax error": {
			[]string{"templates/page.html", "a\n{% if %}\n"}, []string{"templates/page.html:2:"}},
		"a template that asks for what is not there": {
			[]string{"content/a.md", page, "templates/page.html", "a\n{{ page.nothing.more }}\n"}, []string{"templates/page.html:2:"}},
		"get_url of a page that is not there": {
			[]string{"content/a.md", page, "templates/page.html", `{{ get_url(path="@/b.md") }}`}, []string{"templates/page.html:1:", `"@/b.md" leads to no page`}},
		"a template that is not there": {
			[]string{"content/a.md", "+++\ntitle = \"x\"\ntemplate = \"gone.html\"\n+++\n"}, []string{`content/a.md:3:13: there is no template "gone.html"`}},
		"text that is not UTF-8": {
			[]string{"content/a.md", page + "\nab\xff"}, []string{"content/a.md:5:3: is not UTF-8"}},
		"a data file that is no JSON": {
			[]string{"data/a.json", "{\n  \"x\": nope\n}"}, []string{"data/a.json:2:"}},
		"a data file with two values": {
			[]string{"data/a.json", "{}\n{}"}, []string{"data/a.json:", "after the value"}},
		"a data file that is no TOML": {
			[]string{"data/a.toml", "x = 1\ny = \n"}, []string{"data/a.toml:2:"}},
		"a data file that is no YAML": {
			[]string{"data/a.yaml", "x: 1\ny: [\n"}, []string{"data/a.yaml:"}},
		"a data file that is no KDL": {
			[]string{"data/a.kdl", "x 1\ny {\n"}, []string{"data/a.kdl:"}},
		"a style sheet that is none": {
			[]string{"static/a.css", "p { color: red }\n@import url(; }"}, []string{"static/a.css:"}},
		"a picture that is none": {
			[]string{"static/a.png", pngFile(30, 30)[:60]}, []string{"static/a.png:"}},
		"a picture of another kind": {
			[]string{"static/a.webp", "RIFF\x10\x00\x00\x00WEBPVP8 xxxx"}, []string{"static/a.webp:"}},
		"a sheet that two sources make": {
			[]string{"sass/main.scss", "p{a:b}", "static/main.css", "p{c:d}"}, []string{"static/main.css: sass/main.scss is compiled to main.css as well"}},
		"a static file in the place of a page": {
			[]string{"static/index.html", "x", ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nstable_assets { path \"index.html\" }\n"}, []string{"would be written to index.html"}},
		"a slug that no file's name can be": {
			[]string{"content/a.md", "+++\ntitle = \"x\"\nslug = \"" + strings.Repeat("x", 256) + "\"\n+++\n"}, []string{"content/a.md:3:", "a part of 256 bytes, and a file's name has 255 at most"}},
		"an address that no file's path can be": {
			[]string{"content/a.md", "+++\ntitle = \"x\"\npath = \"" + strings.Repeat("abc/", 300) + "\"\n+++\n"}, []string{"content/a.md:3:", "a file's path has 1024 at most"}},
		"an alias that no file's name can be": {
			[]string{"content/a.md", "+++\ntitle = \"x\"\naliases = [\"" + strings.Repeat("x", 256) + "\"]\n+++\n"}, []string{"content/a.md:3:", "a part of 256 bytes"}},
		"a term that no file's name can be": {
			[]string{".config/dodeca.kdl", "content \"content\"\noutput \"public\"\ntaxonomies { tags }\n", "templates/taxonomy_list.html", "x", "templates/taxonomy_single.html", "x",
				"content/a.md", "+++\ntitle = \"x\"\n[taxonomies]\ntags = [\"" + strings.Repeat("x", 256) + "\"]\n+++\n"}, []string{"content/a.md:3:", "a part of 256 bytes"}},
		"a page's path that is too long in all": {
			[]string{"content/" + strings.Repeat("abcdefghij/", 100) + "a.md", page}, []string{"content/abcdefghij/", "a file's path has 1024 at most"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, c.files...)
			faults := strings.Join(p.faults(site.Options{}), "\n")
			for _, want := range c.want {
				assert.Contains(t, faults, want)
			}
			assert.NotContains(t, faults, "InvalidArgument")
			p.assertNoOutput()
		})
	}
}

// assertNoOutput claims that a failed build left no folder, hidden or not.
func (p *project) assertNoOutput() {
	p.t.Helper()
	entries, err := os.ReadDir(p.folder)
	require.NoError(p.t, err)
	for _, e := range entries {
		assert.NotContains(p.t, e.Name(), "public")
	}
}

func TestFontThatCannotBeReadIsCopiedWholeWithAWarning(t *testing.T) {
	needTools(t, "hb-subset", "woff2_compress")
	p := newProject(t, "static/f.woff2", "wOF2 and nothing more", "static/s.css", "@font-face{font-family:F;src:url(f.woff2)}body{font-family:F}",
		"templates/index.html", `<!DOCTYPE html><link rel="stylesheet" href="/s.css">abc`)
	warnings := p.mustBuild()
	require.Len(t, warnings, 1)
	assert.Contains(t, warnings[0], "static/f.woff2: cannot unpack: ")
	assert.Contains(t, warnings[0], "the font is copied whole")
	assert.Equal(t, "wOF2 and nothing more", p.read("f.*.woff2"))
}

func TestSassFaultNamesThePartial(t *testing.T) {
	needTools(t, "sass")
	p := newProject(t, "sass/main.scss", "@use \"part\";\n", "sass/_part.scss", "p {\n  @include nope;\n}\n")
	assert.Contains(t, p.faults(site.Options{})[0], "sass/_part.scss:2:3: ")

	// The same in a site whose sources lie in a folder of the project.
	deep := &project{t, filepath.Join(t.TempDir(), "site")}
	deep.write(".config/dodeca.kdl", "content \"docs/content\"\noutput \"docs/public\"\n", "docs/content/_index.md", "x",
		"docs/templates/index.html", "x", "docs/sass/main.scss", "@use \"part\";\n", "docs/sass/_part.scss", "p {\n  @include nope;\n}\n")
	assert.True(t, strings.HasPrefix(deep.faults(site.Options{})[0], "docs/sass/_part.scss:2:3: "))
	deep.write("docs/sass/_part.scss", "", "docs/sass/main.scss", "p {\n  @include nope;\n}\n")
	assert.True(t, strings.HasPrefix(deep.faults(site.Options{})[0], "docs/sass/main.scss:2:3: "))
}

func TestAllFaultsOfAPhaseAreToldAtOnceInTheOrderOfFiles(t *testing.T) {
	p := newProject(t,
		"content/z.md", "+++\ntitle = \"z\"\n+++\n[x](@/no.md)\n\n[y](@/none.md)\n",
		"content/a.md", "+++\ntitle = \n+++\n",
		"content/m.md", "+++\ntitle = \"m\"\n+++\n[x](@/a.md) is broken only because a.md is\n",
		"static/b.css", "p { color: red }\n@import url(; }",
	)
	faults := p.faults(site.Options{})
	require.Len(t, faults, 4, "%q", faults)
	for i, name := range []string{"content/a.md:2:", "content/z.md:4:", "content/z.md:6:", "static/b.css:2:"} {
		assert.True(t, strings.HasPrefix(faults[i], name), "%q", faults)
	}
}

// A fault of a template was in the way of those in front matter and in static
// files, which a reader of the template has nothing to do with.
func TestFaultsOfSourcesHideNoneOfPagesAndFiles(t *testing.T) {
	p := newProject(t,
		"templates/page.html", "{{ nothing() }}", "data/d.toml", "a = \n",
		"content/a.md", "+++\ntitle = \n+++\n", "content/b.md", "+++\nweight = \"much\"\n+++\n",
		"static/b.css", "p { color: red }\n@import url(; }",
	)
	faults := p.faults(site.Options{})
	require.Len(t, faults, 5, "%q", faults)
	for i, name := range []string{"content/a.md:2:", "content/b.md:2:", "data/d.toml:1:", "static/b.css:2:", "templates/page.html:1:"} {
		assert.True(t, strings.HasPrefix(faults[i], name), "%q", faults)
	}
}

func TestFolderWithoutPagesSaysWhatToWrite(t *testing.T) {
	p := newProject(t)
	p.remove("content")
	assert.Contains(t, p.faults(site.Options{})[0], "content: there are no pages: the content folder is empty or missing (write content/_index.md")
}

func TestMissingTemplateSaysWhoNeedsIt(t *testing.T) {
	p := newProject(t, "content/a.md", "+++\ntitle = \"x\"\n+++\n")
	p.remove("templates/page.html")
	assert.Contains(t, p.faults(site.Options{})[0], "templates/page.html: is missing: content/a.md needs it")
}

func TestPipesInTheSiteAreRefusedAndNeverRead(t *testing.T) {
	p := newProject(t)
	for _, folder := range []string{"content", "templates", "static", "data", "sass"} {
		require.NoError(t, os.MkdirAll(filepath.Join(p.folder, folder), 0o777))
		require.NoError(t, syscall.Mkfifo(filepath.Join(p.folder, folder, "pipe.css"), 0o600))
	}
	faults := p.faults(site.Options{})
	assert.Len(t, faults, 5)
	assert.Contains(t, strings.Join(faults, "\n"), "static/pipe.css: is not a file but a pipe")
}

func TestDevicesInTheSiteAreRefused(t *testing.T) {
	p := newProject(t, "static/x", "")
	if err := unix.Mknod(filepath.Join(p.folder, "static", "zero"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))); err != nil {
		t.Skip("making a device: ", err)
	}
	assert.Equal(t, []string{"static/zero: is not a file but a device (move it out of the site)"}, p.faults(site.Options{}))
}

func TestFilesThatCantBeReadAreNamed(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	p := newProject(t, "static/secret.txt", "x", "content/secret.md", "x", "data/secret.json", "{}", "static/s/x", "")
	for _, name := range []string{"static/secret.txt", "content/secret.md", "data/secret.json", "static/s"} {
		require.NoError(t, os.Chmod(filepath.Join(p.folder, name), 0))
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(p.folder, "static/s"), 0o700) })
	faults := strings.Join(p.faults(site.Options{}), "\n")
	for _, name := range []string{"content/secret.md", "data/secret.json", "static/s"} {
		assert.Contains(t, faults, name+": can't be read: permission denied")
	}
	assert.NotContains(t, faults, "after the value", "what can't be read is not parsed")
}

func TestOutputInTheWrongPlaceIsRefusedAndTouchesNothing(t *testing.T) {
	for output, want := range map[string]string{
		"content":     "would replace or lie in the sources",
		"static/out":  "would replace or lie in the sources",
		".":           "would replace",
		"..":          "would replace",
		"precious":    "is not empty and was not made by ddc",
		"link/inside": "would replace or lie in the sources",
	} {
		p := newProject(t, "precious/file", "x")
		require.NoError(t, os.Symlink("content", filepath.Join(p.folder, "link")))
		cfg := p.config()
		cfg.Output = filepath.Join(p.folder, output)
		_, err := site.Build(t.Context(), cfg, connect(t), site.Options{})
		var faults site.Errors
		if assert.ErrorAs(t, err, &faults, output) {
			assert.ErrorContains(t, faults, want, output)
		}
		assert.FileExists(t, filepath.Join(p.folder, "precious/file"))
		assert.FileExists(t, filepath.Join(p.folder, "content/_index.md"))
	}
}

func TestDiskThatIsFullIsTheMachinesFaultAndLeavesTheLastOutput(t *testing.T) {
	p := newProject(t, "static/small.txt", "x")
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"); err != nil {
		t.Skip("mounting a small file system: ", err)
	}
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(disk, 0)) })
	cfg := p.config()
	cfg.Output = filepath.Join(disk, "public")
	plugins := connect(t)
	_, err := site.Build(t.Context(), cfg, plugins, site.Options{})
	require.NoError(t, err)
	p.write("static/large.bin", strings.Repeat("large", 1<<20))
	_, err = site.Build(t.Context(), cfg, plugins, site.Options{})
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.False(t, errors.As(err, new(site.Errors)))
	assert.ErrorContains(t, err, "large.")
	entries, err := os.ReadDir(disk)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no hidden folder stays")
	assert.FileExists(t, filepath.Join(cfg.Output, "index.html"))
}

func TestWhatCantBeReadIsToldOnceAndNotParsed(t *testing.T) {
	p := newProject(t, "data/a.json", "{\n\"\xff\": 1}")
	assert.Equal(t, []string{"data/a.json:2:2: is not UTF-8 (save the file as UTF-8)"}, p.faults(site.Options{}))
}

func TestTemplateThatCostsTooMuchIsOneFaultWithItsPlace(t *testing.T) {
	const page = "+++\ntitle = \"x\"\n+++\n"
	for name, c := range map[string]struct{ template, want string }{
		"a text that doubles": {"{% set s = \"x\" %}\n" + strings.Repeat("{% set s = s ~ s %}", 40),
			"templates/page.html:2:470: this page makes more than 64 MiB of output, texts and lists"},
		"nine loops in each other": {"{% set l = [0,1,2,3,4,5,6,7,8,9] %}\n" + strings.Repeat("{% for x in l %}", 9) + strings.Repeat("{% endfor %}", 9),
			"templates/page.html:2:141: this page takes more than 10000000 steps"},
		"an include of itself": {"\n{% include \"page.html\" %}",
			"templates/page.html:2:4: recursion limit exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			files := []string{"templates/page.html", c.template}
			for i := range 30 {
				files = append(files, fmt.Sprintf("content/p%d.md", i), page)
			}
			p := newProject(t, files...)
			faults := p.faults(site.Options{})
			if assert.Len(t, faults, 1, "all pages fail alike") {
				assert.Contains(t, faults[0], c.want)
			}
			p.assertNoOutput()
		})
	}
}

func TestPageThatCostsTooMuchEndsTheRenderingOfOthers(t *testing.T) {
	source, files := "", []string{}
	for i := range 10 {
		source += fmt.Sprintf("{%% if page.title == \"p%d\" %%}{%% include \"page.html\" %%}{%% endif %%}\n", i)
		files = append(files, fmt.Sprintf("content/p%d.md", i), fmt.Sprintf("+++\ntitle = \"p%d\"\n+++\n", i))
	}
	p := newProject(t, append(files, "templates/page.html", source)...)
	faults := p.faults(site.Options{Jobs: 1})
	if assert.Len(t, faults, 1, "each page has a fault in a line of its own") {
		assert.Contains(t, faults[0], "recursion limit exceeded")
	}
}
