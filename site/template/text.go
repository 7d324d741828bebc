package template

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"
)

// What follows walks through values, and so pays for each item of them, and
// tells the recorder of each.

var errTooDeep = &exhausted{fmt.Sprintf("recursion limit exceeded: lists lie more than %d deep in each other", maxWalk), ""}

// text is a value as it is printed, before escaping.
func (r *render) text(v value) (string, error) {
	v.from.read()
	switch is := v.is.(type) {
	case string:
		return is, nil
	case bool, nil, absent:
		return scalar(v), nil
	}
	var b strings.Builder
	err := r.writeText(&b, v, 0)
	return b.String(), err
}

func (r *render) writeText(b *strings.Builder, v value, depth int) error {
	v.from.read()
	l, isList := listed(v)
	if !isList {
		text := scalar(v)
		if _, isDict := entries(v); isDict {
			text = "[object]"
		}
		return r.write(b, text)
	}
	if depth >= maxWalk {
		return errTooDeep
	}
	for i := range l.length {
		separator := ", "
		if i == 0 {
			separator = "["
		}
		if err := r.work(1); err != nil {
			return err
		}
		if err := r.write(b, separator); err != nil {
			return err
		}
		if err := r.writeText(b, l.item(i), depth+1); err != nil {
			return err
		}
	}
	if l.length == 0 {
		return r.write(b, "[]")
	}
	return r.write(b, "]")
}

// write adds a text to what is being made, and pays for it.
func (r *render) write(b *strings.Builder, text string) error {
	if err := r.spend(len(text)); err != nil {
		return err
	}
	b.WriteString(text)
	return nil
}

// escapes are what stands for a byte in HTML.
var escapes = [256]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '"': "&quot;", '\'': "&#x27;"}

