package site

import (
	"context"
	"regexp"
	"strings"

	"ddc/internal/query"
	"ddc/plugins/css/csspb"
	"ddc/plugins/html/htmlpb"
	"ddc/plugins/js/jspb"
	"ddc/site/asset"
)

// mayRefer finds what a drawing has if it refers to anything.
var mayRefer = regexp.MustCompile(`(?i)href|src|url\(|@import|<script`)

// rewriteMarkup puts marks into a drawing as into a page: its attributes,
// styles and scripts.
func (s *staticPhase) rewriteMarkup(ctx context.Context, f *static, text string, all *statics) (string, error) {
	if !mayRefer.MatchString(text) {
		return text, nil
	}
	found, err := call(ctx, s.build, "html", f.name, s.Html.Inspect, &htmlpb.InspectRequest{Html: text})
	if err != nil {
		return "", err
	}
	base := asset.URL(f.path)
	style := func(css string) (string, error) {
		if !mayRefer.MatchString(css) {
			return css, nil
		}
		answer, err := call(ctx, s.build, "css", f.name, s.Css.Rewrite, &csspb.RewriteRequest{Path: f.name, Css: css, Urls: all.markMap(css), Base: base})
		return answer.GetCss(), err
	}
	script := func(js string) (string, error) {
		answer, err := call(ctx, s.build, "js", f.name, s.Js.Rewrite, &jspb.RewriteRequest{Path: f.name, Js: js, Urls: all.markMap(js), Base: base})
		return answer.GetJs(), err
	}
	replace := &htmlpb.ReplaceInlineRequest{Html: text}
	for _, list := range []struct {
		from    []string
		to      *[]string
		rewrite func(string) (string, error)
	}{{found.Styles, &replace.Styles, style}, {found.StyleAttributes, &replace.StyleAttributes, style}, {found.Scripts, &replace.Scripts, script}} {
		for _, one := range list.from {
			made, err := list.rewrite(one)
			if err != nil {
				return "", err
			}
			*list.to = append(*list.to, made)
		}
	}
	if len(replace.Styles)+len(replace.StyleAttributes)+len(replace.Scripts) > 0 {
		answer, err := call(ctx, s.build, "html", f.name, s.Html.ReplaceInline, replace)
		if err != nil {
			return "", err
		}
		text = answer.Html
	}
	return s.rewriteAttributes(ctx, f, text, all)
}

// rewriteAttributes puts marks into the attributes of markup, and into its
// JSON.
func (s *staticPhase) rewriteAttributes(ctx context.Context, f *static, text string, all *statics) (string, error) {
	request := &htmlpb.RewriteRequest{Html: text, Urls: all.markMap(text), Base: asset.URL(f.path), Prefix: s.cfg.Site.Base.Prefix}
	for _, raw := range rootPaths(s.cfg.Site.Base, text) {
		if request.Urls[raw] == "" && !strings.HasPrefix(raw+"/", request.Prefix+"/") {
			request.Urls[raw] = request.Prefix + raw // pages that a drawing links to, or a manifest names
		}
	}
	answer, err := call(ctx, s.build, "html", f.name, s.Html.Rewrite, request)
	return answer.GetHtml(), err
}

// manifestStart and manifestEnd make a page of a JSON file.
const (
	manifestStart = `<script type="application/ld+json">`
	manifestEnd   = `</script>`
)

// readManifest puts marks into a file that names icons: JSON, or XML.
func (s *staticPhase) readManifest(ctx context.Context, ask *query.Ask, key string) (*code, error) {
	f, all, err := s.static(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	text, err := s.texts.Get(ctx, ask, f.name)
	if err != nil {
		return nil, err
	}
	made := &code{}
	switch {
	case strings.HasPrefix(strings.TrimSpace(text), "<"):
		made.marked, err = s.rewriteAttributes(ctx, f, text, all)
	case strings.Contains(strings.ToLower(text), "</script"):
		made.marked = text
	default:
		made.marked, err = s.rewriteAttributes(ctx, f, manifestStart+text+manifestEnd, all)
		made.marked = strings.TrimSuffix(strings.TrimPrefix(made.marked, manifestStart), manifestEnd)
	}
	return made, err
}
