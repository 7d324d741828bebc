package content

import (
	"path"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Node is a page or a section in the site's tree.
type Node struct {
	// Path of the source below the content folder ("guide/intro.md").
	Path string
	// Route without a trailing slash ("/guide/intro"); "/" for the root.
	Route   string
	Title   string
	Weight  int
	Section bool

	// Grow sets the fields below. Parent is nil only for the root.
	Parent *Node
	// Pages and Sections lie directly below, sorted by weight, then title.
	Pages, Sections []*Node
}

// NewNode derives from a source's path whether it is a section, and its route.
func NewNode(source string) *Node {
	n := &Node{Path: source, Section: path.Base(source) == "_index.md"}
	route := strings.TrimSuffix(source, ".md")
	if n.Section {
		route = strings.TrimSuffix(strings.TrimSuffix(route, "_index"), "/")
	}
	n.Route = "/" + route
	return n
}

// URL is the route as a browser asks for it, with a trailing slash, not escaped.
func (n *Node) URL() string {
	if n.Route == "/" {
		return "/"
	}
	return n.Route + "/"
}

// Output is the path of the node's page below the output folder.
func (n *Node) Output() string { return path.Join(n.Route[1:], "index.html") }

// Ancestors are the sections from the root, which counts, down to the parent.
func (n *Node) Ancestors() []*Node {
	if n.Parent == nil {
		return nil
	}
	return append(n.Parent.Ancestors(), n.Parent)
}

// Grow puts every node below the nearest section, and returns the root. If no
// node has the path "_index.md", the root is a section titled "Home". Two nodes
// of one route are returned as a clash; the second is left out of the tree.
func Grow(nodes []*Node) (root *Node, clashes [][2]*Node) {
	nodes = append([]*Node(nil), nodes...)
	sort.Slice(nodes, func(i, j int) bool { return nodes[i].Path < nodes[j].Path })
	routes := map[string]*Node{}
	sections := map[string]*Node{}
	for _, n := range nodes {
		if first, taken := routes[n.Route]; taken {
			clashes = append(clashes, [2]*Node{first, n})
			continue
		}
		routes[n.Route] = n
		if n.Section {
			sections[n.Route] = n
		}
	}
	root = sections["/"]
	if root == nil {
		root = NewNode("_index.md")
		root.Title = "Home"
		sections["/"] = root
	}
	for _, n := range nodes {
		if routes[n.Route] != n || n == root {
			continue
		}
		n.Parent = nearest(sections, n.Route)
		if n.Section {
			n.Parent.Sections = append(n.Parent.Sections, n)
		} else {
			n.Parent.Pages = append(n.Parent.Pages, n)
		}
	}
	for _, n := range sections {
		order(n.Pages)
		order(n.Sections)
	}
	return root, clashes
}

// nearest is the section that a route lies in; the root section is always there.
func nearest(sections map[string]*Node, route string) *Node {
	for route != "/" {
		route = path.Dir(route)
		if s, ok := sections[route]; ok {
			return s
		}
	}
	return sections["/"]
}

func order(nodes []*Node) {
	sort.Slice(nodes, func(i, j int) bool {
		a, b := nodes[i], nodes[j]
		switch {
		case a.Weight != b.Weight:
			return a.Weight < b.Weight
		case a.Title != b.Title:
			return a.Title < b.Title
		default:
			return a.Route < b.Route
		}
	})
}

// TitleOf makes a title of a source's name: "hello-world.md" is "Hello World",
// a section has its folder's name and the root is "Home".
func TitleOf(source string) string {
	name := strings.TrimSuffix(path.Base(source), ".md")
	if name == "_index" {
		name = path.Base(path.Dir(source))
	}
	if name == "." {
		return "Home"
	}
	words := strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '_' || unicode.IsSpace(r) })
	for i, w := range words {
		first, size := utf8.DecodeRuneInString(w)
		words[i] = string(unicode.ToUpper(first)) + w[size:]
	}
	return strings.Join(words, " ")
}
