package markdown

import (
	"fmt"
	"regexp"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"

	"ddc/plugins/markdown/markdownpb"
)

// placeholder stands in the tree where a code block was.
type placeholder struct {
	ast.BaseBlock
	comment string
}

var placeholderKind = ast.NewNodeKind("CodePlaceholder")

// Kind and Dump make a placeholder an ast.Node.
func (n *placeholder) Kind() ast.NodeKind { return placeholderKind }

// Dump prints the node, for goldmark's debugging.
func (n *placeholder) Dump(source []byte, level int) {
	ast.DumpHelper(n, source, level, map[string]string{"comment": n.comment}, nil)
}

// placeholderRenderer writes a placeholder's comment.
type placeholderRenderer struct{}

// RegisterFuncs tells goldmark how a placeholder is written.
func (placeholderRenderer) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(placeholderKind, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			_, _ = w.WriteString(n.(*placeholder).comment)
			_ = w.WriteByte('\n')
		}
		return ast.WalkSkipChildren, nil
	})
}

// placeholderMark is a name that does not occur in the page, so that raw HTML
// cannot contain a placeholder's comment.
func placeholderMark(source []byte) string {
	taken := map[string]bool{}
	for _, mark := range placeholderMarks.FindAll(source, -1) {
		taken[string(mark)] = true
	}
	mark := "CODE_BLOCK_PLACEHOLDER"
	for n := 1; taken[mark]; n++ {
		mark = fmt.Sprintf("CODE_BLOCK_%d_PLACEHOLDER", n)
	}
	return mark
}

var placeholderMarks = regexp.MustCompile(`CODE_BLOCK_(\d+_)?PLACEHOLDER`)

// takeOut replaces a code block by a placeholder.
func (p *page) takeOut(n ast.Node) {
	comment := fmt.Sprintf("<!--%s_%d-->", p.mark, len(p.out.CodeBlocks))
	line, _ := p.lines.at(n.Pos())
	language := ""
	if fenced, ok := n.(*ast.FencedCodeBlock); ok && fenced.Info != nil {
		language = string(unescape(fenced.Info.Segment.Value(p.source)))
	}
	p.out.CodeBlocks = append(p.out.CodeBlocks, &markdownpb.CodeBlock{
		Code: string(n.Lines().Value(p.source)), Language: language, Placeholder: comment, Line: int32(line),
	})
	n.Parent().ReplaceChild(n.Parent(), n, &placeholder{comment: comment})
}
