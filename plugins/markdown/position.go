package markdown

import (
	"bytes"
	"sort"
	"unicode/utf8"
)

// lineIndex turns an offset of the body into a line and column of the page's
// source.
type lineIndex struct {
	source []byte
	starts []int
	first  int
	// last is what was looked up last: in a line of a megabyte with ten
	// thousand calls the letters are counted once.
	last *struct{ offset, start, column int }
}

func newLineIndex(source []byte, first int) lineIndex {
	starts := []int{0}
	for i := 0; ; {
		n := bytes.IndexByte(source[i:], '\n')
		if n < 0 {
			break
		}
		i += n + 1
		starts = append(starts, i)
	}
	return lineIndex{source, starts, max(first, 1), &struct{ offset, start, column int }{column: 1}}
}

// at counts both from 1, columns in characters. One goroutine asks at a time.
func (x lineIndex) at(offset int) (line, column int) {
	offset = min(max(offset, 0), len(x.source))
	i := sort.Search(len(x.starts), func(i int) bool { return x.starts[i] > offset }) - 1
	last := x.last
	if last.start != x.starts[i] || last.offset > offset {
		last.offset, last.start, last.column = x.starts[i], x.starts[i], 1
	}
	column = last.column + utf8.RuneCount(x.source[last.offset:offset])
	if offset == len(x.source) || utf8.RuneStart(x.source[offset]) {
		last.offset, last.column = offset, column
	}
	return x.first + i, column
}
