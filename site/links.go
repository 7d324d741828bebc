package site

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"ddc/internal/diagnostic"
	"ddc/plugins/html/htmlpb"
	"ddc/plugins/linkcheck/linkcheckpb"
	"ddc/site/content"
)

// home stands for the site's own host while addresses are resolved.
const home = "site.invalid"

// externalTimeout is how long a server may take to answer, in milliseconds.
const externalTimeout = 10_000

// searchFolder is what the build itself makes; links into it are not dead.
const searchFolder = "/pagefind/"

// links finds the dead links in the pages as their templates made them.
func (b *build) links(ctx context.Context) error {
	return b.checkLinks(ctx, b.options.CheckLinks)
}

// andLinks adds dead links to the faults of a phase, as warnings or, if strict,
// as faults, so that an author sees both at once. It looks at the pages that
// can be rendered. before are the phases that have not run yet. What they find
// is not reported, since it may follow from the known faults. Other sites are
// not asked: that is for a site that would be built.
func (b *build) andLinks(ctx context.Context, err error, before ...func(context.Context) error) error {
	var faults Errors
	if !errors.As(err, &faults) {
		return err
	}
	for _, phase := range append(before, func(ctx context.Context) error { return b.checkLinks(ctx, false) }) {
		b.mu.Lock()
		b.problems = nil
		b.mu.Unlock()
		err := b.phase(ctx, phase)
		switch {
		case ctx.Err() != nil:
			return err
		case err != nil && diagnostic.Of(err) == nil:
			return faults // the machinery failed, but the site is at fault in any case
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return diagnostic.Sorted(append(faults, b.problems...))
}

func (b *build) checkLinks(ctx context.Context, others bool) error {
	ids := map[string]map[string]bool{}
	for _, p := range b.pages {
		if p.found == nil { // it could not be rendered
			continue
		}
		ids[p.Route] = map[string]bool{}
		for _, id := range p.found.Ids {
			ids[p.Route][id] = true
		}
	}
	external := map[string][]*page{}
	var faults Errors
	where := b.newWhere()
	for _, p := range b.pages {
		if p.found == nil {
			continue
		}
		before := map[string]int{} // how often the page had the same link
		for _, link := range p.found.Links {
			nth := before[link.Url]
			before[link.Url]++
			target, err := resolve(p, link.Url)
			switch {
			case err != nil:
				faults = append(faults, where.brokenLink(p, link.Url, nth, "is no address", "correct it"))
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
				if broken := b.deadEnd(target, ids); broken != "" {
					faults = append(faults, where.brokenLink(p, link.Url, nth, broken, ""))
				}
			}
		}
	}
	var checked Errors
	if others {
		var err error
		if checked, err = b.external(ctx, external, where); err != nil {
			return err
		}
	}
	faults = diagnostic.Sorted(slices.Concat(faults, checked, b.deadReferences()))
	if b.options.Strict && len(faults) > 0 {
		return faults
	}
	for _, f := range faults {
		b.warn(f)
	}
	return nil
}

// isLink says whether a reader follows the link, rather than a browser loading
// it.
func isLink(l *htmlpb.Link) bool {
	return l.Attribute == "href" && (l.Element == "a" || l.Element == "area")
}

// resolve gives the whole address of a link on a page, or nil if it names no
// document (mailto:, data:).
func resolve(p *page, link string) (*url.URL, error) {
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

// deadEnd says why an address of the site leads nowhere, or "" if it leads
// somewhere.
func (b *build) deadEnd(target *url.URL, ids map[string]map[string]bool) string {
	name := path.Clean("/" + target.Path)
	if strings.HasPrefix(name+"/", searchFolder) || b.byPath[name[1:]] != nil {
		return ""
	}
	route := strings.TrimSuffix(name, "/index.html")
	if route == "" {
		route = "/"
	}
	if draft, absent := b.absent[route]; absent && b.known[route] == nil {
		if draft != "" {
			return "leads to the draft " + draft
		}
		return ""
	}
	if b.known[route] == nil {
		return "leads nowhere: the site has neither a page nor a file " + name
	}
	// "#" and "#top" are the top of any page, "#:~:" is the browser's own.
	anchor, _, _ := strings.Cut(target.Fragment, ":~:")
	known, rendered := ids[route]
	if anchor != "" && anchor != "top" && rendered && !known[anchor] {
		return fmt.Sprintf("leads to %s, which has no %q", name, "#"+anchor)
	}
	return ""
}

// where finds links in the sources. It looks through each source once, however
// many of its links are dead.
type where struct {
	pages     map[*page]*content.Finder
	templates map[string]*content.Finder
	names     []string // of the templates, in order
	files     map[string]string
}

func (b *build) newWhere() *where {
	w := &where{pages: map[*page]*content.Finder{}, templates: map[string]*content.Finder{}, names: sortedKeys(b.sources.templates), files: b.sources.templateNames}
	for _, name := range w.names {
		w.templates[name] = content.NewFinder(b.sources.templates[name])
	}
	return w
}

// brokenLink makes the problem of a broken link. If the same link stands there
// several times, this is the nth. It looks for the link in the page's source,
// then in the templates. A link that a template put together is in neither; the
// problem then has no place but the page.
func (w *where) brokenLink(p *page, link string, nth int, message, hint string) Problem {
	source := w.pages[p]
	if source == nil {
		source = content.NewFinder(p.source)
		w.pages[p] = source
	}
	problem := Problem{File: p.file.Name, Message: fmt.Sprintf("the link %q %s", link, message), Hint: hint}
	in := func(file string, source *content.Finder) bool {
		places := source.Links(link)
		if len(places) == 0 {
			return false
		}
		place := places[min(nth, len(places)-1)]
		problem.File, problem.Line, problem.Col, problem.Length = file, place.Line, place.Col, utf8.RuneCountInString(link)
		return true
	}
	if in(p.file.Name, source) {
		return problem
	}
	for _, name := range w.names {
		if in(w.files[name], w.templates[name]) {
			return problem
		}
	}
	// The link to a .md file became an address, but its fragment stayed as it
	// was written.
	if _, fragment, has := strings.Cut(link, "#"); has {
		problem.Line = source.Line("#" + fragment + ")")
	}
	return problem
}

// external asks the servers of addresses outside the site whether they answer.
func (b *build) external(ctx context.Context, pages map[string][]*page, where *where) (Errors, error) {
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
		message := ""
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
