package config

import (
	"errors"
	"net/url"
	"path"
	"slices"
	"strings"

	"ddc/internal/kdl"
)

// Site is what a site says of itself, and how its pages are made.
type Site struct {
	// Title and Description are those of the home page where they are empty.
	Title, Description string
	// Base is where the site will be reached.
	Base Base
	// Language is that of the pages, as in "en".
	Language string
	// Author is the one of all pages that name no other.
	Author string
	// Search says that the site has an index for searching it.
	Search bool
	// Feed says that the site has an Atom feed of its newest pages.
	Feed bool
	// FeedLimit is how many pages a feed has; 0 is all.
	FeedLimit int
	// FeedContent says that a feed has the whole text of its pages.
	FeedContent bool
	Taxonomies  []Taxonomy
	Markdown    Markdown
	Highlight   Highlight
	// Extra is whatever the site's own templates want to know.
	Extra []*kdl.Node
}

// Taxonomy is a way to sort pages, such as "tags".
type Taxonomy struct {
	Name string
	// PaginateBy is how many pages of a term are shown at once; 0 is all.
	PaginateBy int
	// Feed says that each term has a feed of its own.
	Feed bool
}

// Taxonomy finds one by its name.
func (s *Site) Taxonomy(name string) (Taxonomy, bool) {
	i := slices.IndexFunc(s.Taxonomies, func(t Taxonomy) bool { return t.Name == name })
	if i < 0 {
		return Taxonomy{}, false
	}
	return s.Taxonomies[i], true
}

// Markdown is how the text of pages is read.
type Markdown struct {
	// SmartPunctuation makes typographic quotes, dashes and dots.
	SmartPunctuation bool
}

// Highlight are the themes of code, for a light and a dark screen. Either may
// be empty; if both are, the theme is the built-in one.
type Highlight struct{ Light, Dark string }

// Base is where a site is reached: "https://example.org" and "/blog". Both are
// empty if nobody has said.
type Base struct{ Origin, Prefix string }

// errBase is what is wrong with a base_url.
var errBase = errors.New(`is to be an address such as "https://example.org/blog", or a path such as "/blog"`)

// ParseBase reads an address, or a path that begins with a slash.
func ParseBase(text string) (Base, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Opaque != "", strings.ContainsAny(text, "\"'<> \\?#"):
		return Base{}, errBase
	case u.Scheme == "" && (u.Host != "" || !strings.HasPrefix(u.Path, "/")):
		return Base{}, errBase
	case u.Scheme != "" && (u.Scheme != "http" && u.Scheme != "https" || u.Host == ""):
		return Base{}, errBase
	}
	b := Base{}
	if u.Scheme != "" {
		b.Origin = u.Scheme + "://" + u.Host
	}
	if clean := path.Clean("/" + u.EscapedPath()); clean != "/" {
		b.Prefix = clean
	}
	return b, nil
}

// Absolute gives the whole address of a path of the site, such as "/guide/", as
// far as it is known.
func (b Base) Absolute(address string) string { return b.Origin + b.Prefix + address }

// Known says whether the site's host is known.
func (b Base) Known() bool { return b.Origin != "" }

// String is the base as templates see it: without a slash at its end, but for
// "/" itself.
func (b Base) String() string {
	if b == (Base{}) {
		return "/"
	}
	return b.Origin + b.Prefix
}

