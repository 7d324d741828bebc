package site

import (
	"context"
	"errors"
	"sync"

	"ddc/internal/query"
)

// faultsElsewhere are of other pages than the one that cannot be settled for
// them.
type faultsElsewhere struct{ error }

func (f *faultsElsewhere) Unwrap() error { return f.error }

// likely is what the static files are called while a page is at fault. It
// takes all pages to know which of them are renamed, so those are that were
// renamed last. Their names are made of their present content.
//
// So a page that is not at fault can be looked at and worked on while another
// is, with all that it loads. Build has no part in it.
type likely struct {
	*finalPhase

	mu       sync.Mutex
	revision uint64
	found    *arrangement
}

// arrange arranges the static files for the revision. The error is Errors if
// one of them is at fault.
func (l *likely) arrange(ctx context.Context, ask *query.Ask) (*arrangement, error) {
	revision := l.engine.Revision()
	l.mu.Lock()
	known := l.found
	if l.revision != revision {
		known = nil
	}
	l.mu.Unlock()
	if known != nil {
		return known, nil
	}
	all, err := l.statics.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	a := &arrangement{renaming: &renaming{}}
	if last, ok := l.renames.Last(""); ok {
		a.renaming = last
	}
	a.stays, _ = l.stays.Last("")
	if a.names, err = l.nameAll(ctx, ask, all, a.renaming.renamed, l.font); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revision, l.found = revision, a
	return a, nil
}

// font is a font as it is cut, or was last, or whole.
func (l *likely) font(ctx context.Context, ask *query.Ask, path string) (*font, error) {
	cut, err := l.cutFonts.Get(ctx, ask, path)
	if !errors.As(err, new(Errors)) {
		return cut, err
	}
	if last, ok := l.cutFonts.Last(path); ok {
		return last, nil
	}
	whole, err := l.fonts.Get(ctx, ask, path)
	if err != nil {
		return nil, err
	}
	return &font{digits: whole.digits}, nil
}

// page is a page with likely names in it.
func (l *likely) page(ctx context.Context, ask *query.Ask, key string) (string, error) {
	a, err := l.arrange(ctx, ask)
	if err != nil {
		return "", err
	}
	finished, err := l.finished.Get(ctx, ask, key)
	if err != nil {
		return "", err
	}
	all, err := l.statics.Get(ctx, ask, "")
	if err != nil {
		return "", err
	}
	return all.settle(finished.html, func(f *static) *address { return a.names.at[f.path] }), nil
}
