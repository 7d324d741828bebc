package site

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"ddc/internal/query"
	"ddc/internal/slug"
	"ddc/plugins/markdown/markdownpb"
	"ddc/proto/sitepb"
	"ddc/site/content"
)

// made is how a page is made that is more than its source says, or that has
// none: those of terms, the further ones of a list, those that lead elsewhere.
type made struct {
	// templates are names, of which the first that there is counts; none for
	// the templates of any page. need says what needs them.
	templates []string
	need      string
	// vars are variables that the template has besides those of any page.
	vars func(*values) map[string]any
	// of is the section that the template sees, if any.
	of *content.Node
	// output is the path of its file, where that is not what the route says.
	output string
	// alone says that no list and no search has it.
	alone bool
	// fixed says that it is there, and as it is, whatever other pages there
	// are.
	fixed bool
	// abroad says that it is read on other sites: what it shows of pages has
	// whole addresses.
	abroad bool
	// new is a page that a plugin has added, and contents are a file that it
	// has; sum digests either.
	new      *sitepb.NewPage
	contents []byte
	sum      string
}

// Output is the path of the page's file below the output folder.
func (p *page) Output() string {
	if p.made != nil && p.made.output != "" {
		return p.made.output
	}
	return p.Node.Output()
}

// URL is the route as a browser asks for it.
func (p *page) URL() string {
	if p.made != nil && p.made.output != "" {
		return "/" + p.made.output
	}
	return p.Node.URL()
}

// makePage adds a page that has no source. Key tells it from all others; name
// is what messages call it.
func (t *tree) makePage(key, route, title, name string, m *made) *page {
	n := &content.Node{Path: key, Route: route, Title: title, Section: true, Parent: t.root}
	p := &page{Node: n, made: m, name: name, meta: &meta{FrontMatter: &markdownpb.FrontMatter{Title: title}, title: title, extra: map[string]any{}, node: n}}
	if taken := t.byRoute[route]; taken != nil {
		t.faults = append(t.faults, Problem{File: name, Message: fmt.Sprintf("has the address of %s too: %s", taken.name, route), Hint: "give that page another slug"})
		return p
	}
	t.add(p)
	return p
}

// addMade adds the pages that no source describes.
func (t *tree) addMade(s *treePhase) {
	written := slices.Clone(t.pages)
	for _, p := range written {
		t.redirect(p)
		if p.Section && p.PaginateBy > 0 {
			first := t.paginate(p.URL(), p.Pages, int(p.PaginateBy), func(n int, route string, m *made) {
				m.of = p.Node
				if t.byPath[p.Path].GetTemplate() != "" {
					m.templates, m.need = []string{p.GetTemplate()}, p.name
				}
				t.makePage(p.Path+"#"+strconv.Itoa(n), route, p.title, p.name, m)
			})
			if p.made == nil {
				p.made = &made{vars: first.vars, of: p.Node}
			}
		}
		for _, alias := range p.Aliases {
			t.alias(p, alias)
		}
	}
	t.addTaxonomies(s, written)
	if !slices.Contains(s.scanned.folders["static"].Paths, "404.html") {
		t.makePage("#404", "/404.html", "Not found", s.configName(), &made{templates: []string{"404.html"}, output: "404.html", alone: true, fixed: true})
	}
	t.addTexts(s)
}

// redirect makes a section lead to where it says.
func (t *tree) redirect(p *page) {
	if p.RedirectTo == "" {
		return
	}
	to := p.RedirectTo
	if source, isPage := strings.CutPrefix(to, "@/"); isPage {
		target := t.byPath[source]
		if target == nil {
			t.faults = append(t.faults, p.at(p.name, "redirect_to", fmt.Sprintf("redirect_to %q leads to no page", to), "check the path; it counts from the content folder after @/"))
			return
		}
		to = target.base()
	}
	p.made = &made{templates: []string{aliasTemplate}, vars: func(*values) map[string]any { return map[string]any{"url": to} }, of: p.Node, alone: true}
}

// alias adds a page that leads to another.
func (t *tree) alias(p *page, alias string) {
	m := &made{templates: []string{aliasTemplate}, vars: func(*values) map[string]any { return map[string]any{"url": p.base()} }, alone: true}
	route := path.Clean("/" + alias)
	if strings.HasSuffix(route, ".html") {
		m.output = route[1:]
	}
	taken, trouble := t.byRoute[route], slug.Trouble((&page{Node: &content.Node{Route: route, Section: true}, made: m}).Output())
	if taken != nil || trouble != "" || strings.ContainsAny(alias, "?#\\") {
		message := fmt.Sprintf("the alias %q is no address", alias)
		if taken != nil {
			message = fmt.Sprintf("the alias %q is the address of %s", alias, taken.name)
		} else if trouble != "" {
			message = "of an alias: " + trouble
		}
		t.faults = append(t.faults, p.at(p.name, "aliases", message, "choose another"))
		return
	}
	t.makePage(p.Path+"#"+route, route, p.title, p.name, m)
}

// paginate divides a list over pages. It calls add for the second page and
// those after it, adds one that leads from page/1 to the first, and returns how
// the first is made.
func (t *tree) paginate(first string, list []*content.Node, by int, add func(n int, route string, m *made)) *made {
	count := max((len(list)+by-1)/by, 1)
	address := func(n int) string {
		if n == 1 {
			return first
		}
		return path.Join(first, "page", strconv.Itoa(n)) + "/"
	}
	pager := func(n int) *made {
		return &made{vars: func(v *values) map[string]any {
			of := map[string]any{
				"paginate_by": int64(by), "base_url": path.Join(first, "page") + "/", "number_pagers": int64(count), "total_pages": int64(len(list)),
				"first": address(1), "last": address(count), "previous": nil, "next": nil, "current_index": int64(n),
				"pages": v.listed(list[(n-1)*by : min(n*by, len(list))]),
			}
			if n > 1 {
				of["previous"] = address(n - 1)
			}
			if n < count {
				of["next"] = address(n + 1)
			}
			return map[string]any{"paginator": of}
		}}
	}
	for n := 2; n <= count; n++ {
		add(n, strings.TrimSuffix(address(n), "/"), pager(n))
	}
	if count > 1 {
		route := path.Join(first, "page", "1")
		t.makePage("#"+route, route, "", first, &made{templates: []string{aliasTemplate}, vars: func(*values) map[string]any { return map[string]any{"url": first} }, alone: true})
	}
	return pager(1)
}

// listed are the values of pages.
func (v *values) listed(nodes []*content.Node) []any {
	list := make([]any, 0, len(nodes))
	for _, n := range nodes {
		if value := v.pages[n]; value != nil {
			list = append(list, value)
		}
	}
	return list
}

// hasTemplate says whether the site itself has a template. Callers depend on
// the folder because they have asked for the tree.
func (s *treePhase) hasTemplate(name string) bool {
	return slices.Contains(s.scanned.folders["templates"].Paths, name)
}

// madeTemplate is the template of a page that is made.
func (s *renderPhase) madeTemplate(ctx context.Context, ask *query.Ask, m *made) (string, error) {
	for _, name := range m.templates {
		sources, err := s.needed.Get(ctx, ask, name)
		if sources != "" || err != nil {
			return name, err
		}
	}
	last := m.templates[len(m.templates)-1]
	return "", Errors{{File: path.Join(s.name(s.cfg.Folder("templates")), last), Message: "is missing: " + cmp.Or(m.need, "a page") + " needs it",
		Hint: "write it; " + strings.Join(m.templates, " or ") + " will do"}}
}
