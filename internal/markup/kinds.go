package markup

// What ends a search for an open element: the standard's scopes.

func endsScope(e openElement) bool {
	if e.space != "" {
		return isBarrier(e)
	}
	switch e.name {
	case "applet", "caption", "html", "table", "td", "th", "marquee", "object", "template", "select":
		return true
	}
	return false
}

func endsButtonScope(e openElement) bool {
	return endsScope(e) || e.space == "" && e.name == "button"
}

func endsListScope(e openElement) bool {
	return endsScope(e) || e.space == "" && (e.name == "ol" || e.name == "ul")
}

func endsTableScope(e openElement) bool {
	return e.space == "" && (e.name == "table" || e.name == "template")
}

// endsItem ends the search for the item of a list that another item follows.
func endsItem(e openElement) bool {
	return isSpecial(e) && (e.space != "" || e.name != "address" && e.name != "div" && e.name != "p")
}

// isSpecial knows the elements beyond which an end tag of another kind ends
// nothing.
func isSpecial(e openElement) bool {
	if e.space != "" {
		return isBarrier(e)
	}
	return isSpecialName(e.name)
}

// isBarrier knows the elements of SVG and MathML that end a search.
func isBarrier(e openElement) bool {
	if e.space == "math" {
		return isMathText(e) || e.name == "annotation-xml"
	}
	return e.name == "foreignobject" || e.name == "desc" || e.name == "title"
}

func isSpecialName(name string) bool {
	switch name {
	case "address", "applet", "article", "aside", "blockquote", "body", "button", "caption", "center", "colgroup", "dd", "details", "dir", "div",
		"dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "frameset", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header",
		"hgroup", "html", "li", "listing", "main", "marquee", "menu", "nav", "noscript", "object", "ol", "p", "pre", "search", "section",
		"select", "summary", "table", "tbody", "td", "template", "tfoot", "th", "thead", "tr", "ul":
		return true
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

// isOfHead knows the elements that a page's head may hold.
func isOfHead(name string) bool {
	switch name {
	case "html", "head", "base", "basefont", "bgsound", "link", "meta", "title", "noscript", "noframes", "style", "script", "template":
		return true
	}
	return false
}

// endsParagraph knows the elements before which a <p> ends.
func endsParagraph(name string) bool {
	switch name {
	case "address", "article", "aside", "blockquote", "center", "dd", "details", "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption",
		"figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "li", "listing", "main", "menu", "nav", "ol",
		"p", "plaintext", "pre", "search", "section", "summary", "table", "ul", "xmp":
		return true
	}
	return false
}

func isHeading(name string) bool {
	switch name {
	case "h1", "h2", "h3", "h4", "h5", "h6":
		return true
	}
	return false
}

// isImplied knows the elements that may go without an end tag.
func isImplied(name string) bool {
	switch name {
	case "dd", "dt", "li", "option", "p", "rb", "rp", "rt", "rtc":
		return true
	}
	return false
}

// isFormatting knows the elements that go on where something else ended them.
func isFormatting(name string) bool {
	switch name {
	case "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u":
		return true
	}
	return false
}

// isMarker knows the elements into which no formatting element goes on.
func isMarker(name string) bool {
	switch name {
	case "applet", "caption", "marquee", "object", "td", "template", "th":
		return true
	}
	return false
}

func isCell(name string) bool { return name == "td" || name == "th" || name == "caption" }

func isTableBody(name string) bool { return name == "tbody" || name == "tfoot" || name == "thead" }

func isTablePart(name string) bool {
	return isCell(name) || isTableBody(name) || name == "tr" || name == "col" || name == "colgroup"
}
