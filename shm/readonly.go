package shm

import (
	"fmt"
	"os"

	"ddc/internal/sys"
)

// maxCopy bounds what OpenToRead copies of a file that is not sealed.
const maxCopy = 4 << 30

// OpenToRead maps a segment for looking at it: a store into it would be a
// fault. A file that is not sealed against shrinking, as a copy of a segment is
// not, is copied as it is now. OpenToRead takes over f, also when it fails.
func OpenToRead(f *os.File) (*Segment, error) {
	stat, err := f.Stat()
	if err == nil && (stat.Size() < 1 || stat.Size() > maxCopy) {
		err = fmt.Errorf("%d bytes are no segment", stat.Size())
	}
	var memory []byte
	if err == nil {
		memory, err = sys.MapToRead(f, int(stat.Size()))
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open segment to read: %w", err)
	}
	return newSegment(f, memory), nil
}
