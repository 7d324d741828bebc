package serve

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"ddc/internal/diagnostic"
)

const (
	// quiet is how long nothing must have happened for a change to be looked
	// at. Editors write, sync and rename within less.
	quiet = 10 * time.Millisecond
	// goneQuiet is the same for a file that is gone, which an editor is about
	// to put back, and tornQuiet for one that was emptied, whose writer takes
	// its time.
	goneQuiet = 50 * time.Millisecond
	tornQuiet = 300 * time.Millisecond
	// longest bounds the wait for quiet in all: where something writes all the
	// time, what there is is shown.
	longest = 500 * time.Millisecond
	// restarts bounds how often a change is taken in anew because another came
	// meanwhile.
	restarts = 5
	// follows bounds how often folders that appear are looked into before the
	// next change is waited for.
	follows = 20
)

// follow takes changes in until ctx ends.
func (s *Server) follow(ctx context.Context) {
	w := newWatch(s.Poll, func(what string) { s.Log.Warn(what) })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.run(ctx)
	}()
	defer func() {
		if err := w.close(); err != nil {
			s.Log.Debug("close the watch", "cause", err)
		}
		<-ended
	}()
	known := s.take(ctx, w, inventory{})
	s.refresh(ctx, w, &known, edits{anywhere: true}, time.Now())
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.alarm:
		}
		begun := time.Now()
		if w.polls() && len(s.look(ctx, w, known, &places{anywhere: true}).changes) == 0 {
			continue
		}
		s.change(func() { s.pending = true })
		changes := s.settle(ctx, w, &known)
		if len(changes.paths) == 0 {
			s.change(func() { s.pending = false })
			continue
		}
		s.refresh(ctx, w, &known, changes, begun)
	}
}

// edits are the sources that have changed; anywhere says that all were looked
// at to find them.
type edits struct {
	paths    []string
	anywhere bool
}

// and is both.
func (e edits) and(more edits) edits {
	return edits{slices.Compact(slices.Sorted(slices.Values(append(more.paths, e.paths...)))), e.anywhere || more.anywhere}
}

// take makes an inventory, once everything in it is watched.
func (s *Server) take(ctx context.Context, w *watch, before inventory) inventory {
	now := s.site.Sources().take(ctx, before)
	for range follows {
		if !w.follow(ctx, now.folders) {
			break
		}
		now = s.site.Sources().take(ctx, now)
	}
	return now
}

// look finds what differs from an inventory: where something may have changed,
// if that is known and enough, or else anywhere.
func (s *Server) look(ctx context.Context, w *watch, known inventory, at *places) *difference {
	if !at.anywhere {
		if found, enough := known.glance(at.paths); enough {
			return found
		}
	}
	at.anywhere = true
	return s.take(ctx, w, known).differs(known)
}

// settle waits for quiet, tells what has changed, and takes that in.
func (s *Server) settle(ctx context.Context, w *watch, known *inventory) edits {
	end := time.Now().Add(longest)
	at := places{paths: map[string]bool{}}
	for pause := quiet; ; {
		s.pause(ctx, w, pause, end)
		w.drain(&at)
		found := s.look(ctx, w, *known, &at)
		wanted := quiet
		switch {
		case found.torn:
			wanted = tornQuiet
		case found.gone:
			wanted = goneQuiet
		}
		if pause >= wanted || time.Now().After(end) || ctx.Err() != nil {
			known.accept(found)
			return edits{found.changes, at.anywhere}
		}
		pause = wanted
	}
}

// pause waits until no alarm has rung for a while, or until end.
func (s *Server) pause(ctx context.Context, w *watch, while time.Duration, end time.Time) {
	timer := time.NewTimer(while)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-w.alarm:
			timer.Reset(min(while, time.Until(end)))
		}
	}
}

