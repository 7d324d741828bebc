package site

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"ddc/internal/diagnostic"
	"ddc/internal/query"
	"ddc/site/asset"
	"ddc/site/output"
	"ddc/site/template"
)

// making finds out what a site comes to: it asks for the values of each phase
// in turn, and ends with the faults of the first phase that has any. It takes
// only the fingerprints of large values, so that what is remembered need not be
// read.
type making struct {
	*Site
	ask *query.Ask
	notes
	claims  output.Claims
	wardens map[string]int
	// references of style sheets and scripts that may lead nowhere.
	references []unknownReference
}

// make makes what a whole build of the site's own kind comes to. Dry leaves out
// the search.
func (s *Site) make(ctx context.Context, ask *query.Ask, _ string) (*whole, error) {
	if s.options.CheckLinks {
		ask.Brief() // other sites may answer otherwise
	}
	r := &making{Site: s, ask: ask}
	w, err := r.all(ctx, s.options.Dry)
	if err == nil {
		w.extensions, err = s.extended(ctx, ask)
	}
	if err == nil || errors.As(err, &w.faults) {
		w.warnings, w.samples = r.notes.warnings(), r.wardens
		if len(w.samples) > 0 {
			ask.Here() // what holds them is this machine's
		}
		return w, nil
	}
	return nil, err
}

func (r *making) all(ctx context.Context, dry bool) (*whole, error) {
	w := &whole{}
	if err := r.readSources(ctx); err != nil {
		return w, r.andOthers(ctx, err)
	}
	t, err := r.readPages(ctx)
	if err != nil {
		return w, err
	}
	pages, err := r.renderPages(ctx, t)
	if err != nil {
		return w, err
	}
	if err := r.rewriteInlines(ctx, t, pages); err != nil {
		return w, err
	}
	if err := r.finishPages(ctx, t, pages); err != nil {
		return w, err
	}
	w.pages = len(t.pages)
	if err := r.settleNames(ctx, t, w); err != nil {
		return w, err
	}
	if dry {
		r.warnOfBase()
		return w, r.ofAll(ctx, "", touching(r.madeTexts), t.textNames())
	}
	done := r.step("search", 1)
	found, err := r.index.Get(ctx, r.ask, "")
	done()
	if err != nil {
		return w, err
	}
	r.warn(found.warnings...)
	return w, r.place(ctx, w, t, found)
}

// readSources reads what all others are made from.
func (r *making) readSources(ctx context.Context) error {
	return phase(ctx,
		func(ctx context.Context) error {
			folder, err := r.listings.Get(ctx, r.ask, contentFolder)
			if err != nil {
				return err
			}
			if folder.Faults != nil {
				err = Errors(slices.Clone(folder.Faults))
			} else if len(folder.Names) == 0 {
				err = r.nothingToBuild()
			}
			var names []string
			for _, key := range sourcePages(folder) {
				names = append(names, r.pageName(key))
			}
			return joined(err, r.ofAll(ctx, "", touching(r.texts), names))
		},
		func(ctx context.Context) error { return r.allTemplates.Touch(ctx, r.ask, "") },
		func(ctx context.Context) error {
			_, err := r.textsIn(ctx, r.ask, "sass", sassExtensions...)
			return err
		},
		func(ctx context.Context) error {
			d, err := r.dataOf.Get(ctx, r.ask, "")
			if err == nil {
				r.warn(d.warnings...)
			}
			return err
		},
		func(ctx context.Context) error {
			folder, err := r.listings.Get(ctx, r.ask, "static")
			if err != nil {
				return err
			}
			all, err := r.statics.Get(ctx, r.ask, "")
			if err == nil {
				r.warn(all.warnings...)
			}
			if folder.Faults != nil {
				err = joined(Errors(slices.Clone(folder.Faults)), err)
			}
			return err
		})
}

// readFronts reads what every page says of itself.
func (r *making) readFronts(ctx context.Context) error {
	folder, err := r.listings.Get(ctx, r.ask, contentFolder)
	if err != nil {
		return err
	}
	fronts, unread := each(ctx, r.ask, r.metas, r.options.Jobs, sourcePages(folder))
	doubts := slices.Clone(r.cfg.Warnings)
	for _, f := range fronts {
		if f != nil {
			doubts = append(doubts, f.doubts...)
		}
	}
	return joined(unread, r.doubts(&r.notes, doubts))
}

// andOthers adds, to the faults of templates, data and the like, what is wrong
// with front matter and static files, which can be read without those.
func (r *making) andOthers(ctx context.Context, err error) error {
	var all faults
	if all.collect(err) != nil {
		return err
	}
	if failure := all.collect(phase(ctx, r.readFronts, r.readStatics)); failure != nil {
		return r.onTheWay(ctx, err, failure)
	}
	return all.err()
}

