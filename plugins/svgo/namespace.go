package svgo

import "strings"

const (
	svgSpace = "http://www.w3.org/2000/svg"
	xmlSpace = "http://www.w3.org/XML/1998/namespace"
)

// isSVG reports whether the element is an SVG element. In a file that declares
// no namespace at all, every element counts as one.
func (e *element) isSVG() bool { return e.space == svgSpace || e.space == "" }

// isEditors reports whether a namespace belongs to a drawing program, which
// keeps guides, layers and authors in it.
func isEditors(space string) bool {
	switch space {
	case "http://www.inkscape.org/namespaces/inkscape",
		"http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd", "http://inkscape.sourceforge.net/DTD/sodipodi-0.dtd",
		"http://www.bohemiancoding.com/sketch/ns", "http://www.figma.com/figma/ns", "http://www.serif.com/",
		"http://vectornator.io", "http://boxy-svg.com", "http://krita.org/namespaces/svg/krita",
		"http://creativecommons.org/ns#", "http://web.resource.org/cc/", "http://purl.org/dc/elements/1.1/",
		"http://www.w3.org/1999/02/22-rdf-syntax-ns#":
		return true
	}
	return strings.HasPrefix(space, "http://ns.adobe.com/")
}

// dropUnusedPrefixes removes the declarations of prefixes that no name uses any
// more. A prefix at the start of a value counts as a use: SMIL names attributes
// that way (attributeName="xlink:href").
func dropUnusedPrefixes(root *element) {
	used := map[string]bool{}
	each(root, func(e *element) {
		used[e.prefix] = true
		for _, a := range e.attributes {
			if a.prefix != "xmlns" {
				used[a.prefix] = true
			}
			if prefix, _, found := strings.Cut(a.value, ":"); found {
				used[prefix] = true
			}
		}
	})
	each(root, func(e *element) {
		e.attributes = keep(e.attributes, func(a attribute) bool { return a.prefix != "xmlns" || used[a.name] })
	})
}

// each visits an element and all below it.
func each(e *element, visit func(*element)) {
	visit(e)
	for _, child := range e.children {
		if inner, ok := child.(*element); ok {
			each(inner, visit)
		}
	}
}

// keep filters a list in place.
func keep[T any](list []T, wanted func(T) bool) []T {
	kept := list[:0]
	for _, one := range list {
		if wanted(one) {
			kept = append(kept, one)
		}
	}
	return kept
}
