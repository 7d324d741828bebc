package site_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site"
)

func TestShortcodesAreRenderedWhereTheyStand(t *testing.T) {
	p := newProject(t,
		"templates/shortcodes/video.html", "<iframe src=\"https://v.org/{{ id }}\" title=\"{{ page.title }} {{ nth }}\"></iframe>\n",
		"templates/shortcodes/note.html", "<aside class=\"{{ kind | default(value=\"plain\") }}\">{{ body | markdown | safe }}</aside>",
		"templates/shortcodes/icon.html", "<i>{{ name }}</i>", "templates/shortcodes/where.html", "{{ get_url(path=\"@/b.md\") }}",
		"content/b.md", fronted("", ""),
		"content/a.md", fronted("title = \"A\"", "{{ video(id=\"x&y\") }}\n\ntext {{ icon(name=\"one\") }} more\n\n{{ icon(name=\"two\") }} *first*\n\n# {{ icon(name=\"h\") }} Head\n\n[link]({{ where() }})\n\n"+
			"{% note(kind=\"tip\") %}\n**bold** {{ icon(name=\"in\") }}\n\n- item\n{% end %}\n\n<div>{{ video(id=\"raw\") }}</div>\n\n`{{ icon(name=\"code\") }}`\n"),
	)
	assert.Empty(t, p.mustBuild())
	page := p.read("a/index.html")
	for _, want := range []string{
		`<body><iframe src=https://v.org/x&amp;y title="A 1"></iframe>`, `<p>text <i>one</i> more`, `<p><i>two</i> <em>first</em>`, `<h1 id=head><i>h</i> Head</h1>`, `<a href=/b/>link</a>`,
		`<aside class=tip><p><strong>bold</strong> <i>in</i></p>`, `<ul><li>item</ul></aside>`, `<div><iframe src=https://v.org/raw title="A 2"></iframe></div>`, `<code>{{ icon(name=&quot;code&quot;) }}</code>`,
	} {
		assert.Contains(t, spaceless(page), spaceless(want))
	}
}

func TestShortcodesOfMarkdownBecomeAPartOfThePage(t *testing.T) {
	p := newProject(t,
		"templates/shortcodes/part.md", "## {{ title }}\n\n*{{ page.title }}* & <b>so on</b> [b](@/{{ to | default(value=\"b\") }}.md)\n{% if body is defined %}\n{{ body }}{% endif %}\n",
		"templates/shortcodes/em.md", "*{{ text }}*", "templates/shortcodes/box.html", "<div>{{ body | markdown | safe }}</div>",
		"content/b.md", fronted("", ""),
		"content/a.md", fronted("title = \"A & B\"", "## First\n\n{{ part(title=\"A \\\"quoted\\\" <one>\") }}\n\ntext {{ em(text=\"in\") }} line\n\n- item\n\n  {{ part(title=\"Inner\") }}\n\n"+
			"{% box() %}\n{{ em(text=\"boxed\") }}\n{% end %}\n\n{% part(title=\"With\") %}\n{% box() %}deep{% end %}\n{% end %}\n\n`{{/* em(text=\"x\") */}}` {{/* em() */}}\n"),
		"templates/page.html", "{% for h in page.toc %}{{ h.id }} {% endfor %}|{{ page.content | safe }}",
	)
	assert.Empty(t, p.mustBuild())
	page := p.read("a/index.html")
	for _, want := range []string{
		"first a-quoted inner with |", "<h2 id=a-quoted>A \"quoted\" <one></h2>", "<p><em>A &amp; B</em> &amp; <b>so on</b> <a href=/b/>b</a>", "<p>text <em>in</em> line",
		"<li><p>item<h2 id=inner>Inner</h2>", "<div><p><em>boxed</em></div>", "<div><p>deep</div>", "<code>{{ em(text=&quot;x&quot;) }}</code> {{ em() }}",
	} {
		assert.Contains(t, spaceless(page), spaceless(want))
	}
}

// Markdown of a shortcode may have more lines than its call, or fewer.
func TestFaultBehindAShortcodeOfMarkdownHasItsLine(t *testing.T) {
	p := newProject(t, "templates/shortcodes/long.md", "a\n\nb\n\n[x](@/{{ to }}.md)\n\nc\n", "content/b.md", fronted("", ""),
		"content/a.md", fronted("", "{{ long(\n  to=\"b\"\n) }}\n\n[gone](@/gone.md)\n\n{{ long(to=\"nope\") }}\n\n[away](@/away.md)\n"))
	faults := p.faults(site.Options{})
	require.Len(t, faults, 3)
	for i, want := range []string{`8:8: the link "@/gone.md"`, `10:1: the link "@/nope.md"`, `12:8: the link "@/away.md"`} {
		assert.Contains(t, faults[i], "content/a.md:"+want+" leads to no page")
	}
}

func TestShortcodeThatIsUnknownOrWrongSaysWhere(t *testing.T) {
	p := newProject(t, "templates/shortcodes/video.html", "{{ idd }}", "content/a.md", fronted("", "\n\n{{ vidoe(id=\"x\") }} {{ other() }}"))
	warnings := p.mustBuild()
	if assert.Len(t, warnings, 2) {
		assert.Contains(t, warnings[0], `content/a.md:6:1: there is no shortcode "vidoe": it is shown as text (did you mean video?)`)
		assert.Contains(t, warnings[1], "(write templates/shortcodes/other.html, or put the call into `backticks` to show it)")
	}
	assert.Contains(t, p.read("a/index.html"), "{{ other() }}")
	p.write("content/a.md", fronted("", "\n{{ video(id=\"x\") }}"))
	faults := p.faults(site.Options{})
	if assert.Len(t, faults, 1) {
		assert.Contains(t, faults[0], "templates/shortcodes/video.html:1:4: unknown variable")
		assert.Contains(t, faults[0], "content/a.md:5:1: it is called here")
	}
	p.write("content/a.md", fronted("", "\n{{ video(id=) }}"))
	assert.Contains(t, p.faults(site.Options{})[0], "content/a.md:5:13: the shortcode video: a text in quotes")
}

