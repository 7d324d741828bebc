package fonts

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// isTypedInto says whether readers type into an element, or a browser writes
// words of its own into it. An input that has neither name nor id nor type
// serves nobody.
func isTypedInto(node *html.Node) bool {
	editable := slices.ContainsFunc(node.Attr, func(a html.Attribute) bool { return a.Key == "contenteditable" && a.Val != "false" })
	switch {
	case node.DataAtom == atom.Textarea, editable:
		return true
	case node.DataAtom != atom.Input:
		return false
	}
	switch kind := strings.ToLower(attribute(node, "type")); kind {
	case "search", "text", "email", "url", "tel", "number", "password", "date", "time", "datetime-local", "month", "week", "file":
		return true
	case "submit", "reset": // the browser's own words, in the reader's language
		return attribute(node, "value") == ""
	case "":
		return attribute(node, "name")+attribute(node, "id") != ""
	}
	return false
}

// typed is what may be typed, and what a search may find: all text of all
// pages, the letters of a keyboard, and whole alphabets of which the pages use
// any letter.
func (s *style) typed(used usage) map[rune]struct{} {
	all := map[rune]struct{}{}
	searched := false
	for _, f := range used {
		searched = searched || f.searched
		for r := range f.characters {
			all[r] = struct{}{}
		}
	}
	if !searched {
		return nil
	}
	alphabets := map[*unicode.RangeTable]bool{}
	for r := range all {
		if r > unicode.MaxLatin1 {
			alphabets[alphabetOf(r)] = true
		}
	}
	for r := rune(' '); r <= unicode.MaxLatin1; r++ {
		if unicode.IsPrint(r) {
			all[r] = struct{}{}
		}
	}
	for table := range alphabets {
		eachOf(table, func(r rune) { all[r] = struct{}{} })
	}
	return all
}

// latinExtended are the letters of Latin beyond those of Western Europe that
// keyboards have.
var latinExtended = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x100, Hi: 0x17f, Stride: 1}}}

// alphabetOf is the writing system of a letter, or nil for signs.
func alphabetOf(r rune) *unicode.RangeTable {
	if unicode.Is(latinExtended, r) {
		return latinExtended
	}
	if unicode.In(r, unicode.Latin, unicode.Common, unicode.Inherited) {
		return nil
	}
	for _, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return table
		}
	}
	return nil
}

func eachOf(table *unicode.RangeTable, visit func(rune)) {
	if table == nil {
		return
	}
	for _, of := range table.R16 {
		for r := rune(of.Lo); r <= rune(of.Hi); r += rune(of.Stride) {
			visit(r)
		}
	}
	for _, of := range table.R32 {
		for r := rune(of.Lo); r <= rune(of.Hi); r += rune(of.Stride) {
			visit(r)
		}
	}
}
