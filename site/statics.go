package site

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"ddc/internal/query"
	"ddc/internal/slug"
	"ddc/site/asset"
)

// staticPhase has what can be done to each static file by itself. Keys are
// paths below the static folder.
type staticPhase struct {
	*treePhase
	spill     spill
	statics   *query.Query[*statics]
	compiled  *query.Query[string]
	sheets    *query.Query[*code]
	scripts   *query.Query[*code]
	drawings  *query.Query[*code]
	ratios    *query.Query[string] // of drawings
	manifests *query.Query[*code]
	pictures  *query.Query[*picture]
	fonts     *query.Query[*font]
}

func newStaticPhase(from *treePhase) *staticPhase {
	s, e := &staticPhase{treePhase: from}, from.engine
	s.statics = query.New(e, "statics", byDigest[*statics](), s.listStatics, query.Unkept)
	s.compiled = query.New(e, "sass", text, s.compile)
	s.sheets = query.New(e, "sheet", byCode[code](), s.readSheet)
	s.scripts = query.New(e, "script", byCode[code](), s.readScript)
	s.drawings = query.New(e, "drawing", byCode[code](), s.readDrawing)
	s.ratios = query.New(e, "ratio", text, s.ratioOf)
	s.manifests = query.New(e, "manifest", byCode[code](), s.readManifest)
	s.pictures = query.New(e, "picture", byCode[picture](), s.encodePicture)
	s.fonts = query.New(e, "font", byCode[font](), s.unpackFont, query.Unkept)
	return s
}

