package site_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/site"
)

// configured is a configuration with more settings.
func configured(more string) string { return "content \"content\"\noutput \"public\"\n" + more + "\n" }

// blog are three dated pages with tags.
var blog = []string{
	"content/blog/_index.md", fronted("title = \"Blog\"\nsort_by = \"date\"\npaginate_by = 2\nfeed = true", ""),
	"content/blog/a.md", fronted("title = \"A\"\ndate = 2024-01-01\n[taxonomies]\ntags = [\"Rust\", \"go\"]", "text"),
	"content/blog/b.md", fronted("title = \"B\"\ndate = 2024-02-01\nupdated = 2024-05-05\ntags = [\"rust\"]", "one\n\n<!-- more -->\n\ntwo"),
	"content/blog/c.md", fronted("title = \"C & D\"\ndate = 2024-03-01\ndescription = \"about <c>\"", "text"),
	"templates/section.html", "{% for q in paginator.pages %}{{ q.title }} {% endfor %}{{ paginator.current_index }}/{{ paginator.number_pagers }} {{ paginator.previous | default(value=\"-\") }} {{ paginator.next | default(value=\"-\") }} {{ section.title }}",
	"templates/taxonomy_list.html", "{{ taxonomy.name }}:{% for t in terms %} {{ t.name }} {{ t.page_count }} <a href=\"{{ t.permalink }}/\">x</a>{% endfor %}",
	"templates/tags/single.html", "{{ term.name }}: {% for q in paginator.pages %}{{ q.title }} {% endfor %}",
	"templates/page.html", "{% for t in page.taxonomies.tags | default(value=[]) %}<a href=\"{{ get_taxonomy_url(kind=\"tags\", name=t) }}\">{{ t }}</a>{% endfor %}{% set of = get_taxonomy(kind=\"tags\") %}{{ of.items | length }}{% if of.kind.name != of.name or of.kind.slug != \"tags\" %}{{ throw(message=\"kind\") }}{% endif %}",
}

func TestListsAreDividedAndTermsHavePages(t *testing.T) {
	p := newProject(t, append(blog, ".config/dodeca.kdl", configured("taxonomies { tags paginate_by=1 }"), "content/blog/_index.md", fronted("title = \"Blog\"\nsort_by = \"date\"\npaginate_by = 2", ""))...)
	assert.Empty(t, p.mustBuild())
	assert.Contains(t, p.read("blog/index.html"), "C &amp; D B 1/2 - /blog/page/2/ Blog")
	assert.Contains(t, p.read("blog/page/2/index.html"), "A 2/2 /blog/ - Blog")
	assert.Contains(t, p.read("blog/page/1/index.html"), `url=/blog/`)
	assert.Contains(t, p.read("tags/index.html"), "tags: go 1 <a href=/tags/go/>x</a> Rust 2 <a href=/tags/rust/>x</a>")
	assert.Contains(t, p.read("tags/rust/index.html"), "Rust: B")
	assert.Contains(t, p.read("tags/rust/page/2/index.html"), "Rust: A")
	assert.Contains(t, p.read("blog/a/index.html"), "<a href=/tags/rust/>Rust</a><a href=/tags/go/>go</a>2")
	assert.NotContains(t, strings.Join(p.output(), " "), "atom.xml")
}

func TestTaxonomyThatCannotBeShownIsAFault(t *testing.T) {
	p := newProject(t, "content/a.md", fronted("title = \"A\"\ntags = [\"x\"]", ""))
	assert.Equal(t, []string{`content/a.md:3:1: the taxonomy "tags" has no pages: the configuration does not name it (add it to .config/dodeca.kdl: taxonomies { tags })`}, p.mustBuild())
	p.write(".config/dodeca.kdl", configured("taxonomies { tags }"))
	faults := strings.Join(p.faults(site.Options{}), "\n")
	assert.Contains(t, faults, "templates/taxonomy_list.html: is missing: the taxonomy tags of .config/dodeca.kdl needs it (write it; tags/list.html or taxonomy_list.html will do)")
	p.write("templates/taxonomy_list.html", "x", "templates/taxonomy_single.html", "x", "content/b.md", fronted("tags = [\"C\"]", ""), "content/c.md", fronted("tags = [\"C++\", \"!\"]", ""))
	faults = strings.Join(p.faults(site.Options{}), "\n")
	assert.Contains(t, faults, `the terms "C++" and "C" have one address: /tags/c/ (write both alike, or choose another; content/b.md has the other)`)
	assert.Contains(t, faults, `content/c.md: the term "!" has no letter or digit for its address`)
}

