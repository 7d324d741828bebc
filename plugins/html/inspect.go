package html

import (
	"strings"

	"golang.org/x/net/html"

	"ddc/internal/markup"
	"ddc/plugins/html/htmlpb"
)

// inspect lists a page's references, targets and inline texts. The name of an
// <a> is a target as an id is.
func inspect(source string) *htmlpb.InspectResponse {
	found := &htmlpb.InspectResponse{}
	p := &markup.Page{Source: source}
	line := newLines(source)
	walkInline(p, func(t markup.Token) {
		if t.Kind != html.StartTagToken {
			return
		}
		for _, ref := range references(t) {
			if !ref.quiet {
				found.Links = append(found.Links, links(t, ref, line.of(ref.attribute.Start))...)
			}
		}
		if a := t.Attributes.Find("style"); a != nil {
			found.StyleAttributes = append(found.StyleAttributes, a.Value)
		}
		if id := t.Attributes.Value("id"); id != "" {
			found.Ids = append(found.Ids, id)
		}
		if name := t.Attributes.Value("name"); t.Name == "a" && name != "" && name != t.Attributes.Value("id") {
			found.Ids = append(found.Ids, name)
		}
	}, func(text inlineText) {
		if text.kind == inlineStyle {
			found.Styles = append(found.Styles, text.text)
		} else {
			found.Scripts = append(found.Scripts, text.text)
		}
	})
	return found
}

// links are the URLs of one attribute.
func links(t markup.Token, ref reference, line int32) []*htmlpb.Link {
	value := ref.attribute.Value
	one := func(url string) *htmlpb.Link {
		return &htmlpb.Link{Url: url, Line: line, Element: t.Name, Attribute: ref.attribute.Name, Download: t.Attributes.Has("download")}
	}
	if ref.form != srcsetURL {
		return []*htmlpb.Link{one(value)}
	}
	var found []*htmlpb.Link
	for _, c := range srcsetCandidates(value) {
		found = append(found, one(value[c.start:c.end]))
	}
	return found
}

// lines counts the lines of a source for offsets that only grow.
type lines struct {
	source string
	at     int
	line   int
}

func newLines(source string) *lines { return &lines{source: source, line: 1} }

// of is the line, from 1, of the byte at offset.
func (l *lines) of(offset int) int32 {
	l.line += strings.Count(l.source[l.at:offset], "\n")
	l.at = offset
	return int32(l.line)
}
