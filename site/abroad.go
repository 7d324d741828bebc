package site

import (
	"context"
	"net/url"
	"strings"

	"ddc/internal/query"
	"ddc/plugins/css/csspb"
	"ddc/plugins/html/htmlpb"
	"ddc/site/asset"
	"ddc/site/template"
)

// A feed is read on other sites. What it shows of a page has whole addresses,
// with marks for files that have no names yet; a picture is the largest that
// every reader knows.

// abroadValue is a page's content or summary for a feed: key is which, and the
// path of the page.
func (s *renderPhase) abroadValue(ctx context.Context, ask *query.Ask, key string) (string, error) {
	what, of, _ := strings.Cut(key, " ")
	value, err := s.make(ctx, ask, template.Later{What: what, Of: of})
	if err != nil {
		return "", err
	}
	text, _ := value.(string)
	if text == "" {
		return "", nil
	}
	p, err := s.page(ctx, ask, of)
	if err != nil {
		return "", err
	}
	found, err := call(ctx, s.build, "html", p.name, s.Html.Inspect, &htmlpb.InspectRequest{Html: text})
	if err != nil {
		return "", err
	}
	if text, err = s.wholeStyles(ctx, ask, p, text, found); err != nil {
		return "", err
	}
	request := &htmlpb.RewriteRequest{Html: text, Base: s.cfg.Site.Base.Origin + p.base(), Prefix: s.cfg.Site.Base.Prefix, Urls: map[string]string{}}
	for _, link := range found.Links {
		raw := strings.TrimSpace(link.Url)
		if whole, err := s.wholeAddress(ctx, ask, p, raw); err != nil {
			return "", err
		} else if whole != "" {
			request.Urls[raw] = whole
		}
	}
	answer, err := call(ctx, s.build, "html", p.name, s.Html.Rewrite, request)
	return answer.GetHtml(), err
}

// wholeStyles gives whole addresses to what the styles of a page's text name.
func (s *renderPhase) wholeStyles(ctx context.Context, ask *query.Ask, p *page, text string, found *htmlpb.InspectResponse) (string, error) {
	request := &htmlpb.ReplaceInlineRequest{Html: text, Scripts: found.Scripts}
	changed := false
	for _, list := range []struct {
		from []string
		to   *[]string
	}{{found.Styles, &request.Styles}, {found.StyleAttributes, &request.StyleAttributes}} {
		for _, written := range list.from {
			whole, err := s.wholeStyle(ctx, ask, p, written)
			if err != nil {
				return "", err
			}
			changed = changed || whole != written
			*list.to = append(*list.to, whole)
		}
	}
	if !changed {
		return text, nil
	}
	answer, err := call(ctx, s.build, "html", p.name, s.Html.ReplaceInline, request)
	return answer.GetHtml(), err
}

// wholeStyle asks twice: which addresses there are, and to put whole ones in
// their places.
func (s *renderPhase) wholeStyle(ctx context.Context, ask *query.Ask, p *page, css string) (string, error) {
	if !mayRefer.MatchString(css) {
		return css, nil
	}
	request := &csspb.RewriteRequest{Path: p.name, Css: css, Base: p.base(), Urls: map[string]string{}}
	answer, err := call(ctx, s.build, "css", p.name, s.Css.Rewrite, request)
	if err != nil {
		return "", err
	}
	for _, reference := range answer.Unknown {
		whole, err := s.wholeAddress(ctx, ask, p, reference.Url)
		if err != nil {
			return "", err
		}
		if whole != "" {
			request.Urls[reference.Url] = whole
		}
	}
	if len(request.Urls) == 0 {
		return css, nil
	}
	answer, err = call(ctx, s.build, "css", p.name, s.Css.Rewrite, request)
	return answer.GetCss(), err
}

// wholeAddress is the address of what a link on a page leads to, if that is on
// this site.
func (s *renderPhase) wholeAddress(ctx context.Context, ask *query.Ask, p *page, raw string) (string, error) {
	to, err := resolve(p, raw)
	if err != nil || to == nil || to.Host != home {
		return "", nil // a link that is none is told with its page
	}
	base := s.cfg.Site.Base
	tail := ""
	if to.RawQuery != "" {
		tail = "?" + to.RawQuery
	}
	if to.Fragment != "" {
		tail += "#" + to.EscapedFragment()
	}
	t, all, err := s.treeAndStatics(ctx, ask)
	if err != nil {
		return "", err
	}
	file := all.byPath[strings.TrimPrefix(to.Path, "/")]
	if file == nil {
		path := (&url.URL{Path: to.Path}).EscapedPath()
		if rest, has := strings.CutPrefix(path, base.Prefix); has && strings.HasPrefix(rest, "/") && !t.has(path) && t.has(rest) {
			path = rest // the author has written the prefix already
		}
		return base.Absolute(path) + tail, nil
	}
	if file.kind == asset.Picture && !file.stable {
		made, err := s.pictures.Get(ctx, ask, file.path)
		if err != nil {
			return "", err
		}
		if made.shown.GetFallback() != "" {
			return base.Origin + made.shown.Fallback, nil
		}
	}
	return base.Origin + file.mark() + tail, nil
}

// finalText is a file that is made and is no page, with the names of files in
// it.
func (s *finalPhase) finalText(ctx context.Context, ask *query.Ask, output string) (string, error) {
	made, err := s.madeTexts.Get(ctx, ask, output)
	if err != nil || numbersIn(made.text, beforeMark) == nil {
		return made.plain(), err
	}
	all, err := s.statics.Get(ctx, ask.Aside(), "") // the marks were made of them
	if err != nil {
		return "", err
	}
	found := map[*static]*address{}
	for _, f := range all.marked(made.text) {
		if found[f], err = s.addresses.Get(ctx, ask, f.path); err != nil {
			return "", err
		}
	}
	return all.settle(made.text, func(f *static) *address { return found[f] }), nil
}
