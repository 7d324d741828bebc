package site

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"ddc/internal/query"
	"ddc/site/asset"
	"ddc/site/content"
)

// grace is how long before a scan a file may have been written so that a later
// write could leave the same times: file systems count in steps of up to 2 s.
const grace = 2 * time.Second

// keeps says which files of a kind of folder are looked at, by their paths
// below it.
func keeps(kind string) func(string) bool {
	if kind == "static" {
		return func(name string) bool { return !asset.IsStray(name) }
	}
	return content.Visible
}

// passedOver says that a name is of a file that no scan looks at, such as an
// editor's.
func (s *sourcePhase) passedOver(name string) bool {
	for _, kind := range siteFolders {
		below, within := strings.CutPrefix(name, s.name(s.folderOf(kind))+"/")
		if !within {
			continue
		}
		for at := range below {
			if below[at] == '/' && !keeps(kind)(below[:at]) {
				return true
			}
		}
		return !keeps(kind)(below)
	}
	return false
}

// refresh scans the folders, and gives the names of what has changed and the
// inputs that have to be looked at again. The error is that of ctx, and then
// all is as it was.
func (s *sourcePhase) refresh(ctx context.Context, paths []string) (changed []string, ids []query.ID, err error) {
	now := time.Now() // before any file is looked at
	before := s.scanned.files
	seenBefore := s.scanned.seen
	next := map[string]content.File{}
	folders := map[string]listing{}
	for _, kind := range siteFolders {
		keep := keeps(kind)
		files, faults := s.project.Scan(s.name(s.folderOf(kind)), func(name string) bool { return ctx.Err() == nil && keep(name) })
		folders[kind] = listed(files, faults)
		for _, f := range files {
			next[f.Name] = f
		}
		if old, scanned := s.scanned.folders[kind]; scanned && !old.equal(folders[kind]) {
			ids = append(ids, s.listings.ID(kind))
		}
	}
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if before != nil {
		changed, ids = s.compare(ctx, before, next, seenBefore, s.named(paths), ids)
	}
	s.scanned.at, s.scanned.seen, s.scanned.unsettled = now, now, false
	s.scanned.folders, s.scanned.files = folders, next
	slices.Sort(changed)
	return changed, s.timed(ids), nil
}

// named are the names of paths.
func (s *sourcePhase) named(paths []string) map[string]bool {
	said := map[string]bool{}
	for _, p := range paths {
		said[s.name(p)] = true
	}
	return said
}

// timed are the inputs that somebody has looked at, and the time, if there are
// any.
func (s *sourcePhase) timed(ids []query.ID) []query.ID {
	if ids = s.asked(ids); len(ids) > 0 {
		ids = append(ids, s.times.ID(""))
	}
	return ids
}

// refreshOnly looks at the files at some paths. That is not enough for one that
// was not there before, or is not any more, or lies elsewhere now.
func (s *sourcePhase) refreshOnly(ctx context.Context, paths []string) (changed []string, ids []query.ID, enough bool) {
	now := time.Now() // before any file is looked at
	if s.scanned.unsettled {
		return nil, nil, false
	}
	said := s.named(paths)
	before, next := map[string]content.File{}, map[string]content.File{}
	for name := range said {
		old, there := s.scanned.files[name]
		stray := s.isStray(name)
		if !there && !stray && s.passedOver(name) {
			continue
		}
		if !there || stray {
			return nil, nil, false
		}
		f, same := s.project.Again(old)
		if !same {
			return nil, nil, false
		}
		before[name], next[name] = old, f
	}
	changed, ids = s.compareFiles(ctx, before, next, s.scanned.seen, said, nil)
	s.scanned.at = now
	maps.Copy(s.scanned.files, next)
	slices.Sort(changed)
	return changed, s.timed(ids), true
}

func (s *sourcePhase) isStray(name string) bool {
	s.scanned.mu.Lock()
	defer s.scanned.mu.Unlock()
	_, stray := s.scanned.strays[name]
	return stray
}

func listed(files []content.File, faults []content.Fault) listing {
	l := listing{Paths: make([]string, len(files)), Names: make([]string, len(files))}
	for i, f := range files {
		l.Paths[i], l.Names[i] = f.Path, f.Name
	}
	for _, f := range faults {
		l.Faults = append(l.Faults, Problem{File: f.Name, Message: f.Message, Hint: f.Hint})
	}
	return l
}

func (l listing) equal(other listing) bool {
	return slices.Equal(l.Names, other.Names) && slices.EqualFunc(l.Faults, other.Faults, func(a, b Problem) bool { return a.String() == b.String() })
}

// compare finds what differs between two scans.
func (s *sourcePhase) compare(ctx context.Context, before, next map[string]content.File, seen time.Time, said map[string]bool, ids []query.ID) ([]string, []query.ID) {
	s.scanned.mu.Lock()
	for name, asked := range s.scanned.strays {
		found, _ := s.project.Find(name)
		before[name], next[name] = asked, found
		if found != asked {
			s.scanned.strays[name] = found
			ids = append(ids, s.places.ID(name))
		}
	}
	s.scanned.mu.Unlock()
	return s.compareFiles(ctx, before, next, seen, said, ids)
}

// compareFiles finds what differs between files as they were, by name, and as
// they are.
func (s *sourcePhase) compareFiles(ctx context.Context, before, next map[string]content.File, seen time.Time, said map[string]bool, ids []query.ID) (changed []string, all []query.ID) {
	s.scanned.mu.Lock()
	defer s.scanned.mu.Unlock()
	for name, old := range before {
		f, there := next[name]
		if there && f.Same(old, seen, grace) && !said[name] {
			continue
		}
		s.scanned.moved = true
		if !there {
			s.letGo(name)
			delete(s.scanned.read, name)
		}
		if f.Modified != old.Modified {
			ids = append(ids, s.modified.ID(name))
		}
		if there && s.unchanged(ctx, name, old, f) {
			continue
		}
		delete(s.scanned.read, name)
		changed = append(changed, name)
		ids = append(ids, s.texts.ID(name), s.digests.ID(name))
	}
	for name := range next {
		if _, there := before[name]; !there {
			changed = append(changed, name)
			ids = append(ids, s.texts.ID(name), s.digests.ID(name), s.modified.ID(name))
		}
	}
	return changed, ids
}

// unchanged says that a file has the contents that were read of it. One that
// cannot be looked at any more, since ctx is done, may not have them.
func (s *sourcePhase) unchanged(ctx context.Context, name string, old, f content.File) bool {
	known, read := s.scanned.read[name]
	if !read {
		return f == old // nobody has anything of it that could be out of date
	}
	sum, err := s.sum(ctx, f)
	return err == nil && string(sum) == known
}

// asked leaves out the inputs that nobody has looked at.
func (s *sourcePhase) asked(ids []query.ID) []query.ID {
	return slices.DeleteFunc(ids, func(id query.ID) bool { return !s.engine.Knows(id) })
}
