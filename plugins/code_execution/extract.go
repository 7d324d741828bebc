package code_execution

import (
	"slices"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"ddc/internal/notation"
	pb "ddc/plugins/code_execution/code_executionpb"
)

// markdown parses as the markdown plugin does: a footnote's code is indented
// code without the extension.
var markdown = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.Table, extension.Footnote))
})

// extract finds the fenced code blocks of a page, also inside lists and quotes.
func extract(sourcePath, content string) []*pb.Sample {
	source := []byte(withoutFrontMatter(content))
	var samples []*pb.Sample
	line, at := 1, 0
	document := markdown().Parser().Parse(text.NewReader(source))
	// The walk's function returns no error, so neither does the walk.
	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		block, ok := n.(*ast.FencedCodeBlock)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		if block.Pos() < at { // footnotes come at the end of the tree, wherever they stand
			line, at = 1, 0
		}
		line += strings.Count(string(source[at:block.Pos()]), "\n")
		at = block.Pos()
		sample := &pb.Sample{SourcePath: sourcePath, Line: int32(line), Code: string(block.Lines().Value(source))}
		if block.Info != nil {
			sample.Language, sample.Attributes = parseInfo(string(block.Info.Segment.Value(source)))
		}
		sample.Executable = !slices.ContainsFunc(sample.Attributes, isSkip)
		samples = append(samples, sample)
		return ast.WalkContinue, nil
	})
	slices.SortStableFunc(samples, func(a, b *pb.Sample) int { return int(a.GetLine() - b.GetLine()) })
	return samples
}

func isSkip(attribute string) bool {
	return attribute == "noexec" || attribute == "skip" || attribute == "no-verify"
}

// parseInfo reads "rust,noexec" and "rust noexec" alike.
func parseInfo(info string) (language string, attributes []string) {
	words := strings.FieldsFunc(strings.ToLower(info), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
	if len(words) == 0 {
		return "", nil
	}
	if strings.HasPrefix(strings.TrimSpace(info), ",") {
		return "", words
	}
	return words[0], words[1:]
}

// withoutFrontMatter empties the lines of the front matter, so that all others
// keep their numbers.
func withoutFrontMatter(content string) string {
	content = strings.ReplaceAll(strings.TrimPrefix(content, "\ufeff"), "\r\n", "\n")
	f := notation.FindFences(content)
	if f.Body == 0 {
		return content
	}
	return strings.Repeat("\n", f.BodyLine-1) + content[f.Body:]
}
