package pagefind

import (
	"strings"

	"golang.org/x/net/html"

	"ddc/internal/markup"
)

// readable is a page with the words as people read them. Pagefind itself joins
// the texts of two elements with no space between them, which is right for <b>
// and wrong for table cells. It breaks a word at a soft hyphen. And it reads
// what is hidden.
func readable(source string) string {
	p := &markup.Page{Source: source}
	p.Walk(func(t markup.Token) {
		switch t.Kind {
		case html.TextToken:
			if text := source[t.Start:t.End]; !t.RawText {
				if whole := softHyphens.Replace(text); whole != text {
					p.Replace(t.Start, t.End, whole)
				}
			}
		case html.StartTagToken:
			if separates(t) {
				p.Insert(t.Start, " ")
			}
			if isHidden(t.Attributes) && !t.Attributes.Has("data-pagefind-ignore") {
				p.AddAttribute(t.Attributes, "data-pagefind-ignore", "")
			}
		case html.EndTagToken:
			if separates(t) { // and not before it, where Pagefind puts a full stop
				p.Insert(t.End, " ")
			}
		}
	})
	return p.Edited()
}

var softHyphens = strings.NewReplacer("\u00ad", "", "&shy;", "", "&#173;", "", "&#xad;", "", "&#xAD;", "", "&#Xad;", "", "&#XAD;", "")

// isHidden says whether an element is hidden under every style sheet. Metadata
// in such an element stays in the index.
func isHidden(of markup.Attributes) bool {
	if a := of.Find("hidden"); a != nil && !strings.EqualFold(a.Value, "until-found") {
		return true
	}
	style := strings.ToLower(strings.Join(strings.Fields(of.Value("style")), ""))
	return strings.HasPrefix(style, "display:none") || strings.Contains(style, ";display:none")
}

// separates says whether a tag ends a word. Tags of blocks, cells, lines,
// pictures and controls do, and so do unknown tags. In an <svg> and a formula,
// words run on.
func separates(t markup.Token) bool {
	if t.Foreign {
		return t.Name == "svg"
	}
	switch t.Name {
	case "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd", "label",
		"mark", "nobr", "output", "q", "rb", "rp", "rt", "rtc", "ruby", "s", "samp", "slot", "small", "span", "strike", "strong", "sub",
		"sup", "time", "tt", "u", "var", "wbr", // run on
		"link", "meta", "noscript", "script", "style", "template": // are not seen
		return false
	}
	return !strings.Contains(t.Name, "-") // an element of the site's own, such as the highlighter's <a-k>
}