// static is a file of the static folder, one beside a page, or the compiled
// style sheet. What is made of it is a value of its own, of a type for each
// kind: sheet, script, drawing, font and picture. A plain file is copied.
type static struct {
	name string // for people, and to read it by
	// path is below the static folder ("css/style.css"), and also below the
	// output folder if the file is stable.
	path   string
	kind   asset.Kind
	stable bool
	// compiled is a style sheet made of a Sass file, entry, below the sass
	// folder.
	compiled bool
	entry    string
	index    int
	number   string // in its marks; see marks.go
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

// statics are all static files.
type statics struct {
	list     []*static
	byPath   map[string]*static
	byNumber map[string]*static
	names    *mentions         // how their addresses may be written
	spelt    map[string]string // the paths by that
	warnings []Problem
	prefix   string // of all addresses, once they are written
}

func (a *statics) digest(c *canon) {
	for _, s := range a.list {
		c.text(s.name)
		c.text(s.path)
		c.flag(s.stable)
		c.flag(s.compiled)
	}
	c.problems(a.warnings)
}

// mayHave says whether a file of the output may be one of these. That the site
// has no such file so is known without a look at who refers to what.
func (a *statics) mayHave(name string) bool {
	if a.byPath[name] != nil {
		return true
	}
	whole, hashed := asset.Unhashed(name)
	switch {
	case !hashed:
		return false
	case a.byPath[whole] != nil || len(path.Base(name)) >= slug.LongestName: // its last letters may be missing
		return true
	}
	return slices.ContainsFunc(a.list, func(f *static) bool { return f.kind == asset.Font && asset.Renamed(f.path, ".woff2") == whole })
}

// ofKind are the paths of all files of a kind. Among stable files it lists only
// style sheets, scripts and pictures: the others are copied as they are.
func (a *statics) ofKind(kind asset.Kind) (paths []string) {
	for _, s := range a.list {
		if s.kind == kind && (!s.stable || s.rewritten() || s.kind == asset.Picture) {
			paths = append(paths, s.path)
		}
	}
	return paths
}

func (a *statics) add(s *static) {
	s.index, s.number = len(a.list), markNumber(s.path)
	a.byNumber[s.number] = s
	a.list = append(a.list, s)
	a.byPath[s.path] = s
}

// find gives the static file of a path that the tree of values has come from.
func (a *statics) find(path string) (*static, error) {
	if s := a.byPath[path]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("%s is no file of the static folder", path)
}

// listStatics lists the static folder, and the style sheet that Sass makes.
func (s *staticPhase) listStatics(ctx context.Context, ask *query.Ask, _ string) (*statics, error) {
	folder, err := s.listings.Get(ctx, ask, "static")
	if err != nil {
		return nil, err
	}
	sass, err := s.listings.Get(ctx, ask, "sass")
	if err != nil {
		return nil, err
	}
	stable := map[string]bool{}
	for _, name := range s.cfg.StableAssets {
		stable[path.Clean(strings.TrimPrefix(name, "/"))] = true
	}
	all := &statics{prefix: s.cfg.Site.Base.Prefix, byPath: map[string]*static{}, byNumber: map[string]*static{}, spelt: map[string]string{}}
	for i, p := range folder.Paths {
		all.add(&static{name: folder.Names[i], path: p, kind: asset.KindOf(p), stable: isStable(stable, p)})
	}
	for _, name := range s.cfg.StableAssets {
		if name = path.Clean(strings.TrimPrefix(name, "/")); all.byPath[name] == nil && !anyBelow(folder.Paths, name) {
			all.warnings = append(all.warnings, Problem{File: s.configName(), Message: fmt.Sprintf("stable_assets names %q, which is not in the static folder", name),
				Hint: "paths are relative to the static folder"})
		}
	}
	entries, err := s.sassEntries(ctx, ask, sass.Paths)
	if err != nil {
		return nil, err
	}
	if slices.Contains(sass.Paths, mainSass) {
		entries = append(entries, mainSass)
	}
	for _, entry := range entries {
		made := compiledTo(entry)
		if clash := all.byPath[made]; clash != nil {
			return nil, Errors{{File: clash.name, Message: "sass/" + entry + " is compiled to " + made + " as well", Hint: "rename one of the two"}}
		}
		all.add(&static{name: "sass/" + entry, path: made, kind: asset.Style, compiled: true, entry: entry, stable: isStable(stable, made)})
	}
	t, err := s.trees.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	for _, key := range sortedKeys(t.asides) {
		file := t.asides[key]
		all.add(&static{name: file.name, path: file.path, kind: asset.KindOf(file.path)})
	}
	for _, f := range all.list {
		for _, name := range asset.Names(f.path) {
			all.spelt[name] = f.path
		}
	}
	all.names = newMentions(sortedKeys(all.spelt))
	return all, nil
}

func isStable(stable map[string]bool, name string) bool {
	for ; name != "."; name = path.Dir(name) {
		if stable[name] {
			return true
		}
	}
	return false
}

func anyBelow(files []string, folder string) bool {
	for _, f := range files {
		if strings.HasPrefix(f, folder+"/") {
			return true
		}
	}
	return folder == "main.css"
}

// static finds a static file by its path, and all others.
func (s *staticPhase) static(ctx context.Context, ask *query.Ask, path string) (*static, *statics, error) {
	all, err := s.statics.Get(ctx, ask, "")
	if err != nil {
		return nil, nil, err
	}
	f, err := all.find(path)
	return f, all, err
}

// treeAndStatics are all that a page can lead to.
func (s *staticPhase) treeAndStatics(ctx context.Context, ask *query.Ask) (*tree, *statics, error) {
	t, err := s.trees.Get(ctx, ask, "")
	if err != nil {
		return nil, nil, err
	}
	all, err := s.statics.Get(ctx, ask, "")
	return t, all, err
}

// contents reads a static file whole, and makes whoever asks depend on it.
func (s *staticPhase) contents(ctx context.Context, ask *query.Ask, f *static) ([]byte, error) {
	data, err := s.bytes(f.name)
	if err != nil {
		ask.Brief() // it may be too large to be read, and is not digested either
		return nil, err
	}
	_, err = s.digests.Get(ctx, ask, f.name)
	return data, err
}
