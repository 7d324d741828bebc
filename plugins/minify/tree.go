package minify

import (
	"slices"
	"strings"

	"golang.org/x/net/html"

	"ddc/internal/markup"
)

// sameTree says whether a browser makes the same tree of two pages, apart from
// what minifying may change: comments, space between the elements of the head,
// and the text of scripts. If the page depends on whether scripts are enabled,
// both cases are compared. It says no where the trees would be too large.
func sameTree(before, after string) bool {
	if before == after || sameTokens(before, after) {
		return true
	}
	return !markup.Multiplies(before) && !markup.Multiplies(after) && sameWhole(before, after)
}

// sameWhole compares the trees themselves.
func sameWhole(before, after string) bool {
	modes := []bool{false}
	if strings.Contains(strings.ToLower(before), "<noscript") {
		modes = append(modes, true)
	}
	for _, scripting := range modes {
		a, errA := html.ParseWithOptions(strings.NewReader(before), html.ParseOptionEnableScripting(scripting))
		b, errB := html.ParseWithOptions(strings.NewReader(after), html.ParseOptionEnableScripting(scripting))
		if errA != nil || errB != nil || !sameNode(a, b) {
			return false
		}
	}
	return true
}

// sameNode compares two nodes and their contents. The parser makes no tree
// deeper than 512.
func sameNode(a, b *html.Node) bool {
	if a.Type != b.Type || a.Data != b.Data || a.Namespace != b.Namespace || !slices.Equal(a.Attr, b.Attr) {
		return false
	}
	if a.Data == "script" && a.Namespace == "" {
		return true
	}
	x, y := children{of: a, next: a.FirstChild}, children{of: b, next: b.FirstChild}
	for {
		textX, childX := x.step()
		textY, childY := y.step()
		switch {
		case textX != textY || (childX == nil) != (childY == nil):
			return false
		case childX == nil:
			return true
		case !sameNode(childX, childY):
			return false
		}
	}
}

// children goes through what a node holds, without comments.
type children struct {
	of, next *html.Node
}

// step gives the next element or doctype with the text before it, or no element
// and the last text.
func (c *children) step() (text string, child *html.Node) {
	var pieces []string
	for n := c.next; n != nil; n = n.NextSibling {
		switch {
		case n.Type == html.CommentNode:
		case n.Type != html.TextNode:
			c.next = n.NextSibling
			return strings.Join(pieces, ""), n
		case c.of.Data != "head" || c.of.Namespace != "" || strings.Trim(n.Data, white) != "":
			pieces = append(pieces, n.Data)
		}
	}
	c.next = nil
	return strings.Join(pieces, ""), nil
}
