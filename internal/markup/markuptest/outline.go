package markuptest

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/html"
)

// Reading says what of a page an outline leaves out, as what a step is for.
type Reading struct {
	// Scripting reads as a browser that runs scripts does: a <noscript> holds
	// text.
	Scripting bool
	// Comments, HeadSpace and Scripts leave out comments, the space between the
	// elements of a head, and the texts of scripts.
	Comments, HeadSpace, Scripts bool
	// Change may edit a tree before it is written down.
	Change func(root *html.Node)
}

// ErrTooDeep is the parser's answer to a page of more than 512 elements in each
// other.
var ErrTooDeep = errors.New("too deep to be parsed")

// Outline is a page as a browser's parser reads it, a line for each node.
func (r Reading) Outline(page string) ([]string, error) {
	root, err := html.ParseWithOptions(strings.NewReader(page), html.ParseOptionEnableScripting(r.Scripting))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTooDeep, err)
	}
	if r.Change != nil {
		r.Change(root)
	}
	w := writer{reading: r}
	w.children(root)
	return w.lines, nil
}

type writer struct {
	reading Reading
	lines   []string
	text    string // what came since the last tag
}

func (w *writer) line(format string, args ...any) {
	if w.text != "" {
		w.lines = append(w.lines, fmt.Sprintf("%q", w.text))
		w.text = ""
	}
	w.lines = append(w.lines, fmt.Sprintf(format, args...))
}

func (w *writer) children(n *html.Node) {
	for child := range n.ChildNodes() {
		w.node(child)
	}
}

func (w *writer) node(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		if !w.leftOut(n) {
			w.text += n.Data
		}
	case html.CommentNode:
		if !w.reading.Comments {
			w.line("<!--%q-->", n.Data)
		}
	case html.DoctypeNode:
		w.line("doctype %q %q", n.Data, n.Attr)
	case html.ElementNode:
		w.line("<%s:%s %q>", n.Namespace, n.Data, n.Attr)
		w.children(n)
		w.line("</%s>", n.Data)
	}
}

func (w *writer) leftOut(text *html.Node) bool {
	switch parent := text.Parent; {
	case parent == nil || parent.Namespace != "":
		return false
	case parent.Data == "script":
		return w.reading.Scripts
	case parent.Data == "head":
		return w.reading.HeadSpace && strings.Trim(text.Data, " \n\t\r\f") == ""
	}
	return false
}
