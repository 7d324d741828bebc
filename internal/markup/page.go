// Package markup finds the tags and texts of a page with their places, and
// edits ranges of the page's bytes.
//
// A page is tokenized by golang.org/x/net/html, never printed from a tree: what
// no edit touches stays as it was written (doctype, entities, quotes, broken
// nesting). The tokenizer alone cannot know where it is: a <style> inside an
// <svg> holds markup, in a page it holds text. Walk follows SVG and MathML, so
// that it reads both as a browser does.
//
//	p := markup.Page{Source: source}
//	p.Walk(func(t markup.Token) {
//		if t.Kind == html.StartTagToken && t.Name == "a" {
//			p.AddAttribute(t.Attributes, "rel", "nofollow")
//		}
//	})
//	source = p.Edited()
//
// Walk costs one pass over the page, some 5 ms for a megabyte.
package markup

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Page is a document and the edits to be made to it.
type Page struct {
	Source string
	// Scripting reads a <noscript> as a browser with scripts does: what is
	// inside is one text. Without it the inside is markup.
	Scripting bool

	edits []edit
}

// edit replaces Source[start:end].
type edit struct {
	start, end int
	text       string
}

// Insert puts text before the byte at offset at.
func (p *Page) Insert(at int, text string) { p.edits = append(p.edits, edit{at, at, text}) }

// Replace puts text in the place of Source[start:end].
func (p *Page) Replace(start, end int, text string) {
	p.edits = append(p.edits, edit{start, end, text})
}

// Edited is the page after its edits. They must not overlap; of edits at one
// place the earlier comes first.
func (p *Page) Edited() string {
	if len(p.edits) == 0 {
		return p.Source
	}
	slices.SortStableFunc(p.edits, func(a, b edit) int { return a.start - b.start })
	var out strings.Builder
	out.Grow(len(p.Source) + len(p.Source)/4)
	at := 0
	for _, e := range p.edits {
		out.WriteString(p.Source[at:e.start])
		out.WriteString(e.text)
		at = e.end
	}
	out.WriteString(p.Source[at:])
	return out.String()
}

// Token is one piece of a page: a tag, a text, a comment or a doctype.
type Token struct {
	Kind       html.TokenType // a start tag is a StartTagToken, be it <br> or <br/>
	Name       string         // of a tag, lower-cased
	Start, End int            // its bytes in the source
	Attributes Attributes     // of a start tag
	// RawText is set for a text that is no markup, what is inside <script>,
	// <style>, <textarea> and such, and for the tag before it.
	RawText bool
	// Foreign is set for what SVG or MathML read by their own rules, the tags
	// <svg> and <math> among them, and end tags that stand there.
	Foreign bool
	// Closed is set for a start tag of SVG or MathML that ends its element too.
	Closed bool
	// BrokeOut is set for a start tag of HTML that ended what was foreign
	// around it, such as an <img> in an <svg>.
	BrokeOut bool
}

// Walk calls visit for each token of the page, in order.
func (p *Page) Walk(visit func(Token)) {
	tokens := html.NewTokenizer(strings.NewReader(p.Source))
	around := foreign{none: !mayHaveForeign(p.Source)}
	offset, rawText := 0, false
	for {
		tokens.AllowCDATA(around.hasCDATA())
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return
		}
		t := Token{Kind: kind, Start: offset, End: offset + len(tokens.Raw()), Foreign: around.inside()}
		offset = t.End
		switch kind {
		case html.TextToken:
			t.RawText = rawText
			if !rawText && strings.Trim(p.Source[t.Start:t.End], " \n\t\r\f") != "" {
				around.text()
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := tokens.TagName()
			t.Kind, t.Name = html.StartTagToken, string(name)
			t.Attributes = scanAttributes(p.Source, t.Start, t.End)
			inside := around.inside()
			t.Foreign = around.start(t.Name, t.Attributes, kind == html.SelfClosingTagToken, p.isRawText(t.Name))
			t.Closed = t.Foreign && kind == html.SelfClosingTagToken
			t.BrokeOut = inside && !t.Foreign
			rawText = !t.Foreign && p.isRawText(t.Name)
			t.RawText = rawText
			if !rawText {
				tokens.NextIsNotRawText()
			}
		case html.EndTagToken:
			name, _ := tokens.TagName()
			t.Name = string(name)
			// The end of a <title> inside the <title> of an <svg> is not the
			// end of both.
			t.Foreign = !rawText && around.end(t.Name) || around.inside()
			rawText = false
		}
		visit(t)
	}
}

func (p *Page) isRawText(name string) bool {
	switch name {
	case "iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp":
		return true
	case "noscript":
		return p.Scripting
	}
	return false
}
