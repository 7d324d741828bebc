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
	// Date and Updated are as 2024-05-01 or 2024-05-01T10:00:00Z, or empty.
	Date, Updated string
	// SortBy is how a section's pages are sorted: date, update_date, title,
	// weight, slug or none; empty for weight, then title.
	SortBy string

	// Grow sets the fields below. Parent is nil only for the root.
	Parent *Node
	// Pages and Sections lie directly below: pages as SortBy says, sections by
	// weight, then title.
	Pages, Sections []*Node
}

// URL is the route as a browser asks for it, with a trailing slash, not
// escaped.
func (n *Node) URL() string {
	if n.Route == "/" {
		return "/"
	}
	return n.Route + "/"
}

// Output is the path of the node's page below the output folder.
func (n *Node) Output() string { return path.Join(n.Route[1:], "index.html") }

// Grow puts every node below the nearest section, and returns the root. If no
// node has the path "_index.md", the root is a section titled "Home". Two nodes
// of one route are returned as a clash; the second is left out of the tree.
func Grow(nodes []*Node) (root *Node, clashes [][2]*Node) {
	nodes = append([]*Node(nil), nodes...)
	sort.Slice(nodes, func(i, j int) bool { return nodes[i].Path < nodes[j].Path })
	routes := map[string]*Node{}
	var sections []*Node
	folders := map[string]*Node{} // the sections, by folder
	for _, n := range nodes {
		if first, taken := routes[n.Route]; taken {
			clashes = append(clashes, [2]*Node{first, n})
			continue
		}
		routes[n.Route] = n
		if n.Section {
			sections = append(sections, n)
			folders[path.Dir(n.Path)] = n
		}
	}
	root = folders["."]
	if root == nil {
		root = NewNode("_index.md")
		root.Title = "Home"
		sections = append(sections, root)
		folders["."] = root
	}
	for _, n := range nodes {
		if routes[n.Route] != n || n == root {
			continue
		}
		n.Parent = nearest(folders, n)
		if n.Section {
			n.Parent.Sections = append(n.Parent.Sections, n)
		} else {
			n.Parent.Pages = append(n.Parent.Pages, n)
		}
	}
	for _, n := range sections {
		order(n.Pages, n.SortBy)
		order(n.Sections, "")
	}
	return root, clashes
}

// nearest is the section that a source lies in; the root section is always
// there. Addresses do not count: a page may have any.
func nearest(folders map[string]*Node, n *Node) *Node {
	folder := path.Dir(n.Path)
	if n.Section {
		folder = path.Dir(folder)
	}
	for ; folder != "."; folder = path.Dir(folder) {
		if s, ok := folders[folder]; ok {
			return s
		}
	}
	return folders["."]
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
