package site

import (
	"bytes"
	"context"
	"net/url"
	"path"
	"strings"
	"sync"

	"ddc/internal/query"
	"ddc/site/asset"
)

// A file that has a new name stays at its old address too if a text names that
// address in a way that cannot be rewritten: a path that a script puts
// together, a text file that is copied as it is, an attribute that only some
// library knows. In doubt it stays.

// maxNaming is up to how many bytes a file that is copied is looked through.
const maxNaming = 1 << 20

// stays are the files that a page names by their old addresses, by path.
type stays struct{ inPage, inScript []string }

func (s *stays) code(c *coder) {
	c.texts(&s.inPage)
	c.texts(&s.inScript)
}

// stayFor finds what a page names by its old address.
func (s *finalPhase) stayFor(ctx context.Context, ask *query.Ask, key string) (*stays, error) {
	old, err := s.olds.Get(ctx, ask, "")
	if err != nil || old.none() {
		return &stays{}, err
	}
	finished, err := s.finished.Get(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	found := &stays{inPage: old.in(finished.html, false)}
	for _, script := range finished.scripts {
		found.inScript = append(found.inScript, old.in(script, true)...)
	}
	return found, nil
}

// staying has the files that stay at their old addresses too, by path, with who
// names them.
type staying map[string]string

// keepOldAddresses finds the files that stay at their old addresses too.
func (s *finalPhase) keepOldAddresses(ctx context.Context, ask *query.Ask, _ string) (staying, error) {
	old, err := s.olds.Get(ctx, ask, "")
	if err != nil || old.none() {
		return nil, err
	}
	t, all, err := s.treeAndStatics(ctx, ask)
	if err != nil {
		return nil, err
	}
	found, err := s.stay.All(ctx, ask, t.keys())
	if err != nil {
		return nil, err
	}
	renaming, err := s.renames.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	kept := staying{}
	for _, path := range sortedKeys(renaming.saved) {
		if renaming.renamed[path] || renaming.left[path] {
			kept[path] = "a link that saves it"
		}
	}
	for i, p := range t.pages {
		kept.note(found[i].inPage, p.name)
	}
	for i := range t.pages {
		kept.note(found[i].inScript, "a script in a page")
	}
	for _, f := range all.list {
		code, err := s.codeOf(ctx, ask, f)
		if err != nil {
			return nil, err
		}
		var text string
		if code != nil {
			text = code.marked
		} else if text, err = s.copiedText(ctx, ask, f); err != nil {
			return nil, err
		}
		kept.note(old.in(text, true), f.name)
	}
	return kept, nil
}

// note notes that a text names old addresses.
func (s staying) note(named []string, by string) {
	for _, path := range named {
		if s[path] == "" {
			s[path] = by
		}
	}
}

// copiedText is what a file that is copied says, or "" if it is large or no
// text.
func (s *finalPhase) copiedText(ctx context.Context, ask *query.Ask, f *static) (string, error) {
	if f.kind != asset.Plain && f.kind != asset.Drawing && f.kind != asset.Manifest {
		return "", nil
	}
	if _, err := s.digests.Get(ctx, ask, f.name); err != nil {
		return "", err
	}
	file := s.file(f.name)
	if file.Size > maxNaming {
		return "", nil
	}
	data, err := s.read(file, maxNaming)
	if err != nil || bytes.IndexByte(data[:min(len(data), 512)], 0) >= 0 {
		return "", err
	}
	return string(data), nil
}

// oldAddresses are the files that are not at their old addresses, by the last
// part of the path.
type oldAddresses struct {
	byBase map[string][]string
	odd    []string // whose names may not stand whole in a text

	look     sync.Once
	bases    lengths // of byBase, once a text was looked through
	undotted bool    // some of these have no dot
}

func (o *oldAddresses) none() bool { return len(o.byBase) == 0 && len(o.odd) == 0 }

func (o *oldAddresses) code(c *coder) {
	dict(c, &o.byBase, c.texts)
	c.texts(&o.odd)
}

func (s *finalPhase) findOld(ctx context.Context, ask *query.Ask, _ string) (*oldAddresses, error) {
	all, err := s.statics.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	renaming, err := s.renames.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	old := &oldAddresses{byBase: map[string][]string{}}
	for _, f := range all.list {
		switch base := path.Base(f.path); {
		case !renaming.renamed[f.path] && !renaming.left[f.path]:
		case strings.ContainsFunc(base, endsName):
			old.odd = append(old.odd, f.path)
		default:
			old.byBase[base] = append(old.byBase[base], f.path)
		}
	}
	return old, nil
}

// in gives the files that a text names by their old addresses. relative says
// that a path without a leading slash may be one too: nobody knows where a
// script counts from.
func (o *oldAddresses) in(text string, relative bool) []string {
	o.look.Do(func() {
		for base := range o.byBase {
			o.bases.add(base)
			o.undotted = o.undotted || !strings.Contains(strings.TrimRight(base, "."), ".")
		}
	})
	var found []string
	for _, reading := range readings(text) {
		for name := range likelyNames(reading, &inPaths, o.undotted) {
			if strings.Contains(name, "%") {
				if plain, err := url.PathUnescape(name); err == nil {
					name = plain
				}
			}
			name = strings.TrimRight(name, ".")
			base := name[strings.LastIndexByte(name, '/')+1:]
			if base == "" {
				base = path.Base(name)
			}
			if !o.bases.have(base) {
				continue
			}
			for _, s := range o.byBase[base] {
				if leadsTo(name, s, relative) {
					found = append(found, s)
				}
			}
		}
		for _, s := range o.odd {
			for _, name := range asset.Names(s) {
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
	if _, rest, isWhole := strings.Cut(name, "://"); isWhole || strings.HasPrefix(name, "//") {
		if !isWhole {
			rest = name
		}
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
