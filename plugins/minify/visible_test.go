package minify

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// inline are the elements around which whitespace is seen. All others start a
// line of their own (the highlighter's a-k and such are inline too, as every
// custom element is).
var inline = []string{"a", "abbr", "b", "bdi", "bdo", "button", "cite", "code", "data", "del", "dfn", "em", "i", "img", "input", "ins",
	"kbd", "label", "mark", "picture", "q", "s", "samp", "select", "small", "span", "strong", "sub", "sup", "svg", "textarea", "time", "u", "var"}

// visible describes a page as a reader and a style sheet see it: elements with
// their attributes in order, and text in which whitespace counts only where a
// browser shows it.
func visible(t *testing.T, source string) []string {
	t.Helper()
	root, err := html.ParseWithOptions(strings.NewReader(source), html.ParseOptionEnableScripting(false))
	require.NoError(t, err)
	v := &viewer{atLineStart: true}
	v.node(root, false)
	v.endLine()
	return v.seen
}

type viewer struct {
	seen        []string
	atLineStart bool
	space       bool // whitespace was read and is seen only if more text follows on this line
}

func (v *viewer) endLine() { v.atLineStart, v.space = true, false }

func (v *viewer) node(n *html.Node, exact bool) {
	switch n.Type {
	case html.TextNode:
		v.text(n, exact)
	case html.ElementNode:
		v.element(n, exact)
	case html.DoctypeNode:
		v.seen = append(v.seen, "doctype "+n.Data)
	case html.DocumentNode:
		v.children(n, exact)
	}
}

func (v *viewer) children(n *html.Node, exact bool) {
	for child := range n.ChildNodes() {
		v.node(child, exact)
	}
}

func (v *viewer) element(n *html.Node, exact bool) {
	block := n.Namespace == "" && !slices.Contains(inline, n.Data) && !strings.Contains(n.Data, "-")
	if block {
		v.endLine()
	}
	var attributes []string
	for _, a := range n.Attr {
		if n.Namespace == "" && a.Key == "class" && a.Val == "" {
			continue
		}
		value := strings.Join(strings.Fields(a.Val), " ")
		if n.Data == "meta" {
			value = strings.ReplaceAll(value, " ", "")
		}
		attributes = append(attributes, fmt.Sprintf("%s=%q", a.Key, value))
	}
	v.seen = append(v.seen, "<"+n.Data+" "+strings.Join(attributes, " ")+">")
	switch n.Data {
	case "script", "style": // minified by parsers of their own, whose tests are theirs
	case "pre", "textarea", "code":
		v.children(n, true)
	default:
		v.children(n, exact || n.Namespace == "svg")
	}
	v.seen = append(v.seen, "</"+n.Data+">")
	if block {
		v.endLine()
	} else if n.FirstChild == nil {
		v.atLineStart = false
	}
}

func (v *viewer) text(n *html.Node, exact bool) {
	if exact {
		if v.space && !v.atLineStart {
			v.seen = append(v.seen, "space")
		}
		v.seen = append(v.seen, fmt.Sprintf("%q", n.Data))
		v.atLineStart, v.space = false, false
		return
	}
	for i, word := range strings.FieldsFunc(n.Data, isWhite) {
		glued := i == 0 && !isWhite(rune(n.Data[0])) && !v.space
		if !glued && !v.atLineStart {
			word = " " + word
		}
		v.seen = append(v.seen, word)
		v.atLineStart, v.space = false, false
	}
	if n.Data != "" && isWhite(rune(n.Data[len(n.Data)-1])) {
		v.space = true
	}
}

func isWhite(r rune) bool { return strings.ContainsRune(white, r) }
