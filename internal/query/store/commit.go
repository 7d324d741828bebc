package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"ddc/internal/query"
)

// kept is a record on its way into the next graph.
type kept struct {
	key  []byte
	text []byte
	entry
}

// Commit writes what was saved, beside what others have written since, and
// throws away what is beyond the bound. The files are as before if it fails.
func (s *Store) Commit(ctx context.Context) error {
	s.mu.Lock()
	nothing := len(s.pending) == 0 && len(s.used) == 0 && len(s.dropped) == 0
	s.mu.Unlock()
	if nothing {
		return nil
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	base := s.newest(ctx)
	if base != nil {
		defer base.close()
	}
	if err := context.Cause(ctx); err != nil {
		return err // perhaps nobody has read all of it
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if base != nil && s.graph != nil && s.graph.ignored && base.number == s.graph.number {
		base.ignored = true
	}
	number, build := uint64(1), s.number
	if base != nil {
		number, build = base.number+1, max(build, base.build)
	}
	records, err := s.merge(ctx, base, build)
	if err != nil {
		return err
	}
	records = within(records, s.options.Bound)
	name, err := s.write(ctx, number, build, records, base)
	if err != nil {
		return fmt.Errorf("write the cache: %w", err)
	}
	return s.settle(ctx, name, number, records)
}

// lookEvery is how many records, or values, are worked on between two looks at
// a context.
const lookEvery = 256

// over says, every so often, why ctx is done; i counts what is worked on.
func over(ctx context.Context, i int) error {
	if i%lookEvery != 0 {
		return nil
	}
	return context.Cause(ctx)
}

// merge is what the base has, with what this process knows better.
func (s *Store) merge(ctx context.Context, base *graph, build uint64) ([]kept, error) {
	var records []kept
	if base != nil && !base.ignored {
		err := base.tx.Bucket(recordsBucket).ForEach(func(key, text []byte) error {
			if err := over(ctx, len(records)); err != nil {
				return err
			}
			id, ok := recordID(key)
			if _, newer := s.pending[id]; !ok || newer || s.dropped[id] {
				return nil
			}
			e, ok := decode(text)
			if !ok {
				return nil
			}
			k := kept{key: key, text: text, entry: e}
			if s.used[id] {
				k.Used, k.text = build, nil
			}
			records = append(records, k)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the cache: %w", err)
		}
	}
	for id, e := range s.pending {
		e.Used = build
		records = append(records, kept{key: recordKey(id), entry: e})
	}
	return records, nil
}

// within leaves out the records that were not used for the most builds, until
// the values of the others fit. A value is counted for each record that has it.
func within(records []kept, bound int64) []kept {
	slices.SortFunc(records, func(a, b kept) int {
		if a.Used != b.Used {
			if a.Used > b.Used {
				return -1
			}
			return 1
		}
		return bytes.Compare(a.key, b.key)
	})
	var sum int64
	for i, r := range records {
		if sum += r.Size + int64(len(r.text)+len(r.key)); sum > bound {
			records = records[:i]
			break
		}
	}
	slices.SortFunc(records, func(a, b kept) int { return bytes.Compare(a.key, b.key) })
	return records
}

// write makes a graph, and gives it its name when all of it is on the disk.
func (s *Store) write(ctx context.Context, number, build uint64, records []kept, base *graph) (name string, err error) {
	part := partName("graph")
	defer func() { _ = s.root.Remove(part) }()
	_ = s.root.Remove(part)
	db, err := bbolt.Open(part, 0o600, &bbolt.Options{NoSync: true, NoFreelistSync: true, OpenFile: s.fileAs})
	if err != nil {
		return "", err
	}
	err = db.Update(func(tx *bbolt.Tx) error { return s.fill(ctx, tx, build, records, base) })
	if err = errors.Join(err, db.Sync(), db.Close()); err != nil {
		return "", err
	}
	f, err := s.file(part)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum, err := s.sum(ctx, f)
	if err != nil {
		return "", err
	}
	name = fmt.Sprintf("graph-%d-%s.db", number, sum)
	return name, s.root.Rename(part, name)
}

func (s *Store) fill(ctx context.Context, tx *bbolt.Tx, build uint64, records []kept, base *graph) error {
	about, err := tx.CreateBucket(aboutBucket)
	if err != nil {
		return err
	}
	if err := errors.Join(about.Put(versionKey, []byte(s.options.Version)), about.Put(buildKey, binary.AppendUvarint(nil, build))); err != nil {
		return err
	}
	into, err := tx.CreateBucket(recordsBucket)
	if err != nil {
		return err
	}
	into.FillPercent = 1 // keys come in order, and nothing follows
	small := map[query.Fingerprint][]byte{}
	for i, r := range records {
		if err := over(ctx, i); err != nil {
			return err
		}
		text := r.text
		if text == nil {
			text = encode(r.entry)
		}
		if r.Size <= smallValue {
			v, ok := s.values[r.Fingerprint]
			if !ok && base != nil {
				v, ok = base.value(r.Fingerprint)
			}
			if !ok {
				continue // the value is gone, and so is the answer
			}
			small[r.Fingerprint] = v
		}
		if err := into.Put(r.key, text); err != nil {
			return err
		}
	}
	values, err := tx.CreateBucket(valuesBucket)
	if err != nil {
		return err
	}
	values.FillPercent = 1
	order := make([]query.Fingerprint, 0, len(small))
	for f := range small {
		order = append(order, f)
	}
	slices.SortFunc(order, func(a, b query.Fingerprint) int { return bytes.Compare(a[:], b[:]) })
	for i, f := range order {
		if err := over(ctx, i); err != nil {
			return err
		}
		if err := values.Put(f[:], small[f]); err != nil {
			return err
		}
	}
	return nil
}

// settle reads the new graph from now on, and removes the older ones and the
// values that no record has. Those who have an older one open keep it: it is
// gone from the folder, not from them. A value that they miss is worked out
// again.
func (s *Store) settle(ctx context.Context, name string, number uint64, records []kept) error {
	g, err := s.openGraph(name, number)
	if err != nil {
		return err
	}
	old := s.graph
	s.begin(g)
	if old != nil {
		old.close()
	}
	large := map[string]bool{}
	for _, r := range records {
		if r.Size > smallValue {
			large[hex.EncodeToString(r.Fingerprint[:])] = true
		}
	}
	entries, err := s.entries(".")
	if err != nil {
		return fmt.Errorf("clean the cache: %w", err)
	}
	for _, e := range entries {
		if graphName.MatchString(e.Name()) && e.Name() != name {
			err = errors.Join(err, s.root.Remove(e.Name()))
		}
	}
	return errors.Join(err, s.clean(ctx, large))
}

// clean removes values that no record of the graph has. While other processes
// have the folder open, young ones stay: they may be theirs, of what is not
// committed yet. What ctx leaves no time for, the next Commit removes.
func (s *Store) clean(ctx context.Context, large map[string]bool) (err error) {
	folders, err := s.entries(valuesFolder)
	if err != nil {
		return fmt.Errorf("clean the cache: %w", err)
	}
	others, err := s.others()
	for _, folder := range folders {
		if !folder.IsDir() {
			continue
		}
		within := path.Join(valuesFolder, folder.Name())
		values, listErr := s.entries(within)
		err = errors.Join(err, listErr)
		for _, v := range values {
			if ctx.Err() != nil {
				return err
			}
			if !large[v.Name()] && (!others || old(v)) {
				err = errors.Join(err, s.root.Remove(path.Join(within, v.Name())))
			}
		}
	}
	return err
}

// youth is how long a value without a record is left to the process that wrote
// it.
const youth = time.Hour

func old(v os.DirEntry) bool {
	info, err := v.Info()
	return err == nil && time.Since(info.ModTime()) > youth
}
