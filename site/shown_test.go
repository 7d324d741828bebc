package site_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/diagnostic"
	"ddc/internal/printable"
	"ddc/site"
	"ddc/site/config"
)

var rewrite = flag.Bool("write", false, "write the golden texts anew")

const (
	folders = "content \"content\"\noutput \"public\"\n"
	plain   = "+++\ntitle = \"x\"\n+++\n"
)

// kinds are a fault of each kind of source, and a warning.
var kinds = []struct {
	name  string
	files []string
	tool  string
}{
	{"configuration", []string{".config/dodeca.kdl", folders + "link_chek { rate_limit_ms 5 }\nwake \"a\"\nwake \"b\"\n"}, ""},
	{"configuration that is no KDL", []string{".config/dodeca.kdl", folders + "stable_assets { path \"x\"\n"}, ""},
	{"front matter in TOML", []string{"content/a.md", "+++\ntitle = \"x\"\nweight = \"heavy\"\n+++\n"}, ""},
	{"front matter in YAML", []string{"content/a.md", "---\ntitle: x\ndraft: perhaps\n---\n"}, ""},
	{"front matter without an end", []string{"content/a.md", "\n---\ntitle: x\n"}, ""},
	{"link to a page", []string{"content/note.md", plain, "content/a.md", plain + "日本\tand [x](@/not.md) more\n"}, ""},
	{"text that is not UTF-8", []string{"content/a.md", plain + "\nab\xffcd"}, ""},
	{"template that is not there", []string{"content/a.md", "+++\ntitle = \"x\"\ntemplate = \"gone.html\"\n+++\n"}, ""},
	{"syntax of a template", []string{"templates/page.html", "<p>\n{% if page %}\n{{ page.title | uper }}\n{% endfor %}"}, ""},
	{"value in a template", []string{"templates/page.html", "<p>\n\t{{ page.titel }}", "content/b.md", plain, "content/a.md", plain, "content/c.md", plain}, ""},
	{"function of a template", []string{"content/a.md", plain, "templates/page.html", `{{ get_url(path="@/b.md") }}`}, ""},
	{"data in JSON", []string{"data/a.json", "{\n  \"é\": nope\n}"}, ""},
	{"data in TOML", []string{"data/a.toml", "x = 1\n\"é\" = \"日本\" y\n"}, ""},
	{"data in YAML", []string{"data/a.yaml", "x: 1\nx: 2\n"}, ""},
	{"data in KDL", []string{"data/a.kdl", "x 1\ny {\n"}, ""},
	{"style sheet", []string{"static/a.css", "p { color: red }\n/* é */ p { a: (b } }\n"}, ""},
	{"drawing", []string{"static/a.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\">\n<g>é</p></svg>"}, ""},
	{"picture", []string{"static/a.png", pngFile(30, 30)[:60]}, ""},
	{"Sass", []string{"sass/main.scss", "@use \"part\";\n", "sass/_part.scss", "/* 😀 */ p {\n  /* 😀 */ @include nope;\n}\n"}, "sass"},
	{"link of a page", []string{"content/a.md", plain + "[x](/nowhere/) and [y](#no)\n"}, "pagefind_extended"},
}

// TestEachKindOfFaultIsShownWithItsLine holds what a terminal shows of a fault
// of each kind to testdata/shown.
func TestEachKindOfFaultIsShownWithItsLine(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			if k.tool != "" {
				needTools(t, k.tool)
			}
			p := newProject(t, k.files...)
			golden := filepath.Join("testdata", "shown", strings.ReplaceAll(k.name, " ", "-")+".txt")
			holdTo(t, golden, shownBuild(t, p))
		})
	}
}

// shownBuild is what a terminal of 80 columns shows of a build.
func shownBuild(t *testing.T, p *project) string {
	t.Helper()
	var out bytes.Buffer
	show := func(s diagnostic.Severity, problems []site.Problem) {
		for _, problem := range problems {
			require.NoError(t, printable.NewWriter(&out).Styled(false, diagnostic.Layout(s, problem, 80)))
		}
	}
	cfg, err := config.Load(p.folder, config.Overrides{})
	if err == nil {
		var result *site.Result
		result, err = site.Build(t.Context(), cfg, connect(t), site.Options{NoCodeExec: true})
		require.NotNil(t, result, "%v", err)
		show(diagnostic.Warning, result.Warnings)
	}
	var faults site.Errors
	if err != nil {
		require.ErrorAs(t, err, &faults)
	}
	show(diagnostic.Error, faults)
	return strings.ReplaceAll(out.String(), p.folder+"/", "")
}

