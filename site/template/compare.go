package template

import (
	"cmp"
	"fmt"
	"strings"
)

// equal compares values of any kinds, and dicts and lists by what is in them.
func (w *walker) equal(a, b value, depth int) (bool, error) {
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
			return w.equalDicts(a, b, depth)
		}
		x, _ := listed(a)
		y, _ := listed(b)
		if x.length != y.length {
			return false, nil
		}
		for i := range x.length {
			if err := w.work(1); err != nil {
				return false, err
			}
			if same, err := w.equal(x.item(i), y.item(i), depth+1); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	case "none", "undefined":
		return true, nil
	case "bool":
		return a.is == b.is, nil
	}
	c, err := w.compare(a, b)
	return c == 0, err
}

func (w *walker) equalDicts(a, b value, depth int) (bool, error) {
	n, _ := entries(a)
	if m, _ := entries(b); n != m {
		return false, nil
	}
	if err := w.spend(n * itemBytes); err != nil {
		return false, err
	}
	for _, name := range keys(a) {
		if err := w.work(1); err != nil {
			return false, err
		}
		other := entry(b, name)
		if other.absent() {
			return false, nil
		}
		if same, err := w.equal(entry(a, name), other, depth+1); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// compare orders two numbers, strings, booleans or nones.
func (w *walker) compare(a, b value) (int, error) {
	a.from.read()
	b.from.read()
	switch x := a.is.(type) {
	case int64:
		if y, ok := b.is.(int64); ok {
			return cmp.Compare(x, y), nil
		}
	case string:
		if y, ok := b.is.(string); ok {
			return strings.Compare(x, y), w.scan(min(len(x), len(y)))
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

// contains looks for a value in a list, for text in a string, for a key in a
// dict.
func (w *walker) contains(in, what value) (bool, error) {
	in.from.read()
	what.from.read()
	text, isText := what.is.(string)
	switch kind(in) {
	case "list":
		l, _ := listed(in)
		for i := range l.length {
			if err := w.work(1); err != nil {
				return false, err
			}
			if same, err := w.equal(l.item(i), what, 0); same || err != nil {
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
		return !found.absent(), w.scan(len(text))
	case "string":
		if !isText {
			return false, fmt.Errorf("cannot look for %s in a string", articled(what))
		}
		return strings.Contains(in.is.(string), text), w.scan(len(in.is.(string)))
	}
	return false, fmt.Errorf("cannot look for anything in %s", articled(in))
}
