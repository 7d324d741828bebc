package site

import (
	"context"
	"regexp"
	"strings"

	"ddc/plugins/css/csspb"
	"ddc/plugins/html/htmlpb"
	"ddc/plugins/js/jspb"
	"ddc/site/asset"
)

// refers finds what a drawing has if it refers to anything.
var refers = regexp.MustCompile(`(?i)href|src|url\(|@import|<script`)

// rewriteMarkup puts marks into a drawing as into a page: its attributes, styles
// and scripts.
func (b *build) rewriteMarkup(ctx context.Context, s *static, text string, urls map[string]string, names *mentions) (string, error) {
	if !refers.MatchString(text) {
		return text, nil
	}
	found, err := call(ctx, b, "html", s.name(), b.Html.Inspect, &htmlpb.InspectRequest{Html: text})
	if err != nil {
		return "", err
	}
	base := asset.URL(s.path)
	style := func(css string) (string, error) {
		if !refers.MatchString(css) {
			return css, nil
		}
		answer, err := call(ctx, b, "css", s.name(), b.Css.Rewrite, &csspb.RewriteRequest{Path: s.name(), Css: css, Urls: pick(names, urls, css), Base: base})
		return answer.GetCss(), err
	}
	script := func(js string) (string, error) {
		answer, err := call(ctx, b, "js", s.name(), b.Js.Rewrite, &jspb.RewriteRequest{Path: s.name(), Js: js, Urls: pick(names, urls, js), Base: base})
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
		answer, err := call(ctx, b, "html", s.name(), b.Html.ReplaceInline, replace)
		if err != nil {
			return "", err
		}
		text = answer.Html
	}
	return b.rewriteAttributes(ctx, s, text, urls, names)
}

// rewriteAttributes puts marks into the attributes of markup, and into its JSON.
func (b *build) rewriteAttributes(ctx context.Context, s *static, text string, urls map[string]string, names *mentions) (string, error) {
	answer, err := call(ctx, b, "html", s.name(), b.Html.Rewrite,
		&htmlpb.RewriteRequest{Html: text, Urls: pick(names, urls, text), Base: asset.URL(s.path)})
	return answer.GetHtml(), err
}

// manifestStart and manifestEnd make a page of a JSON file.
const (
	manifestStart = `<script type="application/ld+json">`
	manifestEnd   = `</script>`
)

// readManifest puts marks into a file that names icons: JSON, or XML.
func (b *build) readManifest(ctx context.Context, s *static, urls map[string]string, names *mentions) error {
	text, err := b.text(s.file)
	if err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(strings.TrimSpace(text), "<"):
		s.text, err = b.rewriteAttributes(ctx, s, text, urls, names)
	case strings.Contains(strings.ToLower(text), "</script"):
		s.text = text
	default:
		s.text, err = b.rewriteAttributes(ctx, s, manifestStart+text+manifestEnd, urls, names)
		s.text = strings.TrimSuffix(strings.TrimPrefix(s.text, manifestStart), manifestEnd)
	}
	return err
}
