package template

import (
	"strconv"
	"strings"
)

// The filters of lists that Zola has beside Jinja's.

func concat(r *render, v value, args []value) (value, error) {
	if _, err := r.itemsOf("concat", v); err != nil {
		return undefined, err
	}
	if _, isList := listed(args[0]); isList {
		return add(r, v, args[0])
	}
	return add(r, v, made(args[:1]))
}

// keyed gives the items of a list, and what to compare of each: itself, or its
// attribute.
func (w *walker) keyed(name string, v, attribute value) (items, keys []value, err error) {
	if items, err = w.itemsOf(name, v); err != nil || attribute.absent() {
		return items, items, err
	}
	keys, err = w.each(items, attribute)
	return items, keys, err
}

// extreme makes a filter that gives the item to which all others compare as
// sign says, or equal.
func extreme(name string, sign int) func(*render, value, []value) (value, error) {
	return func(r *render, v value, args []value) (value, error) {
		items, keys, err := r.keyed(name, v, args[0])
		if err != nil || len(items) == 0 {
			return value{}, err
		}
		best := 0
		for i := range keys {
			c, err := r.compare(keys[i], keys[best])
			if err == nil {
				err = r.work(1)
			}
			if err != nil {
				return undefined, err
			}
			if c*sign < 0 {
				best = i
			}
		}
		return items[best], nil
	}
}

func total(r *render, v value, args []value) (value, error) {
	_, keys, err := r.keyed("sum", v, args[0])
	if err != nil {
		return undefined, err
	}
	all := whole(0)
	for _, key := range keys {
		key.from.read()
		if err := numeric(key); err != nil {
			return undefined, err
		}
		if all, err = sum(r, all, key); err != nil {
			return undefined, err
		}
	}
	return all, nil
}

func nth(r *render, v value, args []value) (value, error) {
	if kind(v) != "list" {
		return undefined, &missing{"nth needs a list, not " + articled(v), ""}
	}
	n, err := wholeOr(args[0], "n", 0)
	if err != nil {
		return undefined, err
	}
	if n < 0 {
		return undefined, &missing{"nth counts from 0; " + strconv.FormatInt(n, 10) + " is before that", "| last gives the last item"}
	}
	item, err := r.takeItem(v, n)
	if item.absent() {
		return value{}, err
	}
	return item, err
}

func get(r *render, v value, args []value) (value, error) {
	key, err := textOr(args[0], "key", "")
	if err != nil {
		return undefined, err
	}
	if kind(v) != "dict" {
		return undefined, &missing{"get needs a dict, not " + articled(v), "| nth gives an item of a list"}
	}
	if args[1].absent() {
		return r.field(v, textual(key), func() string { return "the dict" })
	}
	found, err := r.take(v, textual(key))
	if found.absent() {
		found.from.read()
		return args[1], err
	}
	return found, err
}

// softly gives what each item has as attribute; of one that lacks it,
// undefined.
func (w *walker) softly(items []value, attribute value) ([]value, error) {
	names, err := w.attribute(attribute)
	if err == nil {
		err = w.room(len(items))
	}
	if err != nil {
		return nil, err
	}
	out := make([]value, len(items))
	for i, item := range items {
		for _, name := range names {
			if item, err = w.take(item, textual(name)); err != nil {
				return nil, err
			}
		}
		item.from.read()
		out[i] = item
	}
	return out, nil
}

// having keeps the items whose attribute equals a value, or that have one.
func having(r *render, v value, args []value) (value, error) {
	items, err := r.itemsOf("filter", v)
	if err != nil {
		return undefined, err
	}
	have, err := r.softly(items, args[0])
	if err != nil {
		return undefined, err
	}
	out := items[:0]
	for i, is := range have {
		keep := !is.absent() && is.is != nil
		if keep && !args[1].absent() {
			if keep, err = r.equal(is, args[1], 0); err != nil {
				return undefined, err
			}
		}
		if keep {
			out = append(out, items[i])
		}
	}
	return made(out), nil
}

// groupedBy gives a dict, which a loop goes over in the order of its keys.
func groupedBy(r *render, v value, args []value) (value, error) {
	items, err := r.itemsOf("group_by", v)
	if err != nil {
		return undefined, err
	}
	keys, err := r.softly(items, args[0])
	if err == nil {
		err = r.room(2 * len(items)) // the lists grow by doubling
	}
	if err != nil {
		return undefined, err
	}
	groups := map[string][]value{}
	for i, key := range keys {
		if key.absent() || key.is == nil {
			continue
		}
		name, err := r.text(key)
		if err != nil {
			return undefined, err
		}
		if groups[name] == nil {
			if err := r.spend(entryBytes); err != nil {
				return undefined, err
			}
		}
		groups[name] = append(groups[name], items[i])
	}
	out := make(map[string]value, len(groups))
	if err := r.spend(entryBytes * len(groups)); err != nil {
		return undefined, err
	}
	for name, group := range groups {
		out[name] = made(group)
	}
	return value{is: out}, nil
}

// unique keeps the first of those that are alike.
func unique(r *render, v value, args []value) (value, error) {
	items, err := r.itemsOf("unique", v)
	if err != nil {
		return undefined, err
	}
	cased, err := flagOr(args[1], "case_sensitive", false)
	if err != nil {
		return undefined, err
	}
	keys := items
	if !args[0].absent() {
		if keys, err = r.softly(items, args[0]); err != nil {
			return undefined, err
		}
	}
	seen := map[any]bool{}
	var others []value // lists and dicts
	out := make([]value, 0, len(items))
	if err := r.room(len(items)); err != nil {
		return undefined, err
	}
	for i, key := range keys {
		if key.absent() && !args[0].absent() {
			continue
		}
		fresh, err := r.fresh(key, cased, seen, &others)
		if err != nil {
			return undefined, err
		}
		if fresh {
			out = append(out, items[i])
		}
	}
	return made(out), nil
}

// fresh says whether a value was not there before, and keeps it.
func (w *walker) fresh(v value, cased bool, seen map[any]bool, others *[]value) (bool, error) {
	v.from.read()
	key := v.is
	switch is := v.is.(type) {
	case string:
		if err := w.scan(len(is)); err != nil {
			return false, err
		}
		if !cased {
			if err := w.spend(len(is)); err != nil {
				return false, err
			}
			key = strings.ToLower(is)
		}
	case int64:
		key = float64(is) // 1 and 1.0 are equal
	case float64, bool, nil, absent:
	default:
		i, err := w.index(*others, v)
		if err != nil || i >= 0 {
			return false, err
		}
		*others = append(*others, v)
		return true, w.spend(2 * itemBytes)
	}
	if seen[key] {
		return false, nil
	}
	seen[key] = true
	return true, w.spend(entryBytes)
}
