package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"ddc/internal/diagnostic"
	"ddc/internal/markup"
	"ddc/internal/query"
	"ddc/plugins/html/htmlpb"
	"ddc/plugins/linkcheck/linkcheckpb"
	"ddc/site/config"
	"ddc/site/content"
)

// home stands for the site's own host while addresses are resolved.
const home = "site.invalid"

// externalTimeout is how long a server may take to answer, in milliseconds.
const externalTimeout = 10_000

// searchFolder is what the build itself makes; links into it are not dead.
const searchFolder = "/pagefind/"

// shownPage is a page that could be rendered, with what is in it.
type shownPage struct {
	*page
	*rendered // nil until somebody looks at its links
	ids       map[string]bool
}

// checkLinks finds the dead links in the pages as their templates made them. It
// gives them as warnings or, if strict, as faults. Others says to ask other
// sites too.
func (s *finalPhase) checkLinks(ctx context.Context, ask *query.Ask, pages []*shownPage, references []unknownReference, others bool) ([]Problem, error) {
	t, all, err := s.treeAndStatics(ctx, ask)
	if err != nil {
		return nil, err
	}
	targets := &targets{t, all, map[string]*shownPage{}, s.cfg.Site.Base, map[string]bool{}}
	for _, p := range pages {
		if p.rendered, err = s.pages.Get(ctx, ask, p.Path); err != nil {
			return nil, err
		}
		targets.shown[p.Route] = p
		targets.note(p.resized)
	}
	external := map[string][]*shownPage{}
	where := s.newWhere(ctx, ask)
	var found Errors
	for _, p := range pages {
		found = append(found, targets.deadLinks(p, where, external)...)
	}
	if others {
		checked, err := s.external(ctx, external, where)
		if err != nil {
			return nil, err
		}
		found = append(found, checked...)
	}
	found = diagnostic.Sorted(append(found, targets.deadReferences(references, where)...))
	if where.failure != nil {
		return nil, where.failure
	}
	if s.options.Strict && len(found) > 0 {
		return nil, found
	}
	return found, nil
}

