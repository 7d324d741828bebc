package js

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// literal is what a chunk of source means, and where in the source each byte of
// it comes from.
type literal struct {
	text string
	// at has one entry more than text: where the chunk ends. It is nil if text
	// is the source itself.
	at []int
}

// source is where the i-th byte of the text stands in the chunk's source.
func (l literal) source(i int) int {
	if l.at == nil {
		return i
	}
	return l.at[i]
}

// decode resolves escapes.
func decode(chunk string) literal {
	if !strings.Contains(chunk, `\`) {
		return literal{text: chunk}
	}
	var text []byte
	var at []int
	for i := 0; i < len(chunk); {
		value, length := chunk[i:i+1], 1
		if chunk[i] == '\\' {
			value, length = escape(chunk[i:])
		}
		for range len(value) {
			at = append(at, i)
		}
		text = append(text, value...)
		i += length
	}
	return literal{string(text), append(at, len(chunk))}
}

// escape reads the escape that text begins with, and says how long it is. Half
// a surrogate pair becomes the replacement character, which is in no path.
func escape(text string) (value string, length int) {
	if len(text) < 2 {
		return text, len(text)
	}
	switch c := text[1]; c {
	case 'n', 't', 'r', 'b', 'f', 'v', '0':
		return string("\n\t\r\b\f\v\x00"[strings.IndexByte("ntrbfv0", c)]), 2
	case 'x':
		return hexEscape(text, 2, 4)
	case 'u':
		if strings.HasPrefix(text[2:], "{") {
			end := strings.IndexByte(text, '}')
			if end < 0 {
				return string(utf8.RuneError), 2
			}
			value, _ := hexEscape(text[:end], 3, end)
			return value, end + 1
		}
		return hexEscape(text, 2, 6)
	case '\n':
		return "", 2
	case '\r':
		if strings.HasPrefix(text[2:], "\n") {
			return "", 3
		}
		return "", 2
	}
	r, size := utf8.DecodeRuneInString(text[1:])
	if r == '\u2028' || r == '\u2029' {
		return "", 1 + size
	}
	return text[1 : 1+size], 1 + size
}

func hexEscape(text string, from, to int) (string, int) {
	if len(text) < to {
		return string(utf8.RuneError), 2
	}
	code, err := strconv.ParseUint(text[from:to], 16, 32)
	if err != nil || code > utf8.MaxRune {
		return string(utf8.RuneError), to
	}
	return string(rune(code)), to
}

// encode writes a text between quotes of a kind.
func encode(text string, quote byte) string {
	var out strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == quote, c == '\\', quote == '`' && strings.HasPrefix(text[i:], "${"):
			out.WriteByte('\\')
			out.WriteByte(c)
		case c == '\n':
			out.WriteString(`\n`)
		case c == '\r':
			out.WriteString(`\r`)
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}
