package markup

import "slices"

// startHTML follows a start tag of HTML by the standard's rules for the body of
// a page and for tables (13.2.6.4.7 and following), as far as they end elements
// around or before it. It tells nothing of the tree but what is open: an
// element that is put before its table is open in it all the same.
func (o *openElements) startHTML(name string, raw bool) {
	inHead := !o.body && isOfHead(name)
	o.body = o.body || !inHead
	switch {
	case isTablePart(name):
		o.startTablePart(name)
		return
	case name == "noscript" && inHead, // whose elements stand beside it if they are none of a head
		name == "form" && o.form,
		name == "select" && o.close(named("select"), endsScope):
		return
	case endsParagraph(name):
		o.startBlock(name)
	default:
		o.startInline(name)
	}
	switch {
	case raw || isEmpty(name):
	case name == "form" && o.inTable():
		o.form = true
	default:
		o.push(openElement{name: name})
		o.form = o.form || name == "form"
		switch {
		case isFormatting(name):
			o.remember(name)
		case isMarker(name):
			o.note(formatting{})
		}
	}
}

// startBlock ends what cannot go on around or before a block.
func (o *openElements) startBlock(name string) {
	switch name {
	case "table": // which stands in another only in a cell
		if o.inTable() {
			o.close(named("table"), endsTableScope)
		}
	case "li":
		o.close(named("li"), endsItem)
	case "dd", "dt":
		o.close(func(e openElement) bool { return e.name == "dd" || e.name == "dt" }, endsItem)
	}
	o.close(named("p"), endsButtonScope)
	if name == "hr" {
		o.closeChoice(name)
	}
	if e := o.last(); isHeading(name) && e.space == "" && isHeading(e.name) {
		o.cut(len(o.open) - 1)
	}
}

func (o *openElements) startInline(name string) {
	switch name {
	case "button":
		o.close(named("button"), endsScope)
	case "a":
		if entry := o.entry("a"); entry >= 0 {
			id := o.formatting[entry].id
			o.adopt("a")
			if at := o.place(id); at >= 0 {
				o.open = slices.Delete(o.open, at, at+1)
			}
			o.formatting = slices.DeleteFunc(o.formatting, func(f formatting) bool { return f.id == id })
		}
	case "nobr":
		o.reconstruct()
		if o.find(named("nobr"), endsScope) >= 0 {
			o.adopt("nobr")
		}
	case "option", "optgroup":
		o.closeChoice(name)
	case "input", "keygen":
		o.close(named("select"), endsScope)
	case "script", "style", "title", "textarea", "iframe", "noembed", "noframes", "noscript", "template", "param", "source", "track",
		"base", "basefont", "bgsound", "link", "meta", "html", "head", "body", "frameset":
		return
	}
	o.reconstruct()
}

// closeChoice ends the choice of a <select> that another choice, or a line,
// follows. An <option> does not end its group.
func (o *openElements) closeChoice(next string) {
	inSelect := o.find(named("select"), func(e openElement) bool { return e.name != "select" && endsScope(e) }) >= 0
	for {
		switch e := o.last(); {
		case e.space != "":
			return
		case inSelect && isImplied(e.name), inSelect && e.name == "optgroup" && next != "option", next != "hr" && e.name == "option":
			o.cut(len(o.open) - 1)
		default:
			return
		}
		if !inSelect {
			return
		}
	}
}

// table is the place of the innermost element of a table, the table itself
// among them, or -1.
func (o *openElements) table() int {
	return o.find(func(e openElement) bool { return e.name == "table" || isTablePart(e.name) }, endsTableScope)
}

// inTable tells whether a table is open, and no cell or caption in it.
func (o *openElements) inTable() bool {
	at := o.table()
	return at >= 0 && !isCell(o.open[at].name)
}

// startTablePart begins a part of a table, in the row and body that it needs. A
// <template> needs none.
func (o *openElements) startTablePart(name string) {
	in := ""
	switch name {
	case "td", "th":
		in = "tr"
	case "tr":
		in = "tbody"
	}
	at := o.find(func(e openElement) bool {
		return e.name == "table" || e.name == "template" || in != "" && isTableBody(e.name) || in == "tr" && e.name == "tr"
	}, endsTableScope)
	if at < 0 {
		return
	}
	o.cut(at + 1)
	around := o.open[at].name
	if around == "table" && in != "" {
		o.push(openElement{name: "tbody"})
	}
	if (around == "table" || isTableBody(around)) && in == "tr" {
		o.push(openElement{name: "tr"})
	}
	if name == "col" || name == "colgroup" { // which ends before anything else
		return
	}
	o.push(openElement{name: name})
	if isMarker(name) {
		o.note(formatting{})
	}
}

// endHTML follows an end tag by the rules of HTML.
func (o *openElements) endHTML(name string) {
	o.body = o.body || name == "head"
	switch {
	case name == "form":
		o.endForm()
	case name == "p":
		o.close(named("p"), endsButtonScope)
	case name == "li":
		o.close(named("li"), endsListScope)
	case isHeading(name):
		o.close(func(e openElement) bool { return isHeading(e.name) }, endsScope)
	case name == "table" || isTablePart(name):
		o.close(named(name), endsTableScope)
	case name == "template":
		o.close(named("template"), func(openElement) bool { return false })
	case isFormatting(name):
		o.adopt(name)
	case isEmpty(name):
	case isSpecialName(name) && name != "noscript", name == "dialog":
		o.close(named(name), endsScope)
	default:
		o.closeOther(name)
	}
}

// endForm ends a form alone: what is in it stays open.
func (o *openElements) endForm() {
	if at := o.find(named("form"), endsScope); o.form && at >= 0 {
		o.open = slices.Delete(o.open, at, at+1)
	}
	o.form = false
}
