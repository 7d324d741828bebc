package template

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
)

// value is one value of a template. Its field is holds one of:
//
//	absent                                         undefined
//	nil                                            none
//	bool, int64, float64, string                   themselves
//	[]any, reflect.Value; []value                  a list of the site's; one made here
//	map[string]any; map[string]value; *loop        a dict of the site's; one made here; loop
//
// The site's lists and dicts are wrapped one item at a time, as templates touch
// them, because the whole tree of a site hangs on every page's root section.
type value struct {
	is any
	// safe text is not escaped.
	safe bool
	// from is the path that it was read from, or nil if the template made it.
	from *path
}

type absent struct{}

// loop is the value of the name loop within a loop.
type loop struct{ index, length int }

var loopFields = []string{"first", "index", "index0", "last", "length"}

func (l *loop) field(name string) value {
	switch name {
	case "index":
		return whole(l.index + 1)
	case "index0":
		return whole(l.index)
	case "first":
		return value{is: l.index == 0}
	case "last":
		return value{is: l.index == l.length-1}
	case "length":
		return whole(l.length)
	}
	return undefined
}

var undefined = value{is: absent{}}

func whole(n int) value        { return value{is: int64(n)} }
func textual(s string) value   { return value{is: s} }
func made(items []value) value { return value{is: items} }

// Later stands for a value that is made, by Page.Make, when a template touches
// it.
type Later struct{ What, Of string }

// wrap makes a value of a Go one.
func wrap(v any, from *path) value {
	if later, ok := v.(Later); ok {
		v = from.make(later)
	}
	return value{is: normal(v), from: from}
}

// normal converts a Go value to one of the types that a value holds.
func normal(v any) any {
	switch v := v.(type) {
	case nil, bool, int64, float64, string, []any, map[string]any:
		return v
	case int:
		return int64(v)
	case fmt.Stringer: // dates and times of data files
		if at := reflect.ValueOf(v); at.Kind() == reflect.Pointer && at.IsNil() {
			return nil
		}
		return v.String()
	}
	return reflected(reflect.ValueOf(v))
}

// reflected is normal for named types and the rarer kinds.
func reflected(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return normal(v.Elem().Interface())
	case reflect.Slice, reflect.Array:
		return v
	case reflect.Map:
		fields := make(map[string]any, v.Len())
		for _, key := range v.MapKeys() {
			fields[fmt.Sprint(key.Interface())] = v.MapIndex(key).Interface()
		}
		return fields
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Float32, reflect.Float64:
		return v.Float()
	}
	switch {
	case v.CanInt():
		return v.Int()
	case v.CanUint() && v.Uint() <= math.MaxInt64:
		return int64(v.Uint())
	case v.CanUint():
		return float64(v.Uint())
	}
	return fmt.Sprint(v.Interface())
}

// kind names what a value is, as the filter typeof does.
func kind(v value) string {
	switch v.is.(type) {
	case absent:
		return "undefined"
	case nil:
		return "none"
	case bool:
		return "bool"
	case int64, float64:
		return "number"
	case string:
		return "string"
	case []any, []value, reflect.Value:
		return "list"
	}
	return "dict"
}

// articled is a kind with its article.
func articled(v value) string {
	switch k := kind(v); k {
	case "none", "undefined":
		return k
	default:
		return "a " + k
	}
}

func (v value) absent() bool { _, ok := v.is.(absent); return ok }

// list is the items of a list, wrapped as they are asked for.
type list struct {
	value
	length int
}

// listed says whether a value is a list.
func listed(v value) (list, bool) {
	switch items := v.is.(type) {
	case []any:
		return list{v, len(items)}, true
	case []value:
		return list{v, len(items)}, true
	case reflect.Value:
		return list{v, items.Len()}, true
	}
	return list{}, false
}

func (l list) item(i int) value {
	switch items := l.is.(type) {
	case []any:
		return wrap(items[i], l.from.items())
	case []value:
		return items[i]
	}
	return wrap(l.is.(reflect.Value).Index(i).Interface(), l.from.items())
}

// entries gives how many fields a dict has; ok is false for others.
func entries(v value) (n int, ok bool) {
	switch fields := v.is.(type) {
	case map[string]any:
		return len(fields), true
	case map[string]value:
		return len(fields), true
	case *loop:
		return len(loopFields), true
	}
	return 0, false
}

// keys gives the names of a dict's fields, sorted.
func keys(v value) []string {
	switch fields := v.is.(type) {
	case map[string]any:
		return slices.Sorted(maps.Keys(fields))
	case map[string]value:
		return slices.Sorted(maps.Keys(fields))
	case *loop:
		return loopFields
	}
	return nil
}

// entry gives a field of a dict, or undefined.
func entry(v value, name string) value {
	switch fields := v.is.(type) {
	case map[string]any:
		if field, ok := fields[name]; ok {
			return wrap(field, v.from.field(name))
		}
	case map[string]value:
		if field, ok := fields[name]; ok {
			return field
		}
	case *loop:
		return fields.field(name)
	}
	return value{is: absent{}, from: v.from.field(name)}
}

// truth is whether a value counts as true.
func truth(v value) bool {
	switch is := v.is.(type) {
	case absent, nil:
		return false
	case bool:
		return is
	case int64:
		return is != 0
	case float64:
		return is != 0
	case string:
		return is != ""
	}
	if l, ok := listed(v); ok {
		return l.length > 0
	}
	n, _ := entries(v)
	return n > 0
}

// scalar is the text of what is neither a list nor a dict.
func scalar(v value) string {
	switch is := v.is.(type) {
	case string:
		return is
	case bool:
		return strconv.FormatBool(is)
	case int64:
		return strconv.FormatInt(is, 10)
	case float64:
		return strconv.FormatFloat(is, 'f', -1, 64)
	}
	return ""
}
