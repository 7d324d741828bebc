package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bomb is a site that asks for more work than anybody has. All are made here:
// none is kept.
type bomb struct {
	name string
	// make adds to a small site, which has a page and templates.
	make func(t *testing.T, site string)
	// fault is what the first error is like, file:line:col and words of it; ""
	// where the site must build.
	fault string
	// mayBuild says that it may build as well: with enough memory or time, say.
	mayBuild bool
	// code is the exit code of the fault, if not 1.
	code int
	// quick ones are in the short form.
	quick bool
}

// files makes a bomb of files: path and content in turn.
func files(list ...string) func(*testing.T, string) {
	return func(t *testing.T, site string) { write(t, site, list...) }
}

// page is a Markdown page with a body.
func page(body string) func(*testing.T, string) {
	return files("content/bomb.md", "+++\ntitle = \"bomb\"\n+++\n"+body)
}

// template is a page's template.
func template(body string) func(*testing.T, string) {
	return files("templates/page.html", body, "content/bomb.md", "+++\ntitle = \"bomb\"\n+++\n")
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

const (
	inPage     = `^content/bomb\.md:\d+(:\d+)?: `
	ofPage     = `^content/bomb\.md(:\d+(:\d+)?)?: `
	inTemplate = `^templates/page\.html:\d+:\d+: `
)

// yaml is a data file of levels that each name the one before nine times.
func yaml(first, level string) string {
	var b strings.Builder
	b.WriteString(first)
	for i := range 20 {
		fmt.Fprintf(&b, level, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", "))
	}
	return b.String()
}

func sparse(t *testing.T, site string) {
	write(t, site, "content/bomb.md", "+++\ntitle = \"bomb\"\n+++\n")
	require.NoError(t, os.Truncate(filepath.Join(site, "content/bomb.md"), 20<<30))
}

// links are a hundred folders that each hold links to all.
func links(t *testing.T, site string) {
	folder := filepath.Join(site, "content/links")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	for i := range 100 {
		require.NoError(t, os.Symlink("../links", filepath.Join(folder, fmt.Sprintf("link%d", i))))
	}
}

