package template

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"
)

// filter is what stands behind |.
type filter struct {
	signature
	soft  bool // takes what is undefined
	apply func(v value.Value, args []value.Value) (value.Value, error)
}

func textFilter(change func(string) string) filter {
	return filter{apply: func(v value.Value, _ []value.Value) (value.Value, error) {
		return value.FromString(change(text(v))), nil
	}}
}

func takes(required int, names ...string) signature {
	return signature{names: names, required: required}
}

// filters by name. It is never changed.
var filters = map[string]filter{
	"upper":      textFilter(strings.ToUpper),
	"lower":      textFilter(strings.ToLower),
	"capitalize": textFilter(capitalize),
	"title":      textFilter(titleCase),
	"trim":       textFilter(strings.TrimSpace),
	"length":     {apply: length},
	"first":      {apply: func(v value.Value, _ []value.Value) (value.Value, error) { return end("first", v, 0) }},
	"last":       {apply: func(v value.Value, _ []value.Value) (value.Value, error) { return end("last", v, -1) }},
	"reverse":    {apply: reverse},
	"sort":       {signature: takes(0, "attribute"), apply: sorted},
	"join":       {signature: takes(0, "sep"), apply: join},
	"split":      {signature: takes(0, "pat"), apply: split},
	"default":    {signature: takes(1, "value"), soft: true, apply: orDefault},
	"escape": {apply: func(v value.Value, _ []value.Value) (value.Value, error) {
		return value.FromSafeString(output(v)), nil
	}},
	"safe": {apply: func(v value.Value, _ []value.Value) (value.Value, error) {
		return value.FromSafeString(text(v)), nil
	}},
	"typeof": {apply: func(v value.Value, _ []value.Value) (value.Value, error) {
		return value.FromString(kind(v)), nil
	}},
	"slice":      {signature: takes(0, "start", "end"), apply: slice},
	"map":        {signature: takes(1, "attribute"), apply: mapped},
	"selectattr": {signature: takes(1, "attribute", "test", "value"), apply: selecting(true)},
	"rejectattr": {signature: takes(1, "attribute", "test", "value"), apply: selecting(false)},
	"groupby":    {signature: takes(1, "attribute"), apply: grouped},
}

// list gives the items of a list; the name is for the error of another kind.
func list(name string, v value.Value) ([]value.Value, error) {
	if kind(v) != "list" {
		return nil, fmt.Errorf("%s needs a list, not %s", name, articled(v))
	}
	return v.Iter(), nil
}

func capitalize(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToUpper(first)) + s[size:]
}

// titleCase begins each word with a capital and leaves the rest of it alone,
// so that "the HTML guide" becomes "The HTML Guide".
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

// length counts the bytes of a string, as the original does.
func length(v value.Value, _ []value.Value) (value.Value, error) {
	switch kind(v) {
	case "string":
		return value.FromInt(int64(len(text(v)))), nil
	case "list":
		return value.FromInt(int64(len(v.Iter()))), nil
	case "dict":
		names, _ := keys(v)
		return value.FromInt(int64(len(names))), nil
	}
	return value.Undefined(), fmt.Errorf("%s has no length", articled(v))
}

// end gives the first or last item or letter, none if there is none.
func end(name string, v value.Value, index int64) (value.Value, error) {
	if kind(v) != "list" && kind(v) != "string" {
		return value.Undefined(), fmt.Errorf("%s needs a list or a string, not %s", name, articled(v))
	}
	if item := v.GetItem(value.FromInt(index)); !item.IsUndefined() {
		return item, nil
	}
	return value.None(), nil
}

func reverse(v value.Value, _ []value.Value) (value.Value, error) {
	if kind(v) == "string" {
		letters := []rune(text(v))
		slices.Reverse(letters)
		return value.FromString(string(letters)), nil
	}
	items, err := list("reverse", v)
	if err != nil {
		return value.Undefined(), err
	}
	items = slices.Clone(items)
	slices.Reverse(items)
	return value.FromSlice(items), nil
}

// path takes a field by its name, or one in another by "extra.date".
func path(v value.Value, attribute value.Value) (value.Value, error) {
	for _, name := range strings.Split(text(attribute), ".") {
		var err error
		if v, err = field(v, value.FromString(name), "an item"); err != nil {
			return v, err
		}
	}
	return v, nil
}

