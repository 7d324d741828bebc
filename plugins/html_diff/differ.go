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

// children makes the patches that turn the children of from, an element at
// path, into those of to. It goes from left to right, so that every path is
// right when its patch is applied. False means that no patch can express the
// change.
func (d *differ) children(path []int32, from, to *html.Node) bool {
	old := childrenOf(from)
	pairs := d.align(old, childrenOf(to))
	at, count := int32(0), int32(len(old))
	for _, p := range pairs {
		here := append(slices.Clone(path), at)
		said := true
		switch {
		case p.apart:
			said = d.insert(pb.Patch_OPERATION_REPLACE, here, p.to, to)
			at++
		case p.from != nil && p.to != nil:
			said = d.node(here, p.from, p.to)
			at++
		case p.to == nil:
			d.patch(&pb.Patch{Operation: pb.Patch_OPERATION_REMOVE, Path: here})
			count--
		case at < count:
			said = d.insert(pb.Patch_OPERATION_INSERT_BEFORE, here, p.to, to)
			at, count = at+1, count+1
		default:
			said = d.insert(pb.Patch_OPERATION_APPEND_CHILD, path, p.to, to)
			at, count = at+1, count+1
		}
		if !said {
			return false
		}
	}
	return true
}

// node patches one node into another of its kind, or replaces it if patches
// cannot do that.
func (d *differ) node(path []int32, from, to *html.Node) bool {
	d.compared++
	if d.same(from, to) && equal(from, to) {
		return true
	}
	mark := len(d.patches)
	switch {
	case from.Type == html.TextNode && to.Type == html.TextNode:
		d.patch(&pb.Patch{Operation: pb.Patch_OPERATION_SET_TEXT, Path: path, Value: to.Data})
		return true
	case from.Type == html.ElementNode && !sealed(from) && d.attributes(path, from, to) && d.children(path, from, to):
		return true
	}
	d.patches = d.patches[:mark]
	return to.Parent.Type == html.ElementNode && d.insert(pb.Patch_OPERATION_REPLACE, path, to, to.Parent)
}

// attributes patches attributes. It returns false if a script cannot set one of
// the names.
func (d *differ) attributes(path []int32, from, to *html.Node) bool {
	old, fresh := attributes(from), attributes(to)
	for _, a := range from.Attr {
		if _, stays := fresh(a.Namespace, a.Key); stays {
			continue
		}
		if a.Namespace != "" || !settable(a.Key) {
			return false
		}
		d.patch(&pb.Patch{Operation: pb.Patch_OPERATION_REMOVE_ATTRIBUTE, Path: path, Name: a.Key})
	}
	for _, a := range to.Attr {
		if value, was := old(a.Namespace, a.Key); was && value == a.Val {
			continue
		}
		if a.Namespace != "" || !settable(a.Key) {
			return false
		}
		d.patch(&pb.Patch{Operation: pb.Patch_OPERATION_SET_ATTRIBUTE, Path: path, Name: a.Key, Value: a.Val})
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

// insert adds a patch that brings in a node, if its markup becomes that node again inside parent.
func (d *differ) insert(operation pb.Patch_Operation, path []int32, n, parent *html.Node) bool {
	d.compared++
	var markup strings.Builder
	if err := html.Render(&markup, n); err != nil {
		return false
	}
	if again := fragment(markup.String(), parent); again == nil || !equal(again, n) {
		return false
	}
	d.patch(&pb.Patch{Operation: operation, Path: path, Html: markup.String()})
	return true
}

func (d *differ) patch(p *pb.Patch) { d.patches = append(d.patches, p) }
