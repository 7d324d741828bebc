package store

import (
	"context"
	"encoding/binary"
	"errors"

	"ddc/internal/query"
)

// A session's file has: what the owner of the inputs wrote; the names of its
// packs; the names of queries; and the nodes. A node has its query's number,
// the key, flags, the fingerprint; if it has a value the pack's number, offset
// and size; and what it has read. Numbers are varints; a text, and a list, has
// its length before it.

const (
	flagFailed = 1 << iota
	flagAgain
	flagValued
)

func encodeSession(ctx context.Context, s *query.Snapshot, ground []byte, packs []string, at map[query.Fingerprint]place) ([]byte, error) {
	b := appendText(make([]byte, 0, len(ground)+100*len(s.Nodes)), string(ground))
	b = appendNames(b, packs)
	numbers := map[string]uint64{}
	var queries []string
	for i := range s.Nodes {
		name := s.Nodes[i].Query
		if _, known := numbers[name]; !known {
			numbers[name] = uint64(len(queries))
			queries = append(queries, name)
		}
	}
	b = appendNames(b, queries)
	b = binary.AppendUvarint(b, uint64(len(s.Nodes)))
	for i := range s.Nodes {
		if err := over(ctx, i); err != nil {
			return nil, err
		}
		k := &s.Nodes[i]
		where, valued := at[k.Fingerprint]
		valued = valued && k.Valued
		flags := uint64(0)
		for j, on := range []bool{k.Failed, k.Again, valued} {
			if on {
				flags |= 1 << j
			}
		}
		b = binary.AppendUvarint(b, numbers[k.Query])
		b = appendText(b, k.Key)
		b = binary.AppendUvarint(b, flags)
		b = append(b, k.Fingerprint[:]...)
		if valued {
			for _, n := range []uint64{uint64(where.pack), uint64(where.offset), uint64(where.size)} {
				b = binary.AppendUvarint(b, n)
			}
		}
		b = binary.AppendUvarint(b, uint64(len(k.Reads)))
		for _, r := range k.Reads {
			b = binary.AppendUvarint(b, uint64(r))
		}
	}
	return b, nil
}

func appendNames(b []byte, names []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(names)))
	for _, name := range names {
		b = appendText(b, name)
	}
	return b
}

var errNotWhole = errors.New("the cache is not whole")

// decodeSession reads what encodeSession wrote. Keys are parts of the text.
func decodeSession(text string) (*contents, error) {
	d := &textDecoder{rest: text}
	c := &contents{snapshot: &query.Snapshot{}}
	c.ground = []byte(d.text())
	c.packs = d.names()
	queries := d.names()
	c.snapshot.Nodes = make([]query.Kept, d.count())
	var reads []uint32 // of many nodes, one after the other
	for i := range c.snapshot.Nodes {
		k := &c.snapshot.Nodes[i]
		if q := d.number(); q < uint64(len(queries)) {
			k.Query = queries[q]
		} else {
			d.bad = true
		}
		k.Key = d.text()
		flags := d.number()
		k.Failed, k.Again, k.Valued = flags&flagFailed != 0, flags&flagAgain != 0, flags&flagValued != 0
		copy(k.Fingerprint[:], d.take(len(k.Fingerprint)))
		if k.Valued {
			at := place{int(d.number()), int64(d.number()), int64(d.number())}
			if at.pack < 0 || at.pack >= len(c.packs) || at.offset < 0 || at.size < 0 || at.size > valueBound {
				d.bad = true
			}
			c.places = append(c.places, at)
		}
		n := d.count()
		if cap(reads)-len(reads) < n {
			reads = make([]uint32, 0, max(n, 1<<15))
		}
		begin := len(reads)
		for range n {
			r := d.number()
			if r>>1 >= uint64(i) {
				d.bad = true
			}
			reads = append(reads, uint32(r))
		}
		k.Reads = reads[begin:len(reads):len(reads)]
		if d.bad {
			return nil, errNotWhole
		}
	}
	if d.bad || d.rest != "" {
		return nil, errNotWhole
	}
	return c, nil
}

// textDecoder takes pieces off rest. After a piece that is not there all are
// zero.
type textDecoder struct {
	rest string
	bad  bool
}

func (d *textDecoder) number() (v uint64) {
	for i := 0; i < len(d.rest) && i < binary.MaxVarintLen64; i++ {
		c := d.rest[i]
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			d.rest = d.rest[i+1:]
			return v
		}
	}
	d.bad, d.rest = true, ""
	return 0
}

// count is a number of things that follow, each of a byte at least.
func (d *textDecoder) count() int {
	n := d.number()
	if n > uint64(len(d.rest)) {
		d.bad, d.rest = true, ""
		return 0
	}
	return int(n)
}

func (d *textDecoder) take(n int) string {
	if n > len(d.rest) {
		d.bad, d.rest = true, ""
		return ""
	}
	piece := d.rest[:n]
	d.rest = d.rest[n:]
	return piece
}

func (d *textDecoder) text() string { return d.take(d.count()) }

func (d *textDecoder) names() []string {
	names := make([]string, d.count())
	for i := range names {
		names[i] = d.text()
	}
	return names
}
