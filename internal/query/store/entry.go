package store

import (
	"encoding/binary"

	"ddc/internal/query"
)

// entry is a record as it is kept.
type entry struct {
	query.Record
	Size int64  // of the value, in bytes
	Used uint64 // the last build that asked for it
}

// An entry's bytes are: used, size, failed, the fingerprint, the number of groups;
// for each the number of its reads; for each of these the query's name, the key,
// and the fingerprint. Numbers are varints; a text has its length before it.

func encode(e entry) []byte {
	b := binary.AppendUvarint(nil, e.Used)
	b = binary.AppendUvarint(b, uint64(e.Size))
	failed := uint64(0)
	if e.Failed {
		failed = 1
	}
	b = binary.AppendUvarint(b, failed)
	b = append(b, e.Fingerprint[:]...)
	b = binary.AppendUvarint(b, uint64(len(e.Reads)))
	for _, group := range e.Reads {
		b = binary.AppendUvarint(b, uint64(len(group)))
		for _, r := range group {
			b = appendText(b, r.Query)
			b = appendText(b, r.Key)
			b = append(b, r.Fingerprint[:]...)
		}
	}
	return b
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// decode reads an entry; false if these are not the bytes of one.
func decode(text []byte) (e entry, ok bool) {
	d := decoder{rest: text}
	e.Used = d.number()
	e.Size = int64(d.number())
	e.Failed = d.number() == 1
	e.Fingerprint = d.fingerprint()
	groups := d.count()
	e.Reads = make([][]query.Read, 0, groups)
	for range groups {
		reads := d.count()
		group := make([]query.Read, 0, reads)
		for range reads {
			group = append(group, query.Read{ID: query.ID{Query: d.text(), Key: d.text()}, Fingerprint: d.fingerprint()})
		}
		e.Reads = append(e.Reads, group)
	}
	return e, !d.bad && len(d.rest) == 0 && e.Size >= 0
}

// decoder takes pieces off rest. After a piece that is not there all are zero.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) number() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// count is a number of things that follow, each of a byte at least.
func (d *decoder) count() int {
	n := d.number()
	if n > uint64(len(d.rest)) {
		d.bad, d.rest = true, nil
		return 0
	}
	return int(n)
}

func (d *decoder) take(n int) []byte {
	if n > len(d.rest) {
		d.bad, d.rest = true, nil
		return make([]byte, min(n, len(query.Fingerprint{})))
	}
	piece := d.rest[:n]
	d.rest = d.rest[n:]
	return piece
}

func (d *decoder) text() string { return string(d.take(d.count())) }

func (d *decoder) fingerprint() query.Fingerprint {
	return query.Fingerprint(d.take(len(query.Fingerprint{})))
}
