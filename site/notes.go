package site

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"ddc/internal/diagnostic"
	"ddc/internal/query"
)

// notes are the warnings of one value while it is made. They are part of the
// value: who has it remembered has them too.
type notes struct {
	mu   sync.Mutex
	list []Problem
}

func (n *notes) warn(problems ...Problem) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, problems...)
}

// warnings are what was warned of, in an order that does not depend on who came
// first.
func (n *notes) warnings() []Problem {
	n.mu.Lock()
	defer n.mu.Unlock()
	return diagnostic.Sorted(n.list)
}

// without turns a missing tool into a warning, the same one for the whole
// build, which says what the site goes without, and reports that it did. Other
// errors are returned.
func (n *notes) without(err error, loss string) (bool, error) {
	var missing *missingTool
	if !errors.As(err, &missing) {
		return false, err
	}
	n.warn(Problem{Message: missing.Error(), Hint: loss})
	return true, nil
}

// faults are the site's faults of a phase. They end the build at the phase's
// end, so that one build finds them all; any other error ends it at once.
type faults struct {
	mu   sync.Mutex
	list Errors
}

// collect keeps the site's faults, and returns any other error.
func (f *faults) collect(err error) error {
	var some Errors
	if !errors.As(err, &some) {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, some...)
	return nil
}

// err is what a phase ends with: nil if all is well.
func (f *faults) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) == 0 {
		return nil
	}
	return diagnostic.Sorted(f.list)
}

// failureOf is an error of the machinery: nil if the error is the site's
// faults.
func failureOf(err error) error { return new(faults).collect(err) }

// phase runs tasks at once, and ends when all have ended, with the faults of
// all.
func phase(ctx context.Context, tasks ...func(context.Context) error) error {
	var all faults
	g, inner := errgroup.WithContext(ctx)
	for _, task := range tasks {
		g.Go(func() error { return all.collect(task(inner)) })
	}
	if err := g.Wait(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	return all.err()
}

// each asks for the values of keys, limit at once, and calls made after each.
// Values has a nil for each that the site's faults are in the way of; the error
// has them all.
func each[V any](ctx context.Context, ask *query.Ask, q *query.Query[V], limit int, keys []string, made ...func()) ([]V, error) {
	return eachBy(ctx, ask, q.Get, limit, keys, made...)
}

// eachBy is each, where get asks for a value.
func eachBy[V any](ctx context.Context, ask *query.Ask, get func(context.Context, *query.Ask, string) (V, error), limit int, keys []string, made ...func()) ([]V, error) {
	values := make([]V, len(keys))
	err := numbered(ctx, limit, len(keys), func(ctx context.Context, i int) (err error) {
		values[i], err = get(ctx, ask, keys[i])
		for _, m := range made {
			m()
		}
		return err
	})
	if failure := failureOf(err); failure != nil {
		return nil, failure
	}
	return values, err
}

// problemsOf asks a query for a list of problems. Most lists are empty, which
// their fingerprints say: those are not read from where they are kept.
func problemsOf(q *query.Query[[]Problem]) func(context.Context, *query.Ask, string) ([]Problem, error) {
	none, empty := query.Digest([]byte("null")), query.Digest([]byte("[]"))
	return func(ctx context.Context, ask *query.Ask, key string) ([]Problem, error) {
		switch sum, err := q.Fingerprint(ctx, ask, key); {
		case err != nil || sum == none:
			return nil, err
		case sum == empty:
			return []Problem{}, nil
		}
		return q.Get(ctx, ask, key)
	}
}

// beside runs f for items, limit at once, with the faults of all.
func beside[T any](ctx context.Context, limit int, items []T, f func(context.Context, T) error) error {
	return numbered(ctx, limit, len(items), func(ctx context.Context, i int) error { return f(ctx, items[i]) })
}

// numbered is beside for the numbers below n. A goroutine takes one number
// after the other, since a new one would first have to grow a stack as deep as
// queries go.
func numbered(ctx context.Context, limit, n int, f func(ctx context.Context, i int) error) error {
	var all faults
	var next atomic.Int64
	g, inner := errgroup.WithContext(ctx)
	for range min(limit, n) {
		g.Go(func() error {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if inner.Err() != nil {
					return inner.Err()
				}
				if err := all.collect(f(inner, int(i))); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return all.err()
}
