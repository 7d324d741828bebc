package site

import (
	"context"
	"strings"

	"ddc/plugins/css/csspb"
	"ddc/plugins/html/htmlpb"
	"ddc/plugins/js/jspb"
	"ddc/plugins/minify/minifypb"
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
	if kind != inlineScript && (strings.Contains(text, "url(") || strings.Contains(text, "@import")) {
		i.base = p.base()
	}
	return i
}

// finish puts the assets' final names into every page, makes pictures of its
// images, and minifies it.
func (b *build) finish(ctx context.Context) error {
	pictures := b.pictureMap()
	// A link or an icon that names a picture gets the largest WebP, as an <img>
	// does, so that the site can do without the original; unless the original
	// is kept in any case.
	addresses := b.addresses(func(s *static) bool { return s.picture == nil || s.stable })
	names, pictured := newMentions(sortedKeys(addresses)), newMentions(sortedKeys(pictures))
	done, err := b.rewriteInline(ctx, b.addresses(func(*static) bool { return true }))
	if err != nil {
		return err
	}
	return each(ctx, b, b.pages, func(ctx context.Context, p *page) error {
		texts := func(kind inlineKind, of []string) []string {
			out := make([]string, len(of))
			for i, text := range of {
				out[i] = done[newInline(kind, text, p)]
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
		links := linksOf(p)
		rewritten, err := call(ctx, b, "html", p.file.Name, b.Html.Rewrite, &htmlpb.RewriteRequest{
			Html: replaced.Html, Urls: pick(names, addresses, links), Base: p.base(), Pictures: pick(pictured, pictures, links),
		})
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

// linksOf is a page's links as one text.
func linksOf(p *page) string {
	var links strings.Builder
	for _, link := range p.found.Links {
		links.WriteString(link.Url)
		links.WriteByte('\n')
	}
	return links.String()
}

// rewriteInline rewrites each different piece once: most pages have the same
// pieces.
func (b *build) rewriteInline(ctx context.Context, addresses map[string]string) (map[inline]string, error) {
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
	names := newMentions(sortedKeys(addresses))
	err := each(ctx, b, pieces, func(ctx context.Context, q *piece) (err error) {
		q.out, err = b.rewritePiece(ctx, q.inline, q.page, pick(names, addresses, q.text))
		return err
	})
	if err != nil {
		return nil, err
	}
	done := map[inline]string{}
	for _, q := range pieces {
		done[q.inline] = q.out
	}
	return done, nil
}

func (b *build) rewritePiece(ctx context.Context, i inline, p *page, addresses map[string]string) (string, error) {
	switch {
	case i.kind == inlineScript:
		answer, err := call(ctx, b, "js", p.file.Name, b.Js.Rewrite, &jspb.RewriteRequest{Path: p.file.Name, Js: i.text, Urls: addresses})
		return answer.GetJs(), err
	case i.kind == inlineAttribute && i.base == "":
		return i.text, nil // names nothing
	}
	answer, err := call(ctx, b, "css", p.file.Name, b.Css.Rewrite, &csspb.RewriteRequest{
		Path: p.file.Name, Css: i.text, Urls: addresses, Base: p.base(), Minify: i.kind == inlineStyle,
	})
	return answer.GetCss(), err
}
