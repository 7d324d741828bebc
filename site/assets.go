package site

import (
	"context"
	"errors"
	"net/url"
	"path"
	"strings"

	"ddc/plugins/fonts/fontspb"
	"ddc/site/asset"
	"ddc/site/output"
)

// cutFonts finds which characters the pages show in which font, and leaves only
// those in the files that style sheets load. A font is copied as it is if no
// page's sheet loads it, or no page shows a character in it.
func (b *build) cutFonts(ctx context.Context) error {
	var fonts []*static
	for _, s := range b.statics {
		if s.unpacked {
			fonts = append(fonts, s)
		}
	}
	if len(fonts) == 0 {
		return nil
	}
	shown, err := b.shown(ctx)
	if missing, err := b.without(err, "fonts are copied whole"); missing || err != nil {
		for _, s := range fonts {
			s.data = nil
		}
		return err
	}
	return beside(ctx, b, fonts, func(ctx context.Context, s *static) error {
		return b.weigh(ctx, fontCost(len(s.data)), func(ctx context.Context) error { return b.cutFont(ctx, s, shown[s]) })
	})
}

// styled are pages that load the same style sheets, in the same order.
type styled struct {
	request *fontspb.AnalyseRequest
	bases   []string // of the request's sheets
}

// shown gives, for each font file that a page's style sheets load, the characters
// that pages show in its family.
func (b *build) shown(ctx context.Context) (map[*static]string, error) {
	groups := map[string]*styled{}
	for _, p := range b.pages {
		css, bases := b.sheetsOf(p)
		key := strings.Join(append(bases, css...), "\x00")
		if groups[key] == nil {
			groups[key] = &styled{request: &fontspb.AnalyseRequest{Css: css}, bases: bases}
		}
		groups[key].request.Html = append(groups[key].request.Html, p.html)
	}
	keys := sortedKeys(groups)
	answers := make([]*fontspb.AnalyseResponse, len(keys))
	err := eachIndex(ctx, b, len(keys), func(ctx context.Context, i int) (err error) {
		answers[i], err = call(ctx, b, "fonts", "", b.Fonts.Analyse, groups[keys[i]].request)
		return err
	})
	if err != nil {
		return nil, err
	}
	shown := map[*static]string{}
	for i, answer := range answers {
		bases := groups[keys[i]].bases
		// The answer is nil if the site is at fault. That has been reported
		// already.
		for _, face := range answer.GetFaces() {
			if int(face.Sheet) < 0 || int(face.Sheet) >= len(bases) {
				continue
			}
			if s := b.staticAt(bases[face.Sheet], face.Src); s != nil {
				shown[s] = union(shown[s], answer.Characters[face.Family])
			}
		}
	}
	return shown, nil
}

// sheetsOf gives the style sheets of a page that can concern fonts: those that
// it loads, each after the sheets that it imports, and the page's own. bases
// has the address of each.
func (b *build) sheetsOf(p *page) (css, bases []string) {
	seen := map[*static]bool{}
	var load func(s *static)
	load = func(s *static) {
		if s == nil || s.kind != asset.Style || seen[s] {
			return
		}
		seen[s] = true
		for _, named := range b.marked(s.text) {
			load(named)
		}
		css, bases = append(css, s.written), append(bases, asset.URL(s.path))
	}
	for _, link := range p.found.Links {
		if link.Element == "link" {
			load(b.staticAt(p.base(), link.Url))
		}
	}
	for _, style := range p.found.Styles {
		if strings.Contains(style, "font") {
			css, bases = append(css, style), append(bases, p.base())
		}
	}
	return css, bases
}

// staticAt finds the static file that a reference in a document at base leads to.
func (b *build) staticAt(base, reference string) *static {
	from, err := url.Parse(base)
	if err != nil {
		return nil
	}
	to, err := from.Parse(reference)
	if err != nil || to.Host != "" || to.Scheme != "" {
		return nil
	}
	return b.byPath[strings.TrimPrefix(to.Path, "/")]
}

// union adds the characters of b that a lacks.
func union(a, b string) string {
	known := make(map[rune]bool, len(a))
	for _, r := range a {
		known[r] = true
	}
	var all strings.Builder
	all.WriteString(a)
	for _, r := range b {
		if !known[r] {
			all.WriteRune(r)
		}
	}
	return all.String()
}

func (b *build) cutFont(ctx context.Context, s *static, characters string) error {
	whole := s.data
	s.data = nil // copied as it is, unless all goes well
	if characters == "" {
		return nil
	}
	cut, err := call(ctx, b, "fonts", s.name(), b.Fonts.Subset, &fontspb.SubsetRequest{Path: s.name(), Data: whole, Characters: characters})
	if copied, err := b.copiedWhole(err); copied || err != nil {
		return err
	}
	packed, err := call(ctx, b, "fonts", s.name(), b.Fonts.Compress, &fontspb.CompressRequest{Path: s.name(), Data: cut.Data})
	if copied, err := b.copiedWhole(err); copied || err != nil {
		return err
	}
	s.data = packed.Data
	s.digits = asset.Hash(s.data)
	return nil
}

// repacked says that a font is WOFF2 now, and was not.
func (s *static) repacked() bool {
	return s.kind == asset.Font && s.data != nil && !strings.EqualFold(path.Ext(s.path), ".woff2")
}

// claim reserves a path of the output. Two sources for one path are the site's fault.
func (b *build) claim(name, source string) error {
	err := b.stage.Claim(name, source)
	var clash *output.Clash
	if errors.As(err, &clash) {
		return Errors{{File: clash.Second, Message: "would be written to " + clash.Path + ", as would " + clash.First, Hint: "rename one of the two"}}
	}
	return err
}
