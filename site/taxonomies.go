package site

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ddc/internal/slug"
	"ddc/internal/suggest"
	"ddc/site/asset"
	"ddc/site/config"
	"ddc/site/content"
	"ddc/site/template"
)

// taxonomy is a way to sort pages, with its terms by name.
type taxonomy struct {
	config.Taxonomy
	route  string
	terms  []*term
	bySlug map[string]*term
}

// term is one term, with its pages, the newest first.
type term struct {
	name, slug string
	route      string
	pages      []*content.Node
	first      *page // that uses it
}

// addTaxonomies sorts pages by what they say, and adds a page for each taxonomy
// and for each term.
func (t *tree) addTaxonomies(s *treePhase, pages []*page) {
	said := map[string]bool{}
	for _, p := range pages {
		for _, name := range sortedKeys(p.Taxonomies) {
			if _, known := s.cfg.Site.Taxonomy(name); !known && !said[name] {
				said[name] = true
				t.doubts = append(t.doubts, t.undeclared(s, p, name))
			}
		}
	}
	for _, of := range s.cfg.Site.Taxonomies {
		x := &taxonomy{Taxonomy: of, route: "/" + of.Name, bySlug: map[string]*term{}}
		t.collectTerms(x, pages)
		t.taxonomies = append(t.taxonomies, x)
		need := "the taxonomy " + of.Name + " of " + s.configName()
		t.makePage("#"+of.Name, x.route, of.Name, need, &made{
			templates: []string{of.Name + "/list.html", "taxonomy_list.html"}, need: need,
			vars: func(v *values) map[string]any {
				return map[string]any{"taxonomy": v.taxonomy(x), "terms": v.termsOf(x)}
			},
		})
		for _, one := range x.terms {
			t.addTerm(x, one, need)
		}
	}
}

