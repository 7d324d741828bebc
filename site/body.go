package site

import (
	"context"
	"errors"
	"fmt"
	"html"
	"sort"
	"strings"
	"unicode/utf8"

	"ddc/internal/printable"
	"ddc/internal/query"
	"ddc/plugins/markdown/markdownpb"
	"ddc/plugins/syntax_highlight/syntax_highlightpb"
	"ddc/site/content"
)

// bodyPhase has the pages' bodies, and what came of their samples. Keys are as
// in treePhase.
type bodyPhase struct {
	*staticPhase
	bodies *query.Query[*body]
	// bodyDoubts are a body's, without it; never nil.
	bodyDoubts *query.Query[[]Problem]
	// runsSamples is whether samples are run, an input; sampled are those to
	// run.
	runsSamples *query.Query[bool]
	sampled     *query.Query[*samples]
	samples     *query.Query[*checked]

	// Shortcodes are templates, which come with the next phase: their names,
	// and what renders a call.
	shortcodes *query.Query[[]string]
	callOne    func(ctx context.Context, ask *query.Ask, c *shortcodeCall) (*filled, error)
}

func newBodyPhase(from *staticPhase) *bodyPhase {
	s := &bodyPhase{staticPhase: from}
	s.bodies = query.New(s.engine, "body", byCode[body](), s.makeBody, query.Spilt)
	s.bodyDoubts = query.New(s.engine, "doubts of a body", query.JSON[[]Problem](), func(ctx context.Context, ask *query.Ask, key string) ([]Problem, error) {
		b, err := s.bodies.Get(ctx, ask, key)
		if err != nil {
			return nil, err
		}
		return append([]Problem{}, b.doubts...), nil
	})
	s.runsSamples = query.NewInput(s.engine, "samples are run", query.JSON[bool](), func(context.Context, string) (bool, error) { return !s.options.NoCodeExec, nil })
	s.sampled = query.New(s.engine, "samples to run", byCode[samples](), s.extract)
	s.samples = query.New(s.engine, "samples", byCode[checked](), s.check)
	return s
}

// body is HTML of a page's Markdown.
type body struct {
	html     string
	summary  string // up to <!-- more -->
	headings []*markdownpb.Heading
	// highlighted says that the HTML has coloured code.
	highlighted bool
	// resized are the pictures that its shortcodes have had resized.
	resized []resizedUse
	// doubts are what nobody understands of it.
	doubts []Problem
}

func (b *body) code(c *coder) {
	c.text(&b.html)
	c.text(&b.summary)
	c.flag(&b.highlighted)
	c.uses(&b.resized)
	c.problems(&b.doubts)
	messages(c, &b.headings)
}

