package site

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"time"

	"ddc/internal/bulk"
	"ddc/internal/query"
	"ddc/site/asset"
	"ddc/site/config"
	"ddc/site/content"
	"ddc/site/output"
)

// Session is what a site knows, kept from one process to the next.
type Session interface {
	// Snapshot is what the last process has kept; nil if there is nothing.
	Snapshot() (*query.Snapshot, []byte)
	// Keep takes its place.
	Keep(ctx context.Context, taken *query.Snapshot, ground []byte) error
}

// Remembered is what earlier processes have made of a site, and how it is
// checked.
type Remembered struct {
	// Session is that of the site's World.
	Session Session
	// Build is another number in each process. One in Check of the values that
	// are kept is made again and compared, another part in each; 0 means one in
	// 32.
	Build, Check uint64
	// Differs, if not nil, is told of values that were kept wrongly. The site
	// has the right ones.
	Differs func(query.Difference)
}

// IsCold says that nothing is remembered of the site: all pages are made.
func (o *Options) IsCold() bool {
	if o.Remembered == nil {
		return true
	}
	snapshot, _ := o.Remembered.Session.Snapshot()
	return snapshot == nil
}

// World digests what a site's values depend on besides its files: versions name
// the program, its plugins and their tools. Sessions of different worlds have
// nothing in common.
func World(cfg *config.Config, o Options, versions ...string) ([32]byte, error) {
	encoded, err := json.Marshal(struct {
		Config                    *config.Config
		Strict, Drafts, NoSearch  bool
		SassTime, Memory, Message int64
		Versions                  []string
	}{cfg, o.Strict, o.Drafts, o.NoSearch, int64(o.SassTime), o.Memory, o.Message, versions})
	if err != nil {
		return [32]byte{}, fmt.Errorf("digest the site's settings: %w", err)
	}
	return sha256.Sum256(encoded), nil
}

// ground is what a snapshot rests on: the project's files as they were when it
// was taken, and the output.
type ground struct {
	Seen    int64 // in nanoseconds since 1970
	Folders map[string]listing
	Files   []content.Stamp
	Strays  map[string]content.Stamp
	Read    map[string]string
	Output  *outputRecord
}

// restore puts in place what the last process has kept.
func (s *Site) restore() {
	if s.options.Remembered == nil {
		return
	}
	snapshot, text := s.options.Remembered.Session.Snapshot()
	if snapshot == nil {
		return
	}
	var g ground
	if err := gob.NewDecoder(bytes.NewReader(text)).Decode(&g); err != nil {
		s.options.Log.Info("what is remembered of pages is made anew", "cause", err)
		return
	}
	s.scanned.seen = time.Unix(0, g.Seen)
	s.scanned.at = s.scanned.seen
	s.scanned.folders, s.scanned.read = g.Folders, g.Read
	s.scanned.files = make(map[string]content.File, len(g.Files))
	for _, f := range g.Files {
		s.scanned.files[f.Name] = f.File()
	}
	s.scanned.strays = map[string]content.File{}
	for name, f := range g.Strays {
		s.scanned.strays[name] = f.File()
	}
	s.output = g.Output
	s.engine.Restore(snapshot)
}

// begun scans the folders, and begins with what is remembered of them. The time
// is another in any case; the programs of plugins, and whether samples are run,
// may be.
func (s *Site) begun(ctx context.Context) (err error) {
	s.restore()
	s.engine.Revise(func() []query.ID {
		var ids []query.ID
		s.edited, ids, err = s.refresh(ctx, nil)
		for _, id := range []query.ID{s.times.ID(""), s.programs.ID(""), s.runsSamples.ID("")} {
			if s.engine.Knows(id) {
				ids = append(ids, id)
			}
		}
		return ids
	})
	return err
}

// Keep keeps what the site knows for the next process, if Options.Remembered is
// there. It waits for those who ask the site at the moment.
func (s *Site) Keep(ctx context.Context) error {
	if s.options.Remembered == nil {
		return nil
	}
	s.building.Lock()
	defer s.building.Unlock()
	var g ground
	return s.keepTaken(ctx, s.engine.Snapshot(func() bool { return s.takeGround(&g) }), &g)
}

// KeepIfIdle is Keep, unless somebody asks the site at the moment: then it does
// nothing, and idle is false.
func (s *Site) KeepIfIdle(ctx context.Context) (idle bool, err error) {
	if s.options.Remembered == nil {
		return true, nil
	}
	if !s.building.TryLock() {
		return false, nil
	}
	defer s.building.Unlock()
	var g ground
	taken, idle := s.engine.SnapshotIfIdle(func() bool { return s.takeGround(&g) })
	return idle, s.keepTaken(ctx, taken, &g)
}

// takeGround notes what a snapshot rests on, and says whether that differs from
// what was kept. Nobody asks the site meanwhile.
func (s *Site) takeGround(g *ground) (differs bool) {
	*g = ground{Seen: s.scanned.seen.UnixNano(), Folders: s.scanned.folders, Strays: map[string]content.Stamp{}, Output: s.output}
	for _, f := range s.scanned.files {
		g.Files = append(g.Files, f.Stamp())
	}
	s.scanned.mu.Lock()
	defer s.scanned.mu.Unlock()
	g.Read = maps.Clone(s.scanned.read)
	for name, f := range s.scanned.strays {
		g.Strays[name] = f.Stamp()
	}
	differs = s.scanned.moved || s.outputMoved || s.unkept
	s.scanned.moved, s.outputMoved = false, false
	return differs
}

