package markup

import "strings"

// foreign follows which elements of SVG and MathML are open, by the standard's rules for foreign content (13.2.6.5). Elements of HTML
// are not kept: inside <foreignObject> and such they come and go as in a page.
type foreign struct {
	open []foreignElement
	// named counts those that are open by name, so that a page of wrong end tags costs no search for each.
	named map[string]int
	// html counts the elements of HTML that are open around what is foreign. An end tag of one of them ends what is foreign in it.
	html map[string]int
}

type foreignElement struct {
	name, space string
	// integration is set where HTML goes on inside the element.
	integration bool
}

// inside tells whether the next text or tag is read by the rules of SVG or MathML.
func (f *foreign) inside() bool {
	return len(f.open) > 0 && !f.open[len(f.open)-1].integration
}

// start follows a start tag, and tells whether its element is one of SVG or MathML.
func (f *foreign) start(name string, attributes Attributes, selfClosing bool) bool {
	space := ""
	switch {
	case f.staysForeign(name):
		if breaksOut(name, attributes) {
			f.leave()
			break
		}
		space = f.open[len(f.open)-1].space
	case name == "svg" || name == "math":
		space = name
	}
	switch {
	case space == "":
		if f.html == nil {
			f.html = map[string]int{}
		}
		f.html[name]++
		return false
	case !selfClosing:
		f.push(foreignElement{name, space, isIntegration(space, name, attributes)})
	}
	return true
}

func (f *foreign) push(e foreignElement) {
	if f.named == nil {
		f.named = map[string]int{}
	}
	f.open = append(f.open, e)
	f.named[e.name]++
}

// leave goes back to HTML.
func (f *foreign) leave() {
	for f.inside() {
		f.pop()
	}
}

func (f *foreign) pop() (name string) {
	last := len(f.open) - 1
	name = f.open[last].name
	f.open = f.open[:last]
	f.named[name]--
	return name
}

// staysForeign is inside with the exceptions for a start tag: two elements that stay MathML in a text of MathML, and one that does not.
func (f *foreign) staysForeign(name string) bool {
	if len(f.open) == 0 {
		return false
	}
	last := f.open[len(f.open)-1]
	switch {
	case last.space == "math" && last.name == "annotation-xml" && name == "svg":
		return false
	case last.integration && isMathText(last) && (name == "mglyph" || name == "malignmark"):
		return true
	}
	return !last.integration
}

// end follows an end tag, and tells whether it ended an element of SVG or MathML.
func (f *foreign) end(name string) bool {
	if f.inside() && (name == "p" || name == "br") { // which begin elements of HTML where there is nothing to end
		f.leave()
		return false
	}
	if f.named[name] > 0 {
		for f.pop() != name {
		}
		return true
	}
	if f.html[name] > 0 {
		f.html[name]--
		f.leave()
	}
	return false
}

func isMathText(e foreignElement) bool {
	switch e.name {
	case "mi", "mo", "mn", "ms", "mtext":
		return e.space == "math"
	}
	return false
}

func isIntegration(space, name string, attributes Attributes) bool {
	switch {
	case space == "svg":
		return name == "foreignobject" || name == "desc" || name == "title"
	case name == "annotation-xml":
		encoding := attributes.Value("encoding")
		return strings.EqualFold(encoding, "text/html") || strings.EqualFold(encoding, "application/xhtml+xml")
	}
	return isMathText(foreignElement{name: name, space: space})
}

// breaksOut knows the start tags that end what is foreign around them: people forget the </svg>.
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