// makeBody renders a page's Markdown and puts highlighted code in it.
func (s *bodyPhase) makeBody(ctx context.Context, ask *query.Ask, key string) (*body, error) {
	p, err := s.page(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	if !p.written {
		return s.markdown(ctx, ask, p, "", 0, nil)
	}
	f, err := s.fronts.Get(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	paths, err := s.mentions.Get(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	f, doubts, err := s.extendText(ctx, ask, p, f)
	if err != nil {
		return nil, err
	}
	text, calls, err := s.withoutShortcodes(ctx, ask, p, f)
	if err != nil {
		return nil, err
	}
	if calls != nil && calls.written != nil {
		known, err := s.known.Get(ctx, ask, "")
		if err != nil {
			return nil, err
		}
		paths = known.named(text)
	}
	made, err := s.markdown(ctx, ask, p, text, f.line, paths)
	var faults Errors
	if errors.As(err, &faults) {
		calls.places(faults, p.name)
	}
	var broken *brokenLinks
	if errors.As(err, &broken) {
		for _, link := range broken.list {
			link.Line = int32(calls.line(int(link.Line)))
		}
		source, err := s.texts.Get(ctx, ask, p.name)
		if err != nil {
			return nil, err
		}
		return nil, broken.in(p, source)
	}
	if made != nil {
		made.doubts = append(made.doubts, doubts...)
		calls.into(made)
		made.cutSummary()
	}
	return made, err
}

// brokenLinks are links of Markdown to pages that are not there.
type brokenLinks struct {
	list  []*markdownpb.BrokenLink
	known *linkable
}

func (e *brokenLinks) Error() string { return printable.Count(len(e.list), "link") + " to no page" }

// in are the faults of the page that the links stand in.
func (e *brokenLinks) in(p *page, text string) Errors {
	var faults Errors
	source := content.NewFinder(text)
	for _, link := range e.list {
		fault := Problem{File: p.name, Line: int(link.Line), Col: int(link.Column)}
		fault.Message, fault.Hint = e.known.leadsNowhere(p.Path, link)
		// The plugin says where the link begins.
		places := source.Links(link.Target)
		first := sort.Search(len(places), func(i int) bool {
			return places[i].Line > fault.Line || places[i].Line == fault.Line && places[i].Col >= fault.Col
		})
		if first < len(places) && places[first].Line == fault.Line {
			fault.Col, fault.Length = places[first].Col, utf8.RuneCountInString(link.Target)
		}
		faults = append(faults, fault)
	}
	return faults
}

// markdown makes HTML of a text that stands in a page, or in its template, and
// may link to some addresses. The error is a *brokenLinks if it links to
// others.
func (s *bodyPhase) markdown(ctx context.Context, ask *query.Ask, p *page, text string, line int32, addresses map[string]string) (*body, error) {
	anchors, err := s.anchors.Get(ctx, ask, p.Path)
	if err != nil {
		return nil, err
	}
	request := &markdownpb.RenderRequest{Path: p.Path, Body: text, BodyLine: line, Addresses: addresses,
		SmartPunctuation: s.cfg.Site.Markdown.SmartPunctuation, Anchors: anchors}
	answer, err := call(ctx, s.build, "markdown", p.name, s.Markdown.Render, request)
	if err != nil {
		return nil, err
	}
	if len(answer.BrokenLinks) == 0 {
		return s.withCode(ctx, p, answer)
	}
	known, err := s.known.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	request.Addresses = known.addresses // one of them may have been meant
	if answer, err = call(ctx, s.build, "markdown", p.name, s.Markdown.Render, request); err != nil {
		return nil, err
	}
	if len(answer.BrokenLinks) == 0 {
		return s.withCode(ctx, p, answer)
	}
	return nil, &brokenLinks{answer.BrokenLinks, known}
}

// withCode puts highlighted code into what the plugin has made of Markdown.
func (s *bodyPhase) withCode(ctx context.Context, p *page, answer *markdownpb.RenderResponse) (*body, error) {
	made := &body{headings: answer.Headings, html: answer.Html}
	if len(answer.CodeBlocks) == 0 {
		return made, nil
	}
	code, size := make([]string, 0, len(answer.CodeBlocks)), len(answer.Html)
	for rest := answer.CodeBlocks; len(rest) > 0; {
		some := firstBlocks(rest)
		blocks, err := s.highlight(ctx, p, some)
		if err != nil {
			return nil, err
		}
		for _, block := range blocks {
			made.highlighted = made.highlighted || block.Styled
			code = append(code, block.Html)
			size += len(block.Html)
		}
		rest = rest[len(some):]
	}
	made.html = withTexts(answer.Html, answer.CodeBlocks, code, size)
	return made, nil
}

// withTexts puts texts in the place of blocks, in one pass over everything, so
// that code that shows a placeholder itself is left alone. It does what a
// strings.Replacer does, but looks only where what all placeholders begin with
// stands.
func withTexts(html string, blocks []*markdownpb.CodeBlock, texts []string, size int) string {
	prefix := blocks[0].Placeholder
	known, lengths := make(map[string]int, len(blocks)), map[int]bool{}
	for i := len(blocks) - 1; i >= 0; i-- {
		mark := blocks[i].Placeholder
		for !strings.HasPrefix(mark, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
		known[mark], lengths[len(mark)] = i, true
	}
	var out strings.Builder
	out.Grow(size)
	for prefix != "" {
		at := strings.Index(html, prefix)
		if at < 0 {
			break
		}
		first, end := len(blocks), at+1
		for n := range lengths {
			mark := html[at:min(at+n, len(html))]
			if i, is := known[mark]; is && i < first {
				first, end = i, at+len(mark)
			}
		}
		if first == len(blocks) {
			out.WriteString(html[:end])
		} else {
			out.WriteString(html[:at])
			out.WriteString(texts[first])
		}
		html = html[end:]
	}
	out.WriteString(html)
	return out.String()
}

// codeOfCall is how much code is highlighted by one call, in bytes, unless one
// block is larger. A page has one call, but the time that one call may take
// must be enough for code that is slow to colour.
const codeOfCall = 64 << 10

// firstBlocks are as many of a page's blocks as one call highlights.
func firstBlocks(all []*markdownpb.CodeBlock) []*markdownpb.CodeBlock {
	size := 0
	for i, block := range all {
		if size += len(block.Code); size > codeOfCall && i > 0 {
			return all[:i]
		}
	}
	return all
}

// highlight makes an element of each block, in one call. A block without a
// language needs none.
func (s *bodyPhase) highlight(ctx context.Context, p *page, blocks []*markdownpb.CodeBlock) ([]*syntax_highlightpb.Block, error) {
	made := make([]*syntax_highlightpb.Block, len(blocks))
	request := &syntax_highlightpb.HighlightRequest{}
	var asked []int
	for i, block := range blocks {
		if strings.TrimSpace(block.Language) == "" {
			made[i] = &syntax_highlightpb.Block{Html: "<pre><code>" + html.EscapeString(block.Code) + "</code></pre>"}
			continue
		}
		asked = append(asked, i)
		request.Codes = append(request.Codes, &syntax_highlightpb.Code{Code: block.Code, Language: block.Language, Line: block.Line})
	}
	if len(asked) == 0 {
		return made, nil
	}
	answer, err := call(ctx, s.build, "syntax_highlight", p.name, s.SyntaxHighlight.Highlight, request)
	if err != nil {
		return nil, err
	}
	if len(answer.Blocks) != len(asked) {
		return nil, fmt.Errorf("syntax_highlight plugin, %s: %d pieces of code came back of %d", p.name, len(answer.Blocks), len(asked))
	}
	for i, block := range answer.Blocks {
		made[asked[i]] = block
	}
	return made, nil
}
