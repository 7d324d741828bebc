package minify

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"

	"ddc/internal/markup"
)

// sameTokens says that a browser surely makes the same tree of two pages, apart
// from what sameTree lets differ: the tree is a function of the tokens. False
// says nothing. It needs no tree.
//
// The tree decides in turn how a page is cut into tokens, which is why some
// pages stay undecided: those with <noscript> or <frameset>, and those with
// something in an SVG or a formula that is HTML again, or that is text in HTML
// and markup there.
func sameTokens(before, after string) bool {
	a, b := newSide(before), newSide(after)
	for {
		a.next()
		b.next()
		switch {
		case a.undecided || b.undecided:
			return false
		case a.inside != "script" && a.said() != b.said():
			return false
		case a.kind != b.kind || !sameTag(a, b):
			return false
		case a.kind == html.ErrorToken:
			return sameAttributes(a.tags.String(), b.tags.String())
		}
		a.enter()
		b.enter()
	}
}

// side is one of the two pages, read up to a tag, a doctype or the end.
type side struct {
	tokens markup.Tokenizer
	kind   html.TokenType
	raw    string
	name   string // of the tag
	// text is what stands before that, without comments, and without the space
	// between the elements of the head. It is in pieces if there are several.
	text   string
	pieces []byte
	// tags are the start tags that the other side has written otherwise.
	tags strings.Builder

	atHead bool   // nothing has come yet that cannot stand in a head
	inside string // the element whose text is no markup, "" outside of one
	inPre  bool   // the last tag was a <pre>
	table  bool   // there was a <table>
	depth  int    // of elements that may be open
	// svg and math count those that may be open.
	svg, math int
	undecided bool
}

// maxDepth is how deep a page's elements may lie. In a page that is deeper than
// 512 the parser gives up, and then nothing is left out of it.
const maxDepth = 500

func newSide(source string) *side {
	return &side{tokens: markup.NewTokenizer(source), atHead: true}
}

// next goes on to the next tag, doctype or end.
func (s *side) next() {
	s.text, s.pieces = "", s.pieces[:0]
	blanks, words := 0, 0 // texts of only space, and others
	for {
		switch s.kind = s.tokens.Next(); s.kind {
		case html.CommentToken:
			s.comment(blanks+words == 0)
			continue
		case html.TextToken:
			text := s.tokens.Text()
			blank := strings.Trim(text, white) == ""
			if s.inside == "" && s.atHead {
				if blank {
					continue
				}
				s.atHead = false
			}
			if s.say(text); blank {
				blanks++
			} else {
				words++
			}
			continue
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			s.raw, s.name = s.tokens.Raw(), s.tokens.Name()
		case html.DoctypeToken:
			s.raw = s.tokens.Raw()
		}
		// A table takes space, and puts words before itself: in one piece with
		// words, space goes with them.
		s.undecided = s.undecided || s.table && blanks > 0 && words > 0
		return
	}
}

// say adds a piece of text.
func (s *side) say(text string) {
	switch {
	case s.text == "":
		s.text = text
		return
	case len(s.pieces) == 0:
		s.pieces = append(s.pieces, s.text...)
	}
	s.pieces = append(s.pieces, text...)
}

// said is the text.
func (s *side) said() string {
	if len(s.pieces) > 0 {
		return string(s.pieces)
	}
	return s.text
}

// comment looks at a comment, which first says to be right behind a tag.
func (s *side) comment(first bool) {
	switch {
	case first && s.inPre: // whose first line feed does not count, unless a comment is before it
		s.undecided = true
	case s.inForeign() && strings.HasPrefix(s.tokens.Raw(), "<!["): // which is a text there
		s.undecided = true
	}
}

// doctypeOf is a doctype as shrink may leave it.
func doctypeOf(raw string) string {
	if plain := strings.Join(strings.Fields(raw), " "); strings.EqualFold(plain, "<!doctype html>") {
		return "<!doctype html>"
	}
	return raw
}

func (s *side) inForeign() bool { return s.svg+s.math > 0 }

// enter follows the tag that next has found.
func (s *side) enter() {
	s.inside, s.inPre = "", false
	switch s.kind {
	case html.StartTagToken, html.SelfClosingTagToken:
		s.start(s.name)
	case html.EndTagToken:
		s.atHead = s.atHead && isOfHead(s.name) && s.name != "head" && s.name != "html"
		s.depth = max(s.depth-1, 0)
		switch s.name {
		case "svg":
			s.svg = max(s.svg-1, 0)
		case "math":
			s.math = max(s.math-1, 0)
		}
	}
}

func (s *side) start(name string) {
	s.atHead = s.atHead && isOfHead(name)
	if s.depth++; s.depth > maxDepth {
		s.undecided = true
	}
	switch name {
	case "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr":
		s.depth-- // they hold nothing
	case "iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp":
		s.inside = name
		s.undecided = s.undecided || s.inForeign()
	case "noscript", "frameset": // a <frameset> has no scripts, so theirs are text
		s.undecided = true
	case "pre", "listing":
		s.inPre = true
	case "table":
		s.table = true
	case "svg":
		if s.kind == html.StartTagToken {
			s.svg++
		}
	case "math":
		if s.kind == html.StartTagToken {
			s.math++
		}
	case "foreignobject", "desc", "annotation-xml", "mi", "mo", "mn", "ms", "mtext":
		s.undecided = s.undecided || s.inForeign()
	}
}

// sameTag says whether two tags or doctypes are the same, but for attributes
// that are left to sameAttributes. A slash at the end has a meaning only in SVG
// and MathML, where its kind is compared too.
func sameTag(a, b *side) bool {
	switch a.kind {
	case html.DoctypeToken:
		return doctypeOf(a.raw) == doctypeOf(b.raw)
	case html.EndTagToken:
		return a.name == b.name
	case html.StartTagToken, html.SelfClosingTagToken:
	default:
		return true
	}
	if a.raw != b.raw {
		a.tags.WriteString(a.raw)
		b.tags.WriteString(b.raw)
	}
	return a.name == b.name
}

// sameAttributes compares start tags, one after the other, by what they say.
func sameAttributes(before, after string) bool {
	a, b := html.NewTokenizer(strings.NewReader(before)), html.NewTokenizer(strings.NewReader(after))
	for {
		if a.Next() != b.Next() {
			return false
		}
		_, moreA := a.TagName()
		_, moreB := b.TagName()
		for moreA && moreB {
			var nameA, valueA, nameB, valueB []byte
			nameA, valueA, moreA = a.TagAttr()
			nameB, valueB, moreB = b.TagAttr()
			if !bytes.Equal(nameA, nameB) || !bytes.Equal(valueA, valueB) {
				return false
			}
		}
		switch {
		case moreA != moreB:
			return false
		case a.Err() != nil:
			return true
		}
		a.NextIsNotRawText()
		b.NextIsNotRawText()
	}
}
