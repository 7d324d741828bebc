package minify

import (
	"strings"

	"golang.org/x/net/html"
)

// spaceGuard keeps the whitespace inside <code>, which the library knows how to keep in <pre> only. Before minifying, each
// white character of such text becomes a stand-in that the page does not use, afterwards it becomes itself again.
type spaceGuard struct {
	hidden, shown *strings.Replacer
}

const white = " \n\t\r\f"

// newSpaceGuard picks stand-ins from the private use area that do not occur in source.
func newSpaceGuard(source string) *spaceGuard {
	var hide, show []string
	candidate := rune(0xE000)
	for _, space := range white {
		for strings.ContainsRune(source, candidate) {
			candidate++
		}
		hide = append(hide, string(space), string(candidate))
		show = append(show, string(candidate), string(space))
		candidate++
	}
	return &spaceGuard{hidden: strings.NewReplacer(hide...), shown: strings.NewReplacer(show...)}
}

// hide replaces the whitespace of text inside <code>. All else stays byte for byte.
func (g *spaceGuard) hide(source string) string {
	if !strings.Contains(source, "<code") {
		return source
	}
	var out strings.Builder
	out.Grow(len(source) + len(source)/8)
	tokens := html.NewTokenizer(strings.NewReader(source))
	offset, inCode, inPre := 0, 0, 0
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			out.WriteString(source[offset:])
			return out.String()
		}
		raw := source[offset : offset+len(tokens.Raw())]
		offset += len(raw)
		switch kind {
		case html.TextToken:
			if inCode > 0 && inPre == 0 {
				raw = g.hidden.Replace(raw)
			}
		case html.StartTagToken:
			count(tokens, &inCode, &inPre, 1)
		case html.EndTagToken:
			count(tokens, &inCode, &inPre, -1)
		}
		out.WriteString(raw)
	}
}

// count follows how deep the tokenizer is in <code> and in <pre>.
func count(tokens *html.Tokenizer, inCode, inPre *int, step int) {
	switch name, _ := tokens.TagName(); string(name) {
	case "code":
		*inCode = max(0, *inCode+step)
	case "pre":
		*inPre = max(0, *inPre+step)
	}
}

// show undoes hide.
func (g *spaceGuard) show(minified string) string { return g.shown.Replace(minified) }
