package site

import (
	"context"
	"errors"
	"fmt"
	"os"

	"ddc/internal/query"
	"ddc/site/asset"
	"ddc/site/output"
)

// whole is what a build of the site comes to: what is told, and which files it
// has. It is itself remembered, so that a site of which nothing has changed is
// looked at once.
type whole struct {
	pages    int
	samples  map[string]int
	warnings []Problem
	// faults are what the site is at fault for; then there are no files.
	faults     Errors
	extensions []Described
	staying    staying
	files      []product
}

// kindOf is the key of a build: what one comes to that asks no other site, or
// writes nothing, is not what another does.
func kindOf(o Options) (kind string) {
	if o.Dry {
		kind = "dry"
	}
	if o.CheckLinks {
		kind += " links"
	}
	return kind
}

// product is a file of the output: what it is made of, and its contents'
// fingerprint.
type product struct {
	name, source string
	kind         productKind
	key          string // of the query that has the contents, or a static file's path
	sum          query.Fingerprint
	copied       bool // sum is that of the file alone
}

type productKind int

const (
	pageProduct productKind = iota
	textProduct
	indexProduct
	staticProduct
	oldProduct // a static file at its old address
	variantProduct
	resizedProduct
)

func (w *whole) code(c *coder) {
	number(c, &w.pages)
	dict(c, &w.samples, func(n *int) { number(c, n) })
	c.problems(&w.warnings)
	faults := []Problem(w.faults)
	c.problems(&faults)
	w.faults = faults
	own := map[string]string(w.staying)
	dict(c, &own, c.text)
	w.staying = own
	list(c, &w.extensions, func(d *Described) {
		c.text(&d.Name)
		c.text(&d.Version)
		c.texts(&d.Stages)
	})
	list(c, &w.files, func(f *product) {
		c.text(&f.name)
		c.text(&f.source)
		number(c, &f.kind)
		c.text(&f.key)
		c.sum(&f.sum)
		c.flag(&f.copied)
	})
}

// add claims a path of the output. Two sources for one path are the site's
// fault.
func (r *making) add(w *whole, f product) error {
	err := r.claims.Claim(f.name, f.source)
	var clash *output.Clash
	if errors.As(err, &clash) {
		return Errors{{File: clash.Second, Message: "would be written to " + clash.Path + ", as would " + clash.First, Hint: "rename one of the two"}}
	}
	var unwritable *output.Unwritable
	if errors.As(err, &unwritable) {
		return Errors{{File: unwritable.Source, Message: unwritable.Why, Hint: "give it a shorter name"}}
	}
	w.files = append(w.files, f)
	return err
}

// placeStatics says where the static files go, and the pictures' variants. A
// second picture of the same contents has the same variants.
func (r *making) placeStatics(ctx context.Context, w *whole, places []placed) error {
	all, err := r.statics.Get(ctx, r.ask, "")
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, path := range all.ofKind(asset.Picture) {
		p, err := r.pictures.Get(ctx, r.ask, path)
		if err != nil {
			return err
		}
		for i, name := range p.files {
			if seen[name] {
				continue
			}
			seen[name] = true
			if err := r.add(w, product{name: name, source: all.byPath[path].name, kind: variantProduct, key: path, sum: p.sums[i]}); err != nil {
				return err
			}
		}
	}
	var found []error
	for _, p := range places {
		f := product{name: p.name, source: p.static.name, kind: staticProduct, key: p.path}
		if p.old {
			f.kind = oldProduct
		}
		if f.sum, f.copied, err = r.sumOf(ctx, r.ask, p); err != nil {
			return err
		}
		found = append(found, r.add(w, f))
	}
	return joined(found...)
}

// sumOf is the fingerprint of a placed file's contents; of one that is copied,
// that of the file.
func (s *finalPhase) sumOf(ctx context.Context, ask *query.Ask, p placed) (sum query.Fingerprint, copied bool, err error) {
	data, err := s.contentsOf(ctx, ask, p)
	if err != nil || data != nil {
		return query.Digest(data), false, err
	}
	own, err := s.digests.Get(ctx, ask, p.static.name)
	copy(sum[:], own)
	return sum, true, err
}

// place says where all other files go.
func (r *making) place(ctx context.Context, w *whole, t *tree, found *index) error {
	for _, f := range found.files {
		if err := r.add(w, product{name: f.Path, source: "the search index", kind: indexProduct, sum: query.Digest(f.Contents)}); err != nil {
			return err
		}
	}
	for _, p := range t.pages {
		sum, err := r.final.Fingerprint(ctx, r.ask, p.Path)
		if err != nil {
			return err
		}
		if err := r.add(w, product{name: p.Output(), source: p.name, kind: pageProduct, key: p.Path, sum: sum}); err != nil {
			return err
		}
	}
	for _, p := range t.texts {
		sum, err := r.finalTexts.Fingerprint(ctx, r.ask, p.made.output)
		if err != nil {
			return err
		}
		if err := r.add(w, product{name: p.made.output, source: p.name, kind: textProduct, key: p.made.output, sum: sum}); err != nil {
			return err
		}
	}
	return r.placeResized(ctx, w)
}

// produce puts a product's contents into a stage.
func (s *Site) produce(ctx context.Context, ask *query.Ask, stage *output.Stage, f product) error {
	switch f.kind {
	case pageProduct:
		text, err := s.final.Get(ctx, ask, f.key)
		return put(ctx, stage, f, []byte(text), err)
	case textProduct:
		text, err := s.finalTexts.Get(ctx, ask, f.key)
		return put(ctx, stage, f, []byte(text), err)
	case indexProduct:
		found, err := s.index.Get(ctx, ask, "")
		if err != nil {
			return err
		}
		for _, one := range found.files {
			if one.Path == f.name {
				return put(ctx, stage, f, one.Contents, nil)
			}
		}
		return fmt.Errorf("the search has no %s", f.name)
	case variantProduct:
		file, err := s.variant(ctx, ask, f.key, f.name)
		return copied(ctx, stage, f, file, err)
	case resizedProduct:
		file, err := s.resizedKept(ctx, ask, f.key, f.name)
		return copied(ctx, stage, f, file, err)
	}
	all, err := s.statics.Get(ctx, ask, "")
	if err != nil {
		return err
	}
	of, err := all.find(f.key)
	if err != nil {
		return err
	}
	data, err := s.contentsOf(ctx, ask, placed{of, f.name, f.kind == oldProduct})
	if err != nil {
		return err
	}
	if data != nil {
		return put(ctx, stage, f, data, nil)
	}
	file, err := s.project.OpenFile(s.file(of.name))
	if err != nil {
		return Errors{{File: of.name, Message: "can't be read: " + err.Error(), Hint: "check its permissions"}}
	}
	return copied(ctx, stage, f, file, nil)
}

func put(ctx context.Context, stage *output.Stage, f product, data []byte, err error) error {
	if err != nil {
		return err
	}
	return stage.Write(ctx, f.name, data)
}

func copied(ctx context.Context, stage *output.Stage, f product, file *os.File, err error) error {
	if err != nil {
		return err
	}
	return errors.Join(stage.Copy(ctx, f.name, file), file.Close())
}