// bombs is a function since the plugins of the tests are this program too, and
// need no bombs.
func bombs() []bomb {
	return slices.Concat(packedBombs(), sheetBombs(), styleBombs(), fontBombs(), markupBombs(), putTogether(), codeBombs(), scriptBombs(), dataBombs(), moreBombs(), []bomb{
		// Templates.
		{name: "a text that doubles", fault: inTemplate, quick: true,
			make: template(`{% set s = "x" %}` + strings.Repeat(`{% set s = s ~ s %}`, 40) + `{{ s }}`)},
		{name: "nine nested loops", fault: inTemplate, quick: true,
			make: template(strings.Repeat(`{% for a in [0,1,2,3,4,5,6,7,8,9] %}`, 9) + "x" + strings.Repeat(`{% endfor %}`, 9))},
		{name: "a sum of half a million", fault: inTemplate, mayBuild: true, make: template("{{ " + strings.Repeat("1+", 500_000) + "1 }}")},
		{name: "a hundred thousand ifs", fault: inTemplate, mayBuild: true, make: template(strings.Repeat("{% if true %}", 100_000) + strings.Repeat("{% endif %}", 100_000))},
		{name: "brackets in a template", fault: inTemplate, mayBuild: true, make: template("{{ " + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000) + " }}")},
		{name: "a template that includes itself", fault: `^templates/[a-z]+\.html:\d+:\d+: `, quick: true, make: template(`{% include "page.html" %}`)},
		{name: "templates that extend each other", fault: `^templates/[a-z]+\.html:\d+:\d+: `, quick: true,
			make: files("templates/page.html", `{% extends "other.html" %}`, "templates/other.html", `{% extends "page.html" %}`, "content/bomb.md", "+++\ntitle = \"bomb\"\n+++\n")},
		{name: "loops in the bodies of shortcodes", fault: `^templates/shortcodes/b\.html:\d+:\d+: `, quick: true,
			make: files("templates/shortcodes/a.html", "x", "templates/shortcodes/b.html", strings.Repeat(`{% for a in [0,1,2,3,4,5,6,7,8,9] %}`, 5)+strings.Repeat(`{% endfor %}`, 5),
				"content/bomb.md", "+++\ntitle = \"bomb\"\n+++\n"+strings.Repeat("{% a() %}{{ b() }}{% end %}\n\n", 1000))},
		{name: "a million terms that nobody has", fault: inTemplate,
			make: files(".config/dodeca.kdl", "content \"content\"\noutput \"public\"\ntaxonomies { tags }\n", "templates/taxonomy_list.html", "x", "templates/taxonomy_single.html", "x",
				"templates/page.html", `{% for a in range(end=1000) %}{% for b in range(end=1000) %}{% if get_taxonomy_term(kind="tags", term="tog" ~ b, required=false) %}{% endif %}{% endfor %}{% endfor %}`,
				"content/bomb.md", "+++\ntitle = \"bomb\"\n[taxonomies]\ntags = ["+numbered(1000, `"tag%d",`)+"]\n+++\n")},

		// Data.
		{name: "YAML anchors", fault: `^data/bomb\.yaml:\d+:\d+: `, quick: true, make: files("data/bomb.yaml", yaml("a0: &a0 [x]\n", "a%d: &a%[1]d [%s]\n"))},
		{name: "YAML merge keys", fault: `^data/bomb\.yaml:\d+:\d+: `, quick: true, make: files("data/bomb.yaml", yaml("a0: &a0 {x: 1}\n", "a%d: &a%[1]d {<<: [%s]}\n"))},
		{name: "YAML brackets", fault: `^data/bomb\.yaml:\d+:\d+: `, quick: true, make: files("data/bomb.yaml", strings.Repeat("[", 100_000))},
		{name: "JSON brackets", fault: `^data/bomb\.json:\d+:\d+: `, quick: true, make: files("data/bomb.json", strings.Repeat("[", 1_000_000))},
		{name: "TOML brackets", fault: `^data/bomb\.toml:\d+:\d+: `, make: files("data/bomb.toml", "a = "+strings.Repeat("[", 100_000))},
		{name: "a CSV line of ten million cells", fault: `^data/bomb\.csv:1:\d+: `, quick: true,
			make: files("templates/page.html", `{{ load_data(path="data/bomb.csv") }}`, "data/bomb.csv", strings.Repeat(",", 10_000_000), "content/bomb.md", "+++\ntitle = \"bomb\"\n+++\n")},
		{name: "KDL braces", fault: `^data/bomb\.kdl:\d+:\d+: `, make: files("data/bomb.kdl", strings.Repeat("a {\n", 100_000))},

		// Pages.
		{name: "an address of 300 letters", fault: inPage, quick: true, make: files("content/bomb.md", "+++\ntitle = \"bomb\"\nslug = \""+strings.Repeat("x", 300)+"\"\n+++\n")},
		{name: "20 GB of Markdown", fault: ofPage + `.*(at most|fit|bytes)`, quick: true, make: sparse},
		{name: "equal headings", mayBuild: true, fault: ofPage, make: page(strings.Repeat("# a\n\n", 50_000))},
		{name: "quotes", mayBuild: true, fault: inPage, make: page(strings.Repeat(">", 100_000))},
		{name: "open brackets", mayBuild: true, fault: inPage, make: page(strings.Repeat("[", 100_000))},
		{name: "lists", mayBuild: true, fault: inPage, make: page(strings.Repeat("- ", 50_000) + "a")},
		{name: "stars", mayBuild: true, fault: inPage, make: page(strings.Repeat("*a **b ", 50_000))},
		{name: "keys of front matter", mayBuild: true, fault: ofPage, make: files("content/bomb.md", "+++\ntitle = \"bomb\"\n[extra]\n"+numbered(1_000_000, "k%d = 1\n")+"+++\n")},
		{name: "dead links", make: page(numbered(10_000, "[a](/nowhere%d/)\n")), quick: true},
		{name: "dead pictures in one line", make: page(`<img srcset="` + numbered(50_000, "/a%d.png %[1]dw,") + "\">\n")},
		{name: "an info string", mayBuild: true, fault: inPage, make: page("```" + strings.Repeat("a", 1<<20) + "\nx\n```\n")},
		{name: "nested elements", mayBuild: true, fault: ofPage, make: page(strings.Repeat("<div>", 100_000))},
		{name: "an answer that is a lie", fault: `^markdown plugin, content/bomb\.md: .*plugin markdown sent too much in answer to /ddc\.markdown\.Markdown/Render: `, code: exitMachinery, quick: true,
			make: page(lie + " empties")},
		{name: "a long answer that is a lie", mayBuild: true, fault: `^content/bomb\.md: what the markdown plugin makes of it is too large: plugin markdown sent too much in answer to /ddc\.markdown\.Markdown/Render: `,
			make: page(lie + " large")},

		{name: "links in a circle", mayBuild: true, fault: `^content/links/`, make: links, quick: true},
	})
}

