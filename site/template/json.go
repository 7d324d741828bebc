package template

import (
	"encoding/json"
	"math"
	"strings"
)

// jsonEncode is the filter of that name. Fields come in the order of their
// names, so that the same value is always the same text.
func jsonEncode(r *render, v value, args []value) (value, error) {
	pretty, err := flagOr(args[0], "pretty", false)
	if err != nil {
		return undefined, err
	}
	w := jsonWriter{render: r, pretty: pretty}
	err = w.value(v, 0)
	return textual(w.out.String()), err
}

type jsonWriter struct {
	*render
	out    strings.Builder
	pretty bool
}

func (w *jsonWriter) value(v value, depth int) error {
	v.from.read()
	if depth >= maxWalk {
		return errTooDeep
	}
	if err := w.work(1); err != nil {
		return err
	}
	if l, isList := listed(v); isList {
		return w.within('[', ']', l.length, depth, func(i int) error { return w.value(l.item(i), depth+1) })
	}
	if n, isDict := entries(v); isDict {
		if err := w.spend(n * itemBytes); err != nil {
			return err
		}
		names := keys(v)
		return w.within('{', '}', n, depth, func(i int) error {
			if err := w.text(names[i]); err != nil {
				return err
			}
			colon := ":"
			if w.pretty {
				colon = ": "
			}
			if err := w.write(&w.out, colon); err != nil {
				return err
			}
			return w.value(entry(v, names[i]), depth+1)
		})
	}
	switch is := v.is.(type) {
	case string:
		return w.text(is)
	case float64:
		if math.IsInf(is, 0) || math.IsNaN(is) { // JSON has no such numbers
			return w.write(&w.out, "null")
		}
	case nil, absent:
		return w.write(&w.out, "null")
	}
	return w.write(&w.out, scalar(v))
}

// text writes < > & as \u003c and so on: JSON means the same, and </script>
// within it ends no script.
func (w *jsonWriter) text(text string) error {
	if err := w.scan(len(text)); err != nil {
		return err
	}
	if err := w.spend(len(text)); err != nil { // the copy that Marshal makes
		return err
	}
	encoded, err := json.Marshal(text)
	if err != nil {
		return err
	}
	return w.write(&w.out, string(encoded))
}

// within writes brackets and what is in them, with commas between.
func (w *jsonWriter) within(opening, closing rune, n, depth int, each func(i int) error) error {
	line := func(depth int) string {
		if !w.pretty || n == 0 {
			return ""
		}
		return "\n" + strings.Repeat("  ", depth)
	}
	for i := range n {
		before := ","
		if i == 0 {
			before = string(opening)
		}
		if err := w.write(&w.out, before+line(depth+1)); err != nil {
			return err
		}
		if err := each(i); err != nil {
			return err
		}
	}
	if n == 0 {
		return w.write(&w.out, string(opening)+string(closing))
	}
	return w.write(&w.out, line(depth)+string(closing))
}
