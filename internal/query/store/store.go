// Package store keeps the answers of query engines in a folder, from one
// process to the next: those of calls one by one, and what an engine knows as a
// whole.
//
//	kept, err := store.Open(ctx, folder, store.Options{Version: version})
//	calls := query.NewEngine(query.Options{Store: kept, Build: kept.Build()})
//	session, err := kept.Session(ctx, digest)
//	engine.Restore(session.Snapshot())
//	...
//	err = session.Keep(ctx, engine.Snapshot())
//	err = kept.Close()
//
// # On disk
//
//	lock                     held for the moments in which a graph is replaced
//	builds                   how many processes have had the folder open
//	open/PID                 locked by each process that has the folder open
//	graph-NUMBER-SUM.db      the records of calls, and values up to smallValue bytes: a bbolt file
//	                         that is never written again; SUM is an HMAC of its bytes (Options.Key)
//	values/XX/FINGERPRINT    larger values, each with its fingerprint's 64 digits for a name
//	session-WORLD-SUM        a snapshot, which is read whole and written whole
//	pack-WORLD-NUMBER        values of snapshots, one behind the other; never written again
//
// # Invariants
//
//   - A graph is written whole, under another name, and renamed: who reads has
//     one state of it, until it ends, whatever others write. So any number of
//     processes read and write beside each other. A record says all that it
//     rests on, so one process's records stand beside another's; of two for one
//     ID the last stays.
//   - Nothing outside of the folder is read, written or removed, whatever links
//     somebody has put into it (os.Root), and nobody waits for a pipe. In it
//     only files of the names above are touched.
//   - What is read is checked: a graph by its sum, a value by its fingerprint.
//     One that does not agree counts as absent, is reported once
//     (Options.Said), and is removed by the next Commit.
//   - The values of calls, and those of snapshots, each stay within
//     Options.Bound. The records, and the worlds, that were not used for the
//     longest time go first.
//   - A process that ended without Close may have died of what it read, unless
//     it has said that this is sound. The next begins without what is kept, and
//     says so.
//   - Trouble with the folder never fails a build: it goes on without, and says
//     so.
package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"

	"ddc/internal/query"
)

// The folders in a store's.
const (
	openFolder   = "open"
	valuesFolder = "values"
)

const (
	// smallValue is the largest value that stands in the graph, in bytes.
	smallValue = 4 << 10
	// defaultBound is 1 GiB.
	defaultBound = 1 << 30
	// graphBound is the largest graph that is read, in bytes.
	graphBound = 4 << 30
	// valueBound is the largest value that is kept, in bytes.
	valueBound = 256 << 20
	// keyBound is the longest record key that is kept, in bytes; bbolt's own is
	// 32 KiB.
	keyBound = 16 << 10
)

// Options of a store.
type Options struct {
	// Key is known to this user alone. A graph that another key signed was put
	// there by somebody else, with whom we do not share a parser: it is not
	// read.
	Key []byte
	// Version names the program. Answers of another version are thrown away.
	Version string
	// Bound is how many bytes values may take; 0 for 1 GiB.
	Bound int64
	// Said is told, in a sentence, what was thrown away and why; nil for
	// nobody.
	Said func(string)
}

// Store is a folder of answers. It implements query.Store.
type Store struct {
	root    *os.Root
	options Options
	marker  *os.File // locked while the store is open
	marked  string   // its name

	number  uint64 // of the build
	crashed bool   // so that nothing is to be read

	mu      sync.Mutex
	graph   *graph // nil if there is none to read
	pending map[query.ID]entry
	values  map[query.Fingerprint][]byte // small ones, of pending
	used    map[query.ID]bool            // of the graph, in this build
	dropped map[query.ID]bool
	said    map[string]bool
}

var _ query.Store = (*Store)(nil)

// Open opens a folder, which is made if it is missing. The error says why the
// folder cannot be used at all: go on without.
func Open(ctx context.Context, folder string, o Options) (*Store, error) {
	if o.Bound <= 0 {
		o.Bound = defaultBound
	}
	if o.Said == nil {
		o.Said = func(string) {}
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the cache's folder: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open the cache's folder: %w", err)
	}
	s := &Store{root: root, options: o, said: map[string]bool{}}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return s, nil
}