// sheetBombs are style sheets, scripts and drawings.
func sheetBombs() []bomb {
	return []bomb{
		{name: "a string of Sass that doubles", fault: `^sass/main\.scss:\d+:\d+: `, make: files("sass/main.scss", "$s: 'x';"+strings.Repeat("$s: $s + $s;", 60)+"a { b: $s }\n")},
		{name: "loops of Sass in each other", fault: `^sass/main\.scss:\d+:\d+: `, make: files("sass/main.scss", strings.Repeat("@each $a in 1 2 3 4 5 6 7 8 9 { ", 12)+"a { b: c }"+strings.Repeat("}", 12))},
		{name: "Sass without an end", fault: `^sass/main\.scss:\d+:\d+: `, make: files("sass/main.scss", "@mixin a { b { @include a } }\n.x { @include a }\n")},
		{name: "rules", mayBuild: true, fault: `^static/bomb\.css(:\d+:\d+)?: `, make: files("static/bomb.css", numbered(1_000_000, ".a%d{color:red}\n"))},
		{name: "blocks of a style sheet", mayBuild: true, fault: `^static/bomb\.css(:\d+:\d+)?: `, make: files("static/bomb.css", strings.Repeat("a{", 100_000))},
		{name: "a rule of 300,000 selectors", mayBuild: true, fault: `^static/bomb\.css(:\d+:\d+)?: `, make: files("static/bomb.css", numbered(300_000, ".a%d,")+"b{c:d}")},
		{name: "functions in each other", mayBuild: true, fault: `^static/bomb\.js(:\d+:\d+)?: `, make: files("static/bomb.js", "x="+strings.Repeat("a=>", 100_000)+"1")},
		{name: "names in functions in each other", mayBuild: true, fault: `^static/bomb\.js(:\d+:\d+)?: `,
			make: files("static/bomb.js", strings.Repeat("(function(){", 400)+numbered(40_000, "a%d;")+strings.Repeat("})()", 400))},
		{name: "names in loops without braces", mayBuild: true, fault: `^static/bomb\.js(:\d+:\d+)?: `, make: files("static/bomb.js", strings.Repeat("for(;;)", 900)+numbered(40_000, "a%d;"))},
		{name: "the same names in many piles of braces", mayBuild: true, fault: `^static/bomb\.js(:\d+:\d+)?: `,
			make: files("static/bomb.js", strings.Repeat(strings.Repeat("{", 900)+numbered(1000, "a%d;")+strings.Repeat("}", 900), 300))},
		{name: "braces of a script that only a parser sees", mayBuild: true, fault: `^static/bomb\.js(:\d+:\d+)?: `,
			make: files("static/bomb.js", "a:for(;;){break a /'/}"+strings.Repeat("{", 900)+numbered(40_000, "a%d;")+strings.Repeat("}", 900)+"//'")},
		{name: "regular expressions without an end", mayBuild: true, fault: `^static/bomb\.js(:\d+:\d+)?: `, make: files("static/bomb.js", strings.Repeat("/[", 1_000_000))},
		{name: "a page with functions in each other", mayBuild: true, fault: inPage, quick: true, make: page("<script>x = " + strings.Repeat(" a => ", 5_000) + "1</script>\n")},
		{name: "brackets of a script", mayBuild: true, fault: `^static/bomb\.js(:\d+:\d+)?: `, make: files("static/bomb.js", "x="+strings.Repeat("(", 100_000)+"1"+strings.Repeat(")", 100_000))},
		{name: "a deep drawing", mayBuild: true, fault: `^static/bomb\.svg(:\d+:\d+)?: `,
			make: files("static/bomb.svg", `<svg xmlns="http://www.w3.org/2000/svg">`+strings.Repeat("<g>", 100_000)+strings.Repeat("</g>", 100_000)+"</svg>")},
		{name: "entities of a drawing", mayBuild: true, fault: `^static/bomb\.svg(:\d+:\d+)?: `, quick: true,
			make: files("static/bomb.svg", `<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">`+numbered(20, `<!ENTITY a%d "&a;&a;&a;&a;&a;&a;&a;&a;&a;">`)+`]><svg xmlns="http://www.w3.org/2000/svg"><text>&a19;</text></svg>`)},
	}
}
