package site_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"ddc/internal/fixture"
)

// atomText is a construct for people (RFC 4287, 3.1).
type atomText struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type atomPerson struct {
	Name []string `xml:"http://www.w3.org/2005/Atom name"`
}

type atomEntry struct {
	ID        []string     `xml:"http://www.w3.org/2005/Atom id"`
	Title     []atomText   `xml:"http://www.w3.org/2005/Atom title"`
	Updated   []string     `xml:"http://www.w3.org/2005/Atom updated"`
	Published []string     `xml:"http://www.w3.org/2005/Atom published"`
	Author    []atomPerson `xml:"http://www.w3.org/2005/Atom author"`
	Link      []atomLink   `xml:"http://www.w3.org/2005/Atom link"`
	Summary   []atomText   `xml:"http://www.w3.org/2005/Atom summary"`
	Content   []atomText   `xml:"http://www.w3.org/2005/Atom content"`
	Other     []anyElement `xml:",any"`
}

type anyElement struct{ XMLName xml.Name }

type atomFeed struct {
	XMLName  xml.Name     `xml:"http://www.w3.org/2005/Atom feed"`
	ID       []string     `xml:"http://www.w3.org/2005/Atom id"`
	Title    []atomText   `xml:"http://www.w3.org/2005/Atom title"`
	Subtitle []atomText   `xml:"http://www.w3.org/2005/Atom subtitle"`
	Updated  []string     `xml:"http://www.w3.org/2005/Atom updated"`
	Link     []atomLink   `xml:"http://www.w3.org/2005/Atom link"`
	Entry    []atomEntry  `xml:"http://www.w3.org/2005/Atom entry"`
	Other    []anyElement `xml:",any"`
}

// readAtom reads a feed, and holds it to the standard.
func readAtom(t *testing.T, text, at string) *atomFeed {
	t.Helper()
	feed := &atomFeed{}
	d := xml.NewDecoder(strings.NewReader(text))
	require.NoError(t, d.Decode(feed), text)
	for { // nothing stands behind the feed
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		space, is := token.(xml.CharData)
		assert.True(t, is && strings.TrimSpace(string(space)) == "", "%v", token)
	}

	assert.Empty(t, feed.Other)
	ids := map[string]bool{}
	common := func(id []string, title []atomText, updated []string) {
		t.Helper()
		if assert.Len(t, id, 1) && assert.Len(t, title, 1) && assert.Len(t, updated, 1) {
			assert.False(t, ids[id[0]], "%s is there twice", id[0])
			ids[id[0]] = true
			isWhole(t, id[0])
			assert.NotEmpty(t, title[0].Text)
			_, err := time.Parse(time.RFC3339, updated[0])
			assert.NoError(t, err)
		}
	}
	common(feed.ID, feed.Title, feed.Updated)
	assert.LessOrEqual(t, len(feed.Subtitle), 1)
	assert.Equal(t, at, hrefOf(t, feed.Link, "self"))
	hrefOf(t, feed.Link, "alternate")
	for _, e := range feed.Entry {
		common(e.ID, e.Title, e.Updated)
		assert.Empty(t, e.Other)
		hrefOf(t, e.Link, "alternate")
		require.NotEmpty(t, e.Author, "there is none for all")
		for _, a := range e.Author {
			assert.Len(t, a.Name, 1)
		}
		assert.LessOrEqual(t, len(e.Summary), 1)
		assert.LessOrEqual(t, len(e.Content), 1)
		for _, when := range e.Published {
			_, err := time.Parse(time.RFC3339, when)
			assert.NoError(t, err)
		}
		for _, shown := range append(e.Summary, e.Content...) {
			assert.Contains(t, []string{"", "text", "html"}, shown.Type)
			if shown.Type == "html" {
				holdHTML(t, shown.Text)
			}
		}
	}
	return feed
}

func isWhole(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	assert.True(t, u.IsAbs(), address)
}

// hrefOf is the only link of a kind.
func hrefOf(t *testing.T, links []atomLink, rel string) (href string) {
	t.Helper()
	n := 0
	for _, l := range links {
		if l.Rel == rel {
			href = l.Href
			n++
			isWhole(t, l.Href)
		}
	}
	assert.Equal(t, 1, n, rel)
	return href
}

