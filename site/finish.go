package site

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ddc/internal/query"
	"ddc/plugins/css/csspb"
	"ddc/plugins/html/htmlpb"
	"ddc/plugins/js/jspb"
	"ddc/plugins/minify/minifypb"
	"ddc/site/asset"
	"ddc/site/config"
	"ddc/site/content"
)

// finalPhase has the names of all files, and the pages with these names in
// them.
type finalPhase struct {
	*fontPhase
	named      *query.Query[*named] // by page
	pieces     *query.Call[pieceCall, *piece]
	finished   *query.Query[*finished] // by page
	refer      *query.Query[*refers]   // by page
	renames    *query.Query[*renaming]
	names      *query.Query[*names]
	addresses  *query.Query[*address] // by static file
	olds       *query.Query[*oldAddresses]
	stay       *query.Query[*stays] // by page
	stays      *query.Query[staying]
	final      *query.Query[string]    // by page
	finalTexts *query.Query[string]    // by path below the output folder
	dead       *query.Query[[]Problem] // by page
	index      *query.Query[*index]
	checks     *query.Query[[]Problem] // by page
}

func newFinalPhase(from *fontPhase) *finalPhase {
	s := &finalPhase{fontPhase: from}
	e := s.engine
	s.named = query.New(e, "named", byCode[named](), s.namedBy)
	s.pieces = query.NewCall(e, "piece", byCode[piece](), pieceCall.key, s.callPiece)
	s.finished = query.New(e, "finished", byCode[finished](), s.finish, query.Spilt)
	s.refer = query.New(e, "refers", byCode[refers](), s.refersTo)
	s.renames = query.New(e, "renaming", byCode[renaming](), s.rename)
	s.names = query.New(e, "names", byCode[names](), s.nameAssets)
	s.addresses = query.New(e, "address", byCode[address](), s.addressOf)
	s.olds = query.New(e, "old addresses", byCode[oldAddresses](), s.findOld)
	s.stay = query.New(e, "stays", byCode[stays](), s.stayFor)
	s.stays = query.New(e, "staying", query.JSON[staying](), s.keepOldAddresses)
	s.final = query.New(e, "final", text, s.settlePage, query.Spilt)
	s.finalTexts = query.New(e, "final text", text, s.finalText)
	s.dead = query.New(e, "dead links", query.JSON[[]Problem](), s.deadOf)
	s.checks = query.New(e, "checks", query.JSON[[]Problem](), s.checkPage)
	s.index = query.New(e, "search", byCode[index](), s.makeIndex)
	return s
}

// inline is a piece of CSS or JavaScript inside a page. base matters only if
// the text has addresses that may be relative.
type inline struct {
	kind inlineKind
	text string
	base string
}

type inlineKind int

const (
	inlineStyle inlineKind = iota
	inlineScript
	inlineAttribute
)

func newInline(kind inlineKind, text string, p *page) inline {
	i := inline{kind: kind, text: text}
	relative := strings.Contains(text, "url(") || strings.Contains(text, "@import")
	if kind == inlineScript {
		relative = strings.Contains(text, "./")
	}
	if relative {
		i.base = p.base()
	}
	return i
}

// named are the ways to write a static file's address that a page may use: in
// all its text, and in each of its inline pieces. Other files may come and go.
type named struct {
	spelt   []string
	pieces  []inline
	inPiece [][]string
}

func (n *named) code(c *coder) {
	c.texts(&n.spelt)
	list(c, &n.pieces, func(piece *inline) {
		number(c, &piece.kind)
		c.text(&piece.text)
		c.text(&piece.base)
	})
	list(c, &n.inPiece, c.texts)
}

