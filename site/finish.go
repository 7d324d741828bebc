package site

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ddc/plugins/css/csspb"
	"ddc/plugins/html/htmlpb"
	"ddc/plugins/js/jspb"
	"ddc/plugins/minify/minifypb"
	"ddc/site/asset"
)

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

// finish rewrites every page: it puts marks in the place of the assets' names,
// makes pictures of its images, and minifies it.
func (b *build) finish(ctx context.Context) error {
	pictures := b.pictureMap()
	// A link or an icon that names a picture gets the largest WebP, as an <img>
	// does, so that the site can do without the original; unless the original
	// is kept in any case.
	replaced := func(s *static) bool { return s.picture != nil && !s.stable }
	urls, originals := b.markMap(func(s *static) bool { return !replaced(s) }), b.markMap(replaced)
	names, pictured := newMentions(sortedKeys(urls)), newMentions(sortedKeys(pictures))
	return each(ctx, b, b.pages, func(ctx context.Context, p *page) error {
		texts := func(kind inlineKind, of []string) []string {
			out := make([]string, len(of))
			for i, text := range of {
				out[i] = b.inline[newInline(kind, text, p)]
			}
			return out
		}
		// This comes before the pictures, which bring style attributes of their
		// own.
		replaced, err := call(ctx, b, "html", p.file.Name, b.Html.ReplaceInline, &htmlpb.ReplaceInlineRequest{
			Html: p.html, Styles: texts(inlineStyle, p.found.Styles), Scripts: texts(inlineScript, p.found.Scripts),
			StyleAttributes: texts(inlineAttribute, p.found.StyleAttributes),
		})
		if err != nil {
			return err
		}
		request := &htmlpb.RewriteRequest{Html: replaced.Html, Base: p.base(),
			Urls: pick(names, urls, p.html), Pictures: pick(pictured, pictures, p.html), Originals: pick(pictured, originals, p.html)}
		if strings.Contains(p.html, "importmap") {
			request.Urls = urls // it may name a folder
		}
		b.derived(request)
		rewritten, err := call(ctx, b, "html", p.file.Name, b.Html.Rewrite, request)
		if err != nil {
			return err
		}
		small, err := call(ctx, b, "minify", p.file.Name, b.Minify.Html, &minifypb.HtmlRequest{Path: p.file.Name, Html: rewritten.Html})
		if err != nil {
			return err
		}
		p.html = small.Html
		return nil
	})
}

// derived says what attributes that are derived from bytes become.
func (b *build) derived(request *htmlpb.RewriteRequest) {
	request.Integrity, request.Types = map[string]string{}, map[string]string{}
	for _, mark := range request.Urls {
		s := b.byMark(marks.FindStringSubmatch(mark)[1])
		switch {
		case s.kind == asset.Style || s.kind == asset.Script:
			request.Integrity[mark] = fmt.Sprintf(digestFormat, s.index)
		case s.rewritten() || s.data != nil:
			request.Integrity[mark] = ""
		}
		if s.repacked() {
			request.Types[mark] = "font/woff2"
		}
	}
}

// inlines rewrites the styles and scripts in pages. It rewrites each different
// piece once: most pages have the same pieces.
func (b *build) inlines(ctx context.Context) error {
	type piece struct {
		inline
		page *page // the first that has it
		out  string
	}
	var pieces []*piece
	seen := map[inline]bool{}
	for _, p := range b.pages {
		add := func(kind inlineKind, texts []string) {
			for _, text := range texts {
				if i := newInline(kind, text, p); !seen[i] {
					seen[i] = true
					pieces = append(pieces, &piece{inline: i, page: p, out: text})
				}
			}
		}
		add(inlineStyle, p.found.Styles)
		add(inlineScript, p.found.Scripts)
		add(inlineAttribute, p.found.StyleAttributes)
	}
	urls := b.markMap(every)
	names := newMentions(sortedKeys(urls))
	err := each(ctx, b, pieces, func(ctx context.Context, q *piece) (err error) {
		q.out, err = b.rewritePiece(ctx, q.inline, q.page, pick(names, urls, q.text))
		return err
	})
	if err != nil {
		return err
	}
	b.inline = map[inline]string{}
	for _, q := range pieces {
		b.inline[q.inline] = q.out
		if q.kind == inlineScript {
			b.scripts = append(b.scripts, q.out)
		}
	}
	return nil
}

func (b *build) rewritePiece(ctx context.Context, i inline, p *page, urls map[string]string) (string, error) {
	var faults Errors
	inPage := func(err error) error {
		if errors.As(err, &faults) {
			for n := range faults {
				faults[n] = b.inPiece(faults[n], i.text)
			}
		}
		return err
	}
	switch {
	case i.kind == inlineScript:
		answer, err := call(ctx, b, "js", p.file.Name, b.Js.Rewrite, &jspb.RewriteRequest{Path: p.file.Name, Js: i.text, Urls: urls, Base: i.base})
		for _, ref := range answer.GetUnknown() {
			b.unknown(p.file.Name, i.text, ref, false)
		}
		return answer.GetJs(), inPage(err)
	case i.kind == inlineAttribute && i.base == "":
		return i.text, nil // names nothing
	}
	answer, err := call(ctx, b, "css", p.file.Name, b.Css.Rewrite, &csspb.RewriteRequest{
		Path: p.file.Name, Css: i.text, Urls: urls, Base: p.base(), Minify: i.kind == inlineStyle,
	})
	for _, ref := range answer.GetUnknown() {
		b.unknown(p.file.Name, i.text, ref, false)
	}
	return answer.GetCss(), inPage(err)
}