// readPages makes HTML of every body, and runs the samples. Meanwhile it does
// what can be done to each static file by itself.
func (r *making) readPages(ctx context.Context) (t *tree, err error) {
	var bodies [][]Problem
	err = phase(ctx,
		func(ctx context.Context) error {
			unread := r.readFronts(ctx)
			if failure := failureOf(unread); failure != nil {
				return failure
			}
			if t, err = r.trees.Get(ctx, r.ask, ""); err != nil {
				return joined(unread, err)
			}
			unread = joined(unread, r.doubts(&r.notes, t.doubts))
			var clashes error
			if t.faults != nil {
				clashes = t.faults
			}
			return joined(unread, clashes, phase(ctx,
				func(ctx context.Context) (err error) {
					bodies, err = eachBy(ctx, r.ask, problemsOf(r.bodyDoubts), r.options.Jobs, t.keys(), r.step("texts", len(t.pages)))
					return joined(err, r.doubtBodies(ctx, bodies))
				},
				func(ctx context.Context) error { return r.runSamples(ctx, t) }))
		},
		r.readStatics)
	if err == nil {
		return t, nil
	}
	if !errors.As(err, new(Errors)) || t == nil || bodies == nil {
		return nil, err
	}
	var whole []*page
	for i, p := range t.pages {
		if bodies[i] != nil {
			whole = append(whole, p)
		}
	}
	pages, _, failure := r.renderAll(ctx, whole)
	if failure != nil {
		return nil, r.onTheWay(ctx, err, failure)
	}
	return nil, r.andLinks(ctx, err, pages)
}

// onTheWay is what a phase ends with that had faults, if the machinery fails
// while more is looked for: the site is at fault in any case.
func (r *making) onTheWay(ctx context.Context, err, failure error) error {
	if ctx.Err() != nil {
		return failure
	}
	return err
}

func (r *making) runSamples(ctx context.Context, t *tree) error {
	all, err := each(ctx, r.ask, r.samples, r.options.Jobs, t.keys())
	errs := []error{err}
	for _, c := range all {
		if c == nil {
			continue
		}
		r.warn(c.warnings...)
		if c.failed != nil {
			errs = append(errs, c.failed)
		}
		for warden, n := range c.wardens {
			if r.wardens == nil {
				r.wardens = map[string]int{}
			}
			r.wardens[warden] += n
		}
	}
	return joined(errs...)
}

// readStatics does what can be done to each static file by itself.
func (r *making) readStatics(ctx context.Context) error {
	all, err := r.statics.Get(ctx, r.ask, "")
	if err != nil {
		return err
	}
	jobs := r.options.Jobs
	var plain []string
	for _, f := range all.list {
		if f.kind == asset.Plain {
			plain = append(plain, f.name)
		}
	}
	return phase(ctx,
		func(ctx context.Context) error {
			keys := all.ofKind(asset.Picture)
			made, err := each(ctx, r.ask, r.pictures, jobs, keys, r.step("pictures", len(keys)))
			for _, p := range made {
				if p != nil {
					r.warn(p.warnings...)
				}
			}
			return err
		},
		func(ctx context.Context) error {
			made, err := each(ctx, r.ask, r.drawings, jobs, all.ofKind(asset.Drawing))
			r.noteCodes(made)
			return err
		},
		func(ctx context.Context) error {
			return r.ofAll(ctx, "fonts", touching(r.fonts), all.ofKind(asset.Font))
		},
		func(ctx context.Context) error {
			made, err := each(ctx, r.ask, r.sheets, jobs, all.ofKind(asset.Style))
			r.noteCodes(made)
			return err
		},
		func(ctx context.Context) error {
			made, err := each(ctx, r.ask, r.scripts, jobs, all.ofKind(asset.Script))
			r.noteCodes(made)
			return err
		},
		func(ctx context.Context) error {
			return r.ofAll(ctx, "manifests", touching(r.manifests), all.ofKind(asset.Manifest))
		},
		func(ctx context.Context) error { return r.ofAll(ctx, "files", touching(r.digests), plain) })
}

// noteCodes takes the warnings of style sheets, scripts and drawings.
func (r *making) noteCodes(made []*code) {
	for _, c := range made {
		if c != nil {
			r.warn(c.warnings...)
			r.notes.mu.Lock()
			r.references = append(r.references, c.unknown...)
			r.notes.mu.Unlock()
		}
	}
}

// touching is a query that is asked without a need for its values.
func touching[V any](q *query.Query[V]) func(context.Context, *query.Ask, string) error {
	return q.Touch
}

// ofAll asks for answers whose values nobody needs yet, as a step of a name, if
// it has one.
func (r *making) ofAll(ctx context.Context, name string, touch func(context.Context, *query.Ask, string) error, keys []string) error {
	made := r.step(name, len(keys))
	return beside(ctx, r.options.Jobs, keys, func(ctx context.Context, key string) error {
		defer made()
		return touch(ctx, r.ask, key)
	})
}

