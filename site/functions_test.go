package site_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site"
)

// shown is what the home page's template makes of a project with these files.
func shown(t *testing.T, home string, files ...string) string {
	t.Helper()
	p := newProject(t, append(files, "templates/index.html", home)...)
	_, err := p.build(site.Options{Now: time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)})
	if !assert.NoError(t, err, home) {
		return ""
	}
	return strings.TrimSpace(p.read("index.html"))
}

func faultOf(t *testing.T, home string, files ...string) string {
	t.Helper()
	return strings.Join(newProject(t, append(files, "templates/index.html", home)...).faults(site.Options{}), "\n")
}

const titled = "+++\ntitle = \"%\"\n+++\n"

func titledAs(title string) string { return strings.ReplaceAll(titled, "%", title) }

func TestGetSectionTakesWhatSubsectionsAndAncestorsGive(t *testing.T) {
	files := []string{"content/guide/_index.md", titledAs("G"), "content/guide/deep/_index.md", titledAs("D"), "content/guide/deep/p.md", titledAs("P"),
		"templates/page.html", `{% for a in page.ancestors %}{% set s = get_section(path=a) %}{{ s.title }},{{ get_section(path=a.path).title }};{% endfor %}`}
	p := newProject(t, append(files, "templates/index.html",
		`{% set g = get_section(path="guide/_index.md") %}{% for p in g.subsections %}{% set s = get_section(path=p) %}<a href="{{ s.permalink }}">{{ s.title }}</a>{% endfor %}`)...)
	p.mustBuild()
	assert.Equal(t, "<a href=/guide/deep>D</a>", strings.TrimSpace(p.read("index.html")))
	assert.Equal(t, "G,G;D,D;", strings.TrimSpace(p.read("guide/deep/p/index.html")))
}

func TestPagesAreFoundByTheirPaths(t *testing.T) {
	page := []string{"content/guide/_index.md", titledAs("G"), "content/guide/intro.md", titledAs("Intro")}
	assert.Equal(t, "Intro Intro /guide/intro", shown(t, `{{ get_page(path="guide/intro.md").title }} {{ get_page(path="@/guide/intro.md").title }} {{ get_page(path="guide/intro.md").permalink }}`, page...))
	assert.Contains(t, faultOf(t, `{{ get_page(path="guide/into.md").title }}`, page...),
		`templates/index.html:1:4: get_page: there is no page "guide/into.md" (did you mean "guide/intro.md"?)`)
	assert.Contains(t, faultOf(t, `{{ get_page(path="guide/_index.md").title }}`, page...), "it is a section: write get_section")
}

func TestTheTimeOfABuildIsThatOfItsOptions(t *testing.T) {
	assert.Equal(t, "2024-05-01T10:00:00Z May 1", shown(t, `{{ now() }} {{ now() | date(format="%B %-d") }}`))
}

func TestMarkdownInATemplateIsThatOfPages(t *testing.T) {
	page := []string{"content/a.md", titledAs("A")}
	got := shown(t, "<title>x</title>{{ section.extra.text | markdown }}[{{ '`x` *y*' | markdown(inline=true) }}]", append(page, "content/_index.md",
		"+++\ntitle = \"x\"\n[extra]\ntext = \"\"\"\n[a](@/a.md)\n\n```rust\nfn main() {}\n```\n\"\"\"\n+++\n")...)
	assert.Contains(t, got, "<a href=/a/>a</a>")
	assert.Contains(t, got, "<span class=k>fn</span>")
	assert.Contains(t, got, "<style>")
	assert.Contains(t, got, "[<code>x</code> <em>y</em>]")
	assert.Contains(t, faultOf(t, "{{ '[a](@/b.md)' | markdown }}", page...), `templates/index.html:1:20: markdown: the link "@/b.md" leads to no page (did you mean "@/a.md"?)`)
}

func TestDataIsLoadedFromFilesOfTheProject(t *testing.T) {
	for name, text := range map[string]string{"d.json": `{"x": [1, "a"]}`, "d.toml": "x = [1, \"a\"]\n", "d.yaml": "x: [1, a]\n", "d.kdl": "x 1 \"a\"\n"} {
		for _, c := range [][2]string{{"", ""}, {"static/", ""}, {"content/", "@/"}} {
			load := c[1] + "more/" + name
			assert.Equal(t, "[1, a]", shown(t, `{{ load_data(path="`+load+`").x }}`, c[0]+"more/"+name, text), name)
		}
	}
	csv := "name,age\n\"Al, B\",3\nC,4\n"
	assert.Equal(t, "[name, age] [[Al, B, 3], [C, 4]] 3 Al, B", shown(t, `{% set d = load_data(path="data/d.csv") %}{{ d.headers }} {{ d.records }} {{ d.records[0][1] | int }} {{ d.records[0][0] }}`, "data/d.csv", csv))
	assert.Equal(t, "hi there 1 none", shown(t, `{{ load_data(path="a.txt") }} {{ load_data(path="b.txt", format="json").x }} {{ load_data(path="c", required=false) | typeof }}`, "a.txt", "hi there", "b.txt", `{"x": 1}`))
}

