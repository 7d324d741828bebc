package site

import (
	"context"
	"regexp"
	"strings"

	"ddc/site/asset"
)

// names gives every static file its final name, and puts the names into all
// texts.
func (b *build) names(ctx context.Context) error {
	b.nameAssets()
	for _, p := range b.pages {
		p.html = b.final(p.html)
	}
	if err := b.keepOldAddresses(ctx); err != nil {
		return err
	}
	var faults []error
	hashed := map[string]bool{}
	for _, s := range b.statics {
		if s.also {
			faults = append(faults, b.claim(s.path, s.name()))
		}
		// Two files may have become the same, such as a font that the site has in
		// two formats: it is written once.
		again := s.output != s.path && hashed[s.output]
		s.left = s.left || again || s.also && s.output == s.path
		if !s.left {
			faults = append(faults, b.claim(s.output, s.name()))
		}
		hashed[s.output] = true
	}
	return joined(faults)
}

// renamed finds the files that may have a hash in their names: those to which a
// page, a style sheet, a script, a drawing or a manifest refers in a place that
// is rewritten, as long as nobody else knows them by their names. Whoever
// follows a link to a file that the site itself does not load, such as a
// download, may pass the link on.
//
// A picture of which the pages show only variants is left out.
func (b *build) renamed() map[*static]bool {
	renamed, linked, shown := map[*static]bool{}, map[*static]bool{}, map[*static]bool{}
	note := func(text string) {
		for _, s := range b.marked(text) {
			renamed[s] = true
		}
		for _, m := range registered.FindAllStringSubmatch(text, -1) {
			linked[b.byMark(m[1])] = true
		}
	}
	for _, p := range b.pages {
		note(p.html)
		for _, link := range p.found.Links {
			if s := b.staticAt(p.base(), link.Url); s != nil {
				shown[s] = true
				linked[s] = linked[s] || link.Download || isLink(link) && s.kind == asset.Plain
			}
		}
	}
	for _, s := range b.statics {
		note(s.text)
	}
	for s := range shown {
		s.left = s.picture != nil && !s.stable && !renamed[s] && !linked[s]
	}
	for s := range renamed {
		if s.stable || linked[s] || asset.KeepsName(s.path) {
			delete(renamed, s)
		}
	}
	return renamed
}

// registered finds a service worker that a script registers by a name that was
// put together, or that stands in a variable beside it.
var registered = regexp.MustCompile(`serviceWorker\s*\.\s*register\s*\([^()]*?/__ddc8f3a61c0_(\d{6})__`)

// nameAssets names the static files that may be renamed by their content. Files
// that name no others come first, then those that do, each after the files that
// it names. Files that name one another in a circle are named together, by the
// hash of them all.
func (b *build) nameAssets() {
	references := func(i int) []int {
		var named []int
		for _, s := range b.marked(b.statics[i].text) {
			named = append(named, s.index)
		}
		return named
	}
	renamed := b.renamed()
	for _, s := range b.statics {
		if s.repacked() && !renamed[s] {
			s.data = nil // its name says what it was
		}
	}
	for _, group := range asset.Order(len(b.statics), references) {
		in := map[*static]bool{}
		for _, i := range group {
			in[b.statics[i]] = true
		}
		// Within the group a name would depend on itself, so the plain path
		// stands in for it.
		settled := func(s *static) string {
			if in[s] {
				return asset.URL(s.path)
			}
			return asset.URL(s.output)
		}
		var all strings.Builder
		for _, i := range group {
			if s := b.statics[i]; s.text != "" {
				all.WriteString(b.unmark(s.text, settled))
			}
		}
		for _, i := range group {
			s := b.statics[i]
			if s.rewritten() {
				s.digits = asset.Hash([]byte(all.String()))
			}
			s.output = s.path
			if renamed[s] {
				if s.repacked() {
					s.output = asset.Renamed(s.path, ".woff2")
				}
				s.output = asset.Hashed(s.output, s.digits)
			}
		}
		for _, i := range group {
			b.statics[i].text = b.final(b.statics[i].text)
		}
	}
}

// rewritten says that the file is written as its text, with the addresses of
// others in it.
func (s *static) rewritten() bool {
	switch s.kind {
	case asset.Style, asset.Script:
		return true
	case asset.Drawing, asset.Manifest:
		return !s.stable
	}
	return false
}