// renderPages puts every page through its template.
func (r *making) renderPages(ctx context.Context, t *tree) ([]*shownPage, error) {
	pages, err, failure := r.renderAll(ctx, t.pages)
	if failure != nil {
		return nil, failure
	}
	if err != nil {
		return nil, r.andLinks(ctx, err, pages)
	}
	return pages, nil
}

// renderAll renders pages, and gives those that could be. Faults are the
// site's.
func (r *making) renderAll(ctx context.Context, all []*page) (pages []*shownPage, err, failure error) {
	// A page that goes over its budget has cost a second. A thousand other
	// pages of its template would each cost as much, and say the same.
	var over atomic.Bool
	shown := make([]*shownPage, len(all))
	done := r.step("templates", len(all))
	err = numbered(ctx, r.options.Jobs, len(all), func(ctx context.Context, i int) error {
		defer done()
		if over.Load() {
			return nil
		}
		err := r.pages.Touch(ctx, r.ask, all[i].Path)
		if errors.Is(err, template.ErrOverBudget) {
			over.Store(true)
		}
		if err == nil {
			shown[i] = &shownPage{page: all[i]}
		}
		return err
	})
	if failure := failureOf(err); failure != nil {
		return nil, nil, failure
	}
	return slices.DeleteFunc(shown, func(p *shownPage) bool { return p == nil }), err, nil
}

// andLinks adds dead links to the faults of a phase, as warnings or, if strict,
// as faults, so that an author sees both at once. It looks at the pages that
// could be rendered. Other sites are not asked: that is for a site that would
// be built.
func (r *making) andLinks(ctx context.Context, err error, pages []*shownPage) error {
	var found Errors
	if !errors.As(err, &found) {
		return err
	}
	dead, failure := r.checkLinks(ctx, r.ask, pages, r.references, false)
	var broken Errors
	switch {
	case errors.As(failure, &broken):
		return diagnostic.Sorted(append(slices.Clone(found), broken...))
	case failure != nil:
		return r.onTheWay(ctx, err, failure)
	}
	r.warn(dead...)
	return diagnostic.Sorted(slices.Clone(found))
}

// rewriteInlines cuts the fonts down, and rewrites each different style and
// script in the pages, so that a fault of one is told once, with the first page
// that has it.
func (r *making) rewriteInlines(ctx context.Context, t *tree, pages []*shownPage) error {
	err := phase(ctx,
		func(ctx context.Context) error {
			all, err := r.statics.Get(ctx, r.ask, "")
			if err != nil {
				return err
			}
			keys := all.ofKind(asset.Font)
			fonts, err := each(ctx, r.ask, r.cutFonts, r.options.Jobs, keys, r.step("fonts cut", len(keys)))
			for _, f := range fonts {
				if f != nil {
					r.warn(f.warnings...)
				}
			}
			return err
		},
		func(ctx context.Context) error { return r.rewritePieces(ctx, t, pages) })
	if err != nil {
		return r.andLinks(ctx, err, pages)
	}
	return nil
}

// finishPages rewrites and minifies every page, and looks where the pages'
// links lead.
func (r *making) finishPages(ctx context.Context, t *tree, pages []*shownPage) error {
	return phase(ctx,
		func(ctx context.Context) error { return r.ofAll(ctx, "pages", touching(r.finished), t.keys()) },
		func(ctx context.Context) error {
			look := r.deadOfAll
			if r.options.CheckLinks {
				look = r.checkOthersToo
			}
			dead, err := look(ctx, t, pages)
			r.warn(dead...)
			return err
		},
		func(ctx context.Context) error { return r.checkPages(ctx, t) })
}

func (r *making) checkOthersToo(ctx context.Context, _ *tree, pages []*shownPage) ([]Problem, error) {
	return r.checkLinks(ctx, r.ask, pages, r.references, true)
}

// deadOfAll are the dead links of all pages, of each as it is found by itself.
func (r *making) deadOfAll(ctx context.Context, t *tree, _ []*shownPage) ([]Problem, error) {
	all, err := eachBy(ctx, r.ask, problemsOf(r.dead), r.options.Jobs, t.keys())
	if err != nil {
		return nil, err
	}
	references, err := r.checkLinks(ctx, r.ask, nil, r.references, false)
	found := slices.Concat(all...)
	var broken Errors
	if err != nil && !errors.As(err, &broken) {
		return nil, err
	}
	found = diagnostic.Sorted(slices.Concat(found, references, broken))
	if r.options.Strict && len(found) > 0 {
		return nil, Errors(found)
	}
	return found, nil
}

// settleNames names every static file, and puts the names into the pages.
func (r *making) settleNames(ctx context.Context, t *tree, w *whole) error {
	return phase(ctx,
		func(ctx context.Context) error { return r.ofAll(ctx, "", touching(r.final), t.keys()) },
		func(ctx context.Context) (err error) {
			if w.staying, err = r.stays.Get(ctx, r.ask, ""); err != nil {
				return err
			}
			places, err := r.layout(ctx, r.ask)
			if err != nil {
				return err
			}
			return r.placeStatics(ctx, w, places)
		})
}
