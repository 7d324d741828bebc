package markdown

import (
	"bytes"
	"regexp"
	"strings"

	"golang.org/x/net/html"

	"ddc/plugins/markdown/markdownpb"
)

// rawHeading finds what may be a heading that is written as HTML.
var rawHeading = regexp.MustCompile(`(?i)<h[1-6][\s>/]`)

// openHeading is a heading of HTML whose end is looked for.
type openHeading struct {
	id    string
	level int32
	// at is where an id can be put.
	at    int
	title strings.Builder
}

// rawHeadings goes through a rendered page that has headings of HTML. It gives
// those that have no id one, and lists all headings in the order in which they
// stand.
func (p *page) rawHeadings(text string) string {
	written := map[string]*markdownpb.Heading{}
	for _, h := range p.out.Headings {
		written[h.Id] = h
	}
	var out strings.Builder
	var all []*markdownpb.Heading
	done, at := 0, 0
	var open *openHeading
	end := func() {
		if open == nil {
			return
		}
		title := strings.Join(strings.Fields(open.title.String()), " ")
		switch {
		case written[open.id] != nil:
			all = append(all, written[open.id])
			delete(written, open.id) // another of this id is the author's own
		case title != "":
			if open.id == "" {
				open.id = p.ids.unique(slug(title))
				out.WriteString(text[done:open.at] + ` id="` + html.EscapeString(open.id) + `"`)
				done = open.at
			}
			all = append(all, &markdownpb.Heading{Title: title, Id: open.id, Level: open.level})
		}
		open = nil
	}
	z := html.NewTokenizer(strings.NewReader(text))
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		start := at
		at += len(z.Raw())
		switch kind {
		case html.TextToken:
			if open != nil {
				open.title.Write(z.Text())
			}
		case html.StartTagToken, html.EndTagToken:
			name, more := z.TagName()
			if len(name) != 2 || name[0] != 'h' || name[1] < '1' || name[1] > '6' {
				continue
			}
			if end(); kind == html.StartTagToken {
				open = &openHeading{level: int32(name[1] - '0'), at: start + len("<h1"), id: idOf(z, more)}
			}
		}
	}
	end()
	p.out.Headings = all
	return out.String() + text[done:]
}

// idOf is the id of a tag.
func idOf(z *html.Tokenizer, more bool) string {
	for more {
		var name, value []byte
		if name, value, more = z.TagAttr(); bytes.Equal(name, []byte("id")) {
			return string(value)
		}
	}
	return ""
}
