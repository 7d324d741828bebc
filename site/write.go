package site

import (
	"context"
	"errors"
	"slices"

	"ddc/internal/query"
	"ddc/site/asset"
	"ddc/site/output"
)

// placed is a static file in the output.
type placed struct {
	*static
	name string
	// old says that it is there for those who know its old address. A font is
	// whole there, since whoever names it there may show anything in it.
	old bool
}

// layout says where the static files go, in order.
func (s *finalPhase) layout(ctx context.Context, ask *query.Ask) ([]placed, error) {
	all, err := s.statics.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	a := &arrangement{}
	if a.names, err = s.names.Get(ctx, ask, ""); err != nil {
		return nil, err
	}
	if a.renaming, err = s.renames.Get(ctx, ask, ""); err != nil {
		return nil, err
	}
	if a.stays, err = s.stays.Get(ctx, ask, ""); err != nil {
		return nil, err
	}
	return a.places(all), nil
}

// arrangement is what the static files are called, and which are at their old
// addresses too.
type arrangement struct {
	names    *names
	renaming *renaming
	stays    staying
}

// places are where all static files go.
func (a *arrangement) places(all *statics) (places []placed) {
	hashed := map[string]bool{}
	for _, f := range all.list {
		name, also := a.names.at[f.path].output, a.stays[f.path] != ""
		if also {
			places = append(places, placed{f, f.path, true})
		}
		// Two files may have become the same, such as a font that the site has
		// in two formats: it is written once.
		again := name != f.path && hashed[name]
		hashed[name] = true
		if !a.renaming.left[f.path] && !again && !(also && name == f.path) {
			places = append(places, placed{f, name, false})
		}
	}
	return places
}

// contentsOf is what is written of a placed file; nil if the file is copied.
func (s *finalPhase) contentsOf(ctx context.Context, ask *query.Ask, p placed) ([]byte, error) {
	var n *names
	if p.rewritten() {
		var err error
		if n, err = s.names.Get(ctx, ask, ""); err != nil {
			return nil, err
		}
	}
	return contentsBy(ctx, ask, p, n, s.cutFonts.Get)
}

// contentsBy is contentsOf, where the names are known and cut asks for fonts.
func contentsBy(ctx context.Context, ask *query.Ask, p placed, n *names, cut getFont) ([]byte, error) {
	switch {
	case p.rewritten():
		return []byte(n.text[p.path]), nil
	case p.kind == asset.Font && !p.stable && !p.old:
		made, err := cut(ctx, ask, p.path)
		if err != nil || made.repacked(p.path) && p.name == p.path {
			return nil, err // its name says what it was
		}
		return made.data, nil
	}
	return nil, nil
}

// Build writes the output, of the sources as the last Refresh has found them.
// The error is as that of the function Build.
func (s *Site) Build(ctx context.Context) (*Result, error) {
	s.building.Lock()
	defer s.building.Unlock()
	defer s.guard().Stop()
	if err := s.checkOutput(); err != nil {
		return nil, err
	}
	stage, err := s.begin(s.cfg.Output)
	if err != nil {
		return nil, err
	}
	defer stage.Abort()
	result := &Result{}
	err = s.engine.Run(ctx, func(ctx context.Context, ask *query.Ask) error {
		w, err := s.wholes.Get(ctx, ask, kindOf(s.options))
		if err != nil {
			return err
		}
		result.Warnings = slices.Clone(w.warnings)
		s.quote(result.Warnings)
		if w.faults != nil {
			faults := slices.Clone(w.faults)
			s.quote(faults)
			return faults
		}
		result.Pages, result.Samples, result.Extensions = w.pages, w.samples, w.extensions
		for _, path := range sortedKeys(w.staying) {
			s.options.Log.Info("a file stays at its old address too", "file", path, "named by", w.staying[path])
		}
		if s.options.Dry {
			return nil
		}
		if result.Changes, err = s.changes(ctx, ask, stage, w); err != nil {
			return err
		}
		return s.write(ctx, ask, stage, w, result)
	})
	result.Edited = s.edited
	result.Rendered = s.Counts().Computed[pageQuery]
	var faults Errors
	switch {
	case errors.As(err, &faults):
		return &Result{Warnings: result.Warnings}, faults
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	}
	return result, nil
}

// write puts a site in the place of the last output. A file that is there
// already, as it is to be, is linked. If all are, the output stays; if all but
// one are, that one is replaced, which is one step too.
func (s *Site) write(ctx context.Context, ask *query.Ask, stage *output.Stage, w *whole, result *Result) error {
	last, err := s.lastOutput(stage)
	if err != nil {
		return err
	}
	stays := map[string]bool{}
	var anew []product
	for _, f := range w.files {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if last.has(ctx, f) {
			stays[f.name] = true
		} else {
			anew = append(anew, f)
		}
	}
	if len(anew) == 0 && last.alone(len(w.files)) {
		s.leave(last, w.files, result)
		return nil
	}
	for _, f := range w.files {
		if err := stage.Claim(f.name, f.source); err != nil {
			return err
		}
	}
	made := ""
	if len(anew) == 1 && last.isOther(anew[0], len(w.files)) {
		made = anew[0].name
		if err := s.produce(ctx, ask, stage, anew[0]); err != nil {
			return err
		}
		replaced, err := last.replace(anew[0])
		if err != nil {
			return err
		}
		if replaced {
			s.leave(last, w.files, result)
			return nil
		}
	}
	err = beside(ctx, s.options.Jobs, w.files, func(ctx context.Context, f product) error {
		if f.name == made {
			return nil
		}
		if stays[f.name] {
			if linked, err := stage.Link(f.name, last.files[f.name]); linked || err != nil {
				return err
			}
		}
		return s.produce(ctx, ask, stage, f)
	})
	if err != nil {
		return err
	}
	if err := stage.Commit(ctx); err != nil {
		return err
	}
	for _, note := range stage.Notes() {
		s.options.Log.Info(note)
	}
	result.Files, result.Bytes = stage.Written()
	return s.noteOutput(last, w.files)
}
