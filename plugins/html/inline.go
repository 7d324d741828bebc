package html

import (
	"fmt"
	"strings"

	"golang.org/x/net/html"

	"ddc/plugins/html/htmlpb"
)

// inlineKind says what a raw text or an attribute holds for Inspect and ReplaceInline, which must agree on what they count.
type inlineKind int

const (
	noInline inlineKind = iota
	inlineStyle
	inlineScript
)

// inlineOf is the kind of text inside the element that a start tag opens: CSS in a <style> whose type does not say otherwise,
// JavaScript in a <script> without src whose type is empty, "module" or one of JavaScript's.
func inlineOf(t token) inlineKind {
	kind := strings.ToLower(strings.TrimSpace(t.attributes.value("type")))
	switch t.name {
	case "style":
		if kind == "" || kind == "text/css" {
			return inlineStyle
		}
	case "script":
		if !t.attributes.has("src") && isJavaScript(kind) {
			return inlineScript
		}
	}
	return noInline
}

// isJavaScript knows the JavaScript MIME type essences of the MIME Sniffing standard.
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

// walkInline visits each token, and for a text the kind of what it holds.
func (p *page) walkInline(visit func(t token, kind inlineKind)) {
	inside := noInline
	p.walk(func(t token) {
		switch t.kind {
		case html.StartTagToken:
			inside = inlineOf(t)
			visit(t, noInline)
		case html.TextToken:
			kind := noInline
			if t.rawText {
				kind = inside
			}
			visit(t, kind)
		default:
			inside = noInline
			visit(t, noInline)
		}
	})
}

// texts hands out one text after the other.
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
	p := &page{source: req.GetHtml()}
	styles := &texts{what: "inline styles", list: req.GetStyles()}
	scripts := &texts{what: "inline scripts", list: req.GetScripts()}
	values := &texts{what: "style attributes", list: req.GetStyleAttributes()}
	var fault error
	p.walkInline(func(t token, kind inlineKind) {
		switch kind {
		case inlineStyle:
			fault = firstOf(fault, p.replaceRaw(t, styles, "</style"))
		case inlineScript:
			fault = firstOf(fault, p.replaceRaw(t, scripts, "</script"))
		}
		if a := t.attributes.find("style"); a != nil {
			if value, ok := values.next(); ok {
				p.setAttribute(a, value)
			}
		}
	})
	for _, list := range []*texts{styles, scripts, values} {
		fault = firstOf(fault, list.check())
	}
	if fault != nil {
		return "", fault
	}
	return p.edited(), nil
}

// replaceRaw puts the next text in the place of t, unless it would end the element it is in.
func (p *page) replaceRaw(t token, from *texts, end string) error {
	text, ok := from.next()
	if !ok {
		return nil
	}
	if strings.Contains(strings.ToLower(text), end) {
		return fmt.Errorf("text %d of the %s contains %q, which would end it: write it as %q in strings", from.wanted, from.what, end, `<\`+end[1:])
	}
	p.replace(t.start, t.end, text)
	return nil
}

func firstOf(first, second error) error {
	if first != nil {
		return first
	}
	return second
}
