package html_diff

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"ddc/internal/markup"
)

// parse makes the tree that a browser would make. If an element has two
// attributes of one name, the first counts.
func parse(page string) (*html.Node, error) {
	if markup.Multiplies(page) {
		return nil, errors.New("parse HTML: the tree would be far larger than the page")
	}
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return nil, fmt.Errorf("parse HTML: %w", err)
	}
	dropRepeated(doc)
	return doc, nil
}

func dropRepeated(root *html.Node) {
	for n := range root.Descendants() {
		dropRepeatedAttributes(n)
	}
}

func dropRepeatedAttributes(n *html.Node) {
	seen := map[html.Attribute]bool{}
	kept := n.Attr[:0]
	for _, a := range n.Attr {
		name := html.Attribute{Namespace: a.Namespace, Key: a.Key}
		if !seen[name] {
			seen[name] = true
			kept = append(kept, a)
		}
	}
	n.Attr = kept
}

// fragment is the one node that a text becomes as content of parent, or nil if
// it becomes anything else.
func fragment(text string, parent *html.Node) *html.Node {
	if parent.Type != html.ElementNode {
		return nil
	}
	nodes, err := html.ParseFragment(strings.NewReader(text), parent)
	if err != nil || len(nodes) != 1 {
		return nil
	}
	dropRepeatedAttributes(nodes[0])
	dropRepeated(nodes[0])
	return nodes[0]
}

// equal compares subtrees; the order of attributes means nothing.
func equal(a, b *html.Node) bool {
	if !sameNode(a, b) {
		return false
	}
	x, y := a.FirstChild, b.FirstChild
	for x != nil && y != nil && equal(x, y) {
		x, y = x.NextSibling, y.NextSibling
	}
	return x == nil && y == nil
}

func sameNode(a, b *html.Node) bool {
	if a.Type != b.Type || a.Data != b.Data || a.Namespace != b.Namespace || len(a.Attr) != len(b.Attr) {
		return false
	}
	values := attributes(b)
	for _, attr := range a.Attr {
		if value, found := values(attr.Namespace, attr.Key); !found || value != attr.Val {
			return false
		}
	}
	return true
}

// fewAttributes is how many attributes are searched one by one.
const fewAttributes = 16

// attributes looks up a node's attributes, by a map if there are many.
func attributes(n *html.Node) func(namespace, name string) (string, bool) {
	if len(n.Attr) <= fewAttributes {
		return func(namespace, name string) (string, bool) { return attribute(n, namespace, name) }
	}
	type name struct{ space, key string }
	values := make(map[name]string, len(n.Attr))
	for _, a := range n.Attr {
		values[name{a.Namespace, a.Key}] = a.Val
	}
	return func(namespace, key string) (string, bool) {
		value, found := values[name{namespace, key}]
		return value, found
	}
}

func attribute(n *html.Node, namespace, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Namespace == namespace && a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// sealed elements have content that a document's paths do not reach: a
// <template>'s content is a document of its own.
func sealed(n *html.Node) bool { return n.DataAtom == atom.Template && n.Namespace == "" }

// digest is a subtree in a few bytes: equal trees have equal digests, and
// unequal ones almost never do.
type digest struct {
	hash uint64
	size int
}

// digests fills in the digest of every node below root.
func digests(root *html.Node, into map[*html.Node]digest) digest {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s\x00%s\x00", root.Type, root.Namespace, root.Data)
	var attributes uint64
	for _, a := range root.Attr {
		one := fnv.New64a()
		_, _ = io.WriteString(one, a.Namespace+"\x00"+a.Key+"\x00"+a.Val)
		attributes += one.Sum64()
	}
	size := 1
	fmt.Fprintf(h, "%x", attributes)
	for c := range root.ChildNodes() {
		below := digests(c, into)
		fmt.Fprintf(h, " %x", below.hash)
		size += below.size
	}
	own := digest{h.Sum64(), size}
	into[root] = own
	return own
}

func childrenOf(n *html.Node) []*html.Node {
	var nodes []*html.Node
	for c := range n.ChildNodes() {
		nodes = append(nodes, c)
	}
	return nodes
}