// documentFields are the settings of a file.
func documentFields(c *Config) map[string]field {
	s := &c.Site
	text := func(doc string, into *string) field {
		return field{doc: doc, read: func(d *decoder, s setting) { d.text(s, into) }}
	}
	folder := func(doc string, into *string) field {
		return field{doc: doc, read: func(d *decoder, s setting) { d.folder(s, into) }}
	}
	flag := func(doc string, into *bool) field {
		return field{doc: doc, read: func(d *decoder, s setting) { d.boolean(s, into) }}
	}
	return map[string]field{
		"content":        folder("the folder of the pages", &c.Content),
		"output":         folder("the folder that the site is written to", &c.Output),
		"title":          text("the name of the site; if not given, the home page's title", &s.Title),
		"description":    text("what the site is about, in a sentence; if not given, the home page's description", &s.Description),
		"author":         text("who writes the pages that name nobody else", &s.Author),
		"language":       text(`the language of the pages ("en")`, &s.Language),
		"base_url":       {doc: `where the site will be reached, as in "https://example.org/blog", or "/blog"`, read: func(d *decoder, s setting) { d.base(s, &c.Site.Base) }},
		"feed":           flag("whether the site has an Atom feed, atom.xml (#false)", &s.Feed),
		"feed_limit":     {doc: "how many pages a feed has (20); 0 for all", read: func(d *decoder, s setting) { d.count(s, &c.Site.FeedLimit) }},
		"feed_content":   flag("whether a feed has the whole text of its pages (#true), or only their descriptions and summaries", &s.FeedContent),
		"search":         flag("whether the site has an index for searching it, in pagefind/ (#true)", &s.Search),
		"taxonomies":     taxonomiesField(s),
		"extra":          {doc: "whatever the site's own templates want to know: config.extra", read: func(d *decoder, s setting) { d.extra(s, &c.Site.Extra) }},
		"link_check":     linkCheckField(&c.LinkCheck),
		"stable_assets":  stableAssetsField(&c.StableAssets),
		"code_execution": codeExecutionField(&c.CodeExecution),
		"wake": {doc: "how host and plugins wake each other: a name of ddc wake list; NAME=STRATEGY for one plugin", read: func(d *decoder, s setting) {
			if d.text(s, &c.Wake); len(s.values) == 1 {
				c.wakeAt = spotOf(s.values[0])
			}
		}},
		"plugin":       pluginField(&c.Plugins),
		"max_text_mib": {doc: "the most that one text of the site may have, in MiB (64)", read: func(d *decoder, s setting) { d.size(s, &c.MaxText) }},
		"max_resized": {doc: "the most sizes and formats of one picture that one page has made by resize_image (100)", read: func(d *decoder, s setting) {
			if n, ok := d.between(s, 1, mostResized); ok {
				c.MaxResized = int(n)
			}
		}},
		"markdown": block("how the text of pages is read", map[string]field{
			"smart_punctuation": flag("whether quotes, dashes and dots become typographic ones (#false)", &s.Markdown.SmartPunctuation),
		}),
		"syntax-highlight": block("the colours of code", map[string]field{
			"light-theme": text("the theme for light screens", &s.Highlight.Light),
			"dark-theme":  text("the theme for dark screens", &s.Highlight.Dark),
		}),
	}
}

func (d *decoder) base(s setting, into *Base) {
	var written string
	before := len(d.errors)
	if d.text(s, &written); len(d.errors) > before {
		return
	}
	base, err := ParseBase(written)
	if err != nil {
		d.fail(s.spot, s.name+" "+err.Error()+", not "+quote(written), "")
		return
	}
	*into = base
}

// mostPages bounds numbers of pages.
const mostPages = 1_000_000

// mostResized bounds sizes of pictures. No page's template has steps for more.
const mostResized = 5000

func (d *decoder) count(s setting, into *int) {
	if n, ok := d.between(s, 0, mostPages); ok {
		*into = int(n)
	}
}

// extra takes the properties and the children of a block as they are.
func (d *decoder) extra(block setting, into *[]*kdl.Node) {
	for _, s := range d.inner(block) {
		node := s.node
		if node == nil {
			node = &kdl.Node{Name: s.name, Args: s.values}
		}
		*into = append(*into, node)
	}
}

// taxonomiesField reads a block in which each name is a taxonomy.
func taxonomiesField(site *Site) field {
	fields := func(t *Taxonomy) map[string]field {
		return map[string]field{
			"paginate_by": {doc: "how many pages of a term are shown at once; 0 for all", read: func(d *decoder, s setting) { d.count(s, &t.PaginateBy) }},
			"feed":        {doc: "whether each term has an Atom feed (#false)", read: func(d *decoder, s setting) { d.boolean(s, &t.Feed) }},
		}
	}
	inner := map[string]field{"tags": {doc: "one of them, by its name; front matter then has: [taxonomies] tags = [..]", inner: fields(&Taxonomy{})}}
	return field{doc: "the ways to sort pages, each a name: taxonomies { tags paginate_by=10; authors }", inner: inner, read: func(d *decoder, block setting) {
		all := d.inner(block)
		d.once(all)
		for _, s := range all {
			t := Taxonomy{Name: s.name}
			if s.node == nil || len(s.values) > 0 {
				d.fail(s.spot, "a taxonomy is a name with settings, as in: taxonomies { tags paginate_by=10 }", "")
				continue
			}
			if strings.ContainsAny(s.name, `/\.`) || s.name == "" {
				d.fail(s.spot, "a taxonomy's name is a part of its address, and "+quote(s.name)+" cannot be one", "use letters, digits and -")
				continue
			}
			settings := settings(s.node)
			d.once(settings)
			d.fields(settings, "setting of the taxonomy "+s.name, fields(&t))
			site.Taxonomies = append(site.Taxonomies, t)
		}
	}}
}
