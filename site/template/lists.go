package template

import (
	"fmt"
	"slices"
	"strings"
)

// The filters of lists.

// itemsOf gives the items of a list. The name is for the error about any other
// kind.
func (w *walker) itemsOf(name string, v value) ([]value, error) {
	if kind(v) != "list" {
		return nil, fmt.Errorf("%s needs a list, not %s", name, articled(v))
	}
	return w.items(v)
}

func sorted(r *render, v value, args []value) (value, error) {
	items, keys, err := r.keyed("sort", v, args[0])
	if err != nil {
		return undefined, err
	}
	if err := r.room(len(items)); err != nil {
		return undefined, err
	}
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		if err != nil {
			return 0
		}
		var c int
		if err = r.work(1); err == nil {
			c, err = r.compare(keys[i], keys[j])
		}
		return c
	})
	out := make([]value, len(items))
	for i, from := range order {
		out[i] = items[from]
	}
	return made(out), err
}

// each gives a field of each item.
func (w *walker) each(items []value, attribute value) ([]value, error) {
	names, err := w.attribute(attribute)
	if err == nil {
		err = w.room(len(items))
	}
	if err != nil {
		return nil, err
	}
	out := make([]value, len(items))
	for i, item := range items {
		if out[i], err = w.path(item, names); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// attribute splits "extra.date" into its names.
func (w *walker) attribute(v value) ([]string, error) {
	text, err := w.text(v)
	if err == nil {
		err = w.spend(itemBytes * (1 + strings.Count(text, ".")))
	}
	if err != nil {
		return nil, err
	}
	return strings.Split(text, "."), nil
}

func join(r *render, v value, args []value) (value, error) {
	items, err := r.itemsOf("join", v)
	if err != nil {
		return undefined, err
	}
	separator, err := r.text(args[0])
	if err != nil {
		return undefined, err
	}
	var b strings.Builder
	for i, item := range items {
		if i > 0 {
			if err := r.write(&b, separator); err != nil {
				return undefined, err
			}
		}
		if err := r.writeText(&b, item, 0); err != nil {
			return undefined, err
		}
	}
	return textual(b.String()), nil
}

func mapped(r *render, v value, args []value) (value, error) {
	items, err := r.itemsOf("map", v)
	if err != nil {
		return undefined, err
	}
	have, err := r.softly(items, args[0])
	if err != nil {
		return undefined, err
	}
	out := have[:0]
	for _, one := range have {
		if !one.absent() && one.is != nil {
			out = append(out, one)
		}
	}
	if len(out) == 0 && len(items) > 0 { // of a.b, b may be nowhere yet; without an a it is a slip of the pen
		names, err := r.attribute(args[0])
		if err == nil {
			_, err = r.path(items[0], names[:1])
		}
		return made(out), err
	}
	return made(out), nil
}

// selecting keeps the items whose field passes a test, or those whose field
// does not. A missing field passes only undefined and falsy.
func selecting(keep bool) func(*render, value, []value) (value, error) {
	return func(r *render, v value, args []value) (value, error) {
		items, err := r.itemsOf("selectattr", v)
		if err != nil {
			return undefined, err
		}
		name := "truthy"
		if !args[1].absent() {
			if name, err = r.text(args[1]); err != nil {
				return undefined, err
			}
		}
		fields, err := r.attribute(args[0])
		if err != nil {
			return undefined, err
		}
		out := items[:0]
		for _, item := range items {
			tested := item
			for _, field := range fields {
				if tested, err = r.take(tested, textual(field)); err != nil {
					return undefined, err
				}
			}
			is, err := applyTest(r, name, tested, args[2])
			if err != nil {
				return undefined, err
			}
			if is == keep {
				out = append(out, item)
			}
		}
		return made(out), nil
	}
}

// grouped gives [[key, items], ...] in the order in which the keys first
// appear.
func grouped(r *render, v value, args []value) (value, error) {
	items, err := r.itemsOf("groupby", v)
	if err != nil {
		return undefined, err
	}
	keys, err := r.each(items, args[0])
	if err == nil {
		err = r.room(4 * len(items)) // a group takes an item of the result and two of its own
	}
	if err != nil {
		return undefined, err
	}
	var firsts []value
	var groups [][]value
	for n, key := range keys {
		i, err := r.index(firsts, key)
		if err != nil {
			return undefined, err
		}
		if i < 0 {
			i = len(firsts)
			firsts, groups = append(firsts, key), append(groups, nil)
		}
		groups[i] = append(groups[i], items[n])
	}
	out := make([]value, len(groups))
	for i := range groups {
		out[i] = made([]value{firsts[i], made(groups[i])})
	}
	return made(out), nil
}

// index finds a value in a list, or gives -1.
func (w *walker) index(in []value, v value) (int, error) {
	for i, other := range in {
		same, err := w.equal(v, other, 0)
		if err == nil {
			err = w.work(1)
		}
		if same || err != nil {
			return i, err
		}
	}
	return -1, nil
}
