package html

import (
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

// walkInline visits each tag and each inline text, in order.
func walkInline(p *markup.Page, visitTag func(markup.Token), visitText func(inlineText)) {
	inside := noInline
	var pieces *inlineText // of the style or script in an <svg>
	var text strings.Builder
	p.Walk(func(t markup.Token) {
		switch {
		case t.Kind == html.TextToken && t.RawText && inside != noInline:
			visitText(inlineText{kind: inside, start: t.Start, end: t.End, text: p.Source[t.Start:t.End]})
		case t.Kind == html.TextToken && pieces != nil:
			if pieces.start < 0 {
				pieces.start = t.Start
			}
			pieces.end = t.End
			text.WriteString(foreignText(p.Source[t.Start:t.End]))
		case t.Kind == html.StartTagToken:
			visitTag(t)
			inside, pieces = inlineOf(t), nil
			switch {
			case t.Closed:
				inside = noInline
			case t.Foreign && inside != noInline:
				pieces = &inlineText{kind: inside, start: -1, markup: true}
				inside = noInline
				text.Reset()
			}
		case t.Kind == html.EndTagToken:
			if pieces != nil && pieces.start >= 0 {
				pieces.text = text.String()
				visitText(*pieces)
			}
			inside, pieces = noInline, nil
			visitTag(t)
		}
	})
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

func replaceInline(req *htmlpb.ReplaceInlineRequest) (string, error) {
	p := &markup.Page{Source: req.GetHtml()}
	styles := &texts{what: "inline styles", list: req.GetStyles()}
	scripts := &texts{what: "inline scripts", list: req.GetScripts()}
	values := &texts{what: "style attributes", list: req.GetStyleAttributes()}
	walkInline(p, func(t markup.Token) {
		if a := t.Attributes.Find("style"); a != nil {
			if value, ok := values.next(); ok {
				p.SetAttribute(a, value)
			}
		}
	}, func(found inlineText) {
		from, escape := styles, markup.Style
		if found.kind == inlineScript {
			from, escape = scripts, markup.Script
		}
		if found.markup {
			escape = markup.Text
		}
		if text, ok := from.next(); ok && text != found.text {
			p.Replace(found.start, found.end, escape(text))
		}
	})
	var fault error
	for _, list := range []*texts{styles, scripts, values} {
		fault = firstOf(fault, list.check())
	}
	if fault != nil {
		return "", fault
	}
	return p.Edited(), nil
}

func firstOf(first, second error) error {
	if first != nil {
		return first
	}
	return second
}
