package template

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// filter is what comes after |. To add one, add an entry to filters in
// table.go.
//
// Its value and arguments count as read: the length of a list, the field names
// of a dict. To look deeper, a filter uses the render's methods text, items,
// field, equal, compare and so on, which pay for that and tell the recorder. A
// filter itself pays for what it makes, before it makes it: spend for texts,
// room for lists, scan for text that it only looks through.
type filter struct {
	signature
	doc   string // a line for the reference
	soft  bool   // takes what is undefined
	apply func(r *render, v value, args []value) (value, error)
}

// signature is what a filter, test, function or macro takes.
type signature struct {
	names    []string
	required int
}

func takes(required int, names ...string) signature {
	return signature{names: names, required: required}
}

// lettered makes a filter that changes each letter. A letter grows by at most
// three bytes.
func lettered(change func(string) string) func(*render, value, []value) (value, error) {
	return func(r *render, v value, _ []value) (value, error) {
		text, err := r.text(v)
		if err == nil {
			err = r.spend(len(text))
		}
		if err != nil {
			return undefined, err
		}
		changed := change(text)
		return textual(changed), r.spend(max(0, len(changed)-len(text)))
	}
}

func capitalize(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToUpper(first)) + s[size:]
}

// titleCase begins each word with a capital and leaves the rest alone: "the
// HTML guide" becomes "The HTML Guide".
func titleCase(s string) string {
	before := ' '
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(before) {
			c = unicode.ToUpper(c)
		}
		before = c
		return c
	}, s)
}

func escape(r *render, v value, _ []value) (value, error) {
	var b strings.Builder
	err := r.print(&b, v)
	return value{is: b.String(), safe: true}, err
}

func safe(r *render, v value, _ []value) (value, error) {
	text, err := r.text(v)
	return value{is: text, safe: true}, err
}

// length counts the bytes of a string, as the original does.
func length(_ *render, v value, _ []value) (value, error) {
	if text, ok := v.is.(string); ok {
		return whole(len(text)), nil
	}
	if l, ok := listed(v); ok {
		return whole(l.length), nil
	}
	if n, ok := entries(v); ok {
		return whole(n), nil
	}
	return undefined, fmt.Errorf("%s has no length", articled(v))
}

// end gives the first or last item or letter, none if there is none.
func end(name string, index int64) func(*render, value, []value) (value, error) {
	return func(r *render, v value, _ []value) (value, error) {
		if kind(v) != "list" && kind(v) != "string" {
			return undefined, fmt.Errorf("%s needs a list or a string, not %s", name, articled(v))
		}
		item, err := r.takeItem(v, index)
		if item.absent() {
			return value{}, err
		}
		return item, err
	}
}

func reverse(r *render, v value, _ []value) (value, error) {
	if text, ok := v.is.(string); ok {
		if err := r.spend(5 * len(text)); err != nil { // four of them for the letters
			return undefined, err
		}
		letters := []rune(text)
		slices.Reverse(letters)
		return textual(string(letters)), nil
	}
	items, err := r.itemsOf("reverse", v)
	slices.Reverse(items)
	return made(items), err
}

func split(r *render, v value, args []value) (value, error) {
	text, ok := v.is.(string)
	if !ok {
		return undefined, fmt.Errorf("split needs a string, not %s", articled(v))
	}
	separator := " "
	if !args[0].absent() {
		var err error
		if separator, err = r.text(args[0]); err != nil {
			return undefined, err
		}
	}
	if err := r.scan(len(text)); err != nil {
		return undefined, err
	}
	// Pay twice: the parts are first Go's strings, and then values.
	if err := r.room(2 * (1 + strings.Count(text, separator))); err != nil {
		return undefined, err
	}
	parts := strings.Split(text, separator)
	items := make([]value, len(parts))
	for i, part := range parts {
		items[i] = textual(part)
	}
	return made(items), nil
}

func orDefault(_ *render, v value, args []value) (value, error) {
	if v.absent() || v.is == nil || v.is == "" {
		return args[0], nil
	}
	return v, nil
}

// slice gives the items or letters from start up to end; negative numbers
// count from the end.
func slice(r *render, v value, args []value) (value, error) {
	if kind(v) != "list" && kind(v) != "string" {
		return undefined, fmt.Errorf("slice needs a list or a string, not %s", articled(v))
	}
	items, err := r.items(v)
	if err != nil {
		return undefined, err
	}
	bounds := [2]int{0, len(items)}
	for i, arg := range args {
		if arg.absent() || arg.is == nil {
			continue
		}
		n, ok := arg.is.(int64)
		if !ok {
			return undefined, fmt.Errorf("slice needs whole numbers, not %s", articled(arg))
		}
		if n < 0 {
			n += int64(len(items))
		}
		bounds[i] = int(min(max(n, 0), int64(len(items))))
	}
	items = items[min(bounds[0], bounds[1]):bounds[1]]
	if kind(v) == "list" {
		return made(items), nil
	}
	var b strings.Builder
	for _, letter := range items {
		if err := r.write(&b, scalar(letter)); err != nil {
			return undefined, err
		}
	}
	return textual(b.String()), nil
}