func TestShortcodeOfAnotherGeneratorIsAWarning(t *testing.T) {
	p := newProject(t, "content/a.md", fronted("", "\n{{< figure src=\"a.png\" >}}\n"))
	assert.Equal(t, []string{`content/a.md:5:1: {{< figure is a shortcode as Hugo has them: it is shown as text (write {{ figure(name="value") }}, or {% figure() %} text {% end %}, and templates/shortcodes/figure.html)`}, p.mustBuild())
}

func TestBodyOfAShortcodeIsNotNestedWithoutEnd(t *testing.T) {
	deep := ""
	for range 13 {
		deep += "{% note() %}"
	}
	for range 13 {
		deep += "{% end %}"
	}
	p := newProject(t, "templates/shortcodes/note.html", "{{ body }}", "content/a.md", fronted("", deep))
	assert.Contains(t, p.faults(site.Options{})[0], "shortcodes are nested more than 10 deep")
}

func TestCodeAndMarkdownAreShownAsTheSiteSays(t *testing.T) {
	p := newProject(t,
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nmarkdown { smart_punctuation #true }\nsyntax-highlight { light-theme \"github-lght\"; dark-theme \"dracula\" }\n",
		"content/_index.md", fronted("title = \"H\"\ninsert_anchor_links = \"right\"\npage_template = \"special.html\"", ""),
		"content/s/_index.md", fronted("title = \"S\"", ""),
		"content/s/a.md", fronted("", "## Head\n\n\"quoted\"\n\n```rust,noexec,hl_lines=2,name=a.rs\nfn a() {}\nfn b() {}\n```\n\n```mermaid\ngraph TD; A-->B\n```\n"),
		"content/s/b.md", fronted("insert_anchor_links = \"none\"\ntemplate = \"page.html\"", "## Head\n"),
		"templates/special.html", "special {{ page.content | safe }}",
	)
	assert.Equal(t, []string{`.config/dodeca.kdl: there is no theme "github-lght" for code; another takes its place (did you mean github-light?)`}, p.mustBuild())
	page := p.read("s/a/index.html")
	for _, want := range []string{"special", `href=#head aria-label="Link to this part">#</a>`, "“quoted”", "<figcaption>a.rs</figcaption>", "<mark><span class=k>fn</span>", "<pre class=mermaid>graph TD; A--", "prefers-color-scheme"} {
		assert.Contains(t, page, want)
	}
	assert.NotContains(t, p.read("s/b/index.html"), "zola-anchor")
}

// spaceless takes away what the minifier may or may not.
func spaceless(html string) string {
	return strings.NewReplacer("\n", "", "</p><", "<", "</li>", "", "</p>", "").Replace(html)
}

// Bodies had budgets of their own, and so had each of a thousand calls.
func TestShortcodesOfAPageShareItsBudget(t *testing.T) {
	loops := "{% set l = [0,1,2,3,4,5,6,7,8,9] %}" + strings.Repeat("{% for i in l %}", 5) + strings.Repeat("{% endfor %}", 5)
	const text = `{% set s = "0123456789abcdef" %}{% for i in range(end=15) %}{% set_global s = s ~ s %}{% endfor %}{{ s }}`
	for name, c := range map[string]struct{ template, call, says string }{
		"steps":           {loops, "{{ b() }}\n\n", "this page takes more than 10000000 steps"},
		"steps of bodies": {loops, "{% a() %}{{ b() }}{% end %}\n\n", "this page takes more than 10000000 steps"},
		"bytes":           {text, "{{ b() }}\n\n", "this page makes more than 64 MiB"},
		"calls":           {"", strings.Repeat("{% a() %}{{ b() }}{% end %}\n\n", 300), "content/a.md:"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, "templates/shortcodes/a.html", "x", "templates/shortcodes/b.html", c.template, "content/a.md", fronted("", c.call+"\n"))
			p.mustBuild()
			p.write("content/a.md", fronted("", strings.Repeat(c.call, 100)))
			assert.Contains(t, p.faults(site.Options{})[0], c.says)
		})
	}
}

// It asks for more sections than are told apart: then it depends on all pages,
// of which the one that it stands on is not there yet.
func TestShortcodeThatAsksForManyPagesDependsOnAll(t *testing.T) {
	const many = `{% for i in range(end=30) %}{% for j in range(end=800) %}{% if get_section(path=i ~ "-" ~ j) is defined %}x{% endif %}{% endfor %}{% endfor %}`
	p := newProject(t, "templates/shortcodes/b.html", many+`{{ get_page(path="b.md").title }}`, "content/a.md", fronted("", "{{ b() }}\n"), "content/b.md", fronted("", ""))
	p.mustBuild()
	p.write("content/b.md", "+++\ntitle = \"another\"\n+++\n")
	p.mustBuild()
	assert.Contains(t, p.read("a/index.html"), "another")
}