// deadOf finds the dead links of one page by itself.
func (s *finalPhase) deadOf(ctx context.Context, ask *query.Ask, key string) ([]Problem, error) {
	p, made, err := s.renderedPage(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	shown := &shownPage{page: p, rendered: made}
	t, all, err := s.treeAndStatics(ctx, ask)
	if err != nil {
		return nil, err
	}
	targets := &targets{t, all, map[string]*shownPage{p.Route: shown}, s.cfg.Site.Base, map[string]bool{}}
	targets.note(made.resized)
	for _, link := range made.found.Links { // those with a fragment need the pages they lead to
		if markup.IsPlainPath(link.Url) && s.cfg.Site.Base == (config.Base{}) && !strings.HasPrefix(link.Url[1:], resizedFolder) {
			continue // it has none
		}
		to, err := resolve(p, link.Url)
		if err != nil || to == nil {
			continue
		}
		if targets.isOfOthers(to) {
			uses, err := s.allResized.Get(ctx, ask, "")
			if failure := failureOf(err); failure != nil {
				return nil, failure
			}
			if uses != nil {
				targets.note(uses.list)
			}
		}
		if to = targets.inside(to); to.Host != home || to.Fragment == "" {
			continue
		}
		other := t.byRoute[routeOf(to)]
		if other == nil || targets.shown[other.Route] != nil {
			continue
		}
		made, err := s.pages.Get(ctx, ask, other.Path)
		if failure := failureOf(err); failure != nil {
			return nil, failure
		}
		if made != nil {
			targets.shown[other.Route] = &shownPage{page: other, rendered: made}
		}
	}
	where := s.newWhere(ctx, ask)
	found := diagnostic.Sorted(targets.deadLinks(shown, where, map[string][]*shownPage{}))
	return found, where.failure
}

// routeOf is the route that an address of the site may have.
func routeOf(target *url.URL) string {
	return cmp.Or(strings.TrimSuffix(path.Clean("/"+target.Path), "/index.html"), "/")
}

// deadLinks are those of one page. External has the links to other sites that
// readers follow, with the pages that have them.
func (t *targets) deadLinks(p *shownPage, where *where, external map[string][]*shownPage) (found Errors) {
	before := map[string]int{} // how often the page had the same link
	for _, link := range p.found.Links {
		nth := before[link.Url]
		before[link.Url]++
		target, err := resolve(p.page, link.Url)
		if target != nil {
			target = t.inside(target)
		}
		switch {
		case err != nil:
			found = append(found, where.brokenLink(p, link.Url, nth, "is no address", "correct it"))
		case target == nil:
		case target.Host != home:
			target.Fragment, target.RawFragment = "", ""
			// Pages come one after the other: if this one is in the list
			// already, it is the last.
			address := target.String()
			if from := external[address]; isLink(link) && (len(from) == 0 || from[len(from)-1] != p) {
				external[address] = append(from, p)
			}
		default:
			if broken := t.deadEnd(target); broken != "" {
				found = append(found, where.brokenLink(p, link.Url, nth, broken, ""))
			}
		}
	}
	return found
}

// isLink says whether a reader follows the link, rather than a browser loading
// it.
func isLink(l *htmlpb.Link) bool {
	return l.Attribute == "href" && (l.Element == "a" || l.Element == "area")
}

// resolve gives the whole address of a link on a page, or nil if it names no
// document (mailto:, data:).
func resolve(p *page, link string) (*url.URL, error) {
	if markup.IsPlainPath(link) {
		return &url.URL{Scheme: "https", Host: home, Path: link}, nil
	}
	to, err := url.Parse(strings.TrimSpace(link))
	if err != nil {
		return nil, err
	}
	if to.Scheme != "" && to.Scheme != "http" && to.Scheme != "https" {
		return nil, nil
	}
	from := &url.URL{Scheme: "https", Host: home, Path: p.URL()}
	return from.ResolveReference(to), nil
}

// targets are what links may lead to.
type targets struct {
	tree    *tree
	statics *statics
	shown   map[string]*shownPage // by route
	base    config.Base
	resized map[string]bool // by path below the output folder
}

// note adds pictures that a template has had resized.
func (t *targets) note(uses []resizedUse) {
	for _, u := range uses {
		t.resized[u.name] = true
	}
}

// isOfOthers says whether an address may be of a picture that another page has
// had resized.
func (t *targets) isOfOthers(target *url.URL) bool {
	name := path.Clean("/" + t.inside(target).Path)[1:]
	return strings.HasPrefix(name, resizedFolder) && !t.resized[name]
}

// deadEnd says why an address of the site leads nowhere, or "" if it leads
// somewhere.
func (t *targets) deadEnd(target *url.URL) string {
	name := path.Clean("/" + target.Path)
	if strings.HasPrefix(name, searchFolder) || name+"/" == searchFolder || t.resized[name[1:]] || t.statics.byPath[name[1:]] != nil || t.tree.byText[name[1:]] != nil {
		return ""
	}
	route := routeOf(target)
	if draft, absent := t.tree.absent[route]; absent && t.tree.byRoute[route] == nil {
		if draft != "" {
			return "leads to the draft " + draft
		}
		return ""
	}
	if t.tree.byRoute[route] == nil {
		return "leads nowhere: the site has neither a page nor a file " + name
	}
	// "#" and "#top" are the top of any page, "#:~:" is the browser's own.
	anchor, _, _ := strings.Cut(target.Fragment, ":~:")
	page := t.shown[route]
	if anchor == "" || anchor == "top" || page == nil {
		return ""
	}
	if page.ids == nil {
		page.ids = map[string]bool{}
		for _, id := range page.found.Ids {
			page.ids[id] = true
		}
	}
	if !page.ids[anchor] {
		return fmt.Sprintf("leads to %s, which has no %q", name, "#"+anchor)
	}
	return ""
}

// where finds links in the sources, which it reads when a link is dead. It
// looks through each source once, however many of its links are dead.
type where struct {
	*finalPhase
	ctx   context.Context
	ask   *query.Ask
	pages map[*shownPage]*content.Finder
	// files, names and templates are there once a link is dead.
	files     *templates
	templates map[string]*content.Finder
	names     []string // of the templates, in order
	sass      *textFiles
	sources   map[string]*content.Finder // of references, by the file's name
	// failure is what kept a source from being read.
	failure error
}

func (s *finalPhase) newWhere(ctx context.Context, ask *query.Ask) *where {
	return &where{finalPhase: s, ctx: ctx, ask: ask, pages: map[*shownPage]*content.Finder{}, templates: map[string]*content.Finder{}, sources: map[string]*content.Finder{}}
}

// load reads the templates.
func (w *where) load() {
	if w.files != nil {
		return
	}
	w.files = &templates{}
	files, err := w.allTemplates.Get(w.ctx, w.ask, "")
	if err != nil {
		w.failure = errors.Join(w.failure, err)
		return
	}
	w.files, w.names = files, sortedKeys(files.Texts)
	for _, name := range w.names {
		w.templates[name] = content.NewFinder(files.Texts[name])
	}
}

// loadSass reads the sources of style sheets.
func (w *where) loadSass() textFiles {
	if w.sass == nil {
		files, err := w.textsIn(w.ctx, w.ask, "sass", sassExtensions...)
		w.failure = errors.Join(w.failure, err)
		w.sass = &files
	}
	return *w.sass
}

// source is that of a page.
func (w *where) source(p *shownPage) *content.Finder {
	source := w.pages[p]
	if source == nil {
		text, err := w.writtenIn(w.ctx, w.ask, p.page)
		w.failure = errors.Join(w.failure, err)
		source = content.NewFinder(text)
		w.pages[p] = source
	}
	return source
}

// brokenLink makes the problem of a broken link. If the same link stands there
// several times, this is the nth. It looks for the link in the page's source,
// then in the templates. A link that a template put together is in neither; the
// problem then has no place but the page.
func (w *where) brokenLink(p *shownPage, link string, nth int, message, hint string) Problem {
	w.load()
	source := w.source(p)
	problem := Problem{File: p.name, Message: fmt.Sprintf("the link %q %s", link, message), Hint: hint}
	in := func(file string, source *content.Finder) bool {
		places := source.Links(link)
		if len(places) == 0 {
			return false
		}
		place := places[min(nth, len(places)-1)]
		problem.File, problem.Line, problem.Col, problem.Length = file, place.Line, place.Col, utf8.RuneCountInString(link)
		return true
	}
	if in(p.name, source) {
		return problem
	}
	for _, name := range w.names {
		if in(w.files.Names[name], w.templates[name]) {
			return problem
		}
	}
	// The link to a .md file became an address, but its fragment stayed as it
	// was written.
	if _, fragment, has := strings.Cut(link, "#"); has {
		problem.Line = source.First("#" + fragment + ")").Line
	}
	return problem
}

// external asks the servers of addresses outside the site whether they answer.
func (b *build) external(ctx context.Context, pages map[string][]*shownPage, where *where) (Errors, error) {
	if len(pages) == 0 {
		return nil, nil
	}
	answer, err := call(ctx, b, "linkcheck", "", b.Linkcheck.Check, &linkcheckpb.CheckRequest{
		Urls: sortedKeys(pages), DelayMs: int32(b.cfg.LinkCheck.RateLimit.Milliseconds()), TimeoutMs: externalTimeout, SkipDomains: b.cfg.LinkCheck.SkipDomains,
	})
	if err != nil {
		return nil, err
	}
	var faults Errors
	for _, r := range answer.Results {
		var message string
		switch r.Status {
		case linkcheckpb.Result_STATUS_ERROR:
			message = fmt.Sprintf("is answered with %d", r.Code)
		case linkcheckpb.Result_STATUS_FAILED:
			message = "is not answered: " + r.Message
		default:
			continue
		}
		for _, p := range pages[r.Url] {
			faults = append(faults, where.brokenLink(p, r.Url, 0, message, "skip_domain in "+b.configName()+" leaves a domain alone"))
		}
	}
	return faults, nil
}