func (s *Site) keepTaken(ctx context.Context, taken *query.Snapshot, g *ground) error {
	if taken == nil {
		return nil
	}
	s.unkept = true
	if err := context.Cause(ctx); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := gob.NewEncoder(&text).Encode(g); err != nil {
		return fmt.Errorf("keep what was made: %w", err)
	}
	if err := s.options.Remembered.Session.Keep(ctx, taken, text.Bytes()); err != nil {
		return err
	}
	s.unkept = false
	return nil
}

// outputRecord is the output as the last build has left it.
type outputRecord struct {
	Folder string
	Files  map[string]writtenFile
}

// writtenFile is a file of the output. At the moment Seen it had the contents.
type writtenFile struct {
	Sum  query.Fingerprint
	Stat output.Stat
	Seen int64 // in nanoseconds since 1970
}

// standing is the output that is to be replaced.
type standing struct {
	stage *output.Stage
	files map[string]output.Stat
	odd   bool
	mode  uint32
	sums  map[string]writtenFile // what is known of the files' contents
	moved bool                   // something had to be read
	// sizeOf is the size of a source, by its name.
	sizeOf func(name string) int64
}

// lastOutput looks at the output that is to be replaced.
func (s *Site) lastOutput(stage *output.Stage) (*standing, error) {
	l := &standing{stage: stage, mode: stage.FileMode(), sums: map[string]writtenFile{}, sizeOf: func(name string) int64 { return s.file(name).Size }}
	var err error
	if l.files, l.odd, err = stage.Last(); err != nil {
		return nil, err
	}
	if s.output == nil || s.output.Folder != stage.Final() {
		return l, nil
	}
	for name, f := range s.output.Files {
		// What was written within the grain of the clock may have been written
		// again.
		if f.Stat == l.files[name] && f.Seen-time.Unix(f.Stat.Modified.Unix()).UnixNano() > int64(grace) {
			l.sums[name] = f
		}
	}
	return l, nil
}

// has says whether a file is there as it is to be. It is read if nobody knows.
func (l *standing) has(ctx context.Context, f product) bool {
	stat, there := l.files[f.name]
	if !there || stat.Mode != l.mode {
		return false
	}
	known, ok := l.sums[f.name]
	if !ok {
		known = writtenFile{Stat: stat, Seen: time.Now().UnixNano()}
		sum, err := l.read(ctx, f, stat)
		if err != nil {
			return false
		}
		known.Sum = sum
		l.sums[f.name], l.moved = known, true
	}
	return known.Sum == f.sum
}

// read digests a file of the last output. One that was copied, and has another
// size than the file that it was copied of, is not read.
func (l *standing) read(ctx context.Context, f product, stat output.Stat) (query.Fingerprint, error) {
	if f.copied && stat.Size != l.sizeOf(f.source) {
		return query.Fingerprint{}, fmt.Errorf("%s is another file", f.name)
	}
	file, err := l.stage.OpenPrevious(f.name)
	if err != nil {
		return query.Fingerprint{}, err
	}
	defer file.Close()
	if f.copied {
		sum, err := bulk.Digest(ctx, file, asset.NewHash())
		if err != nil {
			return query.Fingerprint{}, err
		}
		return query.Fingerprint(sum), nil
	}
	if stat.Size > maxBytes {
		return query.Fingerprint{}, fmt.Errorf("%s is not one of ours", f.name)
	}
	text, err := io.ReadAll(io.LimitReader(file, stat.Size+1))
	return query.Digest(text), err
}

// alone says whether there is nothing but so many files.
func (l *standing) alone(n int) bool { return !l.odd && len(l.files) == n }

// isOther says that there are so many files, and one of them is not as it is to
// be.
func (l *standing) isOther(f product, n int) bool {
	_, there := l.files[f.name]
	return there && l.alone(n)
}

// replace puts the one file that has changed in the place of the one before.
func (l *standing) replace(f product) (replaced bool, err error) {
	stat, replaced, err := l.stage.Replace(f.name)
	if err != nil || !replaced {
		return false, err
	}
	l.sums[f.name], l.files[f.name], l.moved = writtenFile{f.sum, stat, time.Now().UnixNano()}, stat, true
	return true, nil
}

// leave notes that the output is left as it is.
func (s *Site) leave(l *standing, files []product, result *Result) {
	record := &outputRecord{l.stage.Final(), make(map[string]writtenFile, len(files))}
	for _, f := range files {
		record.Files[f.name] = l.sums[f.name]
		result.Bytes += l.files[f.name].Size
	}
	result.Files = len(files)
	s.output, s.outputMoved = record, s.outputMoved || l.moved
}

// noteOutput notes what was written.
func (s *Site) noteOutput(l *standing, files []product) error {
	now := time.Now().UnixNano()
	there, all := l.stage.Fresh(len(files))
	if !all {
		var err error
		if there, _, err = l.stage.Last(); err != nil {
			return err
		}
	}
	record := &outputRecord{l.stage.Final(), make(map[string]writtenFile, len(files))}
	for _, f := range files {
		record.Files[f.name] = writtenFile{f.sum, there[f.name], now}
	}
	s.output, s.outputMoved = record, true
	return nil
}
