package site

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"ddc/internal/diagnostic"
	"ddc/internal/query"
	"ddc/plugins/html/htmlpb"
	"ddc/site/template"
)

// renderPhase has the pages as their templates make them, and what templates
// read.
type renderPhase struct {
	*bodyPhase
	allTemplates *query.Query[*templates]
	needed       *query.Query[string] // by template
	dataOf       *query.Query[*data]
	loaded       *query.Query[any]    // by format and name
	shown        *query.Query[string] // by whose value it is, and the path below
	stylesheet   *query.Query[*colours]
	pages        *query.Query[*rendered]    // by page
	madeTexts    *query.Query[*madeText]    // by path below the output folder
	abroad       *query.Query[string]       // by which value, and of which page
	measures     *query.Query[*measured]    // by file
	resizes      *query.Query[*resized]     // by call
	resizedBy    *query.Query[*resizedUses] // by page
	allResized   *query.Query[*resizedUses]
}

// pageQuery is the query whose values are pages as their templates make them.
const pageQuery = "page"

func newRenderPhase(from *bodyPhase) *renderPhase {
	s, e := &renderPhase{bodyPhase: from}, from.engine
	s.allTemplates = query.New(e, "templates", byDigest[*templates](), s.loadTemplates, query.Unkept)
	s.needed = query.New(e, "template", text, s.neededSources)
	s.dataOf = query.New(e, "data", byDigest[*data](), s.readFolder, query.Unkept)
	s.loaded = query.New(e, "loaded", canonical[any]{func(c *canon, v any) { c.deep(v) }}, s.load, query.Unkept)
	s.shown = query.New(e, "shown", text, s.shownValue, query.Unkept)
	s.stylesheet = query.New(e, "stylesheet", byCode[colours](), s.makeStylesheet)
	s.shortcodes = query.New(e, "shortcodes", query.JSON[[]string](), s.listShortcodes)
	s.callOne = s.callShortcode
	s.madeTexts = query.New(e, "made text", byCode[madeText](), s.makeText)
	s.abroad = query.New(e, "abroad", text, s.abroadValue)
	s.measures = query.New(e, "measured", byCode[measured](), s.measure)
	s.resizes = query.New(e, "resized", byCode[resized](), s.makeResized)
	s.resizedBy = query.New(e, "resized by", byCode[resizedUses](), s.resizedOf)
	s.allResized = query.New(e, "all resized", byCode[resizedUses](), s.resizedOfAll)
	s.pages = query.New(e, pageQuery, byCode[rendered](), s.render, query.Spilt)
	return s
}

// templates are the site's templates, and what they are called.
type templates struct {
	textFiles
	set *template.Set
}

func (t *templates) digest(c *canon) {
	for _, name := range sortedKeys(t.Texts) {
		c.text(name)
		c.text(t.Names[name])
		c.text(t.Texts[name])
	}
}

func (s *renderPhase) loadTemplates(ctx context.Context, ask *query.Ask, _ string) (*templates, error) {
	files, err := s.textsIn(ctx, ask, "templates", ".html", ".xml", ".txt", ".md")
	if err != nil {
		return nil, err
	}
	if err := files.withDefaults(); err != nil {
		return nil, err
	}
	own, err := s.signatures(ctx, ask)
	if err != nil {
		return nil, err
	}
	set, err := template.LoadWith(files.Texts, own)
	if err != nil {
		return nil, files.templateFault(err, nil)
	}
	return &templates{files, set}, nil
}

// neededSources are the sources that a template's rendering depends on; "" if
// there is no such template. A page asks for them of the templates that it may
// use.
func (s *renderPhase) neededSources(ctx context.Context, ask *query.Ask, name string) (string, error) {
	t, err := s.allTemplates.Get(ctx, ask, "")
	if err != nil {
		return "", err
	}
	var c canon
	for _, needed := range t.set.Needs(name) {
		c.text(needed)
		c.text(t.Names[needed])
		c.text(t.Texts[needed])
	}
	return string(c.out), nil
}

// rendered is a page as its template makes it, and what is in it.
type rendered struct {
	html    string
	found   *htmlpb.InspectResponse // a function of html
	resized []resizedUse            // those of its body too
	// doubts are what plugins warn of.
	doubts []Problem
}

func (r *rendered) code(c *coder) {
	c.text(&r.html)
	if c.reading {
		r.found = &htmlpb.InspectResponse{}
	}
	c.message(r.found)
	c.uses(&r.resized)
	c.problems(&r.doubts)
}

// filled is what a template has made.
type filled struct {
	html        string
	highlighted bool // Markdown in it has coloured code
	resized     []resizedUse
}

// renderedPage is a page, with what its template has made of it.
func (s *renderPhase) renderedPage(ctx context.Context, ask *query.Ask, key string) (*page, *rendered, error) {
	p, err := s.page(ctx, ask, key)
	if err != nil {
		return nil, nil, err
	}
	r, err := s.pages.Get(ctx, ask, key)
	return p, r, err
}

// caused is the site's faults, and the error that they were made of.
type caused struct{ faults, cause error }

func (e caused) Error() string   { return e.faults.Error() }
func (e caused) Unwrap() []error { return []error{e.faults, e.cause} }

