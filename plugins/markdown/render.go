package markdown

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"ddc/plugins/markdown/markdownpb"
)

// Engines are built for the first page that needs them, so that a process that
// only links this package does not pay for them.
var (
	plainEngine = sync.OnceValue(func() goldmark.Markdown { return newEngine() })
	smartEngine = sync.OnceValue(func() goldmark.Markdown { return newEngine(typographer) })
	// typographer writes letters, not entities: titles and ids of headings are
	// made of them too.
	typographer = extension.NewTypographer(extension.WithTypographicSubstitutions(extension.TypographicSubstitutions{
		extension.LeftSingleQuote: []byte("‘"), extension.RightSingleQuote: []byte("’"), extension.LeftDoubleQuote: []byte("“"), extension.RightDoubleQuote: []byte("”"),
		extension.EnDash: []byte("–"), extension.EmDash: []byte("—"), extension.Ellipsis: []byte("…"),
		extension.LeftAngleQuote: []byte("«"), extension.RightAngleQuote: []byte("»"), extension.Apostrophe: []byte("’"),
	}))
)

func newEngine(more ...goldmark.Extender) goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(append(more, extension.Table, extension.Strikethrough, extension.Footnote,
			extension.TaskList, extension.Linkify, extension.DefinitionList)...),
		goldmark.WithParserOptions(parser.WithHeadingAttribute()),
		goldmark.WithRendererOptions(
			html.WithUnsafe(),
			renderer.WithNodeRenderers(util.Prioritized(placeholderRenderer{}, 100), util.Prioritized(labelRenderer{}, 100)),
		),
	)
}

// page is one rendering under way.
type page struct {
	source []byte
	lines  lineIndex
	links  *linkResolver
	ids    headingIDs
	// mark is what every placeholder of this page begins with.
	mark string
	out  *markdownpb.RenderResponse
	// anchors says where headings get a link to themselves.
	anchors string
	// raw says that there may be headings that are written as HTML.
	raw bool
}

func render(req *markdownpb.RenderRequest) (*markdownpb.RenderResponse, error) {
	if err := checkUTF8(req.GetBody()); err != nil {
		return nil, err
	}
	source := []byte(unixLines(req.GetBody()))
	p := &page{
		source: source,
		lines:  newLineIndex(source, int(req.GetBodyLine())),
		links:  newLinkResolver(req.GetPath(), req.GetAddresses()),
		ids:    newHeadingIDs(),
		mark:   placeholderMark(source),
		out:    &markdownpb.RenderResponse{},

		anchors: req.GetAnchors(),
	}
	if err := checkBounds(source, p.lines); err != nil {
		return nil, err
	}
	engine := plainEngine()
	if req.GetSmartPunctuation() {
		engine = smartEngine()
	}
	doc := engine.Parser().Parse(text.NewReader(source))
	if err := p.walk(doc); err != nil {
		return nil, err
	}
	var body bytes.Buffer
	if err := engine.Renderer().Render(&body, source, doc); err != nil {
		return nil, fmt.Errorf("render page: %w", err)
	}
	p.out.Html = body.String()
	if p.raw {
		p.out.Html = p.rawHeadings(p.out.Html)
	}
	return p.out, nil
}

// walk gives headings their ids, takes the code blocks out and resolves the
// links.
func (p *page) walk(doc ast.Node) error {
	var headings []*ast.Heading
	var codes []ast.Node
	var tasks []*extast.TaskCheckBox
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			headings = append(headings, n)
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			codes = append(codes, n)
		case *ast.HTMLBlock:
			p.takeRaw(n.Lines().Value(p.source))
			if n.HasClosure() {
				p.takeRaw(n.ClosureLine.Value(p.source))
			}
		case *ast.RawHTML:
			p.takeRaw(n.Segments.Value(p.source))
		case *extast.TaskCheckBox:
			tasks = append(tasks, n)
		case *ast.Blockquote:
			alert(n, p.source)
		case *ast.Link:
			p.resolve(n)
		case *ast.Image:
			if url, broken := p.links.resolve(string(n.Destination)); broken == nil {
				n.Destination = []byte(url)
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return fmt.Errorf("walk page: %w", err)
	}
	for _, n := range tasks {
		labelTask(n)
	}
	p.nameHeadings(headings)
	for _, n := range codes {
		p.takeOut(n)
	}
	return nil
}

// takeRaw looks through HTML that the author wrote.
func (p *page) takeRaw(raw []byte) {
	p.ids.take(raw)
	p.raw = p.raw || rawHeading.Match(raw)
}

func (p *page) resolve(link *ast.Link) {
	url, broken := p.links.resolve(string(link.Destination))
	if broken != nil {
		line, column := p.lines.at(link.Pos())
		p.out.BrokenLinks = append(p.out.BrokenLinks, &markdownpb.BrokenLink{
			Target: string(link.Destination), Line: int32(line), Column: int32(column), Suggestion: broken.suggestion,
		})
		return
	}
	link.Destination = []byte(url)
}
