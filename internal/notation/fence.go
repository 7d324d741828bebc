package notation

import "strings"

// Fences are where a page's front matter stands.
type Fences struct {
	Fence string // "+++" or "---", or "" for a page without front matter
	Line  int    // of the first fence, from 1
	// Start and End are what stands between the fences.
	Start, End int
	// Body is where the body begins, and BodyLine its line; Body is 0 for front
	// matter that never ends.
	Body, BodyLine int
}

// FindFences finds the front matter of a page whose lines end in \n. Blank
// lines may come before the first fence. A fence stands alone on its line, so
// that a value may contain "+++".
func FindFences(source string) (f Fences) {
	number, offset := 0, 0
	for line := range strings.Lines(source) {
		number++
		begin := offset
		offset += len(line)
		switch line = strings.TrimRight(line, " \t\n"); {
		case f.Fence == "" && strings.TrimSpace(line) == "":
		case f.Fence == "" && line != "+++" && line != "---":
			return f
		case f.Fence == "":
			f = Fences{Fence: line, Line: number, Start: offset}
		case line == f.Fence:
			f.End, f.Body, f.BodyLine = begin, offset, number+1
			return f
		}
	}
	return f
}
