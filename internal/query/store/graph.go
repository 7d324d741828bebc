package store

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"go.etcd.io/bbolt"

	"ddc/internal/bulk"
	"ddc/internal/query"
)

// The buckets of a graph, and the keys of its first.
var (
	aboutBucket   = []byte("about")
	recordsBucket = []byte("records")
	valuesBucket  = []byte("values")
	versionKey    = []byte("version")
	buildKey      = []byte("build")
)

// graphName is a graph's number and the sum of its bytes.
var graphName = regexp.MustCompile(`^graph-([0-9]{1,18})-([0-9a-f]{32})\.db$`)

// graph is a bbolt file that is only read. The store's mutex guards it.
type graph struct {
	db      *bbolt.DB
	tx      *bbolt.Tx
	number  uint64
	build   uint64
	ignored bool // its records are not to be used; its numbers are
}

// newest opens the newest graph that is whole, and reports the others
// (Options.Said).
func (s *Store) newest(ctx context.Context) *graph {
	entries, err := s.entries(".")
	if err != nil {
		return nil
	}
	var best, sum string
	var number uint64
	for _, e := range entries {
		if m := graphName.FindStringSubmatch(e.Name()); m != nil {
			if n, err := strconv.ParseUint(m[1], 10, 64); err == nil && n >= number {
				best, number, sum = e.Name(), n, m[2]
			}
		}
	}
	if best == "" {
		return nil
	}
	err = s.verify(ctx, best, sum)
	var g *graph
	if err == nil {
		g, err = s.openGraph(best, number)
	}
	if err != nil {
		if ctx.Err() == nil { // else nobody has read all of it
			s.say("what is remembered is made anew: " + err.Error())
		}
		return &graph{number: number, build: number, ignored: true}
	}
	if version := string(g.about(versionKey)); version != s.options.Version {
		s.say("what is remembered is made anew: it is of another version of ddc")
		g.ignored = true
	}
	return g
}

var errTooLarge = fmt.Errorf("it has more than %d bytes", int64(graphBound))

// verify says whether a graph is as this user's process has written it.
func (s *Store) verify(ctx context.Context, name, sum string) error {
	f, err := s.file(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() > graphBound {
		return errors.Join(err, errTooLarge)
	}
	own, err := s.sum(ctx, f)
	switch {
	case err != nil:
		return fmt.Errorf("read the cache: %w", err)
	case own != sum:
		return errors.New("the cache's bytes have changed, or another user wrote them")
	}
	return nil
}

// openGraph opens a graph that is known to be this user's.
func (s *Store) openGraph(name string, number uint64) (*graph, error) {
	db, err := bbolt.Open(name, 0o600, &bbolt.Options{ReadOnly: true, Timeout: lockTime, OpenFile: s.fileAs})
	if err != nil {
		return nil, fmt.Errorf("open the cache: %w", err)
	}
	tx, err := db.Begin(false)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the cache: %w", err), db.Close())
	}
	g := &graph{db: db, tx: tx, number: number}
	for _, name := range [][]byte{aboutBucket, recordsBucket, valuesBucket} {
		if tx.Bucket(name) == nil {
			g.close()
			return nil, errors.New("the cache is not whole")
		}
	}
	g.build, _ = binary.Uvarint(g.about(buildKey))
	return g, nil
}

// sum is the HMAC-SHA256 of a graph's bytes, cut to 128 bits, in hex.
func (s *Store) sum(ctx context.Context, f io.Reader) (string, error) {
	mac := hmac.New(sha256.New, s.options.Key)
	if n, err := bulk.Copy(ctx, mac, io.LimitReader(f, graphBound+1)); err != nil {
		return "", err
	} else if n > graphBound {
		return "", errTooLarge
	}
	return hex.EncodeToString(mac.Sum(nil)[:16]), nil
}

func (g *graph) close() {
	if g.db != nil {
		_ = g.tx.Rollback()
		_ = g.db.Close()
	}
}

func (g *graph) about(key []byte) []byte { return g.tx.Bucket(aboutBucket).Get(key) }

func (g *graph) record(id query.ID) (entry, bool) {
	if g.db == nil {
		return entry{}, false
	}
	return decode(g.tx.Bucket(recordsBucket).Get(recordKey(id)))
}

func (g *graph) value(f query.Fingerprint) ([]byte, bool) {
	if g.db == nil {
		return nil, false
	}
	v := g.tx.Bucket(valuesBucket).Get(f[:])
	return bytes.Clone(v), v != nil
}

// recordKey is a query's name, a zero, and a key. A name has no zero.
func recordKey(id query.ID) []byte { return []byte(id.Query + "\x00" + id.Key) }

func recordID(key []byte) (query.ID, bool) {
	name, rest, ok := bytes.Cut(key, []byte{0})
	return query.ID{Query: string(name), Key: string(rest)}, ok
}
