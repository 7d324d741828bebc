package minify

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html"
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
		case a.inside != "script" && !bytes.Equal(a.text, b.text):
			return false
		case a.kind != b.kind || !sameTag(a, b):
			return false
		case a.kind == html.ErrorToken:
			return errors.Is(a.tokens.Err(), io.EOF) && errors.Is(b.tokens.Err(), io.EOF)
		}
		a.enter()
		b.enter()
	}
}

// side is one of the two pages, read up to a tag, a doctype or the end.
type side struct {
	tokens *html.Tokenizer
	kind   html.TokenType
	raw    []byte
	name   []byte // of the tag, and more says that it has attributes
	more   bool
	// text is what stands before that, without comments, and without the space
	// between the elements of the head.
	text []byte

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
	return &side{tokens: html.NewTokenizer(strings.NewReader(source)), atHead: true}
}

// next goes on to the next tag, doctype or end.
func (s *side) next() {
	s.text = s.text[:0]
	blanks, words := 0, 0 // texts of only space, and others
	for {
		switch s.kind = s.tokens.Next(); s.kind {
		case html.CommentToken:
			s.comment(blanks+words == 0)
			continue
		case html.TextToken:
			text := s.tokens.Text()
			blank := len(bytes.Trim(text, white)) == 0
			if s.inside == "" && s.atHead {
				if blank {
					continue
				}
				s.atHead = false
			}
			if s.text = append(s.text, text...); blank {
				blanks++
			} else {
				words++
			}
			continue
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			s.raw = s.tokens.Raw()
			s.name, s.more = s.tokens.TagName()
		case html.DoctypeToken:
			s.raw = s.tokens.Raw()
		}
		// A table takes space, and puts words before itself: in one piece with
		// words, space goes with them.
		s.undecided = s.undecided || s.table && blanks > 0 && words > 0
		return
	}
}

// comment looks at a comment, which first says to be right behind a tag.
func (s *side) comment(first bool) {
	switch {
	case first && s.inPre: // whose first line feed does not count, unless a comment is before it
		s.undecided = true
	case s.inForeign() && bytes.HasPrefix(s.tokens.Raw(), []byte("<![")): // which is a text there
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
		s.start(string(s.name))
	case html.EndTagToken:
		name := string(s.name)
		s.atHead = s.atHead && isOfHead(name) && name != "head" && name != "html"
		s.depth = max(s.depth-1, 0)
		switch name {
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

// sameTag says whether two tags or doctypes are the same. A slash at the end
// has a meaning only in SVG and MathML, where its kind is compared too.
func sameTag(a, b *side) bool {
	switch a.kind {
	case html.DoctypeToken:
		return doctypeOf(string(a.raw)) == doctypeOf(string(b.raw))
	case html.EndTagToken:
		return bytes.Equal(a.name, b.name)
	case html.StartTagToken, html.SelfClosingTagToken:
	default:
		return true
	}
	switch {
	case bytes.Equal(a.raw, b.raw):
		return true
	case !bytes.Equal(a.name, b.name):
		return false
	}
	for a.more && b.more {
		var nameA, valueA, nameB, valueB []byte
		nameA, valueA, a.more = a.tokens.TagAttr()
		nameB, valueB, b.more = b.tokens.TagAttr()
		if !bytes.Equal(nameA, nameB) || !bytes.Equal(valueA, valueB) {
			return false
		}
	}
	return a.more == b.more
}
