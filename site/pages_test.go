package site_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/site"
)

func TestTemplatesSeeTheTreeSortedAndNested(t *testing.T) {
	p := newProject(t,
		"content/_index.md", "+++\ntitle = \"My site\"\ndescription = \"About\"\n+++\nhello",
		"content/b/_index.md", "+++\ntitle = \"B\"\nweight = 2\n[extra]\nicon = \"bee\"\n+++\n",
		"content/a/_index.md", "+++\ntitle = \"A\"\nweight = 1\n+++\n",
		"content/a/second.md", "+++\ntitle = \"Second\"\nweight = 2\n+++\n",
		"content/a/z-first.md", "+++\nweight = 1\n+++\n",
		"content/a/also.md", "+++\ntitle = \"Also\"\nweight = 2\n+++\n",
		"content/a/draft.md", "+++\ntitle = \"Draft\"\ndraft = true\n+++\n",
		"content/a/deep/er/page.md", "+++\ntitle = \"Deep\"\n+++\n# One\n### Three\n## Two\n",
		"templates/index.html", "{{ config.title }}/{{ config.description }}/{{ config.base_url }}|"+
			"{% for s in root.subsections %}{{ s.title }}@{{ s.permalink }}:{% for q in s.pages %}{{ q.title }}@{{ q.permalink }},{% endfor %};{% endfor %}|{{ current_path }}",
		"templates/section.html", "{{ section.path }} {{ section.extra.icon | default(value=\"none\") }} {{ section.weight }}",
		"templates/page.html", "{{ page.title }} in {{ section.title }}|{% for a in page.ancestors %}{{ a.title }}@{{ a.permalink }} {% endfor %}|"+
			"{% for h in page.toc %}{{ h.title }}{{ h.permalink }}{% for c in h.children %}({{ c.title }}{{ c.level }}){% endfor %}{% endfor %}|{{ page.path }}|{{ get_section(path=\"b/_index.md\").title }}|{{ get_url(path=\"@/a/also.md\") }}|{{ get_url(path=\"x.css\") }}",
	)
	assert.Empty(t, p.mustBuild())
	assert.Contains(t, p.read("index.html"), "My site/About//|A@/a:Deep@/a/deep/er/page,Z First@/a/z-first,Also@/a/also,Second@/a/second,;B@/b:;|/")
	assert.Contains(t, p.read("b/index.html"), "b/_index.md bee 2")
	assert.Contains(t, p.read("a/deep/er/page/index.html"), "Deep in A|A@/a |One#one(Three3)(Two2)|a/deep/er/page.md|B|/a/also/|/x.css")
	assert.NotContains(t, p.output(), "a/draft/index.html")
}

func TestDataFilesAreSeenByTheirNames(t *testing.T) {
	p := newProject(t,
		"data/team.toml", "[[people]]\nname = \"Ada\"\n",
		"data/deep/prices.json", `{"egg": 3}`,
		"data/words.yaml", "list: [one, two]\n",
		"templates/index.html", "{{ data.team.people[0].name }} {{ data.prices.egg }} {{ data.words.list | join(sep=\"+\") }}",
	)
	p.mustBuild()
	assert.Contains(t, p.read("index.html"), "Ada 3 one+two")
}

func TestPageMayNameItsTemplate(t *testing.T) {
	p := newProject(t, "content/x.md", "+++\ntitle = \"x\"\ntemplate = \"special.html\"\n+++\n", "templates/special.html", "special {{ page.title }}")
	p.mustBuild()
	assert.Contains(t, p.read("x/index.html"), "special x")
}

func TestSiteWithoutHomePageGetsOne(t *testing.T) {
	p := newProject(t, "content/other.md", "+++\ntitle = \"x\"\n+++\n")
	p.remove("content/_index.md")
	p.mustBuild()
	assert.Contains(t, p.read("index.html"), "<title>Home</title>")
}

func TestLinksToPagesBecomeAddresses(t *testing.T) {
	p := newProject(t,
		"content/a/_index.md", "+++\ntitle = \"A\"\n+++\n[up](@/_index.md) [down](./b.md#part) [x](@/a/b.md)",
		"content/a/b.md", "+++\ntitle = \"B\"\n+++\n## Part\n",
	)
	assert.Empty(t, p.mustBuild())
	page := p.read("a/index.html")
	for _, link := range []string{"href=/>up", "href=/a/b/#part>down", "href=/a/b/>x"} {
		assert.Contains(t, page, link)
	}
}

