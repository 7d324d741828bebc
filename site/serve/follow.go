package serve

import (
	"context"
	"errors"
	"reflect"
	"time"

	"ddc/internal/diagnostic"
)

const (
	// quiet is how long nothing must have happened for a change to be looked at.
	// Editors write, sync and rename within less.
	quiet = 10 * time.Millisecond
	// goneQuiet is the same for a file that is gone, which an editor is about to
	// put back, and tornQuiet for one that was emptied, whose writer takes its
	// time.
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
	sources := s.site.Sources()
	w := newWatch(sources.Root, s.Poll, func(what string) { s.Log.Warn(what) })
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
	known := s.take(w, inventory{})
	s.refresh(ctx, w, &known, nil)
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.alarm:
		}
		begun := time.Now()
		if w.polls() {
			if changes, _ := s.take(w, known).changes(known); len(changes) == 0 {
				continue
			}
		}
		s.change(func() { s.pending = true })
		next, changes := s.settle(ctx, w, known)
		known = next
		if len(changes) == 0 {
			s.change(func() { s.pending = false })
			continue
		}
		s.refreshFrom(ctx, w, &known, changes, begun)
	}
}

// take makes an inventory, once everything in it is watched.
func (s *Server) take(w *watch, before inventory) inventory {
	now := s.site.Sources().take(before)
	for range follows {
		if !w.follow(now.folders) {
			break
		}
		now = s.site.Sources().take(now)
	}
	return now
}

// settle waits for quiet, and tells what has changed.
func (s *Server) settle(ctx context.Context, w *watch, before inventory) (inventory, []string) {
	end := time.Now().Add(longest)
	for pause := quiet; ; {
		s.pause(ctx, w, pause, end)
		now := s.take(w, before)
		changes, gone := now.changes(before)
		wanted := quiet
		switch {
		case now.torn(before):
			wanted = tornQuiet
		case gone:
			wanted = goneQuiet
		}
		if pause >= wanted || time.Now().After(end) || ctx.Err() != nil {
			return now, changes
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

func (s *Server) refresh(ctx context.Context, w *watch, known *inventory, changes []string) {
	s.refreshFrom(ctx, w, known, changes, time.Now())
}

// refreshFrom has the site take changes in, publishes, and checks the rest. The
// newest sources win: whatever is under way is given up for another change.
func (s *Server) refreshFrom(ctx context.Context, w *watch, known *inventory, changes []string, begun time.Time) {
	before, sources := s.site.Work(), s.site.Sources()
	for try := 1; ; try++ {
		working, cancel := context.WithCancel(ctx)
		done := make(chan Change, 1)
		go func() {
			defer cancel()
			done <- s.work(working, changes)
		}()
		more := s.during(ctx, w, known, done, cancel, try < restarts)
		c := <-done
		if ctx.Err() != nil {
			return
		}
		changes = append(changes, more...)
		if len(more) > 0 {
			continue
		}
		c.Took = time.Since(begun)
		after := s.site.Work()
		c.Work = Work{Pages: after.Pages - before.Pages, Calls: after.Calls - before.Calls}
		for _, file := range changes {
			c.Files = append(c.Files, s.site.Sources().told(file))
		}
		s.Said(c)
		if !reflect.DeepEqual(sources, s.site.Sources()) {
			w.ring() // the configuration names other folders now
		}
		return
	}
}

// during waits for work that is under way. If other changes come, and may, it
// cancels the work and gives them. The outcome stays in done.
func (s *Server) during(ctx context.Context, w *watch, known *inventory, done chan Change, cancel func(), mayCancel bool) (more []string) {
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
		next, changes := s.settle(ctx, w, *known)
		*known = next
		if len(changes) > 0 {
			cancel() // first, so that the work does not say that all is taken in
			s.change(func() { s.pending = true })
			more = append(more, changes...)
			mayCancel = false
		}
	}
}

// work takes changes in, and makes all pages, those in view first.
func (s *Server) work(ctx context.Context, changes []string) (c Change) {
	err := s.site.Refresh(ctx, changes)
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
	s.change(func() {
		if ctx.Err() != nil {
			return
		}
		s.pending, s.fault = false, nil
		if err != nil {
			s.fault = faults
			return
		}
		s.revision++
	})
	if err == nil {
		s.check(ctx, &c)
	}
	return c
}

// check makes every page, to find out what is wrong with it.
func (s *Server) check(ctx context.Context, c *Change) {
	routes, err := s.site.Routes(ctx)
	names := s.inView()
	seen := map[string]bool{}
	for _, route := range routes {
		names = append(names, nameOf(route))
	}
	for _, name := range names {
		if err != nil || ctx.Err() != nil {
			break
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		var f File
		var faults diagnostic.Errors
		f, err = s.site.File(ctx, name)
		c.Warnings = append(c.Warnings, f.Warnings...)
		if err == nil {
			s.pages.keep(name, string(f.Data)) // to be shown should its next version be at fault
		}
		if missing(err) {
			err = nil
		} else if errors.As(err, &faults) {
			c.Faults, err = append(c.Faults, faults...), nil
		}
	}
	var faults diagnostic.Errors
	if errors.As(err, &faults) {
		c.Faults, err = append(c.Faults, faults...), nil
	}
	if ctx.Err() == nil {
		c.Err = err
	}
	c.Faults, c.Warnings = diagnostic.Sorted(c.Faults), diagnostic.Sorted(c.Warnings)
}