func TestAliasesAndRedirectsLeadThere(t *testing.T) {
	p := newProject(t,
		"content/a.md", fronted("aliases = [\"old/a\", \"/older.html\"]", ""),
		"content/s/_index.md", fronted("title = \"S\"\nredirect_to = \"@/a.md\"", ""),
	)
	assert.Empty(t, p.mustBuild())
	for _, name := range []string{"old/a/index.html", "older.html", "s/index.html"} {
		page := p.read(name)
		assert.Contains(t, page, "url=/a/", name)
		assert.Contains(t, page, "<a href=/a/>", name)
	}
	p.write("content/b.md", fronted("title = \"B\"\naliases = [\"a\"]", ""), "content/s/_index.md", fronted("redirect_to = \"@/no.md\"", ""))
	faults := strings.Join(p.faults(site.Options{}), "\n")
	assert.Contains(t, faults, `content/b.md:3:1: the alias "a" is the address of content/a.md (choose another)`)
	assert.Contains(t, faults, `content/s/_index.md:2:1: redirect_to "@/no.md" leads to no page`)
}

func TestFeedsAndTheMapOfTheSiteHaveWholeAddresses(t *testing.T) {
	p := newProject(t, append(blog, "content/blog/2024-01-02-dated.md", "", ".config/dodeca.kdl", configured("title \"T\"\nbase_url \"https://x.org/sub\"\nfeed #true\nfeed_limit 2\ntaxonomies { tags paginate_by=1 feed=#true }"))...)
	assert.Empty(t, p.mustBuild())
	feed := p.read("atom.xml")
	for _, want := range []string{`<link rel="self" type="application/atom+xml" href="https://x.org/sub/atom.xml"/>`, "<updated>2024-05-05T00:00:00+00:00</updated>", "<title>C &amp; D</title>",
		"<id>https://x.org/sub/blog/c/</id>", "<summary>about &lt;c&gt;</summary>", `<summary type="html">&lt;p&gt;one&lt;/p&gt;</summary>`, "<published>2024-02-01T00:00:00+00:00</published>"} {
		assert.Contains(t, feed, want)
	}
	assert.NotContains(t, feed, "blog/a/", "the limit")
	assert.Contains(t, p.read("blog/atom.xml"), "<title>T · Blog</title>")
	assert.Contains(t, p.read("tags/go/atom.xml"), "<title>T · go</title>")
	assert.Contains(t, p.read("robots.txt"), "Sitemap: https://x.org/sub/sitemap.xml")
	sitemap := p.read("sitemap.xml")
	assert.Contains(t, sitemap, "<url><loc>https://x.org/sub/blog/b/</loc><lastmod>2024-05-05</lastmod></url>")
	assert.Contains(t, sitemap, "<url><loc>https://x.org/sub/blog/dated/</loc><lastmod>2024-01-02</lastmod></url>")
	assert.Contains(t, sitemap, "<loc>https://x.org/sub/tags/rust/</loc>")
	assert.NotContains(t, sitemap, "404")
	assert.Contains(t, p.read("404.html"), `<a href=/sub/>T</a>`)
}

func TestOwnTemplatesTakeThePlaceOfTheBuiltInOnes(t *testing.T) {
	p := newProject(t, append(blog, ".config/dodeca.kdl", configured("base_url \"https://x.org\"\nfeed #true\ntaxonomies { tags paginate_by=9 }"),
		"templates/atom.xml", "mine {{ pages | length }}", "templates/robots.txt", "User-agent: x", "templates/404.html", "gone", "templates/sitemap.xml", "{{ entries | length }}",
		"templates/internal/alias.html", "moved to {{ url }}", "content/x.md", fronted("aliases = [\"y\"]", ""))...)
	assert.Empty(t, p.mustBuild())
	for name, want := range map[string]string{"atom.xml": "mine 3", "robots.txt": "User-agent: x", "404.html": "gone", "sitemap.xml": "10", "y/index.html": "moved to /x/"} {
		assert.Contains(t, p.read(name), want, name)
	}
	p = newProject(t, ".config/dodeca.kdl", configured("base_url \"https://x.org\""), "static/robots.txt", "own")
	assert.Empty(t, p.mustBuild())
	assert.Equal(t, "own", p.read("robots.txt"))
	p = newProject(t, "static/404.html", "own")
	assert.Empty(t, p.mustBuild())
	assert.Equal(t, "own", p.read("404.html"))
	p = newProject(t, ".config/dodeca.kdl", configured("feed #true"))
	assert.Contains(t, p.mustBuild()[0], "has no feed: feeds have whole addresses")
}

