package markup

import "strings"

// foreign follows which elements of SVG and MathML are open, by the standard's
// rules for foreign content (13.2.6.5), and those of HTML around and inside
// them: in a <foreignObject>, a <desc> or a formula's text HTML goes on, and an
// end tag of HTML may end what is foreign in its element.
type foreign struct {
	openElements
	// none is set where the page has neither: then nothing is followed.
	none bool
}

// mayHaveForeign tells whether a page has something like a tag of SVG or
// MathML.
func mayHaveForeign(source string) bool {
	for {
		_, rest, found := strings.Cut(source, "<")
		if !found {
			return false
		}
		if begins(rest, "svg") || begins(rest, "math") {
			return true
		}
		source = rest
	}
}

func begins(source, name string) bool {
	return len(source) >= len(name) && strings.EqualFold(source[:len(name)], name)
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
	if f.none {
		return false
	}
	space := ""
	switch {
	case f.staysForeign(name) && breaksOut(name, attributes):
		f.leave()
	case f.staysForeign(name):
		space = f.last().space
	case name == "svg" || name == "math":
		f.body = true
		f.reconstruct()
		space = name
	}
	switch {
	case space == "":
		f.startHTML(name, raw)
	case !selfClosing:
		f.push(openElement{name: name, space: space, integration: isIntegration(space, name, attributes)})
	}
	return space != ""
}

// text follows a text that is not all space.
func (f *foreign) text() {
	if !f.none && !f.inside() {
		f.body = true
		f.reconstruct()
	}
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
	if f.none {
		return false
	}
	if f.inside() && (name == "p" || name == "br") { // which begin elements of HTML where there is nothing to end
		f.leave()
		return false
	}
	for i := len(f.open) - 1; i >= max(0, len(f.open)-maxOpen) && f.open[i].space != ""; i-- {
		if f.open[i].name == name {
			f.cut(i)
			return true
		}
	}
	f.endHTML(name)
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
