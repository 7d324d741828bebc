package site

import (
	"context"
	"errors"
	"slices"
	"sync"

	"ddc/internal/diagnostic"
	"ddc/internal/query"
)

// Checked is what is wrong with the site's pages. A fault of all is told once.
type Checked struct {
	Faults, Warnings []Problem
	// Anew names the files of pages that were made since the last Check, and
	// are good.
	Anew []string
}

// checking has what there is to tell of pages, each by itself: what is told of
// all is found without a look at those that are as they were.
type checking struct {
	clashes *query.Query[*told] // of the tree
	told    *query.Query[*told] // by page
	all     *query.Query[*told]

	mu    sync.Mutex
	asked bool            // somebody has asked for all
	anew  map[string]bool // since then
}

func newChecking(s *Site) *checking {
	e := s.engine
	return &checking{
		clashes: query.New(e, "clashes", byCode[told](), s.tellClashes),
		told:    query.New(e, "told", byCode[told](), s.tellPage),
		all:     query.New(e, "told of all", byCode[told](), s.tellAll),
		anew:    map[string]bool{},
	}
}

// told is what there is to tell.
type told struct {
	warnings []Problem
	faults   Errors
	// elsewhere says that a page is not at fault itself, but others are that
	// have a say in what files are called.
	elsewhere bool
}

func (t *told) code(c *coder) {
	c.problems(&t.warnings)
	faults := []Problem(t.faults)
	c.problems(&faults)
	t.faults = faults
	c.flag(&t.elsewhere)
}

// Check makes every page that may have changed, and says what is wrong with
// any.
func (s *Site) Check(ctx context.Context) (*Checked, error) {
	c := &Checked{}
	err := s.run(ctx, func(ctx context.Context, ask *query.Ask) error {
		t, err := s.trees.Get(ctx, ask, "")
		if err != nil {
			return err
		}
		all, err := s.checking.all.Get(ctx, ask, "")
		if err != nil {
			return err
		}
		c.Faults, c.Warnings, c.Anew = slices.Clone(all.faults), slices.Clone(all.warnings), s.checking.takeAnew(t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.quote(c.Faults)
	s.quote(c.Warnings)
	return c, nil
}

// takeAnew are the pages made since it was called last; at first all.
func (c *checking) takeAnew(t *tree) (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.asked {
		for _, p := range t.pages {
			c.anew[p.Output()] = true
		}
	}
	names, c.asked, c.anew = sortedKeys(c.anew), true, map[string]bool{}
	return names
}

func (s *Site) tellAll(ctx context.Context, ask *query.Ask, _ string) (*told, error) {
	t, err := s.trees.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	pages, err := s.checking.told.All(ctx, ask, t.keys())
	if err != nil {
		return nil, err
	}
	all := &told{}
	for _, p := range pages {
		all.warnings, all.faults = append(all.warnings, p.warnings...), append(all.faults, p.faults...)
	}
	all.warnings, all.faults = diagnostic.Sorted(all.warnings), diagnostic.Sorted(all.faults)
	return all, nil
}

// tellPage is what there is to tell of a page. Faults that Build would tell
// before it comes to the page are its faults too, if they are of the page or of
// what all pages are made of.
func (s *Site) tellPage(ctx context.Context, ask *query.Ask, key string) (*told, error) {
	p, warnings, err := s.warningsOf(ctx, ask, key)
	t := &told{warnings: warnings, elsewhere: errors.As(err, new(*faultsElsewhere))}
	switch {
	case errors.As(err, &t.faults):
		return t, nil
	case err != nil:
		return nil, err
	}
	s.checking.mu.Lock()
	defer s.checking.mu.Unlock()
	s.checking.anew[p.Output()] = true
	return t, nil
}

// warningsOf makes a page, and gives the warnings about it.
func (s *Site) warningsOf(ctx context.Context, ask *query.Ask, key string) (*page, []Problem, error) {
	clashes, err := s.checking.clashes.Get(ctx, ask, "")
	if err != nil {
		return nil, nil, err
	}
	if clashes.faults != nil {
		return nil, nil, clashes.faults
	}
	p, err := s.page(ctx, ask, key)
	if err != nil {
		return nil, nil, err
	}
	samples, err := s.samples.Get(ctx, ask, key)
	if err != nil {
		return nil, nil, err
	}
	if samples.failed != nil {
		return nil, nil, samples.failed
	}
	var n notes
	if err := s.doubts(&n, p.doubts); err != nil {
		return nil, nil, err
	}
	b, err := s.bodyDoubts.Get(ctx, ask, key)
	if err != nil {
		return nil, nil, err
	}
	if err := s.doubts(&n, b); err != nil {
		return nil, nil, err
	}
	if err := s.finished.Touch(ctx, ask, key); err != nil {
		return nil, nil, err
	}
	if err := s.final.Touch(ctx, ask, key); err != nil {
		return nil, nil, &faultsElsewhere{err}
	}
	dead, err := s.dead.Get(ctx, ask, key)
	if err != nil {
		return nil, nil, err
	}
	found, err := s.checks.Get(ctx, ask, key)
	if err != nil {
		return nil, nil, err
	}
	if err := s.doubts(&n, found); err != nil {
		return nil, nil, err
	}
	return p, slices.Concat(n.list, samples.warnings, dead), nil
}

func (s *Site) tellClashes(ctx context.Context, ask *query.Ask, _ string) (*told, error) {
	t, err := s.trees.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	return &told{faults: t.faults}, nil
}