// render puts a page through its template, and inspects the result.
func (s *renderPhase) render(ctx context.Context, ask *query.Ask, key string) (*rendered, error) {
	p, err := s.page(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	name, err := s.templateOf(ctx, ask, p)
	if err != nil {
		return nil, err
	}
	made, err := s.fillIn(ctx, ask, p, name)
	if err != nil {
		return nil, err
	}
	html, highlighted := made.html, made.highlighted
	if p.written {
		b, err := s.bodies.Get(ctx, ask, key)
		if err != nil {
			return nil, err
		}
		highlighted = highlighted || b.highlighted
		made.resized = append(made.resized, b.resized...)
	}
	if highlighted {
		style, err := s.stylesheet.Get(ctx, ask, "")
		if err != nil {
			return nil, err
		}
		html = intoHead(html, style.element)
	}
	checked, err := s.samples.Get(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	if len(checked.verified) > 0 {
		answer, err := call(ctx, s.build, "html", p.name, s.Html.InjectBuildInfo, &htmlpb.InjectBuildInfoRequest{Html: html, Samples: checked.verified})
		if err != nil {
			return nil, err
		}
		html = answer.Html
	}
	html, doubts, err := s.extendPage(ctx, ask, p, html)
	if err != nil {
		return nil, err
	}
	found, err := call(ctx, s.build, "html", p.name, s.Html.Inspect, &htmlpb.InspectRequest{Html: html})
	return &rendered{html, found, made.resized, doubts}, err
}

// fillIn renders a page's template.
func (s *renderPhase) fillIn(ctx context.Context, ask *query.Ask, p *page, name string) (*filled, error) {
	t, err := s.allTemplates.Get(ctx, ask.Aside(), "")
	if err != nil {
		return nil, err
	}
	v, err := s.newView(ctx, ask, p)
	if err != nil {
		return nil, err
	}
	vars, err := v.vars()
	if err != nil {
		return nil, err
	}
	release, err := take(ctx, s.renders)
	if err != nil {
		return nil, err
	}
	defer release()
	html, err := t.set.RenderPage(ctx, name, template.Page{Vars: vars, Budget: s.pageBudget(), Funcs: v.funcs(), Read: v.read, Make: v.later})
	switch {
	case v.failure != nil:
		return nil, v.failure
	case err != nil:
		ask.Brief() // its text may name what the author could have meant
		return nil, caused{t.templateFault(err, p), err}
	}
	return &filled{html, v.highlighted, v.resized}, nil
}

// pageBudget lets all the pages that are rendered at once take half of the
// memory together, but each of them at least 16 MiB.
func (b *build) pageBudget() template.Budget {
	share := b.options.Memory / 2 / int64(b.options.Jobs)
	return template.Budget{Bytes: min(max(share, 16<<20), template.DefaultBytes)}
}

// templateOf is the template that a page's front matter names, or that of its
// kind. The home section may use that of any section.
func (s *renderPhase) templateOf(ctx context.Context, ask *query.Ask, p *page) (string, error) {
	if p.made != nil && p.made.templates != nil {
		return s.madeTemplate(ctx, ask, p.made)
	}
	wanted := []string{"page.html"}
	chosen := p.GetTemplate()
	if chosen == "" && !p.Section {
		var err error
		if chosen, err = s.template.Get(ctx, ask, p.Path); err != nil {
			return "", err
		}
	}
	switch {
	case chosen != "":
		wanted = []string{chosen}
	case p.Route == "/":
		wanted = []string{"index.html", "section.html"}
	case p.Section:
		wanted = []string{"section.html"}
	}
	for _, name := range wanted {
		sources, err := s.needed.Get(ctx, ask, name)
		if sources != "" || err != nil {
			return name, err
		}
	}
	folder := s.name(s.cfg.Folder("templates"))
	if name := chosen; name != "" {
		source, err := s.texts.Get(ctx, ask, p.name)
		if err != nil {
			return "", err
		}
		fault := firstOf(source, name, fmt.Sprintf("there is no template %q", name))
		fault.Hint = "templates lie in " + folder
		return "", Errors{fault.In(p.name)}
	}
	return "", Errors{{File: path.Join(folder, wanted[0]),
		Message: fmt.Sprintf("is missing: %s needs it", p.name), Hint: "write it, or name another template in the page's front matter"}}
}

// templateFault gives the files in a template's faults the names that they have
// in this site. page is the rendered page, or nil if there was none. A fault
// found while rendering, and not by this package, is one of the template on
// that page.
func (t textFiles) templateFault(err error, page *page) error {
	faults := slices.Clone(diagnostic.Of(err))
	if faults == nil {
		return err
	}
	// Nobody knows how many pages go over their budget, since the first ends
	// the rendering.
	counted := page != nil && errors.As(err, new(*diagnostic.Problem)) && !errors.Is(err, template.ErrOverBudget)
	for i := range faults {
		p := &faults[i]
		p.File = t.templateName(p.File)
		for j := range p.Related {
			p.Related[j].File = t.templateName(p.Related[j].File)
		}
		if counted {
			p.Pages, p.Page = 1, page.name
		}
	}
	return faults
}

func (t textFiles) templateName(file string) string {
	if name, known := t.Names[strings.TrimPrefix(file, template.Folder)]; known {
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
