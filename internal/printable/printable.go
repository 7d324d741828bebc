// Package printable makes text from outside fit to be shown to people: names
// of files, what samples and plugins write, texts in shared memory. A terminal
// obeys some of the bytes that it is sent: they set its title and its
// clipboard, move its cursor, or show text in another order than it has. None
// of them gets through here.
//
//	fmt.Fprintf(w, "%s: %s\n", printable.Line(file), printable.Text(message))
//
// A [Writer] does the same to all that is written to it, so that code which
// prints need not think of it. Line and Text are for what a Writer cannot know:
// where a name ends, and how much of a message anyone will read.
//
// Text that is printable already stays as it is, so making it printable twice
// does no harm.
package printable

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// LineBytes is how much Line leaves.
	LineBytes = 4 << 10
	// TextBytes and TextLines are how much Text leaves.
	TextBytes = 32 << 10
	TextLines = 300
)

// Line makes text into one line: a line feed is shown as \n, and what is beyond
// LineBytes is cut, with a note that says how much.
func Line(text string) string {
	kept := head(text, LineBytes)
	return escape(kept, false) + note(len(text)-len(kept))
}

// Text keeps lines and tabs. What is beyond TextLines or TextBytes is cut, with
// a note that says how much.
func Text(text string) string { return escape(Cut(text), true) }

// Count is a number of things, whose name ends with an s where they are
// several.
func Count[N ~int | ~int64 | ~uint64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// First are the first of some names, as shown makes them fit, with ".." where
// there are more than most.
func First(most int, names []string, shown func(name string) string) string {
	var b strings.Builder
	for _, name := range names[:min(len(names), most)] {
		b.WriteString(shown(name))
		b.WriteString(", ")
	}
	if len(names) > most {
		return b.String() + ".."
	}
	return strings.TrimSuffix(b.String(), ", ")
}

// Message is Text with every line but the first set in, so that none can be
// taken for one that this program says of itself.
func Message(text string) string {
	var b strings.Builder
	for line := range strings.Lines(Text(text)) {
		if b.Len() > 0 && line != "\n" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// Cut cuts as Text does, and escapes nothing: for what is not printed as text,
// such as JSON.
func Cut(text string) string {
	kept := head(text, TextBytes)
	lines := 0
	for i := range len(kept) {
		if kept[i] != '\n' {
			continue
		}
		if lines++; lines == TextLines {
			kept = kept[:i]
			break
		}
	}
	return kept + note(len(text)-len(kept))
}

// head is the beginning of text, of at most so many bytes, and no part of a
// rune.
func head(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// note says how much is not shown.
func note(cut int) string {
	if cut <= 0 {
		return ""
	}
	return fmt.Sprintf("… (%d bytes cut)", cut)
}

// escape shows what is not fit to be printed as JSON and most languages write
// it. With lines, line feeds and tabs stay.
func escape(text string, lines bool) string {
	if fit(text, lines) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + len(text)/8)
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		writeRune(&b, r, text[:size], lines)
		text = text[size:]
	}
	return b.String()
}

func fit(text string, lines bool) bool {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return false
			}
		}
		if !plain(r, lines) {
			return false
		}
	}
	return true
}

// writeRune writes r, which stands in the text as source.
func writeRune(b *strings.Builder, r rune, source string, lines bool) {
	switch {
	case r == utf8.RuneError && len(source) == 1:
		fmt.Fprintf(b, `\x%02x`, source[0])
	case plain(r, lines):
		b.WriteString(source)
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\t':
		b.WriteString(`\t`)
	case r > 0xffff:
		// Two halves, as in JSON: what passes through a Writer may be JSON.
		high, low := utf16.EncodeRune(r)
		fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
	default:
		fmt.Fprintf(b, `\u%04x`, r)
	}
}

// plain says whether a rune may be printed as it is: letters, marks, digits,
// signs and spaces of any script. Controls may not, nor may formats, which show
// text in another order or hide it, nor what shows as nothing, nor what has no
// meaning, or one that only some have agreed on.
func plain(r rune, lines bool) bool {
	switch {
	case r == '\n' || r == '\t':
		return lines
	case r < utf8.RuneSelf:
		return r >= ' ' && r != 0x7f
	case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
		return false
	}
	return unicode.IsPrint(r) || unicode.Is(unicode.Zs, r)
}

// Size is a number of bytes as people say it.
func Size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	default:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
}
