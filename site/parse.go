package site

import (
	"context"
	"errors"
	"fmt"
	"html"
	"path"
	"strings"
	"unicode/utf8"

	"ddc/plugins/html/htmlpb"
	"ddc/plugins/markdown/markdownpb"
	"ddc/plugins/syntax_highlight/syntax_highlightpb"
	"ddc/site/asset"
	"ddc/site/content"
)

// page is a page or section on its way from Markdown to its final HTML.
type page struct {
	*content.Node
	file   content.File
	source string

	// beside are the files beside the page, by path below the output folder.
	beside []string

	// whole says that parse has found no fault in the page. Other pages are not
	// rendered.
	whole bool

	// Set by parse. extra is never nil, so that a template may ask for a key
	// that is not in it.
	front    *markdownpb.FrontMatter
	extra    any
	keys     map[string]*markdownpb.Place // of the front matter
	body     string
	bodyLine int32
	content  string
	summary  string // up to <!-- more -->
	headings []*markdownpb.Heading
	// highlighted says that the content has coloured code.
	highlighted bool
	// verified has the samples that ran well, by their code.
	verified map[string]*htmlpb.BuildInfo

	// html is the whole page: set by render, made final by finish.
	html string
	// found lists what is in the html that render made.
	found *htmlpb.InspectResponse
}

// base is what relative addresses on the page count from. Unlike the route it
// is a valid URL, whatever the file's name ("100%.md").
func (p *page) base() string { return asset.URL(p.URL()) }

// parse turns every page's source into HTML, and runs the samples meanwhile.
func (b *build) parse(ctx context.Context) error {
	var whole []*page
	var nodes []*content.Node
	var paths []string
	b.known, b.absent = map[string]*page{}, map[string]string{}
	for _, p := range b.pages {
		switch {
		case p.front == nil: // its fault is known; links to it are not broken
			paths = append(paths, p.Path)
			b.absent[p.Route] = ""
		case b.leftOut(p):
			b.absent[p.Route] = p.file.Name
		default:
			whole, nodes, paths = append(whole, p), append(nodes, p.Node), append(paths, p.Path)
			if b.known[p.Route] == nil {
				b.known[p.Route] = p
			}
		}
	}
	b.pages = whole
	b.growTree(nodes)
	known := b.linkable(paths)
	return b.phase(ctx,
		func(ctx context.Context) error {
			return each(ctx, b, b.pages, func(ctx context.Context, p *page) error { return b.body(ctx, p, known) })
		},
		b.samples)
}

// growTree sorts pages into sections. If nobody wrote a root section, it gets a
// page of its own.
func (b *build) growTree(nodes []*content.Node) {
	root, clashes := content.Grow(nodes)
	b.root = root
	for _, c := range clashes {
		_ = b.collect(b.clash(c[0], c[1])) // faults, and nothing else
	}
	if b.known["/"] == nil {
		home := &page{Node: root, front: &markdownpb.FrontMatter{Title: root.Title}, extra: map[string]any{},
			file: content.File{Path: root.Path, Name: path.Join(b.name(b.cfg.Content), root.Path)}}
		b.known["/"] = home
		b.pages = append(b.pages, home)
	}
}

func (b *build) frontMatter(ctx context.Context, p *page) error {
	answer, err := call(ctx, b, "markdown", p.file.Name, b.Markdown.ParseFrontMatter,
		&markdownpb.ParseFrontMatterRequest{Path: p.file.Name, Source: p.source})
	if err != nil {
		return err
	}
	front := answer.GetFrontMatter()
	if front == nil {
		front = &markdownpb.FrontMatter{}
	}
	if p.extra, err = decodeExtra(front.ExtraJson); err != nil {
		return fmt.Errorf("markdown plugin, %s: extra_json: %w", p.file.Name, err)
	}
	p.keys = answer.Keys
	for _, w := range answer.Warnings {
		b.doubt(Problem{File: p.file.Name, Line: int(w.Place.GetLine()), Col: int(w.Place.GetColumn()), Length: int(w.Place.GetLength()), Message: w.Message, Hint: w.Hint})
	}
	if err := p.settle(front); err != nil {
		return err
	}
	p.body, p.bodyLine = answer.Body, answer.BodyLine
	p.front = front
	return nil
}

// body renders a page's Markdown and puts highlighted code in it.
func (b *build) body(ctx context.Context, p *page, known *mentions) error {
	answer, err := b.markdown(ctx, p, p.body, p.bodyLine, known)
	if err != nil {
		return err
	}
	var faults Errors
	source := content.NewFinder(p.source)
	for _, link := range answer.BrokenLinks {
		fault := Problem{File: p.file.Name, Line: int(link.Line), Col: int(link.Column)}
		fault.Message, fault.Hint = b.leadsNowhere(p, link)
		for _, target := range source.Links(link.Target) { // the plugin says where the link begins
			if target.Line == fault.Line && target.Col >= fault.Col {
				fault.Col, fault.Length = target.Col, utf8.RuneCountInString(link.Target)
				break
			}
		}
		faults = append(faults, fault)
	}
	if faults != nil {
		return faults
	}
	if p.content, err = b.withCode(ctx, p, answer); err != nil {
		return err
	}
	p.headings = answer.Headings
	p.cutSummary()
	p.whole = true
	return nil
}

// markdown has the plugin make HTML of a text that stands in a page, or in its template.
func (b *build) markdown(ctx context.Context, p *page, text string, line int32, known *mentions) (*markdownpb.RenderResponse, error) {
	named := known.in(text)
	request := &markdownpb.RenderRequest{Path: p.Path, Body: text, BodyLine: line, Addresses: b.addressesOf(named)}
	answer, err := call(ctx, b, "markdown", p.file.Name, b.Markdown.Render, request)
	if len(answer.GetBrokenLinks()) > 0 && len(named) < len(known.all) {
		request.Addresses = b.addressesOf(known.all) // one of them may have been meant
		answer, err = call(ctx, b, "markdown", p.file.Name, b.Markdown.Render, request)
	}
	return answer, err
}

// withCode puts highlighted code into what the plugin has made of Markdown.
func (b *build) withCode(ctx context.Context, p *page, answer *markdownpb.RenderResponse) (string, error) {
	replace := make([]string, 0, 2*len(answer.CodeBlocks))
	for _, block := range answer.CodeBlocks {
		code, err := b.codeBlock(ctx, p, block)
		if err != nil {
			return "", err
		}
		replace = append(replace, block.Placeholder, code)
	}
	// One pass over everything, so that code that shows a placeholder itself is
	// left alone.
	return strings.NewReplacer(replace...).Replace(answer.Html), nil
}

func (b *build) codeBlock(ctx context.Context, p *page, block *markdownpb.CodeBlock) (string, error) {
	language, _, _ := strings.Cut(strings.TrimSpace(block.Language), ",")
	language = strings.TrimSpace(language)
	if language == "" {
		return "<pre><code>" + html.EscapeString(block.Code) + "</code></pre>", nil
	}
	answer, err := call(ctx, b, "syntax_highlight", p.file.Name, b.SyntaxHighlight.Highlight,
		&syntax_highlightpb.HighlightRequest{Code: block.Code, Language: language})
	var faults Errors
	if errors.As(err, &faults) { // the plugin sees the code alone
		for i := range faults {
			faults[i].Line = int(block.Line)
		}
	}
	if err != nil {
		return "", err
	}
	p.highlighted = p.highlighted || answer.Highlighted
	return fmt.Sprintf(`<pre><code class="language-%s">%s</code></pre>`, html.EscapeString(language), answer.Html), nil
}
