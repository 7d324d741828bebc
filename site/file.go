package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"ddc/internal/diagnostic"
	"ddc/internal/query"
	"ddc/site/asset"
)

// File is a file of the output, as Build would write it.
type File struct {
	// Name is its path below the output folder.
	Name string
	// Source is what it is made of, relative to the project; empty if that is
	// many files.
	Source string
	// Page says that it is a page.
	Page bool
	// Hashed says that its name has its content's hash: it never changes.
	Hashed bool
	// Data is the contents, unless Path names a file that is copied as it is.
	Data []byte
	Path string
	// Warnings are those about what the file is made of. A page has its dead
	// links.
	Warnings []Problem
}

// Route is a page.
type Route struct {
	// URL is its path as a browser asks for it, not escaped.
	URL string
	// Name is the path of its file below the output folder.
	Name string
	// Source is its Markdown, relative to the project.
	Source string
	Title  string
}

// Routes are all pages, sorted by URL.
func (s *Site) Routes(ctx context.Context) (routes []Route, err error) {
	err = s.run(ctx, func(ctx context.Context, ask *query.Ask) error {
		t, err := s.trees.Get(ctx, ask, "")
		if err != nil {
			return err
		}
		for _, p := range t.pages {
			routes = append(routes, Route{p.URL(), p.Output(), p.name, p.title})
		}
		slices.SortFunc(routes, func(a, b Route) int { return cmp.Compare(a.URL, b.URL) })
		return nil
	})
	return routes, err
}

// Absent are those of some addresses at which there is no page.
func (s *Site) Absent(ctx context.Context, addresses []string) (absent []string, err error) {
	err = s.run(ctx, func(ctx context.Context, ask *query.Ask) error {
		t, err := s.trees.Get(ctx, ask, "")
		if err != nil {
			return err
		}
		for _, at := range addresses {
			p := t.byRoute[cmp.Or(strings.TrimSuffix(at, "/"), "/")]
			if p == nil || p.URL() != at {
				absent = append(absent, at)
			}
		}
		return nil
	})
	return absent, err
}

// run asks questions of one revision. The site's faults quote the lines they
// are about.
func (s *Site) run(ctx context.Context, questions func(context.Context, *query.Ask) error) error {
	err := s.engine.Run(ctx, questions)
	var found faults
	if err := found.collect(err); err != nil || len(found.list) == 0 {
		return err
	}
	list := diagnostic.Sorted(found.list)
	s.quote(list)
	return list
}

// File makes one file of the output, and no more than it needs. Its name is the
// path below the output folder. The error is fs.ErrNotExist if there is no such
// file, and Errors if the site is at fault on the way to it.
func (s *Site) File(ctx context.Context, name string) (file *File, err error) {
	err = s.run(ctx, func(ctx context.Context, ask *query.Ask) (err error) {
		file, err = s.makeFile(ctx, ask, name)
		return err
	})
	if file != nil {
		s.quote(file.Warnings)
	}
	return file, err
}

func (s *Site) makeFile(ctx context.Context, ask *query.Ask, name string) (*File, error) {
	t, err := s.trees.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	if p := t.pageOf(name); p != nil {
		return s.pageFile(ctx, ask, p)
	}
	if page, isPage := strings.CutSuffix("/"+name, "/index.html"); isPage {
		if draft, absent := t.absent[cmp.Or(page, "/")]; absent && draft == "" {
			return nil, s.unreadFault(ctx, ask, t, cmp.Or(page, "/"))
		}
	}
	if t.byText[name] != nil {
		text, err := s.finalTexts.Get(ctx, ask, name)
		return &File{Name: name, Data: []byte(text)}, err
	}
	if strings.HasPrefix(name, resizedFolder) {
		return s.resizedFile(ctx, ask, name)
	}
	if IsSearch(name) {
		return s.searchFile(ctx, ask, name)
	}
	return s.staticFile(ctx, ask, name)
}

// pageOf is the page that has a file, or nil.
func (t *tree) pageOf(name string) *page {
	if page, isPage := strings.CutSuffix("/"+name, "/index.html"); isPage {
		if p := t.byRoute[cmp.Or(page, "/")]; p != nil {
			return p
		}
	}
	if p := t.byRoute["/"+name]; p != nil && p.Output() == name {
		return p
	}
	return nil
}

// Draft is a page as it is likely to be, by the name of its file. It is made of
// that page alone: the files that it names have the names that they had last.
// File gives their present names, and may have to make all other pages for it.
// False says that there is no such page.
func (s *Site) Draft(ctx context.Context, name string) (text string, ok bool) {
	err := s.engine.Run(ctx, func(ctx context.Context, ask *query.Ask) error {
		t, all, err := s.treeAndStatics(ctx, ask)
		if err != nil {
			return err
		}
		p := t.pageOf(name)
		last, known := s.names.Last("")
		if p == nil || !known || t.faults != nil {
			return noFile(name)
		}
		finished, err := s.finished.Get(ctx, ask, p.Path)
		if err != nil {
			return err
		}
		ok = true
		text = all.settle(finished.html, func(f *static) *address {
			at := last.at[f.path]
			if at == nil {
				ok, at = false, &address{output: f.path}
			}
			return at
		})
		return nil
	})
	return text, ok && err == nil
}

