package site

import (
	"maps"

	"ddc/plugins/markdown/markdownpb"
	"ddc/site/content"
)

// values are what templates see. All are made before the first template is
// rendered. After that many goroutines only read them.
type values struct {
	pages   map[*content.Node]map[string]any
	byPath  map[string]map[string]any // of sections
	pageAt  map[string]map[string]any // of what is no section
	site    map[string]any            // what every page sees
	sources map[*content.Node]*page
	known   *mentions // what Markdown in templates may link to
	build   *build
}

func (b *build) values() *values {
	v := &values{pages: map[*content.Node]map[string]any{}, byPath: map[string]map[string]any{}, pageAt: map[string]map[string]any{}, sources: map[*content.Node]*page{}, build: b}
	var paths []string
	for _, p := range b.pages {
		v.sources[p.Node] = p
		paths = append(paths, p.Path)
	}
	v.known = b.linkable(paths)
	root := v.grow(b.root)
	home := v.sources[b.root]
	v.site = map[string]any{
		"config": b.configValue(home),
		"root":   root,
		"data":   b.data,
	}
	return v
}

// grow makes the values of a section and of all that lies below it.
func (v *values) grow(n *content.Node) map[string]any {
	value := v.value(n)
	pages, sections := make([]any, 0, len(n.Pages)), make([]any, 0, len(n.Sections))
	for _, p := range n.Pages {
		v.pageAt[p.Path] = v.value(p)
		pages = append(pages, v.pageAt[p.Path])
	}
	for _, s := range n.Sections {
		sections = append(sections, v.grow(s))
	}
	value["pages"], value["subsections"] = pages, sections
	v.neighbours(n)
	v.byPath[n.Path] = value
	return value
}

// value makes what pages and sections have in common.
func (v *values) value(n *content.Node) map[string]any {
	p := v.sources[n]
	ancestors := []any{}
	for _, a := range n.Ancestors() {
		if a.Route != "/" {
			ancestors = append(ancestors, map[string]any{"title": a.Title, "permalink": a.Route, "path": a.Path, "weight": a.Weight})
		}
	}
	value := map[string]any{
		"title": n.Title, "description": nil, "content": p.content, "permalink": n.Route, "path": n.Path, "weight": n.Weight,
		"toc": outline(p.headings), "ancestors": ancestors, "extra": p.extra, "last_updated": int64(0),
	}
	if p.front.Description != nil {
		value["description"] = *p.front.Description
	}
	v.build.toldBy(p, value)
	v.build.measure(p, value)
	if !p.file.Modified.IsZero() {
		value["last_updated"] = p.file.Modified.Unix()
	}
	v.pages[n] = value
	return value
}

// of gives the variables of one page's template. The section of a section is
// itself; that of a page is the one that it lies in.
func (v *values) of(p *page) map[string]any {
	vars := maps.Clone(v.site)
	vars["current_path"] = p.Route
	if p.Section {
		vars["section"], vars["page"] = v.pages[p.Node], nil
	} else {
		vars["page"], vars["section"] = v.pages[p.Node], v.pages[p.Parent]
	}
	return vars
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
