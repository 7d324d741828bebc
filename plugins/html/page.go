package html

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// page is a document and the edits to be made to it.
type page struct {
	source string
	edits  []edit
}

// edit replaces source[start:end].
type edit struct {
	start, end int
	text       string
}

// insert puts text before the byte at offset at.
func (p *page) insert(at int, text string) { p.edits = append(p.edits, edit{at, at, text}) }

// replace puts text in the place of source[start:end].
func (p *page) replace(start, end int, text string) {
	p.edits = append(p.edits, edit{start, end, text})
}

// edited is the page after its edits. They must not overlap; of insertions at one place the earlier comes first.
func (p *page) edited() string {
	if len(p.edits) == 0 {
		return p.source
	}
	slices.SortStableFunc(p.edits, func(a, b edit) int { return a.start - b.start })
	var out strings.Builder
	out.Grow(len(p.source) + len(p.source)/4)
	at := 0
	for _, e := range p.edits {
		out.WriteString(p.source[at:e.start])
		out.WriteString(e.text)
		at = e.end
	}
	out.WriteString(p.source[at:])
	return out.String()
}

// token is one piece of a page: a tag, or a text between tags. Comments and doctypes are passed over.
type token struct {
	kind       html.TokenType // StartTagToken (also for <br/>), EndTagToken or TextToken
	name       string         // of a tag, lower-cased
	start, end int            // its bytes in the source
	attributes attributes     // of a start tag
	// rawText is set for a text that is no markup: what is inside <script>, <style>, <textarea> and such.
	rawText bool
}

// walk calls visit for each token of the page, in order.
func (p *page) walk(visit func(token)) {
	tokens := html.NewTokenizer(strings.NewReader(p.source))
	offset := 0
	rawText := false
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return
		}
		t := token{kind: kind, start: offset, end: offset + len(tokens.Raw())}
		offset = t.end
		switch kind {
		case html.TextToken:
			t.rawText = rawText
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := tokens.TagName()
			t.kind, t.name = html.StartTagToken, string(name)
			t.attributes = scanAttributes(p.source, t.start, t.end)
			rawText = isRawText(t.name) && kind == html.StartTagToken
			if t.name == "noscript" {
				tokens.NextIsNotRawText()
			}
		case html.EndTagToken:
			name, _ := tokens.TagName()
			t.name = string(name)
			rawText = false
		default:
			continue
		}
		visit(t)
	}
}

func isRawText(name string) bool {
	switch name {
	case "iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp":
		return true
	}
	return false
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
