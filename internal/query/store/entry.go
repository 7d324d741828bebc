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

// An entry's bytes are: used, size, failed, and the fingerprint. Numbers are
// varints.

func encode(e entry) []byte {
	b := binary.AppendUvarint(nil, e.Used)
	b = binary.AppendUvarint(b, uint64(e.Size))
	failed := uint64(0)
	if e.Failed {
		failed = 1
	}
	b = binary.AppendUvarint(b, failed)
	return append(b, e.Fingerprint[:]...)
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// decode reads an entry; false if these are not the bytes of one.
func decode(text []byte) (e entry, ok bool) {
	d := textDecoder{rest: string(text)}
	e.Used = d.number()
	e.Size = int64(d.number())
	e.Failed = d.number() == 1
	copy(e.Fingerprint[:], d.take(len(e.Fingerprint)))
	return e, !d.bad && d.rest == "" && e.Size >= 0
}
