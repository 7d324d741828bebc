package markdown

import (
	"bytes"
	"sort"
	"unicode/utf8"
)

// lineIndex turns an offset of the body into a line and column of the page's source.
type lineIndex struct {
	source []byte
	starts []int
	first  int
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
	return lineIndex{source, starts, max(first, 1)}
}

// at counts both from 1, columns in characters.
func (x lineIndex) at(offset int) (line, column int) {
	offset = min(max(offset, 0), len(x.source))
	i := sort.Search(len(x.starts), func(i int) bool { return x.starts[i] > offset }) - 1
	return x.first + i, 1 + utf8.RuneCount(x.source[x.starts[i]:offset])
}
