package markdown

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// alertMark is the first line of a quote that is an alert: > [!NOTE].
var alertMark = regexp.MustCompile(`(?i)^\[!(note|tip|important|warning|caution)\]\s*$`)

// alert gives a quote that begins with such a line a class and a title instead.
func alert(quote *ast.Blockquote, source []byte) {
	first, is := quote.FirstChild().(*ast.Paragraph)
	if !is || first.Lines().Len() == 0 {
		return
	}
	line := first.Lines().At(0)
	found := alertMark.FindSubmatch(bytes.TrimSpace(line.Value(source)))
	if found == nil {
		return
	}
	kind := strings.ToLower(string(found[1]))
	for c := first.FirstChild(); c != nil; {
		text, isText := c.(*ast.Text)
		if isText && text.Segment.Start >= line.Stop {
			break
		}
		next := c.NextSibling()
		first.RemoveChild(first, c)
		if c = next; isText && (text.SoftLineBreak() || text.HardLineBreak()) {
			break
		}
	}
	title := ast.NewParagraph()
	title.SetAttributeString("class", []byte("markdown-alert-title"))
	title.AppendChild(title, ast.NewString([]byte(strings.ToUpper(kind[:1])+kind[1:])))
	quote.SetAttributeString("class", []byte("markdown-alert markdown-alert-"+kind))
	quote.InsertBefore(quote, first, title)
	if !first.HasChildren() {
		quote.RemoveChild(quote, first)
	}
}
