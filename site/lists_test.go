package site_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTemplatesSeeWhatFrontMatterSays(t *testing.T) {
	p := newProject(t,
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\ntitle \"Site\"\ndescription \"About\"\nauthor \"Me\"\nlanguage \"de\"\nbase_url \"https://x.org/sub\"\nextra { colour \"red\"; links \"a\" \"b\"; menu { - name=\"M\"; - \"n\" }; one { - \"o\" } }\ntaxonomies { tags }\n",
		"templates/taxonomy_list.html", "x", "templates/taxonomy_single.html", "x",
		"content/blog/_index.md", fronted("title = \"B\"", ""),
		"content/blog/a.md", fronted("date = 2024-05-01\nupdated = 2024-06-02T10:00:00Z\nauthors = [\"Ada\"]\n[taxonomies]\ntags = [\"x\"]\n[extra]\nn = 3", "one two\n\n<!-- more -->\n\nthree `four` — five"),
		"content/blog/b.md", fronted("", ""),
		"templates/index.html", "{{ config.title }}|{{ config.description }}|{{ config.base_url }}|{{ config.base_path }}|{{ config.extra.colour }}|{{ config.extra.links[1] }}|{{ config.extra.menu[0].name }}{{ config.extra.menu[1] }}{{ config.extra.one | first }}{% if config.markdown.highlight_code %}h{% endif %}|{{ config.default_language }}",
		"templates/page.html", "{{ page.date | default(value=\"none\") }}|{{ page.updated }}|{{ page.year }}-{{ page.month }}-{{ page.day }}|{{ page.authors | join(sep=\",\") }}|{{ page.slug }}|{{ page.url }}|{{ page.relative_path }}|"+
			"{{ page.word_count }}|{{ page.reading_time }}|{{ page.summary | default(value=\"none\") | safe }}|{% for t in page.taxonomies.tags | default(value=[]) %}{{ t }}{% endfor %}|{{ page.content | safe }}",
	)
	assert.Empty(t, p.mustBuild())
	assert.Contains(t, p.read("index.html"), "Site|About|https://x.org/sub|/sub|red|b|Mnoh|de")
	a := p.read("blog/a/index.html")
	assert.Contains(t, a, "2024-05-01|2024-06-02T10:00:00Z|2024-5-1|Ada|a|https://x.org/sub/blog/a/|blog/a.md|5|1|<p>one two</p>|x|<p>one two</p>\n<span id=continue-reading></span>")
	assert.Contains(t, p.read("blog/b/index.html"), "none||--|Me|b|https://x.org/sub/blog/b/|blog/b.md|0|0|none||")
}

func TestSummaryEndsItsElements(t *testing.T) {
	p := newProject(t, "content/a.md", fronted("", "- one *two <!-- more --> three*\n\n`<!-- more -->`"), "templates/page.html", "[{{ page.summary | safe }}]{{ page.content | safe }}")
	p.mustBuild()
	page := p.read("a/index.html")
	assert.Contains(t, page, "[<ul>\n<li>one <em>two </em></li></ul>]")
	assert.Contains(t, page, "<code>&lt;!-- more --></code>", "code shows the mark")
}

func TestPagesOfASectionAreSortedAsItSays(t *testing.T) {
	for by, want := range map[string]string{
		"":            "c-light a-old b-new ",
		"weight":      "c-light a-old b-new ",
		"title":       "a-old b-new c-light ",
		"date":        "b-new a-old c-light ",
		"update_date": "a-old b-new c-light ",
		"slug":        "b-new a-old c-light ",
		"none":        "a-old b-new c-light ",
	} {
		front := "title = \"S\""
		if by != "" {
			front += "\nsort_by = \"" + by + "\""
		}
		p := newProject(t,
			"content/s/_index.md", fronted(front, ""),
			"content/s/1.md", fronted("title = \"a-old\"\nslug = \"2\"\ndate = 2023-01-01\nupdated = 2025-01-01\nweight = 5", ""),
			"content/s/2.md", fronted("title = \"b-new\"\nslug = \"1\"\ndate = 2024-01-01\nweight = 6", ""),
			"content/s/3.md", fronted("title = \"c-light\"", ""),
			"templates/section.html", "{% for q in section.pages %}{{ q.title }} {% endfor %}",
			"templates/page.html", "{{ page.lower.title | default(value=\"-\") }}<{{ page.title }}<{{ page.higher.title | default(value=\"-\") }}",
		)
		p.mustBuild()
		assert.Contains(t, p.read("s/index.html")+" ", want, by)
		if by == "date" {
			assert.Contains(t, p.read("s/2/index.html"), "b-new<a-old<c-light")
			assert.Contains(t, p.read("s/1/index.html"), "-<b-new<a-old")
		}
	}
}