// writeEscaped adds a text with what HTML means something by written otherwise.
func (r *render) writeEscaped(b *strings.Builder, text string) error {
	size := 0
	for i := range len(text) {
		size += max(1, len(escapes[text[i]]))
	}
	if size == len(text) {
		return r.write(b, text)
	}
	if err := r.spend(size); err != nil {
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

// print adds a value to a page or what goes into one.
func (r *render) print(b *strings.Builder, v value) error {
	text, err := r.text(v)
	switch {
	case err != nil:
		return err
	case v.safe:
		return r.write(b, text)
	}
	return r.writeEscaped(b, text)
}

// letters counts the characters of a text.
func (r *render) letters(text string) (int, error) {
	return utf8.RuneCountInString(text), r.scan(len(text))
}

// items gives the items of a list, or the letters of a string, as a list made
// here.
func (r *render) items(v value) ([]value, error) {
	if text, ok := v.is.(string); ok {
		n, err := r.letters(text)
		if err == nil {
			err = r.spend(n * itemBytes)
		}
		if err != nil {
			return nil, err
		}
		items := make([]value, 0, n)
		for i, size := 0, 0; i < len(text); i += size {
			_, size = utf8.DecodeRuneInString(text[i:])
			items = append(items, textual(text[i:i+size]))
		}
		return items, nil
	}
	v.from.read()
	l, _ := listed(v)
	if err := r.room(l.length); err != nil {
		return nil, err
	}
	items := make([]value, l.length)
	for i := range items {
		items[i] = l.item(i)
	}
	return items, nil
}

// room pays for a list of so many items, and for making it.
func (r *render) room(n int) error {
	if err := r.spend(n * itemBytes); err != nil {
		return err
	}
	return r.work(n)
}

// equal compares values of any kinds; dicts and lists by what is in them.
func (r *render) equal(a, b value, depth int) (bool, error) {
	a.from.read()
	b.from.read()
	if kind(a) != kind(b) {
		return false, nil
	}
	switch kind(a) {
	case "list", "dict":
		if depth >= maxWalk {
			return false, errTooDeep
		}
		if kind(a) == "dict" {
			return r.equalDicts(a, b, depth)
		}
		x, _ := listed(a)
		y, _ := listed(b)
		if x.length != y.length {
			return false, nil
		}
		for i := range x.length {
			if err := r.work(1); err != nil {
				return false, err
			}
			if same, err := r.equal(x.item(i), y.item(i), depth+1); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	case "none", "undefined":
		return true, nil
	case "bool":
		return a.is == b.is, nil
	}
	c, err := r.compare(a, b)
	return c == 0, err
}

func (r *render) equalDicts(a, b value, depth int) (bool, error) {
	n, _ := entries(a)
	if m, _ := entries(b); n != m {
		return false, nil
	}
	if err := r.spend(n * itemBytes); err != nil {
		return false, err
	}
	for _, name := range keys(a) {
		if err := r.work(1); err != nil {
			return false, err
		}
		other := entry(b, name)
		if other.absent() {
			return false, nil
		}
		if same, err := r.equal(entry(a, name), other, depth+1); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// compare orders two numbers, strings, booleans or nones.
func (r *render) compare(a, b value) (int, error) {
	a.from.read()
	b.from.read()
	switch x := a.is.(type) {
	case int64:
		if y, ok := b.is.(int64); ok {
			return cmp.Compare(x, y), nil
		}
	case string:
		if y, ok := b.is.(string); ok {
			return strings.Compare(x, y), r.scan(min(len(x), len(y)))
		}
	case bool, nil:
		if kind(a) == kind(b) {
			return strings.Compare(scalar(a), scalar(b)), nil // "false" < "true"
		}
	}
	if kind(a) == "number" && kind(b) == "number" {
		return cmp.Compare(real(a), real(b)), nil
	}
	return 0, fmt.Errorf("cannot order %s and %s", articled(a), articled(b))
}

// real is a number as a float.
func real(v value) float64 {
	switch n := v.is.(type) {
	case int64:
		return float64(n)
	case float64:
		return n
	}
	return 0
}

// contains looks for a value in a list, for text in a string, for a key in a dict.
func (r *render) contains(in, what value) (bool, error) {
	in.from.read()
	what.from.read()
	text, isText := what.is.(string)
	switch kind(in) {
	case "list":
		l, _ := listed(in)
		for i := range l.length {
			if err := r.work(1); err != nil {
				return false, err
			}
			if same, err := r.equal(l.item(i), what, 0); same || err != nil {
				return same, err
			}
		}
		return false, nil
	case "dict":
		if !isText {
			return false, nil
		}
		found := entry(in, text)
		found.from.read()
		return !found.absent(), r.scan(len(text))
	case "string":
		if !isText {
			return false, fmt.Errorf("cannot look for %s in a string", articled(what))
		}
		return strings.Contains(in.is.(string), text), r.scan(len(in.is.(string)))
	}
	return false, fmt.Errorf("cannot look for anything in %s", articled(in))
}

// take gives a field or an item, or undefined.
func (r *render) take(from, key value) (value, error) {
	switch name := key.is.(type) {
	case string:
		if _, isDict := entries(from); isDict {
			return entry(from, name), r.scan(len(name))
		}
		return value{is: absent{}, from: from.from.field(name)}, nil
	case int64:
		return r.takeItem(from, name)
	}
	from.from.read()
	return undefined, nil
}

// takeItem gives the item or letter at an index; negative ones count from the
// end.
func (r *render) takeItem(from value, index int64) (value, error) {
	from.from.read()
	if text, ok := from.is.(string); ok {
		letters, err := r.letters(text)
		if index < 0 {
			index += int64(letters)
		}
		if err != nil || index < 0 || index >= int64(letters) {
			return undefined, err
		}
		for ; index > 0; index-- {
			_, size := utf8.DecodeRuneInString(text)
			text = text[size:]
		}
		_, size := utf8.DecodeRuneInString(text)
		return textual(text[:size]), nil
	}
	l, ok := listed(from)
	if index < 0 {
		index += int64(l.length)
	}
	if !ok || index < 0 || index >= int64(l.length) {
		return undefined, nil
	}
	return l.item(int(index)), nil
}

// missing is the error of what is not there, with what may be meant.
type missing struct{ message, hint string }

func (e *missing) Error() string { return e.message }

// field takes a field or an item, or says why there is none; what names the
// value it is taken from.
func (r *render) field(from, key value, what func() string) (value, error) {
	v, err := r.take(from, key)
	if err != nil || !v.absent() {
		return v, err
	}
	v.from.read()
	name, err := r.text(key)
	if err != nil {
		return undefined, err
	}
	n, isDict := entries(from)
	isNumber := kind(key) == "number"
	switch {
	case isNumber && (kind(from) == "list" || kind(from) == "string"):
		if l, ok := listed(from); ok {
			n = l.length
		} else {
			n = utf8.RuneCountInString(from.is.(string))
		}
		return undefined, &missing{message: fmt.Sprintf("%s has no item %s; it has %d", what(), name, n)}
	case isDict && n == 0:
		return undefined, &missing{fmt.Sprintf("%s has no field %s", what(), quote(name)), "it is empty"}
	case isDict:
		return undefined, &missing{fmt.Sprintf("%s has no field %s", what(), quote(name)), meant(name, keys(from))}
	case kind(key) == "string":
		return undefined, &missing{message: fmt.Sprintf("%s is %s and has no field %s", what(), articled(from), quote(name))}
	}
	return undefined, &missing{message: fmt.Sprintf("%s is %s and has no item %s", what(), articled(from), name)}
}

// path takes a field by its name, or one in another by "extra.date".
func (r *render) path(v value, names []string) (value, error) {
	var err error
	for _, name := range names {
		if v, err = r.field(v, textual(name), func() string { return "an item" }); err != nil {
			return v, err
		}
	}
	return v, nil
}