func sorted(v value.Value, args []value.Value) (value.Value, error) {
	items, err := list("sort", v)
	if err != nil {
		return value.Undefined(), err
	}
	keyed := make([][2]value.Value, len(items))
	for i, item := range items {
		keyed[i] = [2]value.Value{item, item}
		if !args[0].IsUndefined() {
			if keyed[i][0], err = path(item, args[0]); err != nil {
				return value.Undefined(), err
			}
		}
	}
	slices.SortStableFunc(keyed, func(a, b [2]value.Value) int {
		c, failed := compare(a[0], b[0])
		if failed != nil {
			err = failed
		}
		return c
	})
	out := make([]value.Value, len(keyed))
	for i := range keyed {
		out[i] = keyed[i][1]
	}
	return value.FromSlice(out), err
}

func join(v value.Value, args []value.Value) (value.Value, error) {
	items, err := list("join", v)
	if err != nil {
		return value.Undefined(), err
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = text(item)
	}
	return value.FromString(strings.Join(texts, text(args[0]))), nil
}

func split(v value.Value, args []value.Value) (value.Value, error) {
	if kind(v) != "string" {
		return value.Undefined(), fmt.Errorf("split needs a string, not %s", articled(v))
	}
	separator := " "
	if !args[0].IsUndefined() {
		separator = text(args[0])
	}
	return wrapAll(strings.Split(text(v), separator)), nil
}

func orDefault(v value.Value, args []value.Value) (value.Value, error) {
	if v.IsUndefined() || v.IsNone() || kind(v) == "string" && text(v) == "" {
		return args[0], nil
	}
	return v, nil
}

// slice gives the items or letters from start up to end; negative numbers
// count from the end.
func slice(v value.Value, args []value.Value) (value.Value, error) {
	if kind(v) != "list" && kind(v) != "string" {
		return value.Undefined(), fmt.Errorf("slice needs a list or a string, not %s", articled(v))
	}
	items := v.Iter()
	bounds := [2]int{0, len(items)}
	for i, arg := range args {
		if arg.IsUndefined() || arg.IsNone() {
			continue
		}
		n, ok := arg.AsInt()
		if !ok || !arg.IsActualInt() {
			return value.Undefined(), fmt.Errorf("slice needs whole numbers, not %s", articled(arg))
		}
		if n < 0 {
			n += int64(len(items))
		}
		bounds[i] = int(min(max(n, 0), int64(len(items))))
	}
	items = items[min(bounds[0], bounds[1]):bounds[1]]
	if kind(v) == "list" {
		return value.FromSlice(items), nil
	}
	var b strings.Builder
	for _, letter := range items {
		b.WriteString(text(letter))
	}
	return value.FromString(b.String()), nil
}

func mapped(v value.Value, args []value.Value) (value.Value, error) {
	items, err := list("map", v)
	if err != nil {
		return value.Undefined(), err
	}
	out := make([]value.Value, len(items))
	for i, item := range items {
		if out[i], err = path(item, args[0]); err != nil {
			return value.Undefined(), err
		}
	}
	return value.FromSlice(out), nil
}

// selecting keeps the items whose field passes a test, or those whose does
// not. A field that is not there passes undefined and falsy only.
func selecting(keep bool) func(value.Value, []value.Value) (value.Value, error) {
	return func(v value.Value, args []value.Value) (value.Value, error) {
		items, err := list("selectattr", v)
		if err != nil {
			return value.Undefined(), err
		}
		name := "truthy"
		if !args[1].IsUndefined() {
			name = text(args[1])
		}
		out := []value.Value{}
		for _, item := range items {
			tested := item
			for _, part := range strings.Split(text(args[0]), ".") {
				tested = take(tested, value.FromString(part))
			}
			is, err := applyTest(name, tested, args[2])
			if err != nil {
				return value.Undefined(), err
			}
			if is == keep {
				out = append(out, item)
			}
		}
		return value.FromSlice(out), nil
	}
}

// grouped gives [[key, items], ...] in the order in which the keys first come.
func grouped(v value.Value, args []value.Value) (value.Value, error) {
	items, err := list("groupby", v)
	if err != nil {
		return value.Undefined(), err
	}
	var groupKeys []value.Value
	var groups [][]value.Value
	for _, item := range items {
		key, err := path(item, args[0])
		if err != nil {
			return value.Undefined(), err
		}
		i := slices.IndexFunc(groupKeys, func(other value.Value) bool { return equal(key, other) })
		if i < 0 {
			i = len(groupKeys)
			groupKeys, groups = append(groupKeys, key), append(groups, nil)
		}
		groups[i] = append(groups[i], item)
	}
	out := make([]value.Value, len(groups))
	for i := range groups {
		out[i] = value.FromSlice([]value.Value{groupKeys[i], value.FromSlice(groups[i])})
	}
	return value.FromSlice(out), nil
}
