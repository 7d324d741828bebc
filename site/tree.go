package site

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"ddc/internal/notation"
	"ddc/internal/query"
	"ddc/plugins/markdown/markdownpb"
	"ddc/site/asset"
	"ddc/site/content"
)

// treePhase has the pages' front matter, and the tree of sections that it
// makes. Keys are paths of sources below the content folder.
type treePhase struct {
	*extensionPhase
	fronts   *query.Query[*front]
	metas    *query.Query[*meta]
	trees    *query.Query[*tree]
	parents  *query.Query[string]
	urls     *query.Query[string]
	known    *query.Query[*linkable]
	mentions *query.Query[map[string]string]
	anchors  *query.Query[string]
	template *query.Query[string] // that a page's section has for its pages
}

func newTreePhase(from *extensionPhase) *treePhase {
	s, e := &treePhase{extensionPhase: from}, from.engine
	s.fronts = query.New(e, "front", byCode[front](), s.readFront, query.Spilt)
	s.metas = query.New(e, "meta", byCode[meta](), s.readMeta)
	s.trees = query.New(e, "tree", byDigest[*tree](), s.growTree, query.Unkept)
	s.parents = query.New(e, "parent", text, s.parent)
	s.urls = query.New(e, "url", text, s.addressOfPage)
	s.known = query.New(e, "known", byDigest[*linkable](), s.findLinkable, query.Unkept)
	s.anchors = query.New(e, "anchors", text, s.anchorsOf)
	s.template = query.New(e, "page template", text, s.pageTemplateOf)
	s.mentions = query.New(e, "mentions", query.JSON[map[string]string](), s.mentioned)
	return s
}

// front is what stands before a page's body, and the body.
type front struct {
	*meta
	body string
	line int32 // of the body
}

// meta is what a page says of itself. It never changes.
type meta struct {
	*markdownpb.FrontMatter
	title string
	// extra is never nil, so that a template may ask for a key that is not in
	// it.
	extra any
	keys  map[string]*markdownpb.Place // of the front matter
	// doubts are what nobody understands of it.
	doubts []Problem
	node   *content.Node // never changed: a tree has copies
}

// page is a page or section in the tree. What is made of it are values of its
// own.
type page struct {
	*content.Node
	*meta
	name string // of its file, for people
	// written is false for the home page of a site that has none: it has no
	// file.
	written bool
	// beside are the files beside the page, by path below the output folder.
	beside []string
	// made is nil for a page that is all that its source says.
	made *made
}

// base is what relative addresses on the page count from. Unlike the route it
// is a valid URL, whatever the file's name ("100%.md").
func (p *page) base() string { return asset.URL(p.URL()) }

// tree is all pages, by their front matter.
type tree struct {
	root    *content.Node
	pages   []*page          // in the order of their paths; a home page that nobody wrote comes last
	byPath  map[string]*page // by the path of the source
	byRoute map[string]*page
	// bySource are all pages by the path of their sources: drafts too, and
	// those whose front matter is faulty, which have no meta.
	bySource map[string]*page
	// paths are those that Markdown may link to: links to a page whose front
	// matter is faulty are not broken.
	paths []string
	// absent are the routes of pages that are not built: for a draft its file,
	// for one with faulty front matter nothing.
	absent map[string]string
	drafts map[string]bool // by path of the source
	// asides are the files in the content folder that are no pages, by path
	// below it.
	asides map[string]aside
	// faults are pages that have the same address.
	faults Errors
	// doubts are what may be mistakes.
	doubts []Problem

	taxonomies []*taxonomy
	texts      []*page          // files that are made, and are no pages
	byText     map[string]*page // the same, by path below the output folder

	values func() *values
}

// keys are the paths of all pages.
func (t *tree) keys() []string {
	keys := make([]string, len(t.pages))
	for i, p := range t.pages {
		keys[i] = p.Path
	}
	return keys
}

// pageName is what messages call a page's file.
func (s *treePhase) pageName(key string) string { return path.Join(s.name(s.cfg.Content), key) }

