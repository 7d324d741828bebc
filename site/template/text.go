package template

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// walker walks through values. It pays for each item, and tells the recorder of
// each.
type walker struct {
	*meter
	// patterns are the regular expressions that the page has used so far.
	patterns map[string]pattern
}

var errTooDeep = &exhausted{fmt.Sprintf("recursion limit exceeded: lists lie more than %d deep in each other", maxWalk), ""}

// text is a value as it is printed, before escaping.
func (w *walker) text(v value) (string, error) {
	v.from.read()
	switch is := v.is.(type) {
	case string:
		return is, nil
	case bool, nil, absent:
		return scalar(v), nil
	}
	var b strings.Builder
	err := w.writeText(&b, v, 0)
	return b.String(), err
}

func (w *walker) writeText(b *strings.Builder, v value, depth int) error {
	v.from.read()
	l, isList := listed(v)
	if !isList {
		text := scalar(v)
		if _, isDict := entries(v); isDict {
			text = "[object]"
		}
		return w.write(b, text)
	}
	if depth >= maxWalk {
		return errTooDeep
	}
	for i := range l.length {
		separator := ", "
		if i == 0 {
			separator = "["
		}
		if err := w.work(1); err != nil {
			return err
		}
		if err := w.write(b, separator); err != nil {
			return err
		}
		if err := w.writeText(b, l.item(i), depth+1); err != nil {
			return err
		}
	}
	if l.length == 0 {
		return w.write(b, "[]")
	}
	return w.write(b, "]")
}

// write adds a text to b, and pays for it.
func (m *meter) write(b *strings.Builder, text string) error {
	if err := m.spend(len(text)); err != nil {
		return err
	}
	b.WriteString(text)
	return nil
}

// escapes has what stands for a byte in HTML.
var escapes = [256]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '"': "&quot;", '\'': "&#x27;"}

// writeEscaped adds a text, with the characters escaped that mean something in
// HTML.
func (m *meter) writeEscaped(b *strings.Builder, text string) error {
	size := 0
	for i := range len(text) {
		size += max(1, len(escapes[text[i]]))
	}
	if size == len(text) {
		return m.write(b, text)
	}
	if err := m.spend(size); err != nil {
		return err
	}
	start := 0
	for i := range len(text) {
		if escape := escapes[text[i]]; escape != "" {
			b.WriteString(text[start:i])
			b.WriteString(escape)
			start = i + 1
		}
	}
	b.WriteString(text[start:])
	return nil
}

// print adds a value to a page, or to a part of one.
func (r *render) print(b *strings.Builder, v value) error {
	text, err := r.text(v)
	switch {
	case err != nil:
		return err
	case v.safe || r.plain:
		return r.write(b, text)
	}
	return r.writeEscaped(b, text)
}

// letters counts the characters of a text.
func (m *meter) letters(text string) (int, error) {
	return utf8.RuneCountInString(text), m.scan(len(text))
}

// items gives the items of a list, or the letters of a string, as a list made
// here.
func (w *walker) items(v value) ([]value, error) {
	if text, ok := v.is.(string); ok {
		n, err := w.letters(text)
		if err == nil {
			err = w.spend(n * itemBytes)
		}
		if err != nil {
			return nil, err
		}
		items := make([]value, 0, n)
		var size int
		for i := 0; i < len(text); i += size {
			_, size = utf8.DecodeRuneInString(text[i:])
			items = append(items, textual(text[i:i+size]))
		}
		return items, nil
	}
	v.from.read()
	l, _ := listed(v)
	if err := w.room(l.length); err != nil {
		return nil, err
	}
	items := make([]value, l.length)
	for i := range items {
		items[i] = l.item(i)
	}
	return items, nil
}

// room pays for a list of so many items, and for making it.
func (m *meter) room(n int) error {
	if err := m.spend(n * itemBytes); err != nil {
		return err
	}
	return m.work(n)
}
