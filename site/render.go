package site

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync/atomic"

	"ddc/internal/diagnostic"
	"ddc/plugins/html/htmlpb"
	"ddc/plugins/syntax_highlight/syntax_highlightpb"
	"ddc/site/template"
)

// render puts every page through its template, and inspects the result.
func (b *build) render(ctx context.Context) error {
	style, err := b.highlightStyle(ctx)
	if err != nil {
		return err
	}
	v, files := b.values(), newDataFiles()
	// A page that goes over its budget has cost a second. A thousand other
	// pages of its template would each cost as much, and say the same.
	var over atomic.Bool
	return each(ctx, b, b.pages, func(ctx context.Context, p *page) error {
		if over.Load() || !p.whole {
			return nil
		}
		err := b.renderPage(ctx, p, v, files, style)
		if errors.Is(err, template.ErrOverBudget) {
			over.Store(true)
		}
		return b.templateFault(err, p)
	})
}

// highlightStyle is the style element that colours code, or "" if no page has
// any.
func (b *build) highlightStyle(ctx context.Context) (string, error) {
	for _, p := range b.pages {
		if p.highlighted {
			return b.stylesheet(ctx)
		}
	}
	return "", nil
}

func (b *build) stylesheet(ctx context.Context) (string, error) {
	answer, err := call(ctx, b, "syntax_highlight", "", b.SyntaxHighlight.Stylesheet, &syntax_highlightpb.StylesheetRequest{})
	if err != nil {
		return "", err
	}
	return "<style>" + answer.Css + "</style>", nil
}

func (b *build) renderPage(ctx context.Context, p *page, v *values, files *dataFiles, style string) error {
	name, err := b.templateOf(p)
	if err != nil {
		return err
	}
	p.html, err = b.templates.RenderPage(ctx, name, template.Page{Vars: v.of(p), Budget: b.pageBudget(), Funcs: b.functions(ctx, p, v, files)})
	if err != nil {
		return err
	}
	if p.highlighted && style == "" { // the first code is in Markdown of a template
		if style, err = b.stylesheet(ctx); err != nil {
			return err
		}
	}
	if p.highlighted {
		p.html = intoHead(p.html, style)
	}
	if len(p.verified) > 0 {
		answer, err := call(ctx, b, "html", p.file.Name, b.Html.InjectBuildInfo, &htmlpb.InjectBuildInfoRequest{Html: p.html, Samples: p.verified})
		if err != nil {
			return err
		}
		p.html = answer.Html
	}
	p.found, err = call(ctx, b, "html", p.file.Name, b.Html.Inspect, &htmlpb.InspectRequest{Html: p.html})
	return err
}

// pageBudget lets all the pages that are rendered at once take half of the
// memory together, but each of them at least 16 MiB.
func (b *build) pageBudget() template.Budget {
	share := b.options.Memory / 2 / int64(b.options.Jobs)
	return template.Budget{Bytes: min(max(share, 16<<20), template.DefaultBytes)}
}

// templateOf is the template that a page's front matter names, or that of its
// kind. The home section may use that of any section.
func (b *build) templateOf(p *page) (string, error) {
	if name := p.front.GetTemplate(); name != "" {
		if !b.templates.Has(name) {
			fault := firstOf(p.source, name, fmt.Sprintf("there is no template %q", name))
			fault.Hint = "templates lie in " + b.name(b.cfg.Folder("templates"))
			return "", Errors{fault.In(p.file.Name)}
		}
		return name, nil
	}
	wanted := []string{"page.html"}
	switch {
	case p.Route == "/":
		wanted = []string{"index.html", "section.html"}
	case p.Section:
		wanted = []string{"section.html"}
	}
	for _, name := range wanted {
		if b.templates.Has(name) {
			return name, nil
		}
	}
	return "", Errors{{File: path.Join(b.name(b.cfg.Folder("templates")), wanted[0]),
		Message: fmt.Sprintf("is missing: %s needs it", p.file.Name), Hint: "write it, or name another template in the page's front matter"}}
}

// templateFault gives the files in a template's faults the names that they have
// in this site. page is the rendered page, or nil if there was none. A fault
// found while rendering, and not by this package, is one of the template on
// that page.
func (b *build) templateFault(err error, page *page) error {
	faults := diagnostic.Of(err)
	if faults == nil {
		return err
	}
	// Nobody knows how many pages go over their budget, since the first ends
	// the rendering.
	counted := page != nil && errors.As(err, new(*diagnostic.Problem)) && !errors.Is(err, template.ErrOverBudget)
	for i := range faults {
		p := &faults[i]
		p.File = b.templateName(p.File)
		for j := range p.Related {
			p.Related[j].File = b.templateName(p.Related[j].File)
		}
		if counted {
			p.Pages, p.Page = 1, page.file.Name
		}
	}
	return faults
}

func (b *build) templateName(file string) string {
	if name, known := b.sources.templateNames[strings.TrimPrefix(file, template.Folder)]; known {
		return name
	}
	return file
}

var (
	headEnd   = regexp.MustCompile(`(?i)</head\s*>`) // "</head" alone would find a </header>
	bodyStart = regexp.MustCompile(`(?i)<body[\s>]`)
	doctype   = regexp.MustCompile(`(?i)^\s*<!doctype[^>]*>`)
)

// intoHead puts an element at the end of a page's head. If the page has no
// head, the element goes before the body or at the start, where browsers make a
// head.
func intoHead(html, element string) string {
	at := 0
	if head := headEnd.FindStringIndex(html); head != nil {
		at = head[0]
	} else if body := bodyStart.FindStringIndex(html); body != nil {
		at = body[0]
	} else if first := doctype.FindStringIndex(html); first != nil {
		at = first[1]
	}
	return html[:at] + element + html[at:]
}

// firstOf is a problem at the first occurrence of a text in a source, or of the
// whole source if it has none.
func firstOf(source, text, message string) *Problem {
	at := strings.Index(source, text)
	if at < 0 {
		return &Problem{Message: message}
	}
	return diagnostic.At(source, at, at+len(text), message)
}
