package template

import (
	"fmt"
	"unicode/utf8"
)

// take gives a field or an item, or undefined.
func (w *walker) take(from, key value) (value, error) {
	switch name := key.is.(type) {
	case string:
		if _, isDict := entries(from); isDict {
			return entry(from, name), w.scan(len(name))
		}
		return value{is: absent{}, from: from.from.field(name)}, nil
	case int64:
		return w.takeItem(from, name)
	}
	from.from.read()
	return undefined, nil
}

// takeItem gives the item or letter at an index; negative ones count from the
// end.
func (w *walker) takeItem(from value, index int64) (value, error) {
	from.from.read()
	if text, ok := from.is.(string); ok {
		letters, err := w.letters(text)
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

// missing is the error of a name that does not exist, with a guess at what was
// meant.
type missing struct{ message, hint string }

func (e *missing) Error() string { return e.message }

// field takes a field or an item, or says why there is none. what names the
// value that it is taken from.
func (w *walker) field(from, key value, what func() string) (value, error) {
	v, err := w.take(from, key)
	if err != nil || !v.absent() {
		return v, err
	}
	v.from.read()
	name, err := w.text(key)
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
	case isDict:
		var hint string
		if n == 0 {
			hint = "it is empty"
		} else if hint = missingField(from, name); hint == "" && n <= maxKnown {
			hint = meant(name, keys(from))
		}
		return undefined, &missing{fmt.Sprintf("%s has no field %s", what(), quote(name)), hint}
	case kind(key) == "string":
		return undefined, &missing{message: fmt.Sprintf("%s is %s and has no field %s", what(), articled(from), quote(name))}
	}
	return undefined, &missing{message: fmt.Sprintf("%s is %s and has no item %s", what(), articled(from), name)}
}

// path takes a field by its names, as "extra.date" gives them: each within the
// one before.
func (w *walker) path(v value, names []string) (value, error) {
	var err error
	for _, name := range names {
		if v, err = w.field(v, textual(name), func() string { return "an item" }); err != nil {
			return v, err
		}
	}
	return v, nil
}