// readFront has a page's front matter read.
func (s *treePhase) readFront(ctx context.Context, ask *query.Ask, key string) (*front, error) {
	name := s.pageName(key)
	source, err := s.texts.Get(ctx, ask, name)
	if err != nil {
		return nil, err
	}
	head := s.headOf(source)
	answer, err := call(ctx, s.build, "markdown", name, s.Markdown.ParseFrontMatter,
		&markdownpb.ParseFrontMatterRequest{Path: name, Source: source[:head]})
	if err != nil {
		return nil, err
	}
	m := &meta{FrontMatter: answer.GetFrontMatter(), keys: answer.Keys}
	if m.FrontMatter == nil {
		m.FrontMatter = &markdownpb.FrontMatter{}
	}
	if m.extra, err = decodeExtra(m.ExtraJson); err != nil {
		return nil, fmt.Errorf("markdown plugin, %s: extra_json: %w", name, err)
	}
	for _, w := range answer.Warnings {
		m.doubts = append(m.doubts, Problem{File: name, Line: int(w.Place.GetLine()), Col: int(w.Place.GetColumn()), Length: int(w.Place.GetLength()), Message: w.Message, Hint: w.Hint})
	}
	m.title = cmp.Or(m.Title, content.TitleOf(key))
	if m.node, err = m.nodeOf(key, name); err != nil {
		return nil, err
	}
	return &front{m, answer.Body + source[head:], answer.BodyLine}, nil
}

// headOf is how much of a page's source is sent to have its front matter read:
// the body would come back as it is. It is all of a source in which there is
// more to find, and for a program in the place of ddc's markdown, which may
// know other front matter.
func (s *treePhase) headOf(source string) int {
	if f := notation.FindFences(source); f.Body > 0 && !strings.Contains(source, "\r") && !s.isReplaced("markdown") {
		return f.Body
	}
	return len(source)
}

func (f *front) code(c *coder) {
	if c.reading {
		f.meta = &meta{}
	}
	f.meta.code(c)
	c.text(&f.body)
	number(c, &f.line)
}

func (m *meta) code(c *coder) {
	key := ""
	if c.reading {
		m.FrontMatter = &markdownpb.FrontMatter{}
	} else if m.node != nil {
		key = m.node.Path
	}
	c.text(&m.title)
	c.text(&key)
	c.message(m.FrontMatter)
	dict(c, &m.keys, func(p **markdownpb.Place) {
		if c.reading {
			*p = &markdownpb.Place{}
		}
		c.message(*p)
	})
	c.problems(&m.doubts)
	if !c.reading || c.err != nil {
		return
	}
	var err error
	if m.extra, err = decodeExtra(m.ExtraJson); err == nil {
		m.node, err = m.nodeOf(key, key)
	}
	c.fail(err)
}