func TestDeadEndsAreWarningsWithTheirPlace(t *testing.T) {
	p := newProject(t,
		"content/a.md", "+++\ntitle = \"A\"\n+++\n## Here\n\n[1](/nowhere/) [2](#here) [3](#there) [4](/a/#here) [5](/a#there)\n"+
			"[6](mailto:x@y.z) [7](https://example.org/x) [8](/pagefind/pagefind-ui.js) [9](/static.txt?q=1) [10](../gone/) [11](#top)\n"+
			"<img src=\"/no.png\"> <a href=\"/%zz\">12</a> <a href=\"\">13</a> <a href=\" /index.html \">14</a> <a href=\"/a/index.html#here\">15</a>\n",
		"static/static.txt", "x",
		"templates/section.html", "<a href=\"/from-a-template/\">x</a>",
		"content/s/_index.md", "+++\ntitle = \"S\"\n+++\n",
	)
	warnings := p.mustBuild()
	want := []string{
		`content/a.md:6:5: the link "/nowhere/" leads nowhere: the site has neither a page nor a file /nowhere`,
		`content/a.md:6:`, `content/a.md:6:`, `content/a.md:7:`, `content/a.md:8:11: the link "/no.png" leads nowhere`, `content/a.md:8:30: the link "/%zz" is no address`,
		`templates/section.html:1:10: the link "/from-a-template/" leads nowhere`,
	}
	if assert.Len(t, warnings, len(want), "%q", warnings) {
		for i, w := range want {
			assert.Contains(t, warnings[i], w)
		}
	}
	assert.Len(t, p.faults(site.Options{Strict: true}), len(want))
}

func TestEachOfSeveralDeadEndsAlikeHasItsPlace(t *testing.T) {
	p := newProject(t, "content/a.md", "+++\ntitle = \"A\"\n+++\n[1](/gone) and [2](/gone)\n\n[3](/gone)\n[4](./b.md#gone)\n", "content/b.md", "+++\ntitle = \"B\"\n+++\n")
	warnings := p.mustBuild()
	if assert.Len(t, warnings, 4, "%q", warnings) {
		for i, place := range []string{"4:5:", "4:20:", "6:5:", "7: "} {
			assert.Contains(t, warnings[i], "content/a.md:"+place)
		}
		assert.Contains(t, warnings[3], `leads to /b, which has no "#gone"`)
	}
}

func TestLinkToNoPageIsAnErrorWithASuggestion(t *testing.T) {
	p := newProject(t, "content/guide.md", "+++\ntitle = \"x\"\n+++\n", "content/a.md", "+++\ntitle = \"A\"\n+++\n\nsee [x](@/giude.md)\n")
	faults := p.faults(site.Options{})
	if assert.Len(t, faults, 1) {
		assert.Contains(t, faults[0], `content/a.md:5:`)
		assert.Contains(t, faults[0], `did you mean "@/guide.md"?`)
	}
}

func TestTwoSourcesForOnePlaceAreAFault(t *testing.T) {
	p := newProject(t, "content/a.md", "+++\ntitle = \"A\"\n+++\n", "content/a/_index.md", "+++\ntitle = \"A\"\n+++\n")
	assert.Contains(t, p.faults(site.Options{})[0], "has the same address as")
	p = newProject(t, "content/a.md", "+++\ntitle = \"A\"\n+++\n", "static/a/index.html", "x", ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nstable_assets { path \"a/index.html\" }\n")
	assert.Contains(t, p.faults(site.Options{})[0], "would be written to a/index.html")
}

func TestCodeIsHighlightedAndPlaceholdersNeverLeak(t *testing.T) {
	p := newProject(t, "content/a.md", "+++\ntitle = \"A\"\n+++\n```rust,noexec\nfn main() {}\n```\n\n    indented <b>\n\n```nosuch\n<x>\n```\n")
	p.mustBuild()
	page := p.read("a/index.html")
	assert.Contains(t, page, "<code class=language-rust><span")
	assert.Contains(t, page, "indented &lt;b")
	assert.Contains(t, page, "&lt;x")
	assert.NotContains(t, page, "PLACEHOLDER")
	assert.Contains(t, page, "pre:has(>code>span)")
	assert.NotContains(t, p.read("index.html"), "pre:has(>code>span)", "pages without code need no colours")
}

func TestChangesTellWhatDiffersFromTheLastBuild(t *testing.T) {
	p := newProject(t, "content/a.md", "+++\ntitle = \"A\"\n+++\nold words\n", "content/b.md", "+++\ntitle = \"B\"\n+++\nsame\n")
	p.mustBuild()
	p.write("content/a.md", "+++\ntitle = \"A\"\n+++\nnew words\n", "content/c.md", "+++\ntitle = \"C\"\n+++\n")
	result, err := p.build(site.Options{Changes: true})
	if assert.NoError(t, err) {
		assert.ElementsMatch(t, []site.Change{{Path: "a/index.html", Patches: 1}, {Path: "c/index.html", New: true}}, result.Changes)
	}
}

func TestColoursOfCodeGoBeforeTheBodyWhereTheHeadIsNotClosed(t *testing.T) {
	p := newProject(t, "content/a.md", "+++\ntitle = \"A\"\n+++\n```rust,noexec\nfn main() {}\n```\n",
		"templates/page.html", "<!DOCTYPE html><title>x</title><body><header>top</header>{{ page.content | safe }}")
	p.mustBuild()
	page := p.read("a/index.html")
	assert.Less(t, strings.Index(page, "<style"), strings.Index(page, "<header"), page)
}
