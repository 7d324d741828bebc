package site

import (
	"context"
	"net/url"
	"path"
	"strings"

	"ddc/site/asset"
)

// A file that has a new name stays at its old address too if a text names that
// address in a way that cannot be rewritten: a path that a script puts
// together, a text file that is copied as it is, an attribute that only some
// library knows. In doubt it stays.

// maxNaming is up to how many bytes a file that is copied is looked through.
const maxNaming = 1 << 20

// keepOldAddresses finds the files that stay at their old addresses too.
func (b *build) keepOldAddresses(ctx context.Context) error {
	old := b.oldAddresses()
	if len(old.byBase) == 0 && len(old.odd) == 0 {
		return nil
	}
	for _, p := range b.pages {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.stays(old.in(p.html, false), p.file.Name)
	}
	for _, script := range b.scripts {
		b.stays(old.in(b.final(script), true), "a script in a page")
	}
	for _, s := range b.statics {
		if err := ctx.Err(); err != nil {
			return err
		}
		text := s.text
		if !s.rewritten() {
			var err error
			if text, err = b.copiedText(s); err != nil {
				return err
			}
		}
		b.stays(old.in(text, true), s.name())
	}
	return nil
}

// stays notes that a text names old addresses.
func (b *build) stays(named []*static, by string) {
	for _, s := range named {
		if !s.also {
			s.also = true
			b.options.Log.Info("a file stays at its old address too", "file", s.path, "named by", by)
		}
	}
}

// copiedText is what a file that is copied says, or "" if it is large or no
// text.
func (b *build) copiedText(s *static) (string, error) {
	if s.kind != asset.Plain && s.kind != asset.Drawing && s.kind != asset.Manifest || s.file.Size > maxNaming {
		return "", nil
	}
	data, err := b.read(s.file, maxNaming)
	if err != nil || strings.IndexByte(string(data[:min(len(data), 512)]), 0) >= 0 {
		return "", err
	}
	return string(data), nil
}

// oldAddresses are the files that are not at their old addresses, by the last
// part of the path.
type oldAddresses struct {
	byBase map[string][]*static
	odd    []*static // whose names may not stand whole in a text
}

func (b *build) oldAddresses() *oldAddresses {
	old := &oldAddresses{byBase: map[string][]*static{}}
	for _, s := range b.statics {
		switch base := path.Base(s.path); {
		case s.output == s.path && !s.left:
		case strings.ContainsFunc(base, endsName):
			old.odd = append(old.odd, s)
		default:
			old.byBase[base] = append(old.byBase[base], s)
		}
	}
	return old
}

// in gives the files that a text names by their old addresses. relative says
// that a path without a leading slash may be one too: nobody knows where a
// script counts from.
func (o *oldAddresses) in(text string, relative bool) []*static {
	var found []*static
	for _, reading := range readings(text) {
		for name := range strings.FieldsFuncSeq(reading, endsPath) {
			if strings.Contains(name, "%") {
				if plain, err := url.PathUnescape(name); err == nil {
					name = plain
				}
			}
			name = strings.TrimRight(name, ".")
			for _, s := range o.byBase[path.Base(name)] {
				if leadsTo(name, s.path, relative) {
					found = append(found, s)
				}
			}
		}
		for _, s := range o.odd {
			for _, name := range asset.Names(s.path) {
				if strings.Contains(reading, name) || relative && strings.Contains(reading, strings.TrimPrefix(name, "/")) {
					found = append(found, s)
				}
			}
		}
	}
	return found
}

func endsPath(r rune) bool { return r != '/' && r != ':' && endsName(r) }

// leadsTo says whether a name may be an address of the file at a path: from the
// root, on any host and in any folder of it, or relative.
func leadsTo(name, file string, relative bool) bool {
	if _, rest, hasScheme := strings.Cut(name, "://"); hasScheme {
		return strings.HasSuffix(path.Clean("/"+rest), "/"+file)
	}
	absolute := strings.HasPrefix(name, "/")
	for {
		rest, found := strings.CutPrefix(name, "../")
		if !found {
			if rest, found = strings.CutPrefix(name, "./"); !found {
				break
			}
		}
		name = rest
	}
	name = path.Clean("/" + name)
	if absolute {
		return name == "/"+file
	}
	return relative && strings.HasSuffix("/"+file, name)
}
