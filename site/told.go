package site

import (
	"path"
	"strings"

	"ddc/plugins/markdown/markdownpb"
	"ddc/site/asset"
	"ddc/site/content"
)

// toldBy adds what a page's front matter and its address say.
func (v *values) toldBy(p *page, value map[string]any) {
	front := p.FrontMatter
	value["slug"] = p.Route[strings.LastIndexByte(p.Route, '/')+1:]
	value["url"] = v.cfg.Site.Base.Absolute(p.base())
	value["components"] = texts(strings.FieldsFunc(p.Route, func(r rune) bool { return r == '/' }))
	if p.Section {
		value["generate_feeds"] = front.Feed
	}
	value["translations"] = []any{} // a site has one language
	value["relative_path"] = p.Path
	value["colocated_path"] = strings.TrimSuffix(p.Path, path.Base(p.Path))
	value["draft"] = front.Draft
	value["date"], value["updated"] = orNone(p.Node.Date), orNone(p.Node.Updated)
	value["year"], value["month"], value["day"] = nil, nil, nil
	if at := content.Instant(p.Node.Date); !at.IsZero() {
		value["year"], value["month"], value["day"] = int64(at.Year()), int64(at.Month()), int64(at.Day())
	}
	value["authors"] = texts(front.Authors)
	if len(front.Authors) == 0 && v.cfg.Site.Author != "" {
		value["authors"] = []any{v.cfg.Site.Author}
	}
	value["taxonomies"] = taxonomiesOf(front)
	value["lang"] = v.cfg.Site.Language
	files := []any{}
	for _, name := range p.beside {
		files = append(files, asset.URL(name))
	}
	value["assets"] = files
}

func taxonomiesOf(front *markdownpb.FrontMatter) map[string]any {
	terms := map[string]any{}
	for name, of := range front.Taxonomies {
		terms[name] = texts(of.Names)
	}
	return terms
}

func orNone(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func texts(of []string) []any {
	list := make([]any, len(of))
	for i, text := range of {
		list[i] = text
	}
	return list
}