// refresh has the site take changes in, publishes, and checks the rest. The
// newest sources win: whatever is under way is given up for another change.
func (s *Server) refresh(ctx context.Context, w *watch, known *inventory, changes edits, begun time.Time) {
	before, sources := s.site.Work(), s.site.Sources()
	var files []string
	for try := 1; ; try++ {
		working, cancel := context.WithCancel(ctx)
		done := make(chan Change, 1)
		first := s.state().revision == 0
		go func() {
			defer cancel()
			done <- s.work(working, changes, first || len(files) > 0, try > 1)
		}()
		more := s.during(ctx, w, known, done, cancel, try < restarts)
		c := <-done
		if ctx.Err() != nil {
			return
		}
		files = append(files, c.Files...)
		if len(more.paths) > 0 { // what was cancelled may not have come to its paths
			changes = changes.and(more)
			continue
		}
		slices.Sort(files)
		c.Files, c.Took = slices.Compact(files), time.Since(begun)
		after := s.site.Work()
		c.Work = Work{Pages: after.Pages - before.Pages, Calls: after.Calls - before.Calls}
		if first || len(files) > 0 || c.Err != nil || c.Faults != nil {
			s.Said(c)
		}
		if !reflect.DeepEqual(sources, s.site.Sources()) {
			w.ring() // there is more, or other, to watch now
		}
		return
	}
}

// during waits for work that is under way. If other changes come, and may, it
// cancels the work and gives their paths. The outcome stays in done.
func (s *Server) during(ctx context.Context, w *watch, known *inventory, done chan Change, cancel func(), mayCancel bool) (more edits) {
	for {
		alarm := w.alarm
		if !mayCancel {
			alarm = nil
		}
		select {
		case c := <-done:
			done <- c
			return more
		case <-alarm:
		}
		if changes := s.settle(ctx, w, known); len(changes.paths) > 0 {
			cancel() // first, so that the work does not say that all is taken in
			s.change(func() { s.pending = true })
			more = more.and(changes)
			mayCancel = false
		}
	}
}

// work takes changes in, publishes them if there are any, and makes all pages.
// They are also made if check is set, since the work before was given up: a
// file that it had taken in, and that has not changed since, is no change.
func (s *Server) work(ctx context.Context, changes edits, publish, check bool) (c Change) {
	s.Calls.Begin()
	defer s.Calls.End()
	defer s.worked()
	changed, err := s.turn(ctx, changes)
	c.Files = changed
	var faults diagnostic.Errors
	switch {
	case ctx.Err() != nil:
		return c
	case errors.As(err, &faults):
		c.Faults = faults
	case err != nil:
		c.Err = err
		faults = diagnostic.Errors{{Message: err.Error()}}
	}
	publish = publish || len(changed) > 0
	s.change(func() {
		if ctx.Err() != nil {
			return
		}
		s.pending, s.fault = false, nil
		if err != nil {
			s.fault = faults
		} else if publish {
			s.revision++
		}
	})
	if err == nil && (publish || check) && ctx.Err() == nil {
		s.Ready()
		s.check(ctx, &c)
	}
	return c
}

// check makes every page that may have changed, to find out what is wrong.
func (s *Server) check(ctx context.Context, c *Change) {
	s.catchUp(ctx)
	found, err := s.site.Check(ctx)
	var faults diagnostic.Errors
	switch {
	case ctx.Err() != nil:
		return
	case errors.As(err, &faults):
		c.Faults = diagnostic.Sorted(faults)
		return
	case err != nil:
		c.Err = err
		return
	}
	c.Faults, c.Warnings = found.Faults, found.Warnings
	if err := s.remember(ctx, found.Anew); err != nil && ctx.Err() == nil {
		c.Err = err
	}
}

// remember makes pages, several at once, to be shown should their next version
// be at fault. A failure is of the machinery.
func (s *Server) remember(ctx context.Context, names []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2 * runtime.GOMAXPROCS(0))
	for _, name := range names {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			f, err := makeFile(ctx, s.site, name)
			if err == nil {
				s.pages.keep(name, string(f.Data))
			}
			if errors.As(err, new(diagnostic.Errors)) || missing(err) {
				return nil
			}
			return err
		})
	}
	return group.Wait()
}
