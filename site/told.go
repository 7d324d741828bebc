package site

import (
	"strings"

	"ddc/plugins/markdown/markdownpb"
	"ddc/site/asset"
	"ddc/site/content"
)

// told are the values of a page that its front matter and its address give.
func (b *build) toldBy(p *page, value map[string]any) {
	front := p.front
	value["slug"] = p.Route[strings.LastIndexByte(p.Route, '/')+1:]
	value["url"] = b.cfg.Site.Base.Absolute(p.base())
	value["relative_path"] = p.Path
	value["draft"] = front.Draft
	value["date"], value["updated"] = orNone(front.Date), orNone(front.Updated)
	value["year"], value["month"], value["day"] = nil, nil, nil
	if at := content.Instant(front.Date); !at.IsZero() {
		value["year"], value["month"], value["day"] = int64(at.Year()), int64(at.Month()), int64(at.Day())
	}
	value["authors"] = texts(front.Authors)
	if len(front.Authors) == 0 && b.cfg.Site.Author != "" {
		value["authors"] = []any{b.cfg.Site.Author}
	}
	value["taxonomies"] = taxonomiesOf(front)
	value["lang"] = b.cfg.Site.Language
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
