package diagnostic

import (
	"strings"
	"unicode/utf8"
)

// At is a problem of what stands between two offsets of a text, in bytes. What
// goes beyond the line is left out of its length.
func At(text string, begin, end int, message string) *Problem {
	begin = min(max(begin, 0), len(text))
	end = min(max(end, begin), len(text))
	start := strings.LastIndexByte(text[:begin], '\n') + 1
	span, _, _ := strings.Cut(text[begin:end], "\n")
	return &Problem{
		Line: 1 + strings.Count(text[:begin], "\n"), Col: 1 + utf8.RuneCountInString(text[start:begin]),
		Length: utf8.RuneCountInString(strings.TrimSuffix(span, "\r")), Message: message,
	}
}

// InLine is At for libraries that say line and column, both from 1, the column
// and the length in bytes.
func InLine(text string, line, col, length int, message string) *Problem {
	begin := 0
	for range line - 1 {
		next := strings.IndexByte(text[begin:], '\n')
		if next < 0 { // the library counts other line ends too
			return &Problem{Line: line, Col: col, Length: length, Message: message}
		}
		begin += next + 1
	}
	begin += max(col-1, 0)
	return At(text, begin, begin+length, message)
}

// Excerpt is the line of a source that a problem is about, or, of a long one,
// the part around it.
type Excerpt struct {
	Text string `json:"text"`
	// Col is the column of the first character of Text.
	Col int `json:"col"`
}

// excerptRunes is how many characters an excerpt has on either side of its
// column.
const excerptRunes = 200

// Quote gives problems, and their notes, the lines of a source that they are
// about. Those of other files stay as they are.
func Quote(problems []Problem, file, source string) {
	wanted := map[int][]func(line *ruler){}
	want := func(name string, line, col int, excerpt **Excerpt) {
		if name == file && line > 0 && *excerpt == nil {
			wanted[line] = append(wanted[line], func(text *ruler) { *excerpt = text.cut(col) })
		}
	}
	for i := range problems {
		p := &problems[i]
		want(p.File, p.Line, p.Col, &p.Excerpt)
		for j := range p.Related {
			n := &p.Related[j]
			want(n.File, n.Line, n.Col, &n.Excerpt)
		}
	}
	line := 0
	for text := range strings.Lines(strings.TrimPrefix(source, "\ufeff")) {
		if len(wanted) == 0 {
			return
		}
		line++
		if takers := wanted[line]; takers != nil {
			measured := newRuler(strings.TrimRight(text, "\r\n"))
			for _, take := range takers {
				take(measured)
			}
		}
		delete(wanted, line)
	}
}

// ruler is a line of which many columns are asked for: one of a megabyte may
// have a problem every few characters.
type ruler struct {
	line string
	// marks are the offsets of each stride-th character.
	marks []int
}

const stride = 1024

func newRuler(line string) *ruler {
	r := &ruler{line: line, marks: []int{0}}
	for at := 0; ; r.marks = append(r.marks, at) {
		if at = after(line, at, stride); at == len(line) {
			return r
		}
	}
}

// offset is that of the character behind so many.
func (r *ruler) offset(characters int) int {
	mark := min(characters/stride, len(r.marks)-1)
	return after(r.line, r.marks[mark], characters-mark*stride)
}

// cut is the part of the line around a column.
func (r *ruler) cut(col int) *Excerpt {
	first := max(col-excerptRunes, 1)
	begin := r.offset(first - 1)
	return &Excerpt{Text: r.line[begin:after(r.line, begin, 2*excerptRunes)], Col: first}
}

// after is the offset behind so many characters from another.
func after(text string, offset, characters int) int {
	for ; characters > 0 && offset < len(text); characters-- {
		_, size := utf8.DecodeRuneInString(text[offset:])
		offset += size
	}
	return offset
}
