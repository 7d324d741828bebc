package svgo

import (
	"regexp"
	"strings"
)

// optimise makes the tree smaller, in place.
func optimise(d *document) *document {
	o := optimiser{careful: isSensitive(d), animatesPaths: animatesPaths(d.root)}
	o.element(d.root)
	if !o.careful {
		dropUnusedPrefixes(d.root)
	}
	return d
}

type optimiser struct {
	careful       bool // touch whitespace between elements only
	animatesPaths bool // an animation from one path to another needs both to have the same commands
}

// asksForMore finds selectors that depend on attributes or neighbours, and
// imports of style sheets that we do not see.
var asksForMore = regexp.MustCompile(`@import|\[|[+~]|:(nth|first|last|only|empty|not|is|where|has)\b`)

// isSensitive reports whether something in the file may look at what is
// otherwise never seen: a script, a selector, or an external style sheet, named
// by a processing instruction before the root.
func isSensitive(d *document) bool {
	found := len(d.prolog) > 0
	each(d.root, func(e *element) {
		if e.name == "script" || e.name == "style" && asksForMore.MatchString(textOf(e)) {
			found = true
		}
		for _, a := range e.attributes {
			if a.prefix == "" && len(a.name) > 2 && strings.HasPrefix(a.name, "on") {
				found = true
			}
		}
	})
	return found
}

func animatesPaths(root *element) bool {
	found := false
	each(root, func(e *element) {
		for _, a := range e.attributes {
			found = found || a.name == "attributeName" && strings.TrimSpace(a.value) == "d"
		}
	})
	return found
}

// element optimises an element and all below it.
func (o *optimiser) element(e *element) {
	if !e.isSVG() {
		return
	}
	if !o.careful {
		e.attributes = keep(e.attributes, func(a attribute) bool { return !isUnseen(e, a) })
		for i := range e.attributes {
			o.attribute(e, &e.attributes[i])
		}
	}
	if e.name == "style" && !o.careful {
		shortenStyle(e)
	}
	if holdsText(e.name) {
		for _, child := range e.children {
			if inner, ok := child.(*element); ok {
				o.insideText(inner)
			}
		}
		return
	}
	e.children = keep(e.children, func(n node) bool { return !o.isUnseenChild(n) })
	for _, child := range e.children {
		if inner, ok := child.(*element); ok {
			o.element(inner)
		}
	}
}

// insideText optimises the attributes of an element whose whitespace is
// visible.
func (o *optimiser) insideText(e *element) {
	if !e.isSVG() || o.careful {
		return
	}
	each(e, func(inner *element) {
		if inner.isSVG() {
			for i := range inner.attributes {
				o.attribute(inner, &inner.attributes[i])
			}
		}
	})
}

// holdsText reports whether whitespace inside the element may be visible or
// read.
func holdsText(name string) bool {
	switch name {
	case "text", "tspan", "textPath", "tref", "altGlyph", "title", "desc", "style", "script", "foreignObject":
		return true
	}
	return false
}

// isUnseenChild reports whether a node can be left out: whitespace between
// elements, and elements that draw nothing and that nothing can refer to.
func (o *optimiser) isUnseenChild(n node) bool {
	switch n := n.(type) {
	case text:
		return strings.TrimSpace(string(n)) == ""
	case *element:
		switch {
		case o.careful:
			return false
		case isEditors(n.space):
			return true
		case !n.isSVG():
			return false
		case n.name == "metadata":
			return true
		}
		return n.name == "defs" && len(n.attributes) == 0 && strings.TrimSpace(textOf(n)) == "" && !hasElements(n)
	}
	return false
}

func hasElements(e *element) bool {
	for _, child := range e.children {
		if _, ok := child.(*element); ok {
			return true
		}
	}
	return false
}

// isUnseen reports whether an attribute can be left out: those of editors, and
// those that no browser reads.
func isUnseen(e *element, a attribute) bool {
	if a.prefix != "" && a.prefix != "xmlns" {
		space, _ := e.scope.lookup(a.prefix)
		return isEditors(space)
	}
	return a.prefix == "" && e.name == "svg" && (a.name == "version" || a.name == "baseProfile")
}

// textOf is the text directly inside an element.
func textOf(e *element) string {
	var all strings.Builder
	for _, child := range e.children {
		if t, ok := child.(text); ok {
			all.WriteString(string(t))
		}
	}
	return all.String()
}