func TestTermsWhosePagesHaveNoDateAreNamed(t *testing.T) {
	p := newProject(t, ".config/dodeca.kdl", configured("base_url \"https://x.org\"\ntaxonomies { tags feed=#true; kinds feed=#true }"),
		"content/a.md", fronted("date = 2024-05-01\ntags = [\"dated\"]", ""), "content/b.md", fronted("[taxonomies]\ntags = [\"C++\", \"d\", \"e\", \"f\", \"dated\"]\nkinds = [\"k\"]", ""),
		"templates/taxonomy_list.html", "", "templates/taxonomy_single.html", "")
	assert.Equal(t, []string{
		"the taxonomy kinds: has no feed of \"k\": none of their pages has a date (write date = 2024-05-01 into their front matter)",
		"the taxonomy tags: has no feed of \"C++\", \"d\", \"e\", ..: none of their pages has a date (write date = 2024-05-01 into their front matter)",
	}, p.mustBuild())
	assert.Contains(t, p.output(), "tags/dated/atom.xml")
	assert.NotContains(t, p.output(), "tags/d/atom.xml")
}

func TestSiteBelowAFolderHasItInEachAddress(t *testing.T) {
	p := newProject(t, ".config/dodeca.kdl", configured("base_url \"https://x.org/sub\""),
		"static/a.css", "a{background:url(/p.svg)}", "static/p.svg", `<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>`, "static/m.js", "load('/p.svg');import('/pagefind/pagefind.js')", "static/photo.png", pngFile(400, 10),
		"content/b.md", fronted("title = \"B\"", "[home](/) [self](@/b.md#top) [rel](../) [q](/b/?x=1#top) [whole](https://x.org/sub/b/) [other](https://x.org/else) [done](/sub/b/) <img src=\"/photo.png\">\n\n[dead](https://x.org/sub/nowhere/)"),
		"templates/page.html", `<!DOCTYPE html><html><head><title>x</title><link rel="stylesheet" href="/a.css"><meta property="og:image" content="https://x.org/sub/p.svg"><script src="/m.js"></script><link rel="canonical" href="{{ page.url }}"></head>`+
			`<body style="background:url(/p.svg)">{{ page.content | safe }}<script>import("/pagefind/pagefind.js")</script></body></html>`,
	)
	warnings := p.mustBuild()
	if assert.Len(t, warnings, 1) {
		assert.Contains(t, warnings[0], `the link "https://x.org/sub/nowhere/" leads nowhere`)
	}
	page := p.read("b/index.html")
	for _, want := range []string{"href=/sub/>home", "href=/sub/b/#top>self", "href=/sub/>rel", `href="/sub/b/?x=1#top">q`, "href=https://x.org/sub/b/>whole", "href=https://x.org/else>other", "href=/sub/b/>done", "import(\"/sub/pagefind/pagefind.js\")"} {
		assert.Contains(t, page, want)
	}
	assert.Regexp(t, `href=/sub/a\.[0-9acdeo]{12}\.css`, page)
	assert.Regexp(t, `content=https://x.org/sub/p\.[0-9acdeo]{12}\.svg`, page)
	assert.Regexp(t, `srcset="/sub/photo-?[^" ]*\.jxl`, page)
	assert.Regexp(t, `url\(["']?/sub/p\.[0-9acdeo]{12}\.svg`, page)
	assert.Regexp(t, `url\(["']?/sub/p\.[0-9acdeo]{12}\.svg`, p.read("a.*.css"))
	script := p.read("m.*.js")
	assert.Regexp(t, `/sub/p\.[0-9acdeo]{12}\.svg`, script)
	assert.Contains(t, script, "/sub/pagefind/pagefind.js")
}

// Terms of a taxonomy are pages that no file is: they come and go with what
// other pages say, and with the templates that show them.
func TestTermsComeAndGoWithThePagesThatNameThem(t *testing.T) {
	tagged := func(tags string) string {
		return fronted("title = \"New\"\ndate = 2024-04-01\ntags = ["+tags+"]", "new")
	}
	p := newProject(t, append(blog, ".config/dodeca.kdl", configured("taxonomies { tags paginate_by=1 feed=#true }"))...)
	said := p.replay([]change{
		{"content/blog/new.md": tagged(`"fresh"`)}, {"content/blog/new.md": tagged(`"fresh", "go"`)}, {"content/blog/new.md": tagged(`"renamed"`)},
		{"templates/tags/single.html": "{{ term.name }} {{ term.page_count }}"}, {"templates/tags/list.html": "{% for t in terms %}{{ t.name }} {% endfor %}"},
		{"content/blog/new.md": tagged(``)}, {"templates/tags/list.html": gone}, {"content/blog/a.md": gone, "content/blog/b.md": gone},
		{"content/blog/new.md": gone}, {"content/blog/new.md": tagged(`"fresh"`)},
	})
	assert.Empty(t, said)
}
