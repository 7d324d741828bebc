package site

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"ddc/internal/diagnostic"
	"ddc/internal/subject"
)

// Event says that a plugin has begun, or ended, a piece of work.
type Event struct {
	Plugin string
	// Subject is what the work is about: a file, relative to the project, or a URL.
	Subject string
	Done    bool
	// Elapsed is how long it took, once Done.
	Elapsed time.Duration
}

// call makes one call about a file, unless its answer is remembered. The error is
// as fault describes.
func call[Q, A any](ctx context.Context, b *build, plugin, file string,
	method func(context.Context, *Q, ...grpc.CallOption) (*A, error), in *Q) (*A, error) {
	request := any(in).(proto.Message)
	do := func(ctx context.Context) (*A, error) {
		done, err := b.admit(ctx, plugin, file, request)
		if err != nil {
			return nil, err
		}
		defer done()
		begun := time.Now()
		b.report(Event{Plugin: plugin, Subject: file})
		out, err := method(subject.With(ctx, file), in)
		b.report(Event{Plugin: plugin, Subject: file, Done: true, Elapsed: time.Since(begun)})
		return out, err
	}
	var out *A
	var err error
	if key, ok := b.options.Answers.key(plugin, request); ok {
		out, err = remembered(ctx, b, key, do)
	} else {
		out, err = do(ctx)
	}
	if err != nil {
		return nil, fault(plugin, file, err) // each who asked is told of his own file
	}
	return out, nil
}

func (b *build) report(e Event) {
	if b.options.Progress == nil {
		return
	}
	b.progress.Lock()
	defer b.progress.Unlock()
	b.options.Progress(e)
}

// collect keeps the site's faults for the end of the phase, so that one build
// finds them all. It returns any other error, which ends the build.
func (b *build) collect(err error) error {
	var faults Errors
	if !errors.As(err, &faults) {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, faults...)
	return nil
}

func (b *build) warn(p Problem) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.warnings = append(b.warnings, p)
}

// without turns a missing tool into one warning for the whole build, which says
// what the site goes without, and reports that it did. Other errors are
// returned.
func (b *build) without(err error, loss string) (bool, error) {
	var missing *missingTool
	if !errors.As(err, &missing) {
		return false, err
	}
	b.warn(Problem{Message: missing.Error(), Hint: loss})
	return true, nil
}

// each runs f for every item, at most Options.Jobs at once over the whole
// build. No f may call each: it would hold the slot that the inner call waits
// for.
func each[T any](ctx context.Context, b *build, items []T, f func(context.Context, T) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(b.options.Jobs)
	for _, item := range items {
		g.Go(func() error {
			select {
			case b.slots <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			defer func() { <-b.slots }()
			if ctx.Err() != nil { // select takes either of two that are ready
				return ctx.Err()
			}
			if item, ok := any(item).(burden); ok {
				defer b.take(item.burden())()
			}
			return b.collect(f(ctx, item))
		})
	}
	return g.Wait()
}

// eachIndex is each for the numbers from 0 to n-1, for results that have places
// of their own.
func eachIndex(ctx context.Context, b *build, n int, f func(context.Context, int) error) error {
	index := make([]int, n)
	for i := range index {
		index[i] = i
	}
	return each(ctx, b, index, f)
}

// phase runs tasks at once, and ends when all have ended. The site's faults end
// the build only here, so that the faults of all of the phase's tasks are
// reported.
func (b *build) phase(ctx context.Context, tasks ...func(context.Context) error) error {
	g, inner := errgroup.WithContext(ctx)
	for _, task := range tasks {
		g.Go(func() error { return b.collect(task(inner)) })
	}
	if err := g.Wait(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.problems) > 0 {
		return diagnostic.Sorted(b.problems)
	}
	return nil
}
