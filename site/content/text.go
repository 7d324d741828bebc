package content

import (
	"bytes"
	"index/suffixarray"
	neturl "net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Text gives a file's bytes as text, without a byte order mark. If they are not
// UTF-8, ok is false, and line and col, from 1, say where the first bad byte
// is.
func Text(data []byte) (text string, line, col int, ok bool) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if utf8.Valid(data) {
		return string(data), 0, 0, true
	}
	at := 0
	for {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	before := data[:at]
	lineStart := bytes.LastIndexByte(before, '\n') + 1
	return "", bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[lineStart:]) + 1, false
}

// Place is where a text stands: line and column in characters, both from 1.
type Place struct{ Line, Col int }

// Finder finds texts in a source, Markdown or HTML. It answers the first few
// questions by searching, and then makes an index, so that many questions cost
// time in proportion to the source and to what is found. It is not for
// concurrent use.
type Finder struct {
	source string
	asked  int
	index  *suffixarray.Index
	links  map[string][]Place
	firsts map[string]Place
	starts []int // of the lines
	// characters counts the characters before each multiple of stride.
	characters []int
}

// stride is how many bytes are looked at, at most, to count characters up to a
// place.
const stride = 1024

// fewQuestions is how many questions are answered by searching. The index costs
// as much as some hundred searches, and most sources are never asked.
const fewQuestions = 16

// NewFinder makes a finder of a source; it looks at nothing yet.
func NewFinder(source string) *Finder {
	return &Finder{source: source, links: map[string][]Place{}, firsts: map[string]Place{}}
}

// Links finds the places where the source has a URL as a link's target: after
// "(", "<", "=", a quote, or the colon of a reference, and not followed by more
// of a URL. A whole address is a link by itself too. Markdown makes %C3%BC of
// ü, and http://www. of www.
func (f *Finder) Links(url string) []Place {
	if url == "" {
		return nil
	}
	if found, known := f.links[url]; known {
		return found
	}
	places := f.spelt(url)
	if plain, err := neturl.PathUnescape(url); len(places) == 0 && err == nil && plain != url {
		places = f.spelt(plain)
	}
	if rest, isBare := strings.CutPrefix(url, "http://www."); len(places) == 0 && isBare {
		places = f.spelt("www." + rest)
	}
	f.links[url] = places
	return places
}

func (f *Finder) spelt(url string) (places []Place) {
	for _, at := range f.find(url) {
		if f.isTarget(at, at+len(url)) || f.isBare(at, at+len(url)) {
			places = append(places, f.place(at))
		}
	}
	return places
}

// isTarget says whether what stands between two offsets is what a link leads
// to.
func (f *Finder) isTarget(at, end int) bool {
	before := strings.TrimRight(f.source[:at], " ")
	opened := before != "" && strings.ContainsRune("(<=\"':,", rune(before[len(before)-1]))
	closed := end == len(f.source) || strings.ContainsRune(")>\"' \t\r\n,", rune(f.source[end]))
	return opened && closed
}

// isBare says whether a whole address stands in the text between two offsets.
// The end of a sentence does not belong to it.
func (f *Finder) isBare(at, end int) bool {
	url := f.source[at:end]
	if !strings.Contains(url, "://") && !strings.HasPrefix(url, "www.") {
		return false
	}
	opened := at == 0 || strings.ContainsRune(" \t\r\n(*_~|>", rune(f.source[at-1]))
	rest := strings.TrimLeft(f.source[end:], "?!.,:;*_~)'\"")
	return opened && (rest == "" || strings.ContainsRune(" \t\r\n<|", rune(rest[0])))
}

// First is the place of a text's first occurrence, or the zero Place if there
// is none.
func (f *Finder) First(text string) Place {
	first, known := f.firsts[text]
	if !known {
		if found := f.find(text); len(found) > 0 {
			first = f.place(found[0])
		}
		f.firsts[text] = first
	}
	return first
}

// find gives the offsets of a text, in order, including those that overlap.
func (f *Finder) find(text string) []int {
	if f.asked++; f.asked > fewQuestions {
		if f.index == nil {
			f.index = suffixarray.New([]byte(f.source))
		}
		found := f.index.Lookup([]byte(text), -1)
		slices.Sort(found)
		return found
	}
	var found []int
	for from := 0; ; {
		i := strings.Index(f.source[from:], text)
		if i < 0 {
			return found
		}
		found = append(found, from+i)
		from += i + 1
	}
}

// place is the line and column of an offset.
func (f *Finder) place(offset int) Place {
	if f.starts == nil {
		f.measure()
	}
	line, found := slices.BinarySearch(f.starts, offset)
	if !found {
		line--
	}
	return Place{line + 1, f.before(offset) - f.before(f.starts[line]) + 1}
}

// measure goes through the source once, since a page may be one line of a
// megabyte.
func (f *Finder) measure() {
	f.starts = []int{0}
	count := 0
	for i := range len(f.source) {
		if i%stride == 0 {
			f.characters = append(f.characters, count)
		}
		if utf8.RuneStart(f.source[i]) {
			count++
		}
		if f.source[i] == '\n' {
			f.starts = append(f.starts, i+1)
		}
	}
	f.characters = append(f.characters, count)
}

// before counts the characters before an offset.
func (f *Finder) before(offset int) int {
	count := f.characters[offset/stride]
	for _, b := range []byte(f.source[offset/stride*stride : offset]) {
		if utf8.RuneStart(b) {
			count++
		}
	}
	return count
}