// unreadFault is what is wrong with the front matter of the page that would be
// at a route.
func (s *Site) unreadFault(ctx context.Context, ask *query.Ask, t *tree, route string) error {
	for _, key := range sortedKeys(t.bySource) {
		if p := t.bySource[key]; p.meta == nil && p.Route == route {
			if _, err := s.fronts.Get(ctx, ask, key); err != nil {
				return err
			}
		}
	}
	return noFile(route)
}

func noFile(name string) error { return fmt.Errorf("%s: %w", name, fs.ErrNotExist) }

// pageFile is a page. Faults that Build would tell before it comes to the page
// are faults here too, if they are of the page or of what all pages are made
// of. If only others are at fault, whom it takes to know what files are called,
// their names are likely ones.
func (s *Site) pageFile(ctx context.Context, ask *query.Ask, p *page) (*File, error) {
	t, err := s.checking.told.Get(ctx, ask, p.Path)
	if err != nil {
		return nil, err
	}
	if t.elsewhere {
		text, err := s.likely.page(ctx, ask, p.Path)
		if err != nil {
			return nil, err // of what all pages load, if it is the site's fault
		}
		return &File{Name: p.Output(), Source: p.name, Page: true, Data: []byte(text)}, nil
	}
	if t.faults != nil {
		return nil, slices.Clone(t.faults)
	}
	text, err := s.final.Get(ctx, ask, p.Path)
	if err != nil {
		return nil, err
	}
	return &File{Name: p.Output(), Source: p.name, Page: true, Data: []byte(text), Warnings: slices.Clone(t.warnings)}, nil
}

func (s *Site) searchFile(ctx context.Context, ask *query.Ask, name string) (*File, error) {
	found, err := s.index.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	for _, f := range found.files {
		if f.Path == name {
			return &File{Name: name, Data: f.Contents, Warnings: slices.Clone(found.warnings)}, nil
		}
	}
	return nil, noFile(name)
}

func (s *Site) staticFile(ctx context.Context, ask *query.Ask, name string) (*File, error) {
	all, err := s.statics.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	for _, path := range all.ofKind(asset.Picture) {
		// The name of a variant begins as its picture's, so others need not be
		// encoded.
		if !strings.HasPrefix(name, strings.TrimSuffix(path, filepath.Ext(path))) {
			continue
		}
		p, err := s.pictures.Get(ctx, ask, path)
		if err != nil {
			return nil, err
		}
		if slices.Contains(p.files, name) {
			data, err := contentsOf(s.variant(ctx, ask, path, name))
			return &File{Name: name, Source: all.byPath[path].name, Hashed: true, Data: data, Warnings: slices.Clone(p.warnings)}, err
		}
	}
	if !all.mayHave(name) {
		return nil, noFile(name)
	}
	places, err := s.layout(ctx, ask)
	contents := s.contentsOf
	if errors.As(err, new(Errors)) {
		a, failure := s.likely.arrange(ctx, ask)
		if failure != nil {
			return nil, err
		}
		places, err = a.places(all), nil
		contents = func(ctx context.Context, ask *query.Ask, p placed) ([]byte, error) {
			return contentsBy(ctx, ask, p, a.names, s.likely.font)
		}
	}
	if err != nil {
		return nil, err
	}
	for _, p := range places {
		if p.name != name {
			continue
		}
		file := &File{Name: name, Source: p.static.name, Hashed: p.name != p.path}
		if file.Data, err = contents(ctx, ask, p); file.Data == nil {
			file.Path = filepath.Join(s.folder(), filepath.FromSlash(p.static.name))
		}
		return file, err
	}
	return nil, noFile(name)
}

// Names are all that Build would write, sorted.
func (s *Site) Names(ctx context.Context) (all []string, err error) {
	err = s.run(ctx, func(ctx context.Context, ask *query.Ask) error {
		t, err := s.trees.Get(ctx, ask, "")
		if err != nil {
			return err
		}
		for _, p := range t.pages {
			all = append(all, p.Output())
		}
		all = append(all, t.textNames()...)
		found, err := s.index.Get(ctx, ask, "")
		if err != nil {
			return err
		}
		for _, f := range found.files {
			all = append(all, f.Path)
		}
		statics, err := s.statics.Get(ctx, ask, "")
		if err != nil {
			return err
		}
		for _, path := range statics.ofKind(asset.Picture) {
			p, err := s.pictures.Get(ctx, ask, path)
			if err != nil {
				return err
			}
			all = append(all, p.files...)
		}
		resized, err := s.allResized.Get(ctx, ask, "")
		if err != nil {
			return err
		}
		for _, use := range resized.list {
			all = append(all, use.name)
		}
		places, err := s.layout(ctx, ask)
		for _, p := range places {
			all = append(all, p.name)
		}
		return err
	})
	slices.Sort(all)
	return slices.Compact(all), err
}
