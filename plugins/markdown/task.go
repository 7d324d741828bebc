package markdown

import (
	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// label holds a checkbox and the text beside it, so that who does not see the
// page is told what the checkbox is about.
type label struct{ ast.BaseInline }

var labelKind = ast.NewNodeKind("Label")

// Kind and Dump make a label an ast.Node.
func (n *label) Kind() ast.NodeKind { return labelKind }

// Dump prints the node, for goldmark's debugging.
func (n *label) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

// labelRenderer writes a label.
type labelRenderer struct{}

// RegisterFuncs tells goldmark how a label is written.
func (labelRenderer) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(labelKind, func(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
		tag := "</label>"
		if entering {
			tag = "<label>"
		}
		_, err := w.WriteString(tag)
		return ast.WalkContinue, err
	})
}

// labelTask puts a checkbox and what follows it on its line into a label. A
// checkbox without text stays as it is.
func labelTask(box *extast.TaskCheckBox) {
	if box.NextSibling() == nil {
		return
	}
	parent, whole := box.Parent(), &label{}
	parent.InsertBefore(parent, box, whole)
	for c := ast.Node(box); c != nil; {
		next := c.NextSibling()
		whole.AppendChild(whole, c)
		c = next
	}
}