// readMeta leaves out the body, so that who asks need not ask again when that
// changes.
func (s *treePhase) readMeta(ctx context.Context, ask *query.Ask, key string) (*meta, error) {
	f, err := s.fronts.Get(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	return f.meta, nil
}

// sourcePages are the paths of all pages' sources.
func sourcePages(folder listing) []string {
	var keys []string
	for _, p := range folder.Paths {
		if path.Ext(p) == ".md" {
			keys = append(keys, p)
		}
	}
	return keys
}

// growTree sorts pages into sections. If nobody wrote a root section, it gets a
// page of its own. Pages whose front matter is at fault are left out.
func (s *treePhase) growTree(ctx context.Context, ask *query.Ask, _ string) (*tree, error) {
	folder, err := s.listings.Get(ctx, ask, contentFolder)
	if err != nil {
		return nil, err
	}
	keys := sourcePages(folder)
	if len(folder.Names) == 0 && folder.Faults == nil {
		return nil, s.nothingToBuild()
	}
	metas, err := s.metas.All(ctx, ask, keys)
	if failure := failureOf(err); failure != nil {
		return nil, failure
	}
	t := &tree{byPath: map[string]*page{}, byRoute: map[string]*page{}, bySource: map[string]*page{}, absent: map[string]string{}, drafts: map[string]bool{}, byText: map[string]*page{}}
	var nodes []*content.Node
	for i, m := range metas {
		key := keys[i]
		p := &page{meta: m, name: s.pageName(key), written: true}
		t.bySource[key] = p
		switch {
		case m == nil: // its fault is told by whoever asks for it
			p.Node = content.NewNode(key)
			t.paths = append(t.paths, key)
			t.absent[p.Route] = ""
		case s.leftOut(m):
			n := *m.node
			p.Node = &n
			t.absent[p.Route] = p.name
			t.drafts[key] = true
		default:
			n := *m.node
			p.Node = &n
			nodes, t.paths = append(nodes, p.Node), append(t.paths, key)
			t.add(p)
		}
	}
	t.addBeside(s, folder)
	var clashes [][2]*content.Node
	t.root, clashes = content.Grow(nodes)
	t.leaveOut(clashes)
	if t.byRoute["/"] == nil {
		t.add(&page{Node: t.root, meta: &meta{FrontMatter: &markdownpb.FrontMatter{Title: t.root.Title}, title: t.root.Title, extra: map[string]any{}, node: t.root}, name: s.pageName(t.root.Path)})
	}
	if _, err := s.listings.Get(ctx, ask, "templates"); err != nil { // addMade looks into both
		return nil, err
	}
	if _, err := s.listings.Get(ctx, ask, "static"); err != nil {
		return nil, err
	}
	t.addMade(s)
	if err := s.extendTree(ctx, ask, t); err != nil {
		return nil, err
	}
	t.values = sync.OnceValue(func() *values { return newValues(t, s.cfg, s.hasSearch()) })
	return t, nil
}

func (t *tree) add(p *page) {
	t.pages = append(t.pages, p)
	t.byPath[p.Path], t.byRoute[p.Route] = p, p
}

// leaveOut forgets the second of each two pages that have one address.
func (t *tree) leaveOut(clashes [][2]*content.Node) {
	out := map[*content.Node]bool{}
	for _, c := range clashes {
		first, second := c[0], c[1]
		t.faults = append(t.faults, t.clash(first, second))
		t.byRoute[second.Route] = t.byPath[first.Path]
		delete(t.byPath, second.Path)
		out[second] = true
	}
	t.pages = slices.DeleteFunc(t.pages, func(p *page) bool { return out[p.Node] })
}

func (t *tree) digest(c *canon) {
	for _, p := range t.pages {
		c.text(p.Path)
		c.flag(p.written)
		c.coded(p.meta)
		c.text(strings.Join(p.beside, "\n"))
		c.flag(p.made != nil)
		if p.made != nil {
			c.text(p.made.sum)
		}
	}
	c.text(strings.Join(t.paths, "\n"))
	for _, route := range sortedKeys(t.absent) {
		c.text(route)
		c.text(t.absent[route])
	}
	for _, path := range sortedKeys(t.drafts) {
		c.text(path)
	}
	for _, file := range sortedKeys(t.asides) {
		c.text(file)
		c.text(t.asides[file].path)
	}
	for _, p := range t.faults {
		c.text(p.String())
	}
	c.problems(t.doubts)
	for _, p := range t.texts {
		c.text(p.made.output)
		c.text(p.made.sum)
	}
}

// nothingToBuild says why there are no pages.
func (s *treePhase) nothingToBuild() error {
	return Errors{{File: s.name(s.cfg.Content), Message: "there are no pages: the content folder is empty or missing",
		Hint: "write " + path.Join(s.name(s.cfg.Content), "_index.md") + ", or name another folder with -c"}}
}

// page finds a page of the tree, without a record of the tree: what is taken of
// it is the front matter, which is asked for.
func (s *treePhase) page(ctx context.Context, ask *query.Ask, key string) (*page, error) {
	t, err := s.trees.Get(ctx, ask.Aside(), "")
	if err != nil {
		return nil, err
	}
	p := t.byPath[key]
	if p == nil {
		return nil, fmt.Errorf("%s is no page of the site", key)
	}
	switch {
	case p.written:
		_, err = s.metas.Get(ctx, ask, key)
	case p.made == nil || !p.made.fixed:
		_, err = s.trees.Get(ctx, ask, "") // until somebody writes it
	}
	return p, err
}

// writtenIn is the source of a page, or "" if nobody wrote it.
func (s *treePhase) writtenIn(ctx context.Context, ask *query.Ask, p *page) (string, error) {
	if !p.written {
		return "", nil
	}
	return s.texts.Get(ctx, ask, p.name)
}

// mentioned are the pages that a page's Markdown may link to. Others may come
// and go.
func (s *treePhase) mentioned(ctx context.Context, ask *query.Ask, key string) (map[string]string, error) {
	f, err := s.fronts.Get(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	known, err := s.known.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	return known.named(f.body), nil
}