func (t *tree) undeclared(s *treePhase, p *page, name string) Problem {
	key := "taxonomies"
	if p.keys[key] == nil {
		key = "tags"
	}
	var known []string
	for _, x := range s.cfg.Site.Taxonomies {
		known = append(known, x.Name)
	}
	hint := "add it to " + s.configName() + ": taxonomies { " + name + " }"
	if near := suggest.Nearest(name, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	return p.at(p.name, key, fmt.Sprintf("the taxonomy %q has no pages: the configuration does not name it", name), hint)
}

// collectTerms finds the terms of a taxonomy. Terms that differ in their
// capitals are one, called as the first page calls it.
func (t *tree) collectTerms(x *taxonomy, pages []*page) {
	for _, p := range pages {
		seen := map[string]bool{}
		for _, name := range p.Taxonomies[x.Name].GetNames() {
			part := slug.Of(name)
			one, trouble := x.bySlug[part], slug.Trouble(part)
			switch {
			case trouble != "":
				t.faults = append(t.faults, p.at(p.name, "taxonomies", "of a term: "+trouble, "choose another"))
				continue
			case part == "":
				t.faults = append(t.faults, p.at(p.name, "taxonomies", fmt.Sprintf("the term %q has no letter or digit for its address", name), "choose another"))
				continue
			case one == nil:
				one = &term{name: name, slug: part, route: x.route + "/" + part, first: p}
				x.bySlug[part] = one
				x.terms = append(x.terms, one)
			case !strings.EqualFold(one.name, name):
				t.faults = append(t.faults, p.at(p.name, "taxonomies", fmt.Sprintf("the terms %q and %q have one address: %s/", name, one.name, one.route), "write both alike, or choose another; "+one.first.name+" has the other"))
				continue
			}
			if !seen[part] && !p.Section {
				seen[part] = true
				one.pages = append(one.pages, p.Node)
			}
		}
	}
	slices.SortFunc(x.terms, func(a, b *term) int { return strings.Compare(a.slug, b.slug) })
	for _, one := range x.terms {
		content.Newest(one.pages)
	}
}

// addTerm adds the pages of a term.
func (t *tree) addTerm(x *taxonomy, one *term, need string) {
	key := "#" + x.Name + "/" + one.slug
	shown := func(m *made) *made {
		paged := m.vars
		m.templates, m.need = []string{x.Name + "/single.html", "taxonomy_single.html"}, need
		m.vars = func(v *values) map[string]any {
			vars := map[string]any{"taxonomy": v.taxonomy(x), "term": v.term(one)}
			if paged != nil {
				vars["paginator"] = paged(v)["paginator"]
			}
			return vars
		}
		return m
	}
	first := &made{}
	if x.PaginateBy > 0 {
		first = t.paginate(asset.URL(one.route)+"/", one.pages, x.PaginateBy, func(n int, route string, m *made) {
			t.makePage(key+"#"+strconv.Itoa(n), route, one.name, need, shown(m))
		})
	}
	t.makePage(key, one.route, one.name, need, shown(first))
}

// taxonomy is what templates see of one.
func (v *values) taxonomy(x *taxonomy) map[string]any {
	return map[string]any{"name": x.Name, "slug": x.Name, "permalink": x.route, "url": v.cfg.Site.Base.Absolute(asset.URL(x.route) + "/"), "feed": x.Feed, "paginate_by": int64(x.PaginateBy)}
}

// termsOf are the values of a taxonomy's terms.
func (v *values) termsOf(x *taxonomy) []any {
	list := make([]any, len(x.terms))
	for i, one := range x.terms {
		list[i] = v.term(one)
	}
	return list
}

// term is what templates see of one, and wholeTaxonomy what get_taxonomy gives.
// All of them see the same: pages ask for them again and again, and each has a
// list.
func (v *values) term(one *term) map[string]any { return v.terms[one]() }

func (v *values) wholeTaxonomy(x *taxonomy) map[string]any { return v.taxonomies[x]() }

func (v *values) newTerm(one *term) map[string]any {
	return map[string]any{"name": one.name, "slug": one.slug, "permalink": one.route, "path": asset.URL(one.route) + "/", "url": v.cfg.Site.Base.Absolute(asset.URL(one.route) + "/"),
		"page_count": int64(len(one.pages)), "pages": v.listed(one.pages)}
}

func (v *values) newTaxonomy(x *taxonomy) map[string]any {
	value := v.taxonomy(x)
	value["kind"], value["items"] = v.taxonomy(x), v.termsOf(x) // themes ask for kind.name
	return value
}

// taxonomyOf finds a taxonomy for a template. It is nil where there is none and
// none is required.
func (v *view) taxonomyOf(kind string, required bool) (*taxonomy, error) {
	t, err := v.trees.Get(v.ctx, v.ask, "")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, x := range t.taxonomies {
		if x.Name == kind {
			return x, nil
		}
		names = append(names, x.Name)
	}
	if !required {
		return nil, nil
	}
	refusal := &template.Refusal{Message: fmt.Sprintf("there is no taxonomy %q", kind), Hint: "add it to " + v.configName() + ": taxonomies { " + kind + " }"}
	if near := suggest.Nearest(kind, names); near != "" {
		refusal.Hint = fmt.Sprintf("did you mean %q?", near)
	}
	return nil, refusal
}

// getTaxonomy is the templates' function get_taxonomy.
func (v *view) getTaxonomy(kind string, required bool) (any, error) {
	x, err := v.taxonomyOf(kind, required)
	if x == nil {
		return nil, err
	}
	return v.values.wholeTaxonomy(x), nil
}

// getTerm is the templates' function get_taxonomy_term.
func (v *view) getTerm(kind, name string, required bool) (any, error) {
	one, err := v.termOf(kind, name, required)
	if one == nil {
		return nil, err
	}
	return v.values.term(one), nil
}

// getTermURL is the templates' function get_taxonomy_url.
func (v *view) getTermURL(kind, name string, required bool) (string, error) {
	one, err := v.termOf(kind, name, required)
	if one == nil {
		return "", err
	}
	return asset.URL(one.route) + "/", nil
}

// termOf finds a term for a template, as taxonomyOf does.
func (v *view) termOf(kind, name string, required bool) (*term, error) {
	x, err := v.taxonomyOf(kind, required)
	if x == nil {
		return nil, err
	}
	one := x.bySlug[slug.Of(name)]
	if one != nil || !required {
		return one, nil
	}
	var names []string
	for _, other := range x.terms {
		names = append(names, other.name)
	}
	refusal := &template.Refusal{Message: fmt.Sprintf("no page has the term %q of %s", name, x.Name), Hint: "take it from page.taxonomies"}
	if near := suggest.Nearest(name, names); near != "" {
		refusal.Hint = fmt.Sprintf("did you mean %q?", near)
	}
	return nil, refusal
}
