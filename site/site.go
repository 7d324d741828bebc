// Package site builds a static site: it drives the plugins through the phases
// of a build and knows nothing of how they are reached.
//
//	plugins := site.Connect(func(name string) grpc.ClientConnInterface { return host.Conn(name) })
//	result, err := site.Build(ctx, cfg, plugins, site.Options{})
//
// A Site is built many times, or file by file, and remembers its values:
//
//	s, err := site.Open(ctx, cfg, plugins, site.Options{})
//	defer s.Close()
//	file, err := s.File(ctx, "guide/index.html")
//	changed, err := s.Refresh(ctx)
//	file, err = s.File(ctx, "guide/index.html")
//
// Each value is the answer to a query (internal/query): what it was made from
// is recorded, and it is made again only when that has changed. The phases,
// each in a file of its own, and the values that one hands to the next:
//
//	sources   the folders' files, their texts and digests: what all else is made from
//	tree      front matter, and the tree of sections
//	statics   style sheets, scripts, drawings, fonts and pictures, each by itself
//	body      HTML of each page's Markdown; meanwhile samples are run
//	render    each page through its template, and what it links to
//	fonts     fonts cut down to what the pages show
//	finish    each page with marks for the files that it names, minified
//	names     files that the site refers to named by their content, and the marks replaced
//	search    the index over the final pages
//	write     everything put in the place of the last output, in one step
//
// A fault in the site's sources ends the build with Errors, at the end of its
// phase, when all the phase's other faults are known too. The last good output
// stays. The output is a function of the sources (with their modification
// times, if a template shows them, and the time, if one asks for it) and of the
// plugins: neither Jobs nor the order of answers changes a byte of it.
//
// A site holds the sources of pages in memory, every style sheet, and every
// font unpacked; what pages are made of, as far as there is room
// (Unfinished.Room). Options.Memory bounds what the pictures take that are
// being encoded; their variants wait in a folder beside the output.
package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"

	"ddc/internal/query"
	"ddc/site/config"
	"ddc/site/content"
)

// Site is a site whose values are remembered as long as it is open. Its methods
// may be called by many goroutines at once.
type Site struct {
	*finalPhase
	counted  *counter
	checking *checking
	likely   *likely
	overflow *overflow // nil without Unfinished.Room

	wholes *query.Query[*whole] // what a build comes to

	// building is held by Build: two would write to one output.
	building sync.Mutex
	// output is the last one, if that is known; outputMoved says that it is not
	// as it was kept, and unkept that what was to be kept last could not be.
	output      *outputRecord
	outputMoved bool
	unkept      bool
	edited      []string // when it was opened, since it was remembered
}

// Open opens the site that cfg describes, and scans its folders. The caller
// closes it. The error is Errors if the site is at fault.
func Open(ctx context.Context, cfg *config.Config, p Plugins, o Options) (*Site, error) {
	if o.Jobs <= 0 {
		o.Jobs = 2 * runtime.GOMAXPROCS(0)
	}
	if o.Memory <= 0 {
		o.Memory = defaultMemory
	}
	if o.Message <= 0 {
		o.Message = defaultMessage
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b := newBuild(p, o)
	b.cfg = cfg
	var err error
	if b.project, err = content.Open(b.folder()); err != nil {
		return nil, Errors{{File: cfg.Root, Message: err.Error(), Hint: "check the folder's permissions"}}
	}
	counted := &counter{computed: map[string]int{}}
	engine := query.Options{Workers: o.Jobs, Errors: siteFaults{}, Told: counted.told}
	if r := o.Remembered; r != nil {
		engine.Build, engine.Check, engine.Differs = r.Build, r.Check, r.Differs
	}
	var values *overflow
	if o.Unfinished.Room > 0 {
		values = &overflow{folder: filepath.Dir(cmp.Or(o.Unfinished.Beside, cfg.Output)), log: o.Log}
		engine.Spill, engine.Room = values, o.Unfinished.Room
	}
	sources := newSourcePhase(b, query.NewEngine(engine))
	bodies := newBodyPhase(newStaticPhase(newTreePhase(newExtensionPhase(sources))))
	s := &Site{finalPhase: newFinalPhase(newFontPhase(newRenderPhase(bodies))), counted: counted, overflow: values}
	s.checking, s.likely = newChecking(s), &likely{finalPhase: s.finalPhase}
	s.wholes = query.New(sources.engine, "whole", byCode[whole](), s.make)
	if err := s.begun(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close lets go of the site's folder, and of what waits to be written.
func (s *Site) Close() error {
	s.spill.close()
	var err error
	if s.overflow != nil {
		err = s.overflow.close()
	}
	return errors.Join(err, s.project.Close())
}

// Build makes the site that cfg describes. The error is Errors if the site is
// at fault; then the result has only the warnings. Any other error says that
// the machinery failed or ctx ended.
func Build(ctx context.Context, cfg *config.Config, p Plugins, o Options) (result *Result, err error) {
	s, err := Open(ctx, cfg, p, o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if failure := s.Close(); err == nil && failure != nil {
			err = fmt.Errorf("close the site: %w", failure)
		}
	}()
	result, err = s.Build(ctx)
	if err != nil && !errors.As(err, new(Errors)) {
		return result, err
	}
	if failure := s.Keep(ctx); failure != nil {
		s.options.Log.Warn("this build is not remembered", "cause", failure)
	}
	return result, err
}

// Refresh looks for what has changed in the site's folders, and begins a
// revision if anything has. It goes by what stat says of each file, and where
// that has changed by contents. Paths, which are absolute, are looked at in any
// case. It waits for those who ask the site at the moment. Changed names what
// differs, relative to the project, sorted.
func (s *Site) Refresh(ctx context.Context, paths ...string) (changed []string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.engine.Revise(func() []query.ID {
		var ids []query.ID
		changed, ids, err = s.refresh(ctx, paths)
		return ids
	})
	return changed, err
}

// RefreshOnly is Refresh, where it is known that nothing has changed but the
// files at some paths, which are absolute. It looks at no others, as far as
// that is enough.
func (s *Site) RefreshOnly(ctx context.Context, paths ...string) (changed []string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.engine.Revise(func() []query.ID {
		var ids []query.ID
		var enough bool
		if changed, ids, enough = s.refreshOnly(ctx, paths); !enough {
			changed, ids, err = s.refresh(ctx, paths)
		}
		return ids
	})
	return changed, err
}

// Revision is a number that grows when a Refresh finds a change.
func (s *Site) Revision() uint64 { return s.engine.Revision() }