// holdHTML claims that all that a piece of HTML refers to has a whole address.
func holdHTML(t *testing.T, text string) {
	t.Helper()
	nodes, err := html.ParseFragment(strings.NewReader(text), nil)
	require.NoError(t, err)
	for _, top := range nodes {
		for n := range top.Descendants() {
			for _, a := range n.Attr {
				if a.Key == "href" || a.Key == "src" {
					isWhole(t, a.Val)
				}
			}
		}
	}
}

func TestFeedsAreAtomAsItsStandardSays(t *testing.T) {
	p := newProject(t, ".config/dodeca.kdl", configured("title \"T <&>\"\ndescription \"D\"\nbase_url \"https://x.org/sub\"\nfeed #true\ntaxonomies { tags feed=#true }"),
		"templates/taxonomy_list.html", "x", "templates/taxonomy_single.html", "x",
		"content/blog/_index.md", fronted("title = \"Blog\"\nfeed = true", ""),
		"content/blog/one.md", fronted("title = \"One & <two> \\u0008\"\ndate = 2024-05-01T10:00:00+02:00\nupdated = 2024-05-02\nauthors = [\"Ada\", \"Bob\"]\ntags = [\"a b\"]",
			"First &amp; *foremost*.\n\n<!-- more -->\n\n## Part\n\n[up](#part) [two](@/blog/two.md?x=1) [out](https://else.org) [raw](/sub/blog/two/) [file](/notes.txt?x=1) ![photo](/photo.jpg) ![drawing](/d.svg)\n\n```rust,noexec\nfn main() { a && b }\n```\n\n<p style=\"background: url(../../d.svg?x=1) no-repeat; --u: url('/photo.jpg')\">styled</p>\n<style>.a { background: url(/d.svg), url(data:x), url(https://else.org/x.png) }</style>\n"),
		"content/blog/two.md", fronted("date = 2024-04-01\ndescription = \"a < b\"\ntags = [\"a b\"]", ""),
		"static/photo.jpg", string(fixture.JPEG(t, fixture.Photograph(40, 30))), "static/notes.txt", "x", "static/d.svg", `<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>`,
	)
	assert.Empty(t, p.mustBuild())
	feed := readAtom(t, p.read("atom.xml"), "https://x.org/sub/atom.xml")
	require.Len(t, feed.Entry, 2)
	one := feed.Entry[0]
	assert.Equal(t, "One & <two> ", one.Title[0].Text)
	assert.Equal(t, "<p>First &amp; <em>foremost</em>.</p>", one.Summary[0].Text)
	content := one.Content[0].Text
	for _, want := range []string{`href="https://x.org/sub/blog/one/#part">up`, `href="https://x.org/sub/blog/two/?x=1">two`, `href="https://else.org">out`, `href="https://x.org/sub/blog/two/">raw`, `href="https://x.org/sub/notes.txt?x=1">file`} {
		assert.Contains(t, content, want)
	}
	for _, src := range regexp.MustCompile(`src="https://x.org/sub/([^"]+)"`).FindAllStringSubmatch(content, -1) {
		p.read(src[1])
	}
	assert.Len(t, regexp.MustCompile(`src="https://x.org/sub/(photo|d)\.[0-9a-eo]{12}\.(webp|svg)"`).FindAllString(content, -1), 2)
	for _, styled := range regexp.MustCompile(`url\(([^)]+)\)`).FindAllStringSubmatch(strings.ReplaceAll(content, "&#39;", "'"), -1) {
		address := strings.Trim(styled[1], `'"`)
		if address != "data:x" && address != "https://else.org/x.png" {
			assert.Regexp(t, `^https://x.org/sub/(photo|d)\.[0-9a-eo]{12}\.(webp|svg)(\?x=1)?$`, address)
		}
	}
	assert.Equal(t, 5, strings.Count(content, "url("))
	assert.Equal(t, "a < b", feed.Entry[1].Summary[0].Text)
	assert.Empty(t, feed.Entry[1].Content, "there is none")

	assert.Len(t, readAtom(t, p.read("blog/atom.xml"), "https://x.org/sub/blog/atom.xml").Entry, 2)
	assert.Equal(t, "T <&> · a b", readAtom(t, p.read("tags/a-b/atom.xml"), "https://x.org/sub/tags/a-b/atom.xml").Title[0].Text)

	p.write(".config/dodeca.kdl", configured("title \"T\"\nbase_url \"https://x.org\"\nfeed #true\nfeed_content #false\ntaxonomies { tags }"))
	p.mustBuild()
	for _, e := range readAtom(t, p.read("atom.xml"), "https://x.org/atom.xml").Entry {
		assert.Empty(t, e.Content)
	}
}
