package minify

import (
	"strings"

	"golang.org/x/net/html"

	"ddc/internal/markup"
)

// Two bounds on what is compared as a tree. The parser looks at all attributes
// of <html> and <body> when it meets another such tag. So a malicious page
// would cost the square of its length.
const (
	maxCompared = 256 << 10
	maxRoots    = 64
)

// page minifies a whole page. A page that a browser would read differently
// afterwards stays as it is. So does a page with SVG or MathML that is too long
// to be compared. A long page without these needs no comparison: only SVG and
// MathML mean more than their tokens say.
func page(source string) string {
	small, s := shrink(source)
	switch {
	case s.roots > maxRoots || s.frames:
		return source
	case len(source) > maxCompared && !s.foreign:
		return small
	case len(source) > maxCompared || !sameTree(source, small):
		return source
	}
	return small
}

// shrink leaves out bytes of a page that have no effect.
func shrink(source string) (string, *shrinker) {
	s := &shrinker{page: markup.Page{Source: source, Scripting: true}, atHead: true}
	s.page.Walk(s.token)
	return s.page.Edited(), s
}

// shrinker visits the tokens of one page.
type shrinker struct {
	page markup.Page
	// atHead is set until something comes that cannot stand in a head.
	atHead bool
	before markup.Token // the last token
	script scriptKind   // of the <script> that is open
	effort int          // for the scripts so far

	roots   int  // tags <html> and <body>
	frames  bool // there is a <frameset>, whose page has no text, only spaces
	foreign bool // there is SVG or MathML
}

func (s *shrinker) token(t markup.Token) {
	switch t.Kind {
	case html.StartTagToken:
		switch t.Name {
		case "html", "body":
			s.roots++
		case "frameset":
			s.frames = true
		}
		s.foreign = s.foreign || t.Foreign
		s.atHead = s.atHead && isOfHead(t.Name)
		s.tag(t)
		s.script = scriptKindOf(t)
	case html.EndTagToken:
		s.atHead = s.atHead && isOfHead(t.Name) && t.Name != "head" && t.Name != "html"
		s.script = noScript
	case html.TextToken:
		s.text(t)
	case html.CommentToken:
		s.comment(t)
	case html.DoctypeToken:
		if strings.EqualFold(strings.Join(strings.Fields(s.source(t)), " "), "<!doctype html>") {
			s.page.Replace(t.Start, t.End, "<!doctype html>")
		}
	}
	s.before = t
}

func (s *shrinker) source(t markup.Token) string { return s.page.Source[t.Start:t.End] }

// isOfHead says whether an element is one of a head's, between which only
// whitespace may stand, or <html> or <head> itself.
func isOfHead(name string) bool {
	switch name {
	case "html", "head", "base", "link", "meta", "script", "style", "title":
		return true
	}
	return false
}

// plainly replaces entities by characters that need none in a text.
var plainly = strings.NewReplacer("&quot;", `"`, "&#34;", `"`, "&#39;", "'", "&apos;", "'", "&gt;", ">")

// text shortens entities, scripts, and the space between the elements of the
// head, which no reader sees. All other space stays, since only the style sheet
// knows whether it is visible.
func (s *shrinker) text(t markup.Token) {
	source := s.source(t)
	small := source
	switch {
	case t.RawText:
		if s.affords(source) {
			small = s.script.minify(source)
		}
	case t.Foreign: // where a CDATA section is a text too
	case strings.Trim(source, white) != "":
		s.atHead = false
		if strings.IndexByte(source, '&') >= 0 && !strings.Contains(source, "{{") {
			small = plainly.Replace(source)
		}
	case s.atHead:
		small = ""
	}
	if small != source {
		s.page.Replace(t.Start, t.End, small)
	}
}

// affords says whether a script is minified, and notes what that takes.
func (s *shrinker) affords(source string) bool {
	if s.script != javaScript {
		return true
	}
	needed := effort(source)
	if len(source) > maxScript || s.effort+needed > maxEffort {
		return false
	}
	s.effort += needed
	return true
}

const white = " \n\t\r\f"

// comment leaves out a comment, unless somebody reads it (old browsers, a
// server that includes files) or the texts beside it would become something
// else without it: a tag, an entity, or a line feed right after <pre>.
func (s *shrinker) comment(t markup.Token) {
	inside, isComment := strings.CutPrefix(s.source(t), "<!--")
	switch {
	case !isComment, strings.HasPrefix(inside, "[if "), strings.HasPrefix(inside, "<![endif]"), strings.HasPrefix(inside, "#"):
		return
	case s.before.Kind == html.StartTagToken && (s.before.Name == "pre" || s.before.Name == "listing"):
		return
	case s.before.Kind == html.TextToken && isUnfinished(s.source(s.before)):
		return
	}
	s.page.Replace(t.Start, t.End, "")
}

// isUnfinished says whether what follows a text could turn its end into a tag
// or an entity.
func isUnfinished(text string) bool {
	return strings.HasSuffix(text, "<") || strings.LastIndexByte(text, '&') > strings.LastIndexAny(text, ";"+white)
}

// tag leaves out quotes that are not needed, and space between attributes.
func (s *shrinker) tag(t markup.Token) {
	list := t.Attributes.List
	source := s.page.Source
	if source[t.End-1] != '>' || strings.Contains(source[t.Start:t.End], "{{") {
		return
	}
	for _, a := range list {
		if strings.HasPrefix(a.Name, "=") { // which would be the value of the one before
			return
		}
	}
	end := t.Attributes.Start
	bare := false
	for i, a := range list {
		s.gap(end, a.At)
		last := i == len(list)-1
		bare = s.attribute(a, s.mayBeBare(a, t, last))
		end = a.After
	}
	s.close(t, end, bare)
}

// gap shortens what separates two attributes to one space. If a second
// attribute of the same name stands there, which browsers ignore, the gap stays
// as it is.
func (s *shrinker) gap(start, end int) {
	between := s.page.Source[start:end]
	if between != "" && between != " " && strings.Trim(between, white+"/") == "" {
		s.page.Replace(start, end, " ")
	}
}

// mayBeBare says whether a value can do without its quotes where it stands.
func (s *shrinker) mayBeBare(a markup.Attribute, t markup.Token, last bool) bool {
	value := s.page.Source[a.Start:a.End]
	if a.Quote == 0 || strings.ContainsAny(value, white+"\"'`=<>") {
		return false
	}
	switch next := s.page.Source[a.After]; {
	case last && next == '/' || strings.HasSuffix(value, "/"):
		return !t.Foreign // where a slash closes the element
	default:
		return next == '>' || markup.IsSpace(next)
	}
}

// attribute tells whether the value is written without quotes now.
func (s *shrinker) attribute(a markup.Attribute, mayBeBare bool) bool {
	switch {
	case !mayBeBare:
		return a.Quote == 0 && a.HasValue
	case a.Start == a.End:
		sign := a.At + 1 + strings.IndexByte(s.page.Source[a.At+1:], '=')
		s.page.Replace(sign, a.After, "")
		return false
	}
	s.page.Replace(a.Start-1, a.Start, "")
	s.page.Replace(a.End, a.After, "")
	return true
}

// close shortens what is behind the last attribute.
func (s *shrinker) close(t markup.Token, end int, bare bool) {
	tail := s.page.Source[end:t.End]
	if strings.Trim(tail, white+"/>") != "" {
		return
	}
	small := ">"
	if t.Foreign && strings.HasSuffix(tail, "/>") {
		small = "/>"
		if bare {
			small = " />"
		}
	}
	if small != tail {
		s.page.Replace(end, t.End, small)
	}
}
