package html_diff

import (
	"slices"
	"strings"

	"golang.org/x/net/html"

	pb "ddc/plugins/html_diff/html_diffpb"
)

// differ collects the patches of one page.
type differ struct {
	digests  map[*html.Node]digest
	ids      map[*html.Node]id // of elements that have one
	patches  []*pb.Patch
	compared int
}

// id is an element's id. It may be given and empty.
type id struct {
	value string
	given bool
}

func newDiffer(from, to *html.Node) *differ {
	d := &differ{digests: map[*html.Node]digest{}, ids: map[*html.Node]id{}}
	for _, root := range []*html.Node{from, to} {
		digests(root, d.digests)
		for n := range root.Descendants() {
			if value, given := attribute(n, "", "id"); given {
				d.ids[n] = id{value, true}
			}
		}
	}
	return d
}

// place is where a node of the old document stands when the next patch's turn
// comes, and the names of the nodes on the way there.
type place struct {
	path  []int32
	names []string
}

// child is the place of a child.
func (p place) child(index int32, n *html.Node) place {
	return place{append(slices.Clone(p.path), index), append(slices.Clone(p.names), nameOf(n))}
}

func nameOf(n *html.Node) string {
	switch n.Type {
	case html.TextNode:
		return "#text"
	case html.CommentNode:
		return "#comment"
	case html.DoctypeNode:
		return "#doctype"
	}
	return n.Data
}

// children makes the patches that turn the children of from, an element at a
// place, into those of to. It goes from left to right, so that every path is
// right when its patch is applied. False means that no patch can express the
// change.
func (d *differ) children(at place, from, to *html.Node) bool {
	old := childrenOf(from)
	pairs := d.align(old, childrenOf(to))
	index, count := int32(0), int32(len(old))
	for _, p := range pairs {
		said := true
		switch {
		case p.apart:
			said = d.insert(d.instead(at.child(index, p.from), p.from, count), p.to, to)
			index, old = index+1, old[1:]
		case p.from != nil && p.to != nil:
			said = d.node(at.child(index, p.from), p.from, p.to, count)
			index, old = index+1, old[1:]
		case p.to == nil:
			patch := d.instead(at.child(index, p.from), p.from, count)
			patch.Operation = pb.Patch_OPERATION_REMOVE
			d.patch(patch)
			count, old = count-1, old[1:]
		case index < count:
			before := at.child(index, old[0])
			said = d.insert(&pb.Patch{Operation: pb.Patch_OPERATION_INSERT_BEFORE, Path: before.path, Names: before.names, Siblings: count}, p.to, to)
			index, count = index+1, count+1
		default:
			said = d.insert(&pb.Patch{Operation: pb.Patch_OPERATION_APPEND_CHILD, Path: at.path, Names: at.names, Siblings: count}, p.to, to)
			index, count = index+1, count+1
		}
		if !said {
			return false
		}
	}
	return true
}

// instead is a patch that replaces a node, but for what it puts there.
func (d *differ) instead(at place, from *html.Node, siblings int32) *pb.Patch {
	return &pb.Patch{Operation: pb.Patch_OPERATION_REPLACE, Path: at.path, Names: at.names, Siblings: siblings, Nodes: int32(d.digests[from].size)}
}

// node patches one node into another of its kind, or replaces it if patches
// cannot do that.
func (d *differ) node(at place, from, to *html.Node, siblings int32) bool {
	d.compared++
	if d.same(from, to) && equal(from, to) {
		return true
	}
	mark := len(d.patches)
	switch {
	case from.Type == html.TextNode && to.Type == html.TextNode:
		d.patch(&pb.Patch{Operation: pb.Patch_OPERATION_SET_TEXT, Path: at.path, Names: at.names, Value: to.Data, Old: &from.Data})
		return true
	case from.Type == html.ElementNode && !sealed(from) && d.attributes(at, from, to) && d.children(at, from, to):
		return true
	}
	d.patches = d.patches[:mark]
	return to.Parent.Type == html.ElementNode && d.insert(d.instead(at, from, siblings), to, to.Parent)
}

// attributes patches attributes. It returns false if a script cannot set one of
// the names.
func (d *differ) attributes(at place, from, to *html.Node) bool {
	old, fresh := attributes(from), attributes(to)
	for _, a := range from.Attr {
		if _, stays := fresh(a.Namespace, a.Key); stays {
			continue
		}
		if a.Namespace != "" || !settable(a.Key) {
			return false
		}
		d.patch(&pb.Patch{Operation: pb.Patch_OPERATION_REMOVE_ATTRIBUTE, Path: at.path, Names: at.names, Name: a.Key, Old: &a.Val})
	}
	for _, a := range to.Attr {
		value, was := old(a.Namespace, a.Key)
		if was && value == a.Val {
			continue
		}
		if a.Namespace != "" || !settable(a.Key) {
			return false
		}
		patch := &pb.Patch{Operation: pb.Patch_OPERATION_SET_ATTRIBUTE, Path: at.path, Names: at.names, Name: a.Key, Value: a.Val}
		if was {
			patch.Old = &value
		}
		d.patch(patch)
	}
	return true
}

// settable says whether setAttribute takes a name in every browser and leaves
// it as it is. setAttribute lower-cases the names of HTML, but it knows an
// element's namespace, so SVG's names with capitals (viewBox) are safe.
func settable(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) && (name[0] < '0' || name[0] > '9') && name[0] != '-'
}

// insert adds a patch that brings in a node, if its markup becomes that node
// again inside parent.
func (d *differ) insert(patch *pb.Patch, n, parent *html.Node) bool {
	d.compared++
	var markup strings.Builder
	if err := html.Render(&markup, n); err != nil {
		return false
	}
	if again := fragment(markup.String(), parent); again == nil || !equal(again, n) {
		return false
	}
	patch.Html = markup.String()
	d.patch(patch)
	return true
}

func (d *differ) patch(p *pb.Patch) { d.patches = append(d.patches, p) }
