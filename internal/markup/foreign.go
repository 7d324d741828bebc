package markup

import "strings"

// foreign follows which elements of SVG and MathML are open, by the standard's
// rules for foreign content (13.2.6.5), and which of HTML inside those: in a
// <foreignObject>, a <desc> or a formula's text HTML goes on. What an end tag
// ends is looked for among the last 512, since no parser lets more be open.
type foreign struct {
	open []openElement
	// html counts the elements of HTML around what is foreign. An end tag of
	// one of them ends what is foreign in it.
	html map[string]int
}

type openElement struct {
	name string
	// space is "svg" or "math", or empty for an element of HTML.
	space string
	// integration is set where HTML goes on inside the element.
	integration bool
}

const maxOpen = 512

func (f *foreign) last() openElement {
	if len(f.open) == 0 {
		return openElement{}
	}
	return f.open[len(f.open)-1]
}

// inside tells whether the next text or tag is read by the rules of SVG or
// MathML.
func (f *foreign) inside() bool { return f.last().space != "" && !f.last().integration }

// hasCDATA tells whether a CDATA section is one here, and no comment.
func (f *foreign) hasCDATA() bool { return f.last().space != "" }

// leave goes back to HTML.
func (f *foreign) leave() {
	for f.inside() {
		f.open = f.open[:len(f.open)-1]
	}
}

// start follows a start tag, and tells whether its element is one of SVG or
// MathML. If not, and raw is set, its end tag comes before any other tag.
func (f *foreign) start(name string, attributes Attributes, selfClosing, raw bool) bool {
	space := ""
	switch {
	case f.staysForeign(name) && breaksOut(name, attributes):
		f.leave()
	case f.staysForeign(name):
		space = f.last().space
	case name == "svg" || name == "math":
		space = name
	}
	switch {
	case space != "" && selfClosing, space == "" && (raw || isEmpty(name)):
	case space != "" || len(f.open) > 0:
		f.open = append(f.open, openElement{name, space, isIntegration(space, name, attributes)})
	default:
		if f.html == nil {
			f.html = map[string]int{}
		}
		f.html[name]++
	}
	return space != ""
}

// staysForeign is inside with the exceptions for a start tag: two elements that
// stay MathML in a text of MathML, and one that does not.
func (f *foreign) staysForeign(name string) bool {
	last := f.last()
	switch {
	case last.space == "math" && last.name == "annotation-xml" && name == "svg":
		return false
	case isMathText(last) && (name == "mglyph" || name == "malignmark"):
		return true
	}
	return f.inside()
}

// end follows an end tag, and tells whether it ended an element of SVG or
// MathML.
func (f *foreign) end(name string) bool {
	if f.inside() && (name == "p" || name == "br") { // which begin elements of HTML where there is nothing to end
		f.leave()
		return false
	}
	lowest := max(0, len(f.open)-maxOpen)
	for i := len(f.open) - 1; i >= lowest && f.open[i].space != ""; i-- {
		if f.open[i].name == name {
			f.open = f.open[:i]
			return true
		}
	}
	for i := len(f.open) - 1; i >= lowest; i-- {
		switch e := f.open[i]; {
		case e.name == name && (e.space == "" || e.integration && name != "foreignobject"):
			f.open = f.open[:i]
			return e.space != ""
		case e.integration, e.space == "" && isSpecial(e.name) && !isSpecial(name):
			return false
		}
	}
	if f.html[name] > 0 {
		f.html[name]--
		f.open = f.open[:0]
	}
	return false
}

// isEmpty knows the elements of HTML that hold nothing, and those whose tags
// begin nothing inside another element.
func isEmpty(name string) bool {
	switch name {
	case "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "keygen", "link", "meta", "param", "source",
		"track", "wbr", "html", "head", "body", "frameset":
		return true
	}
	return false
}

// isSpecial knows the elements of HTML beyond which an end tag of another kind
// ends nothing.
func isSpecial(name string) bool {
	switch name {
	case "address", "applet", "article", "aside", "blockquote", "body", "button", "caption", "center", "colgroup", "dd", "details", "dir", "div",
		"dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "frameset", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header",
		"hgroup", "html", "li", "listing", "main", "marquee", "menu", "nav", "noscript", "object", "ol", "p", "pre", "search", "section",
		"select", "summary", "table", "tbody", "td", "template", "tfoot", "th", "thead", "tr", "ul":
		return true
	}
	return false
}

func isMathText(e openElement) bool {
	switch e.name {
	case "mi", "mo", "mn", "ms", "mtext":
		return e.space == "math"
	}
	return false
}

func isIntegration(space, name string, attributes Attributes) bool {
	switch {
	case space == "":
		return false
	case space == "svg":
		return name == "foreignobject" || name == "desc" || name == "title"
	case name == "annotation-xml":
		encoding := attributes.Value("encoding")
		return strings.EqualFold(encoding, "text/html") || strings.EqualFold(encoding, "application/xhtml+xml")
	}
	return isMathText(openElement{name: name, space: space})
}

// breaksOut knows the start tags that end what is foreign around them: people
// forget the </svg>.
func breaksOut(name string, attributes Attributes) bool {
	switch name {
	case "b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl", "dt", "em", "embed", "h1", "h2", "h3", "h4", "h5", "h6",
		"head", "hr", "i", "img", "li", "listing", "menu", "meta", "nobr", "ol", "p", "pre", "ruby", "s", "small", "span", "strong",
		"strike", "sub", "sup", "table", "tt", "u", "ul", "var":
		return true
	case "font":
		return attributes.Has("color") || attributes.Has("face") || attributes.Has("size")
	}
	return false
}