// namedBy finds what a page may name.
func (s *finalPhase) namedBy(ctx context.Context, ask *query.Ask, key string) (*named, error) {
	p, r, err := s.renderedPage(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	all, err := s.statics.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	n := &named{spelt: all.names.in(r.html)}
	if strings.Contains(r.html, "importmap") {
		n.spelt = sortedKeys(all.spelt) // it may name a folder
	}
	add := func(kind inlineKind, texts []string) {
		for _, text := range texts {
			n.pieces = append(n.pieces, newInline(kind, text, p))
			n.inPiece = append(n.inPiece, all.names.in(text))
		}
	}
	add(inlineStyle, r.found.Styles)
	add(inlineScript, r.found.Scripts)
	add(inlineAttribute, r.found.StyleAttributes)
	return n, nil
}

// finished is a page with marks for the files that it names, minified.
type finished struct {
	html    string
	scripts []string // those in it, with marks
}

func (f *finished) code(c *coder) {
	c.text(&f.html)
	c.texts(&f.scripts)
}

// finish rewrites a page: it puts marks in the place of the assets' names,
// makes pictures of its images, and minifies it.
func (s *finalPhase) finish(ctx context.Context, ask *query.Ask, key string) (*finished, error) {
	p, r, err := s.renderedPage(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	n, err := s.named.Get(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	done := make([]string, len(n.pieces))
	for i, one := range n.pieces {
		made, err := s.rewritePiece(ctx, ask, p, one, n.inPiece[i])
		if err != nil {
			return nil, err
		}
		done[i] = made.text
	}
	styles, scripts := len(r.found.Styles), len(r.found.Scripts)
	made := &finished{scripts: done[styles : styles+scripts]}
	request := &htmlpb.RewriteRequest{Base: s.cfg.Site.Base.Origin + p.base(), Prefix: s.cfg.Site.Base.Prefix} // the site may name itself by its whole address
	if err := s.fill(ctx, ask, request, n.spelt); err != nil {
		return nil, err
	}
	if s.cfg.Site.Base != (config.Base{}) {
		t, err := s.trees.Get(ctx, ask, "")
		if err != nil {
			return nil, err
		}
		all, err := s.statics.Get(ctx, ask.Aside(), "")
		if err != nil {
			return nil, err
		}
		wholeToo(s.cfg.Site.Base, r.html, request.Urls)
		wholeToo(s.cfg.Site.Base, r.html, request.Originals)
		rebase(s.cfg.Site.Base, t, all, p, r.html, r.found.Links, request)
	}
	made.html, err = s.smaller(ctx, p, &minifypb.HtmlRequest{
		Path: p.name, Html: r.html, Addresses: request,
		Texts: &htmlpb.ReplaceInlineRequest{Styles: done[:styles], Scripts: made.scripts, StyleAttributes: done[styles+scripts:]},
	})
	return made, err
}

// smaller has a page edited and minified. A program in the place of ddc's
// minify has nothing to edit: ddc's html has done that before.
func (s *finalPhase) smaller(ctx context.Context, p *page, request *minifypb.HtmlRequest) (string, error) {
	if s.isReplaced("minify") {
		request.Texts.Html = request.Html
		replaced, err := call(ctx, s.build, "html", p.name, s.Html.ReplaceInline, request.Texts)
		if err != nil {
			return "", err
		}
		request.Addresses.Html = replaced.Html
		rewritten, err := call(ctx, s.build, "html", p.name, s.Html.Rewrite, request.Addresses)
		if err != nil {
			return "", err
		}
		request = &minifypb.HtmlRequest{Path: request.Path, Html: rewritten.Html}
	}
	small, err := call(ctx, s.build, "minify", p.name, s.Minify.Html, request)
	return small.GetHtml(), err
}

// fill says what becomes of addresses that are written so.
func (s *finalPhase) fill(ctx context.Context, ask *query.Ask, request *htmlpb.RewriteRequest, spelt []string) error {
	request.Urls, request.Originals, request.Pictures = map[string]string{}, map[string]string{}, map[string]*htmlpb.Picture{}
	request.Integrity, request.Types, request.Ratios = map[string]string{}, map[string]string{}, map[string]string{}
	all, err := s.statics.Get(ctx, ask.Aside(), "") // named has a record of which
	if err != nil {
		return err
	}
	for _, name := range spelt {
		f := all.byPath[all.spelt[name]]
		var shown *htmlpb.Picture
		if f.kind == asset.Picture {
			p, err := s.pictures.Get(ctx, ask, f.path)
			if err != nil {
				return err
			}
			if shown = p.shown; shown == nil && p.width > 0 {
				request.Pictures[name] = &htmlpb.Picture{Width: p.width, Height: p.height}
			}
		}
		if shown != nil {
			request.Pictures[name] = withFallback(shown, f)
		}
		// A link or an icon that names a picture gets the largest WebP, as an
		// <img> does, so that the site can do without the original; unless the
		// original is kept in any case.
		if shown != nil && !f.stable {
			request.Originals[name] = f.mark()
			continue
		}
		if f.kind == asset.Drawing {
			ratio, err := s.ratios.Get(ctx, ask, f.path)
			if err != nil {
				return err
			}
			if ratio != "" {
				request.Ratios[name] = ratio
			}
		}
		request.Urls[name] = f.mark()
		if err := s.derive(ctx, ask, request, f); err != nil {
			return err
		}
	}
	return nil
}

// withFallback is a picture whose <img> shows the file itself, where there is
// nothing better.
func withFallback(p *htmlpb.Picture, f *static) *htmlpb.Picture {
	if p.Fallback != "" {
		return p
	}
	return &htmlpb.Picture{Sources: p.Sources, Fallback: f.mark(), Width: p.Width, Height: p.Height, Placeholder: p.Placeholder}
}

// derive says what attributes that are derived from a file's bytes become.
func (s *finalPhase) derive(ctx context.Context, ask *query.Ask, request *htmlpb.RewriteRequest, f *static) error {
	switch {
	case f.kind == asset.Style || f.kind == asset.Script:
		request.Integrity[f.mark()] = fmt.Sprintf(digestFormat, f.number)
	case f.rewritten():
		request.Integrity[f.mark()] = ""
	case f.kind == asset.Font && !f.stable:
		cut, err := s.cutFonts.Get(ctx, ask, f.path)
		if err != nil {
			return err
		}
		if cut.data != nil {
			request.Integrity[f.mark()] = ""
		}
		if cut.repacked(f.path) {
			request.Types[f.mark()] = "font/woff2"
		}
	}
	return nil
}

// piece is a rewritten piece.
type piece struct {
	text    string
	unknown []unknownReference
}

func (p *piece) code(c *coder) {
	c.text(&p.text)
	list(c, &p.unknown, func(u *unknownReference) { u.code(c) })
}

// pieceCall is an inline piece to be rewritten, and how.
type pieceCall struct {
	inline
	urls map[string]string
	// prefix is the folder that the site is below, for a script.
	prefix string
	file   string // of the first page that has it
	page   string // its base
}

func (p pieceCall) key() string {
	var c canon
	c.number(int64(p.kind))
	c.text(p.text)
	c.text(p.base)
	c.text(p.prefix)
	for _, name := range sortedKeys(p.urls) {
		c.text(name)
		c.text(p.urls[name])
	}
	return string(c.out)
}

// rewritePiece rewrites a piece, unless it was for another page: most pages
// have the same pieces. Its faults have their places in this page.
func (s *finalPhase) rewritePiece(ctx context.Context, ask *query.Ask, p *page, one inline, spelt []string) (*piece, error) {
	if one.kind == inlineAttribute && one.base == "" {
		return &piece{text: one.text}, nil // names nothing
	}
	all, err := s.statics.Get(ctx, ask.Aside(), "") // named has a record of which
	if err != nil {
		return nil, err
	}
	made, err := s.pieces.Get(ctx, ask, pieceCall{one, withMade(s.cfg.Site.Base, one.text, all.marksOf(spelt)), s.prefixFor(one), p.name, p.base()})
	var found Errors
	if !errors.As(err, &found) {
		return made, err
	}
	source, templates, err := s.sourceOf(ctx, ask, p)
	if err != nil {
		return nil, err
	}
	found = slices.Clone(found)
	written := content.NewFinder(source)
	for i := range found {
		found[i].File = p.name
		found[i] = inPiece(found[i], one.text, written, templates, func(name string) *content.Finder { return content.NewFinder(templates.Texts[name]) })
	}
	return nil, found
}

// prefixFor is the folder that the site is below, where a piece may have to
// know it.
func (s *finalPhase) prefixFor(one inline) string {
	if one.kind == inlineScript && strings.Contains(one.text, "serviceWorker") {
		return s.cfg.Site.Base.Prefix
	}
	return ""
}

// sourceOf is a page's source, and the templates that may have made of it what
// is in the page.
func (s *finalPhase) sourceOf(ctx context.Context, ask *query.Ask, p *page) (source string, all *templates, err error) {
	if source, err = s.writtenIn(ctx, ask, p); err != nil {
		return "", nil, err
	}
	all, err = s.allTemplates.Get(ctx, ask, "")
	return source, all, err
}

// callPiece has a piece rewritten.
func (s *finalPhase) callPiece(ctx context.Context, p pieceCall) (*piece, error) {
	made := &piece{}
	if p.kind == inlineScript {
		answer, err := call(ctx, s.build, "js", p.file, s.Js.Rewrite, &jspb.RewriteRequest{Path: p.file, Js: p.text, Urls: p.urls, Base: p.base, Prefix: p.prefix})
		made.unknown, made.text = unknownIn(answer, "", p.text), answer.GetJs()
		return made, err
	}
	answer, err := call(ctx, s.build, "css", p.file, s.Css.Rewrite, &csspb.RewriteRequest{
		Path: p.file, Css: p.text, Urls: p.urls, Base: p.page, Minify: p.kind == inlineStyle,
	})
	for _, ref := range answer.GetUnknown() {
		made.unknown = append(made.unknown, unknownReference{unresolved: ref, within: p.text})
	}
	made.text = answer.GetCss()
	return made, err
}
