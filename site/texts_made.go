package site

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strconv"
	"strings"

	"ddc/internal/printable"
	"ddc/internal/query"
	"ddc/site/asset"
	"ddc/site/content"
)

// addTexts adds the files that are made and are no pages: feeds, the map of the
// site and robots.txt. Without an address of the site they would say nothing; a
// site's own static file of that name is left alone.
func (t *tree) addTexts(s *treePhase) {
	base := s.cfg.Site.Base
	static := map[string]bool{}
	for _, file := range s.scanned.folders["static"].Paths {
		static[file] = true
	}
	add := func(output, templateName string, vars func(*values) map[string]any) {
		if static[output] {
			return
		}
		n := &content.Node{Path: "#" + output, Route: "/" + output, Section: true, Parent: t.root}
		p := &page{Node: n, name: s.configName(), meta: &meta{FrontMatter: t.byRoute["/"].FrontMatter, extra: map[string]any{}, node: n},
			made: &made{templates: []string{templateName}, vars: vars, output: output, alone: true, abroad: base.Known()}}
		t.texts, t.byText[output] = append(t.texts, p), p
	}
	sitemap := ""
	if base.Known() {
		sitemap = base.Absolute("/sitemap.xml")
		add("sitemap.xml", "sitemap.xml", func(v *values) map[string]any { return map[string]any{"entries": t.entries(v)} })
	}
	if base.Known() || s.hasTemplate("robots.txt") {
		add("robots.txt", "robots.txt", func(*values) map[string]any { return map[string]any{"sitemap": orNone(sitemap)} })
	}
	t.addFeeds(s, add)
}

// warnOfBase says what a site has not, whose address nobody knows. It builds
// without a word: most sites that are being written have none.
func (r *making) warnOfBase() {
	if !r.cfg.Site.Base.Known() {
		r.warn(Problem{File: r.configName(), Message: "there is no sitemap.xml, and no robots.txt that names it: a map has whole addresses, and nobody knows where the site will be",
			Hint: `write base_url "https://example.org" into it, or give --base-url`})
	}
}

// entries are the pages of the map of the site.
func (t *tree) entries(v *values) []any {
	var list []any
	for _, p := range t.pages {
		if p.made != nil && p.made.alone {
			continue
		}
		list = append(list, map[string]any{"url": v.cfg.Site.Base.Absolute(p.base()), "permalink": v.cfg.Site.Base.Absolute(p.base()),
			"updated": orNone(cmp.Or(p.Node.Updated, p.Node.Date)), "extra": p.extra})
	}
	return list
}

// feedName is the file of a feed.
const feedName = "atom.xml"

// mostTermsNamed is how many of the terms without a feed are named.
const mostTermsNamed = 3

// addFeeds adds the feeds of the site, of sections and of terms.
func (t *tree) addFeeds(s *treePhase, add func(output, template string, vars func(*values) map[string]any)) {
	base, limit := s.cfg.Site.Base, s.cfg.Site.FeedLimit
	var wanting []string
	undated := func(what, message string) {
		t.doubts = append(t.doubts, Problem{File: what, Message: message, Hint: "write date = 2024-05-01 into their front matter"})
	}
	feed := func(of, what, title string, nodes []*content.Node, more func(*values) map[string]any) (made bool) {
		if !base.Known() {
			wanting = append(wanting, what)
			return true
		}
		dated := slices.DeleteFunc(slices.Clone(nodes), func(n *content.Node) bool { return content.Instant(n.Date).IsZero() })
		content.Newest(dated)
		if limit > 0 && len(dated) > limit {
			dated = dated[:limit]
		}
		if len(dated) == 0 {
			return false
		}
		output := of[1:] + feedName
		add(output, feedName, func(v *values) map[string]any {
			vars := map[string]any{"feed_url": base.Absolute("/" + output), "page_url": base.Absolute(asset.URL(of)), "lang": v.cfg.Site.Language, "feed_title": orNone(title), "whole": s.cfg.Site.FeedContent,
				"pages": v.listed(dated), "last_updated": lastOf(dated), "term": nil}
			if more != nil {
				for name, value := range more(v) {
					vars[name] = value
				}
			}
			return vars
		})
		return true
	}
	const noneOfIts = "has no feed: none of its pages has a date"
	var all []*content.Node
	for _, p := range t.pages {
		if p.written && !p.Section {
			all = append(all, p.Node)
		}
	}
	if s.cfg.Site.Feed && !feed("/", s.configName(), "", all, nil) {
		undated(s.configName(), noneOfIts)
	}
	for _, p := range slices.Clone(t.pages) {
		if p.written && p.Section && p.Feed && !feed(p.URL(), p.name, p.title, p.Pages, nil) {
			undated(p.name, noneOfIts)
		}
	}
	for _, x := range t.taxonomies {
		what := "the taxonomy " + x.Name
		var without []string
		for _, one := range x.terms {
			if x.Feed && !feed(one.route+"/", what, "", one.pages, func(v *values) map[string]any {
				return map[string]any{"term": v.term(one), "taxonomy": v.taxonomy(x)}
			}) {
				without = append(without, one.name)
			}
		}
		if len(without) > 0 {
			undated(what, "has no feed of "+printable.First(mostTermsNamed, without, strconv.Quote)+": none of their pages has a date")
		}
	}
	if len(wanting) > 0 {
		t.doubts = append(t.doubts, Problem{File: wanting[0], Message: "has no feed: feeds have whole addresses, and nobody knows where the site will be",
			Hint: `write base_url "https://example.org" into ` + s.configName() + ", or give --base-url"})
	}
}

// lastOf is when the last of some pages was changed.
func lastOf(nodes []*content.Node) string {
	last := ""
	for _, n := range nodes {
		if when := cmp.Or(n.Updated, n.Date); last == "" || content.Instant(when).After(content.Instant(last)) {
			last = when
		}
	}
	return last
}

// madeText is a file that is made and is no page.
type madeText struct {
	text    string
	resized []resizedUse
}

// plain is its text, if it was made.
func (m *madeText) plain() string {
	if m == nil {
		return ""
	}
	return m.text
}

func (m *madeText) code(c *coder) {
	c.text(&m.text)
	c.uses(&m.resized)
}

// ofXML leaves out what no XML may have, however it is written.
func ofXML(c rune) rune {
	if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xFFFE || c == 0xFFFF {
		return -1
	}
	return c
}

// makeText renders a file that is made and is no page, by its path below the
// output folder.
func (s *renderPhase) makeText(ctx context.Context, ask *query.Ask, output string) (*madeText, error) {
	t, err := s.trees.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	p := t.byText[output]
	if p == nil {
		return nil, noFile(output)
	}
	if p.made.contents != nil {
		return &madeText{text: string(p.made.contents)}, nil
	}
	name, err := s.madeTemplate(ctx, ask, p.made)
	if err != nil {
		return nil, err
	}
	made, err := s.fillIn(ctx, ask, p, name)
	if err != nil {
		return nil, err
	}
	text := made.html
	if path.Ext(output) == ".xml" {
		text = strings.Map(ofXML, text)
	}
	return &madeText{text, made.resized}, nil
}

// textNames are the paths of the files that are made and are no pages.
func (t *tree) textNames() []string {
	names := make([]string, len(t.texts))
	for i, p := range t.texts {
		names[i] = p.made.output
	}
	return names
}
