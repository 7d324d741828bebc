package html

import (
	"cmp"
	"fmt"
	"strings"

	"golang.org/x/net/html"

	"ddc/internal/markup"
	"ddc/plugins/html/htmlpb"
)

// inlineKind says what a raw text or an attribute holds. Inspect and
// ReplaceInline must agree on it, so that they count the same.
type inlineKind int

const (
	noInline inlineKind = iota
	inlineStyle
	inlineScript
)

// inlineOf is the kind of text inside the element that a start tag opens: CSS
// in a <style> whose type does not say otherwise, JavaScript in a <script>
// without src whose type is empty, "module" or one of JavaScript's.
func inlineOf(t markup.Token) inlineKind {
	kind := strings.ToLower(strings.TrimSpace(t.Attributes.Value("type")))
	switch t.Name {
	case "style":
		if kind == "" || kind == "text/css" {
			return inlineStyle
		}
	case "script":
		if !t.Attributes.Has("src") && isJavaScript(kind) {
			return inlineScript
		}
	}
	return noInline
}

// isJavaScript knows the JavaScript MIME type essences of the MIME Sniffing
// standard.
func isJavaScript(kind string) bool {
	switch kind {
	case "", "module",
		"application/ecmascript", "application/javascript", "application/x-ecmascript", "application/x-javascript",
		"text/ecmascript", "text/javascript", "text/javascript1.0", "text/javascript1.1", "text/javascript1.2",
		"text/javascript1.3", "text/javascript1.4", "text/javascript1.5", "text/jscript", "text/livescript",
		"text/x-ecmascript", "text/x-javascript":
		return true
	}
	return false
}

// inlineText is a style or script of a page: its kind, its place, and what it
// says.
type inlineText struct {
	kind       inlineKind
	start, end int
	text       string
	// markup is set inside an <svg>, where entities and CDATA sections have a
	// meaning and the text may be in pieces.
	markup bool
}

// inlines follows a page's tokens, and visits each tag and each inline text, in
// order.
type inlines struct {
	page      *markup.Page
	visitTag  func(markup.Token)
	visitText func(inlineText)

	inside inlineKind
	pieces *inlineText // of the style or script in an <svg>
	text   strings.Builder
}

// walkInline visits each tag and each inline text of a page.
func walkInline(p *markup.Page, visitTag func(markup.Token), visitText func(inlineText)) {
	w := &inlines{page: p, visitTag: visitTag, visitText: visitText}
	p.Walk(w.token)
}

func (w *inlines) token(t markup.Token) {
	source := w.page.Source
	switch {
	case t.Kind == html.TextToken && t.RawText && w.inside != noInline:
		w.visitText(inlineText{kind: w.inside, start: t.Start, end: t.End, text: source[t.Start:t.End]})
	case t.Kind == html.TextToken && w.pieces != nil:
		if w.pieces.start < 0 {
			w.pieces.start = t.Start
		}
		w.pieces.end = t.End
		w.text.WriteString(foreignText(source[t.Start:t.End]))
	case t.Kind == html.StartTagToken:
		w.visitTag(t)
		w.inside, w.pieces = inlineOf(t), nil
		switch {
		case t.Closed:
			w.inside = noInline
		case t.Foreign && w.inside != noInline:
			w.pieces = &inlineText{kind: w.inside, start: -1, markup: true}
			w.inside = noInline
			w.text.Reset()
		}
	case t.Kind == html.EndTagToken:
		if w.pieces != nil && w.pieces.start >= 0 {
			w.pieces.text = w.text.String()
			w.visitText(*w.pieces)
		}
		w.inside, w.pieces = noInline, nil
		w.visitTag(t)
	}
}

// foreignText is what a piece of text in an <svg> says.
func foreignText(source string) string {
	if section, ok := strings.CutPrefix(source, "<![CDATA["); ok {
		return strings.TrimSuffix(section, "]]>")
	}
	return html.UnescapeString(source)
}

// texts gives out one text after the other.
type texts struct {
	what   string
	list   []string
	wanted int
}

// next is the text for the next place, and whether there is one.
func (t *texts) next() (string, bool) {
	t.wanted++
	if t.wanted > len(t.list) {
		return "", false
	}
	return t.list[t.wanted-1], true
}

func (t *texts) check() error {
	if len(t.list) > 0 && t.wanted != len(t.list) {
		return fmt.Errorf("the page has %d %s, the request has texts for %d: send one for each, as Inspect lists them", t.wanted, t.what, len(t.list))
	}
	return nil
}

// replacer puts new texts into a page's inline styles, scripts and style
// attributes.
type replacer struct {
	inlines
	styles, scripts, values texts
}

func newReplacer(p *markup.Page, req *htmlpb.ReplaceInlineRequest) *replacer {
	r := &replacer{
		styles:  texts{what: "inline styles", list: req.GetStyles()},
		scripts: texts{what: "inline scripts", list: req.GetScripts()},
		values:  texts{what: "style attributes", list: req.GetStyleAttributes()},
	}
	r.inlines = inlines{page: p, visitTag: r.tag, visitText: r.inline}
	return r
}

func (r *replacer) tag(t markup.Token) {
	if a := t.Attributes.Find("style"); a != nil {
		if value, ok := r.values.next(); ok {
			r.page.SetAttribute(a, value)
		}
	}
}

func (r *replacer) inline(found inlineText) {
	from, escape := &r.styles, markup.Style
	if found.kind == inlineScript {
		from, escape = &r.scripts, markup.Script
	}
	if found.markup {
		escape = markup.Text
	}
	if text, ok := from.next(); ok && text != found.text {
		r.page.Replace(found.start, found.end, escape(text))
	}
}

// check says whether the page had as many places as there were texts.
func (r *replacer) check() error {
	return cmp.Or(r.styles.check(), r.scripts.check(), r.values.check())
}

func replaceInline(req *htmlpb.ReplaceInlineRequest) (string, error) {
	p := &markup.Page{Source: req.GetHtml()}
	r := newReplacer(p, req)
	p.Walk(r.token)
	if err := r.check(); err != nil {
		return "", err
	}
	return p.Edited(), nil
}
