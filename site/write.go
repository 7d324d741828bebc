package site

import (
	"context"
	"errors"

	"ddc/internal/query"
	"ddc/site/asset"
	"ddc/site/output"
)

// placed is a static file in the output.
type placed struct {
	*static
	name string
	// old says that it is there for those who know its old address. A font is whole
	// there, since whoever names it there may show anything in it.
	old bool
}

// layout says where the static files go, in order.
func (s *finalPhase) layout(ctx context.Context, ask *query.Ask) ([]placed, error) {
	all, err := s.statics.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	n, err := s.names.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	renaming, err := s.renames.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	stays, err := s.stays.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	var places []placed
	hashed := map[string]bool{}
	for _, f := range all.list {
		name, also := n.at[f.path].output, stays[f.path] != ""
		if also {
			places = append(places, placed{f, f.path, true})
		}
		// Two files may have become the same, such as a font that the site has in
		// two formats: it is written once.
		again := name != f.path && hashed[name]
		hashed[name] = true
		if !renaming.left[f.path] && !again && !(also && name == f.path) {
			places = append(places, placed{f, name, false})
		}
	}
	return places, nil
}

// contentsOf is what is written of a placed file; nil if the file is copied.
func (s *finalPhase) contentsOf(ctx context.Context, ask *query.Ask, p placed) ([]byte, error) {
	switch {
	case p.rewritten():
		n, err := s.names.Get(ctx, ask, "")
		if err != nil {
			return nil, err
		}
		return []byte(n.text[p.path]), nil
	case p.kind == asset.Font && !p.stable && !p.old:
		cut, err := s.cutFonts.Get(ctx, ask, p.path)
		if err != nil || cut.repacked(p.path) && p.name == p.path {
			return nil, err // its name says what it was
		}
		return cut.data, nil
	}
	return nil, nil
}

// writing is an output while it is written.
type writing struct {
	*Site
	stage *output.Stage
	ask   *query.Ask
	// variants are the names of variants that are written: a second picture of the same
	// contents has the same.
	variants map[string]bool
}

// claim reserves a path of the output. Two sources for one path are the site's fault.
func (w *writing) claim(name, source string) error {
	err := w.stage.Claim(name, source)
	var clash *output.Clash
	if errors.As(err, &clash) {
		return Errors{{File: clash.Second, Message: "would be written to " + clash.Path + ", as would " + clash.First, Hint: "rename one of the two"}}
	}
	return err
}

// write claims a path and writes to it.
func (w *writing) write(name, source string, data []byte) error {
	if err := w.claim(name, source); err != nil {
		return err
	}
	return w.stage.Write(name, data)
}

// claimStatics reserves the places of the static files, and of the pictures' variants.
func (w *writing) claimStatics(ctx context.Context, places []placed) error {
	all, err := w.statics.Get(ctx, w.ask, "")
	if err != nil {
		return err
	}
	for _, path := range all.ofKind(asset.Picture) {
		p, err := w.pictures.Get(ctx, w.ask, path)
		if err != nil {
			return err
		}
		if err := w.variantsOf(p, all.byPath[path]); err != nil {
			return err
		}
	}
	var found []error
	for _, p := range places {
		found = append(found, w.claim(p.name, p.static.name))
	}
	return joined(found...)
}

// static writes a static file to its claimed place.
func (w *writing) static(ctx context.Context, p placed) error {
	data, err := w.contentsOf(ctx, w.ask, p)
	if err != nil {
		return err
	}
	if data != nil {
		return w.stage.Write(p.name, data)
	}
	file, err := w.project.OpenFile(w.file(p.static.name))
	if err != nil {
		return Errors{{File: p.static.name, Message: "can't be read: " + err.Error(), Hint: "check its permissions"}}
	}
	return errors.Join(w.stage.Copy(p.name, file), file.Close())
}

func (w *writing) variantsOf(p *picture, f *static) error {
	for _, name := range p.files {
		if w.variants[name] {
			continue
		}
		w.variants[name] = true
		if err := w.copyKept(name, f.name); err != nil {
			return err
		}
	}
	return nil
}

// copyKept writes a file that waits in the spill, which was made of a source.
func (w *writing) copyKept(name, source string) error {
	if err := w.claim(name, source); err != nil {
		return err
	}
	file, err := w.kept(name)
	if err != nil {
		return err
	}
	return errors.Join(w.stage.Copy(name, file), file.Close())
}

// write writes everything, and puts it in the place of the last output.
func (r *making) write(ctx context.Context, w *writing, t *tree, final []string, places []placed, found *index) error {
	for _, f := range found.files {
		if err := w.write(f.Path, "the search index", f.Contents); err != nil {
			return err
		}
	}
	for i, p := range t.pages {
		if err := w.write(p.Output(), p.name, []byte(final[i])); err != nil {
			return err
		}
	}
	for _, p := range t.texts {
		text, err := r.finalTexts.Get(ctx, r.ask, p.made.output)
		if err != nil {
			return err
		}
		if err := w.write(p.made.output, p.name, []byte(text)); err != nil {
			return err
		}
	}
	if err := w.writeResized(ctx); err != nil {
		return err
	}
	for _, p := range places {
		if err := w.static(ctx, p); err != nil {
			return err
		}
	}
	return r.stage.Commit()
}