// holdTo compares with a golden text, or writes it.
func holdTo(t *testing.T, golden, got string) {
	t.Helper()
	if *rewrite {
		require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o777))
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o666))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func TestReadmeShowsWhatATerminalShows(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	golden, err := os.ReadFile(filepath.Join("testdata", "shown", "value-in-a-template.txt"))
	require.NoError(t, err)
	var example strings.Builder
	for line := range strings.Lines(string(golden)) {
		example.WriteString("    " + line)
	}
	assert.Contains(t, string(readme), "\n"+example.String())
}

func TestSameFaultOfATemplateIsToldOnceWithItsPages(t *testing.T) {
	files := []string{"templates/page.html", "{% macro m(p) %}{{ p.titel }}{% endmacro %}{{ self::m(p=page) }}"}
	for i := range 30 {
		files = append(files, fmt.Sprintf("content/p%02d.md", i), plain)
	}
	_, err := newProject(t, files...).build(site.Options{NoCodeExec: true})
	var faults site.Errors
	require.ErrorAs(t, err, &faults)
	require.Len(t, faults, 1, "%v", faults)
	assert.Equal(t, 30, faults[0].Pages)
	assert.Equal(t, "content/p00.md", faults[0].Page)
	assert.Contains(t, faults[0].String(), "templates/page.html:1:22: ")
	assert.Contains(t, faults[0].String(), "(on 30 pages, the first is content/p00.md)")
}

// An author who mends errors sees the dead links too, and not only once the
// errors are gone.
func TestDeadLinksAreWarnedOfBesideErrors(t *testing.T) {
	const dead = plain + "[x](/nowhere/)\n\n[fine](/bad/#part) [y](/b/#no)\n"
	for name, files := range map[string][]string{
		"front matter":      {"content/bad.md", "+++\ntitle = \n+++\n"},
		"a link to no page": {"content/bad.md", plain + "[x](@/none.md)"},
		"a style sheet":     {"static/a.css", "p {", "content/bad.md", plain + "# part"},
		"a template":        {"content/bad.md", "+++\ntitle = \"x\"\ntemplate = \"bad.html\"\n+++\n", "templates/bad.html", "{{ page.nothing }}"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, append(files, "content/a.md", dead, "content/b.md", plain)...)
			result, err := p.build(site.Options{NoCodeExec: true})
			var faults site.Errors
			require.ErrorAs(t, err, &faults)
			assert.Len(t, faults, 1, "%v", faults)
			var warnings []string
			for _, w := range result.Warnings {
				assert.NotNil(t, w.Excerpt, "%v", w)
				warnings = append(warnings, w.String())
			}
			assert.Equal(t, []string{
				`content/a.md:4:5: the link "/nowhere/" leads nowhere: the site has neither a page nor a file /nowhere`,
				`content/a.md:6:24: the link "/b/#no" leads to /b, which has no "#no"`,
			}, warnings)
			p.assertNoOutput()

			_, err = p.build(site.Options{NoCodeExec: true, Strict: true})
			require.ErrorAs(t, err, &faults)
			assert.Len(t, faults, 3, "%v", faults)
		})
	}
}

// lying is a plugin that finds fault with files that are none of its business.
type lying struct{ files []string }

func (l lying) refuse() error {
	var problems []site.Problem
	for _, file := range l.files {
		problems = append(problems, site.Problem{File: file, Line: 1, Col: 1, Message: "look"})
	}
	return diagnostic.Refuse("a.css", problems...)
}

// A plugin may name any file, and people may read a report who may not read the
// machine's files.
func TestNoLineOfAFileIsShownThatIsNoSource(t *testing.T) {
	const secret = "secret"
	outside := filepath.Join(t.TempDir(), "outside.md")
	require.NoError(t, os.WriteFile(outside, []byte(secret), 0o666))
	p := newProject(t, "static/a.css", "p{}", ".env", secret, "content/.hidden.md", secret, "private/key.md", secret, "content/note.txt", "shown")
	files := []string{outside, ".env", "content/.hidden.md", "content/../.env", "private/key.md", "../outside.md", "content", "content/none.md"}
	_, err := site.Build(t.Context(), p.config(), with(t, "css", refusing{lying{append(files, "content/note.txt")}.refuse()}), site.Options{NoCodeExec: true})
	var faults site.Errors
	require.ErrorAs(t, err, &faults)
	shown := 0
	for _, f := range faults {
		if f.Excerpt != nil {
			shown++
			assert.Equal(t, "content/note.txt", f.File)
			assert.Equal(t, "shown", f.Excerpt.Text)
		}
	}
	assert.Equal(t, 1, shown, "%v", faults)
}