func TestDataThatCannotBeLoadedSaysWhyAndWhatToDo(t *testing.T) {
	for load, want := range map[string]string{
		`path="no.toml"`:                  `templates/index.html:1:4: load_data: there is no file "no.toml" (paths count from`,
		`path="../secret.toml"`:           `templates/index.html:1:4: load_data: "../secret.toml" is not in the project`,
		`path="/../../etc/passwd"`:        `is not in the project`,
		`path=".config/dodeca.kdl"`:       `templates/index.html:1:4: load_data: ".config/dodeca.kdl" is hidden`,
		`path="public/index.html"`:        `"public/index.html" is in the output`,
		`path="https://example.org/a"`:    `a build reads nothing from the network`,
		`path="data/d.txt", format="jso"`: `there is no format "jso" (did you mean json?)`,
		`path="bad.toml"`:                 `bad.toml:2:`,
		`path="bad.csv"`:                  `bad.csv:2:`,
		`path="wide.csv"`:                 `wide.csv:2:500000: there are more than 500000 values`,
		`path="bad.kdl"`:                  `bad.kdl:2:`,
		`path="bomb.yaml"`:                `bomb.yaml:`,
		`path="content"`:                  `"content" can't be read: `,
		`path=3`:                          `templates/index.html:1:4: load_data: path is to be a string, not a number`,
	} {
		got := faultOf(t, `{{ load_data(`+load+`) }}`, "data/d.txt", "x", "bad.toml", "a = 1\nb = \n", "bad.csv", "a,b\n\"c\n", "wide.csv", "a\n"+strings.Repeat(",", 600_000), "bad.kdl", "a 1\nb {\n", "bomb.yaml", laughs())
		assert.Contains(t, got, want, load)
	}
}

func TestCachebustChangesTheAddressOfAFileThatKeepsItsName(t *testing.T) {
	config := "content \"content\"\noutput \"public\"\nstable_assets {\n path \"a.txt\"\n}\n"
	urls := map[string]string{}
	for _, text := range []string{"one", "two"} {
		got := shown(t, `{{ get_url(path="a.txt", cachebust=true) }} {{ get_url(path="b.txt", cachebust=true) }} {{ get_url(path="c", trailing_slash=true) }}`,
			".config/dodeca.kdl", config, "static/a.txt", text, "static/b.txt", "x")
		assert.Regexp(t, `^/a\.txt\?h=[0-9a-f]{20} /b\.txt /c/$`, got)
		urls[got] = text
	}
	assert.Len(t, urls, 2)
}

func TestDataBehindALinkOutOfTheProjectIsNotRead(t *testing.T) {
	p := newProject(t, "templates/index.html", `{{ load_data(path="l.txt") }}`)
	outside := filepath.Join(t.TempDir(), "secret.txt")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(p.folder, "l.txt")))
	assert.Contains(t, strings.Join(p.faults(site.Options{}), "\n"), `templates/index.html:1:4: load_data: "l.txt" can't be read: `)
}

// Templates of Zola's sites ask for these before they know whether a site has
// several languages or feeds.
func TestPagesHaveWhatTemplatesOfZolaAskFor(t *testing.T) {
	p := newProject(t, ".config/dodeca.kdl", configured("base_url \"https://x.org/sub\"\nlanguage \"de\"\ntaxonomies { tags }"),
		"content/blog/_index.md", titledAs("B"), "content/blog/a.md", fronted("title = \"A\"\ntags = [\"go\"]", ""),
		"templates/page.html", `{{ lang }} {{ current_url }} {{ current_path }} {{ page.components | join(sep="+") }} {{ page.translations | length }}`,
		"templates/section.html", `{{ section.components }} {{ current_url }}{% if config.languages | length > 0 %}several{% endif %}`,
		"templates/taxonomy_list.html", "{{ current_url }}", "templates/taxonomy_single.html",
		`{{ current_url }} {{ lang }} {{ get_taxonomy_term(kind="tags", term="none", required=false) is none }} {{ get_taxonomy(kind="cats", required=false) is none }} {{ get_taxonomy_url(kind="tags", name="go", required=false) }}`,
		"templates/index.html", `{% for name in config.feed_filenames %}{{ name }}{% endfor %}[{{ section.components }}]`)
	p.mustBuild()
	for name, want := range map[string]string{
		"index.html": "atom.xml[[]]", "blog/index.html": "[blog] https://x.org/sub/blog/",
		"blog/a/index.html": "de https://x.org/sub/blog/a/ /blog/a blog+a 0",
		"tags/index.html":   "https://x.org/sub/tags/", "tags/go/index.html": "https://x.org/sub/tags/go/ de true true /tags/go/",
	} {
		assert.Equal(t, want, strings.TrimSpace(p.read(name)), name)
	}
	for home, want := range map[string]string{
		`{{ section.backlinks }}`: `section has no field "backlinks" (no page knows who links to it`,
		`{{ config.mode }}`:       `config has no field "mode" (serve shows what build writes)`,
		`{{ section.titel }}`:     `did you mean title?`,
	} {
		assert.Contains(t, faultOf(t, home), want)
	}
}
