package content

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Text gives a file's bytes as text, without a byte order mark. Where they are
// not UTF-8, ok is false and line and col, from 1, are those of the first bad byte.
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

// Links finds the places where a source, Markdown or HTML, has a URL as a
// link's target: after "(", "<", "=", a quote, or the colon of a reference, and
// not followed by more of a URL.
func Links(source, url string) []Place {
	var places []Place
	if url == "" {
		return nil
	}
	for from := 0; ; {
		i := strings.Index(source[from:], url)
		if i < 0 {
			return places
		}
		at, end := from+i, from+i+len(url)
		from = end
		before := strings.TrimRight(source[:at], " ")
		opened := before != "" && strings.ContainsRune("(<=\"':,", rune(before[len(before)-1]))
		closed := end == len(source) || strings.ContainsRune(")>\"' \t\r\n,", rune(source[end]))
		if opened && closed {
			line := strings.Count(source[:at], "\n") + 1
			start := strings.LastIndexByte(source[:at], '\n') + 1
			places = append(places, Place{line, utf8.RuneCountInString(source[start:at]) + 1})
		}
	}
}