// open takes the folder in use.
func (s *Store) open(ctx context.Context) error {
	for _, name := range []string{openFolder, valuesFolder} {
		if err := s.root.MkdirAll(name, 0o700); err != nil {
			return fmt.Errorf("make the cache's folder: %w", err)
		}
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	crashed, err := s.sweep()
	if err != nil {
		return err
	}
	if err := s.mark(); err != nil {
		return err
	}
	s.begin(s.newest(ctx))
	s.count()
	if s.crashed = crashed; crashed && s.graph != nil {
		s.say(died)
		s.graph.ignored = true
	}
	return nil
}

// died is said once, of calls and sessions.
const died = "the last process that used the cache was killed or died; what is remembered is made anew"

// begin reads g, which may be nil, and knows of nothing that is newer.
func (s *Store) begin(g *graph) {
	s.graph, s.pending, s.values = g, map[query.ID]entry{}, map[query.Fingerprint][]byte{}
	s.used, s.dropped = map[query.ID]bool{}, map[query.ID]bool{}
}

// Build is a number that is another in each process.
func (s *Store) Build() uint64 { return s.number }

// count numbers the build. If the number cannot be written, the next build has
// it too, and compares the same answers.
func (s *Store) count() {
	if text, err := s.read("builds", 32); err == nil {
		s.number, _ = strconv.ParseUint(string(text), 10, 64)
	}
	if s.graph != nil {
		s.number = max(s.number, s.graph.build)
	}
	s.number++
	if err := s.replace("builds", strconv.AppendUint(nil, s.number, 10)); err != nil {
		s.say("the build is not counted: " + err.Error())
	}
}

// Record implements query.Store.
func (s *Store) Record(id query.ID) (query.Record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.pending[id]; ok {
		return e.Record, true
	}
	if s.graph == nil || s.graph.ignored || s.dropped[id] {
		return query.Record{}, false
	}
	e, ok := s.graph.record(id)
	if ok {
		s.used[id] = true
	}
	return e.Record, ok
}

// Value implements query.Store.
func (s *Store) Value(contents query.Fingerprint) ([]byte, bool) {
	if v, ok := s.small(contents); ok {
		return v, true
	}
	v, err := s.read(valuePath(contents), valueBound)
	return v, err == nil
}

func (s *Store) small(contents query.Fingerprint) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.values[contents]; ok {
		return v, true
	}
	if s.graph == nil {
		return nil, false
	}
	return s.graph.value(contents)
}

// Save implements query.Store. What cannot be written is not kept.
func (s *Store) Save(id query.ID, r query.Record, encoded []byte) {
	if len(encoded) > valueBound || len(recordKey(id)) > keyBound {
		s.Drop(id)
		return
	}
	large := len(encoded) > smallValue
	if large {
		if err := s.writeValue(r.Fingerprint, encoded); err != nil {
			s.say("an answer cannot be kept: " + err.Error())
			s.Drop(id)
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.dropped, id)
	s.pending[id] = entry{Record: r, Size: int64(len(encoded))}
	if !large {
		s.values[r.Fingerprint] = encoded
	}
}

// Drop implements query.Store.
func (s *Store) Drop(id query.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, id)
	s.dropped[id] = true
}

// Close commits, unless ctx is over, and lets the folder go.
func (s *Store) Close(ctx context.Context) error {
	var err error
	if ctx.Err() == nil {
		err = s.Commit(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.graph != nil {
		s.graph.close()
	}
	return errors.Join(err, s.root.Remove(s.marked), s.marker.Close(), s.root.Close())
}

// Leave says that this process ends in good order without Close, while others
// may still use the store.
func (s *Store) Leave() error { return s.root.Remove(s.marked) }

// say tells each thing once.
func (s *Store) say(what string) {
	s.mu.Lock()
	again := s.said[what]
	s.said[what] = true
	s.mu.Unlock()
	if !again {
		s.options.Said(what)
	}
}
