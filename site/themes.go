package site

import (
	"context"
	"fmt"
	"strings"

	"ddc/internal/query"
	"ddc/internal/suggest"
	"ddc/plugins/markdown/markdownpb"
	"ddc/plugins/syntax_highlight/syntax_highlightpb"
	"ddc/site/config"
)

// colours are the style element that colours code.
type colours struct {
	element string
	// doubts are themes that nobody knows.
	doubts []Problem
}

func (o *colours) code(c *coder) {
	c.text(&o.element)
	c.problems(&o.doubts)
}

// makeStylesheet makes the style element of the themes that the configuration
// names.
func (s *renderPhase) makeStylesheet(ctx context.Context, _ *query.Ask, _ string) (*colours, error) {
	answer, err := call(ctx, s.build, "syntax_highlight", "", s.SyntaxHighlight.Stylesheet,
		&syntax_highlightpb.StylesheetRequest{Light: s.cfg.Site.Highlight.Light, Dark: s.cfg.Site.Highlight.Dark})
	if err != nil {
		return nil, err
	}
	made := &colours{element: "<style>" + answer.Css + "</style>"}
	for _, name := range answer.Unknown {
		hint := "there are " + strings.Join(answer.Known, ", ")
		if near := suggest.Nearest(name, answer.Known); near != "" {
			hint = "did you mean " + near + "?"
		}
		made.doubts = append(made.doubts, Problem{File: s.configName(), Message: fmt.Sprintf("there is no theme %q for code; another takes its place", name), Hint: hint})
	}
	return made, nil
}

// doubtBodies tells what nobody understands of the pages' bodies, and of the
// themes that colour their code.
func (r *making) doubtBodies(ctx context.Context, bodies [][]Problem) error {
	var doubts []Problem
	for _, b := range bodies {
		doubts = append(doubts, b...)
	}
	if r.cfg.Site.Highlight != (config.Highlight{}) {
		made, err := r.stylesheet.Get(ctx, r.ask, "")
		if err != nil {
			return err
		}
		doubts = append(doubts, made.doubts...)
	}
	return r.doubts(&r.notes, doubts)
}

// anchorsOf says where the headings of a page get links to themselves: as it
// says itself, or the nearest section above it that says so.
func (s *treePhase) anchorsOf(ctx context.Context, ask *query.Ask, key string) (string, error) {
	return s.nearest(ctx, ask, key, (*markdownpb.FrontMatter).GetInsertAnchorLinks)
}

// pageTemplateOf is the template that the nearest section above a page has for
// its pages.
func (s *treePhase) pageTemplateOf(ctx context.Context, ask *query.Ask, key string) (string, error) {
	return s.nearest(ctx, ask, key, (*markdownpb.FrontMatter).GetPageTemplate)
}

// nearest is what a page says, or else the nearest section above it that says
// anything.
func (s *treePhase) nearest(ctx context.Context, ask *query.Ask, key string, says func(*markdownpb.FrontMatter) string) (string, error) {
	t, err := s.trees.Get(ctx, ask, "")
	if err != nil {
		return "", err
	}
	p := t.byPath[key]
	for p != nil {
		if said := says(p.FrontMatter); said != "" {
			return said, nil
		}
		if p.Parent == nil {
			break
		}
		p = t.byPath[p.Parent.Path]
	}
	return "", nil
}
