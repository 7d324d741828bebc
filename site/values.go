package site

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"ddc/plugins/markdown/markdownpb"
	"ddc/site/config"
	"ddc/site/content"
	"ddc/site/template"
)

// values are what templates see of a tree. After they are made many goroutines
// read them, and nobody writes. What is dear, or would make each page depend on
// each other's body, is left for later.
type values struct {
	pages    map[*content.Node]map[string]any
	sections map[string]map[string]any // by path
	others   map[string]map[string]any // what is no section
	site     map[string]any            // what every page sees, but for the data
	written  map[*content.Node]*page
	lines    map[*content.Node][]any // of ancestors, by the last of them
	// Each of these is made when a template first wants it.
	terms      map[*term]func() map[string]any
	taxonomies map[*taxonomy]func() map[string]any
	cfg        *config.Config
	search     bool // whether the site has an index
}

// The values that are made when a template touches them, by Site.later.
const (
	laterContent  = "content"
	laterOutline  = "toc"
	laterModified = "last_updated"
	laterSummary  = "summary"
	laterWords    = "word_count"
	laterMinutes  = "reading_time"
)

func newValues(t *tree, cfg *config.Config, search bool) *values {
	v := &values{pages: map[*content.Node]map[string]any{}, sections: map[string]map[string]any{}, others: map[string]map[string]any{}, written: map[*content.Node]*page{}, lines: map[*content.Node][]any{}, terms: map[*term]func() map[string]any{}, taxonomies: map[*taxonomy]func() map[string]any{}, cfg: cfg, search: search}
	for _, p := range t.pages {
		v.written[p.Node] = p
	}
	root := v.grow(t.root)
	v.site = map[string]any{
		"config": v.configValue(v.written[t.root]),
		"root":   root,
	}
	v.addNew(t)
	v.written, v.lines = nil, nil
	for _, x := range t.taxonomies {
		v.taxonomies[x] = sync.OnceValue(func() map[string]any { return v.newTaxonomy(x) })
		for _, one := range x.terms {
			v.terms[one] = sync.OnceValue(func() map[string]any { return v.newTerm(one) })
		}
	}
	return v
}

// grow makes the values of a section and of all that lies below it.
func (v *values) grow(n *content.Node) map[string]any {
	value := v.value(n)
	pages, sections := make([]any, 0, len(n.Pages)), make([]any, 0, len(n.Sections))
	for _, p := range n.Pages {
		v.others[p.Path] = v.value(p)
		pages = append(pages, v.others[p.Path])
	}
	for _, s := range n.Sections {
		sections = append(sections, v.grow(s))
	}
	value["pages"], value["subsections"] = pages, sections
	v.neighbours(n)
	v.sections[n.Path] = value
	return value
}

// value makes what pages and sections have in common.
func (v *values) value(n *content.Node) map[string]any {
	p := v.written[n]
	value := map[string]any{
		"title": n.Title, "description": nil, "content": template.Later{What: laterContent, Of: n.Path}, "permalink": n.Route, "path": n.Path, "weight": n.Weight,
		"toc": template.Later{What: laterOutline, Of: n.Path}, "ancestors": v.ancestors(n.Parent), "extra": p.extra,
		"last_updated": template.Later{What: laterModified, Of: n.Path}, "summary": template.Later{What: laterSummary, Of: n.Path},
		"word_count": template.Later{What: laterWords, Of: n.Path}, "reading_time": template.Later{What: laterMinutes, Of: n.Path},
	}
	if p.Description != nil {
		value["description"] = *p.Description
	}
	v.toldBy(p, value)
	v.pages[n] = value
	return value
}

// ancestors are the sections from the root, which does not count, down to one.
// All that lie in it have one list.
func (v *values) ancestors(down *content.Node) []any {
	if down == nil {
		return []any{}
	}
	list, known := v.lines[down]
	if !known {
		list = slices.Clip(v.ancestors(down.Parent))
		if down.Route != "/" {
			list = append(list, map[string]any{"title": down.Title, "permalink": down.Route, "path": down.Path, "weight": down.Weight})
		}
		v.lines[down] = list
	}
	return list
}

// of gives the variables of one page's template. The section of a section is
// itself; that of a page is the one that it lies in.
func (v *values) of(p *page, data map[string]any) map[string]any {
	vars := maps.Clone(v.site)
	vars["current_path"], vars["current_url"], vars["lang"] = p.Route, v.cfg.Site.Base.Absolute(p.base()), v.cfg.Site.Language
	vars["data"] = data
	if p.made != nil {
		vars["page"], vars["section"] = nil, nil
		if p.made.of != nil {
			vars["section"] = v.pages[p.made.of]
		}
		if p.made.vars != nil {
			maps.Copy(vars, p.made.vars(v))
		}
		return vars
	}
	if p.Section {
		vars["section"], vars["page"] = v.pages[p.Node], nil
	} else {
		vars["page"], vars["section"] = v.pages[p.Node], v.pages[p.Parent]
	}
	return vars
}

// section is the templates' function get_section.
func (v *values) section(path string) (any, error) {
	if value, known := v.sections[strings.TrimPrefix(path, "@/")]; known {
		return value, nil
	}
	return nil, nil
}

// outline nests headings: each below the nearest before it of a lower level.
func outline(headings []*markdownpb.Heading) []any {
	type open struct {
		level int32
		node  map[string]any
	}
	top := map[string]any{"children": []any{}}
	path := []open{{0, top}}
	for _, h := range headings {
		for path[len(path)-1].level >= h.Level {
			path = path[:len(path)-1]
		}
		node := map[string]any{"title": h.Title, "id": h.Id, "level": int64(h.Level), "permalink": "#" + h.Id, "children": []any{}}
		parent := path[len(path)-1].node
		parent["children"] = append(parent["children"].([]any), node)
		path = append(path, open{h.Level, node})
	}
	return top["children"].([]any)
}
