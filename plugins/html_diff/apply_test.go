package html_diff

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/html"

	pb "ddc/plugins/html_diff/html_diffpb"
)

// apply does to a document what a browser would. It knows nothing of how
// patches are found.
func apply(doc *html.Node, patches []*pb.Patch) (*html.Node, error) {
	for i, p := range patches {
		if p.Operation == pb.Patch_OPERATION_REPLACE && len(p.Path) == 0 {
			whole, err := parse(p.Html)
			if err != nil {
				return nil, err
			}
			doc = whole
			continue
		}
		if err := applyOne(doc, p); err != nil {
			return nil, fmt.Errorf("patch %d, %v: %w", i, p, err)
		}
	}
	return doc, nil
}

func applyOne(doc *html.Node, p *pb.Patch) error {
	target := doc
	for i, index := range p.Path {
		children := slices.Collect(target.ChildNodes())
		if index < 0 || int(index) >= len(children) {
			return fmt.Errorf("path leads past the %d children of <%s>", len(children), target.Data)
		}
		target = children[index]
		if name := nameOf(target); len(p.Names) != len(p.Path) || p.Names[i] != name {
			return fmt.Errorf("the path leads through %s, and not %v", name, p.Names)
		}
	}
	if err := found(target, p); err != nil {
		return err
	}
	switch p.Operation {
	case pb.Patch_OPERATION_REPLACE, pb.Patch_OPERATION_INSERT_BEFORE:
		nodes, err := html.ParseFragment(strings.NewReader(p.Html), target.Parent)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			target.Parent.InsertBefore(n, target)
		}
		if p.Operation == pb.Patch_OPERATION_REPLACE {
			target.Parent.RemoveChild(target)
		}
	case pb.Patch_OPERATION_APPEND_CHILD:
		nodes, err := html.ParseFragment(strings.NewReader(p.Html), target)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			target.AppendChild(n)
		}
	case pb.Patch_OPERATION_REMOVE:
		target.Parent.RemoveChild(target)
	case pb.Patch_OPERATION_SET_TEXT:
		if target.Type != html.TextNode {
			return fmt.Errorf("the target is no text")
		}
		target.Data = p.Value
	case pb.Patch_OPERATION_SET_ATTRIBUTE:
		i := slices.IndexFunc(target.Attr, func(a html.Attribute) bool { return a.Namespace == "" && a.Key == p.Name })
		if i < 0 {
			target.Attr = append(target.Attr, html.Attribute{Key: p.Name, Val: p.Value})
		} else {
			target.Attr[i].Val = p.Value
		}
	case pb.Patch_OPERATION_REMOVE_ATTRIBUTE:
		target.Attr = slices.DeleteFunc(target.Attr, func(a html.Attribute) bool { return a.Namespace == "" && a.Key == p.Name })
	default:
		return fmt.Errorf("no such operation")
	}
	return nil
}

// found compares what a patch says of a document with what there is.
func found(target *html.Node, p *pb.Patch) error {
	size := func(n *html.Node) int { return 1 + len(slices.Collect(n.Descendants())) }
	siblings := func(n *html.Node) int { return len(slices.Collect(n.ChildNodes())) }
	value, has := attribute(target, "", p.Name)
	var right bool
	switch p.Operation {
	case pb.Patch_OPERATION_SET_TEXT:
		right = p.Old != nil && *p.Old == target.Data
	case pb.Patch_OPERATION_SET_ATTRIBUTE, pb.Patch_OPERATION_REMOVE_ATTRIBUTE:
		right = has == (p.Old != nil) && value == p.GetOld()
	case pb.Patch_OPERATION_APPEND_CHILD:
		right = int(p.Siblings) == siblings(target)
	case pb.Patch_OPERATION_INSERT_BEFORE:
		right = int(p.Siblings) == siblings(target.Parent)
	default:
		right = int(p.Siblings) == siblings(target.Parent) && int(p.Nodes) == size(target)
	}
	if !right {
		return fmt.Errorf("the document has something else there: %q", target.Data)
	}
	return nil
}

// dump writes a tree so that equal trees, and no others, have equal dumps.
func dump(n *html.Node) string {
	var out strings.Builder
	var write func(n *html.Node, depth int)
	write = func(n *html.Node, depth int) {
		var attributes []string
		for i, a := range n.Attr {
			first := slices.IndexFunc(n.Attr, func(b html.Attribute) bool { return b.Namespace == a.Namespace && b.Key == a.Key })
			if first == i {
				attributes = append(attributes, fmt.Sprintf("%q:%q=%q", a.Namespace, a.Key, a.Val))
			}
		}
		slices.Sort(attributes)
		fmt.Fprintf(&out, "%*s%d %q %q %v\n", depth, "", n.Type, n.Namespace, n.Data, attributes)
		for c := range n.ChildNodes() {
			write(c, depth+1)
		}
	}
	write(n, 0)
	return out.String()
}
