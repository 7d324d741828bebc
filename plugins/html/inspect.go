package html

import (
	"golang.org/x/net/html"

	"ddc/plugins/html/htmlpb"
)

// inspect lists a page's references, targets and inline texts. The name of an <a> is a target as good as an id.
func inspect(source string) *htmlpb.InspectResponse {
	found := &htmlpb.InspectResponse{}
	p := &page{source: source}
	line := newLines(source)
	p.walkInline(func(t token, kind inlineKind) {
		switch kind {
		case inlineStyle:
			found.Styles = append(found.Styles, source[t.start:t.end])
		case inlineScript:
			found.Scripts = append(found.Scripts, source[t.start:t.end])
		}
		if t.kind != html.StartTagToken {
			return
		}
		for _, ref := range references(t) {
			found.Links = append(found.Links, links(t, ref, line.of(ref.attribute.start))...)
		}
		if a := t.attributes.find("style"); a != nil {
			found.StyleAttributes = append(found.StyleAttributes, a.value)
		}
		if id := t.attributes.value("id"); id != "" {
			found.Ids = append(found.Ids, id)
		}
		if name := t.attributes.value("name"); t.name == "a" && name != "" && name != t.attributes.value("id") {
			found.Ids = append(found.Ids, name)
		}
	})
	return found
}

// links are the URLs of one attribute.
func links(t token, ref reference, line int32) []*htmlpb.Link {
	value := ref.attribute.value
	one := func(url string) *htmlpb.Link {
		return &htmlpb.Link{Url: url, Line: line, Element: t.name, Attribute: ref.attribute.name}
	}
	if !ref.list {
		return []*htmlpb.Link{one(value)}
	}
	var found []*htmlpb.Link
	for _, c := range srcsetCandidates(value) {
		found = append(found, one(value[c.start:c.end]))
	}
	return found
}
