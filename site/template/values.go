package template

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"
)

// dict shows a Go map to templates, wrapping its fields as they are asked for:
// the whole tree of a site hangs on the root section of every page.
type dict struct{ fields map[string]any }

var (
	_ value.MapObject      = (*dict)(nil)
	_ value.ObjectWithRepr = (*dict)(nil)
)

// GetAttr gives a field, or undefined.
func (d *dict) GetAttr(name string) value.Value {
	if v, ok := d.fields[name]; ok {
		return wrap(v)
	}
	return value.Undefined()
}

// Keys gives the names of the fields, sorted.
func (d *dict) Keys() []string { return slices.Sorted(maps.Keys(d.fields)) }

// ObjectRepr says that it is a map.
func (d *dict) ObjectRepr() value.ObjectRepr { return value.ObjectReprMap }

// wrap makes a value for templates of a Go one.
func wrap(v any) value.Value {
	switch v := v.(type) {
	case nil:
		return value.None()
	case value.Value:
		return v
	case string:
		return value.FromString(v)
	case bool:
		return value.FromBool(v)
	case int:
		return value.FromInt(int64(v))
	case int64:
		return value.FromInt(v)
	case float64:
		return value.FromFloat(v)
	case map[string]any:
		return value.FromObject(&dict{v})
	case []any:
		return wrapAll(v)
	case []map[string]any:
		return wrapAll(v)
	case []string:
		return wrapAll(v)
	case fmt.Stringer: // dates and times of data files
		return value.FromString(v.String())
	}
	return wrapReflected(reflect.ValueOf(v))
}

func wrapAll[T any](items []T) value.Value {
	all := make([]value.Value, len(items))
	for i, item := range items {
		all[i] = wrap(item)
	}
	return value.FromSlice(all)
}

// wrapReflected takes named types and the rarer kinds.
func wrapReflected(v reflect.Value) value.Value {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return value.None()
		}
		return wrap(v.Elem().Interface())
	case reflect.Slice, reflect.Array:
		all := make([]value.Value, v.Len())
		for i := range all {
			all[i] = wrap(v.Index(i).Interface())
		}
		return value.FromSlice(all)
	case reflect.Map:
		fields := make(map[string]any, v.Len())
		for _, key := range v.MapKeys() {
			fields[fmt.Sprint(key.Interface())] = v.MapIndex(key).Interface()
		}
		return value.FromObject(&dict{fields})
	case reflect.String:
		return value.FromString(v.String())
	case reflect.Bool:
		return value.FromBool(v.Bool())
	case reflect.Float32, reflect.Float64:
		return value.FromFloat(v.Float())
	}
	switch {
	case v.CanInt():
		return value.FromInt(v.Int())
	case v.CanUint() && v.Uint() < 1<<63:
		return value.FromInt(int64(v.Uint()))
	case v.CanUint():
		return value.FromFloat(float64(v.Uint()))
	}
	return value.FromString(fmt.Sprint(v.Interface()))
}

// kind names what a value is, as the filter typeof does.
func kind(v value.Value) string {
	switch v.Kind() {
	case value.KindUndefined:
		return "undefined"
	case value.KindNone:
		return "none"
	case value.KindBool:
		return "bool"
	case value.KindNumber:
		return "number"
	case value.KindString:
		return "string"
	case value.KindSeq, value.KindIterable:
		return "list"
	case value.KindMap:
		return "dict"
	}
	return "function"
}

// articled is a kind in a sentence.
func articled(v value.Value) string {
	switch k := kind(v); k {
	case "none", "undefined":
		return k
	default:
		return "a " + k
	}
}

// keys gives the names of a dict's fields, sorted; ok is false for others.
func keys(v value.Value) (names []string, ok bool) {
	if m, ok := v.AsMap(); ok {
		return slices.Sorted(maps.Keys(m)), true
	}
	if object, ok := v.AsObject(); ok {
		if m, ok := object.(value.MapObject); ok {
			return slices.Sorted(slices.Values(m.Keys())), true
		}
	}
	return nil, false
}

// text is a value as it is printed, before escaping.
func text(v value.Value) string {
	switch kind(v) {
	case "undefined", "none":
		return ""
	case "string":
		s, _ := v.AsString()
		return s
	case "bool":
		return strconv.FormatBool(v.IsTrue())
	case "number":
		if v.IsActualFloat() {
			f, _ := v.AsFloat()
			return strconv.FormatFloat(f, 'f', -1, 64)
		}
		return v.String()
	case "list":
		items := v.Iter()
		texts := make([]string, len(items))
		for i, item := range items {
			texts[i] = text(item)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	}
	return "[object]"
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;")

// output is a value as it goes into the page.
func output(v value.Value) string {
	if v.IsSafe() {
		return text(v)
	}
	return escaper.Replace(text(v))
}

// equal compares values of any kinds; dicts and lists by what is in them.
func equal(a, b value.Value) bool {
	if kind(a) != kind(b) {
		return false
	}
	switch kind(a) {
	case "list":
		return slices.EqualFunc(a.Iter(), b.Iter(), equal)
	case "dict":
		of, _ := keys(a)
		other, _ := keys(b)
		return slices.Equal(of, other) && !slices.ContainsFunc(of, func(key string) bool {
			return !equal(a.GetAttr(key), b.GetAttr(key))
		})
	}
	return a.Equal(b)
}

// compare orders two numbers, strings or booleans.
func compare(a, b value.Value) (int, error) {
	if kind(a) == kind(b) {
		switch kind(a) {
		case "number":
			if x, ok := a.AsInt(); ok && a.IsActualInt() && b.IsActualInt() {
				y, _ := b.AsInt()
				return cmp.Compare(x, y), nil
			}
			x, _ := a.AsFloat()
			y, _ := b.AsFloat()
			return cmp.Compare(x, y), nil
		case "string":
			return strings.Compare(text(a), text(b)), nil
		case "bool", "none":
			return cmp.Compare(text(a), text(b)), nil // "false" < "true"
		}
	}
	return 0, fmt.Errorf("cannot order %s and %s", articled(a), articled(b))
}

// contains looks for a value in a list, for text in a string, for a key in a dict.
func contains(in, what value.Value) (bool, error) {
	switch kind(in) {
	case "list":
		return slices.ContainsFunc(in.Iter(), func(item value.Value) bool { return equal(item, what) }), nil
	case "dict":
		names, _ := keys(in)
		return kind(what) == "string" && slices.Contains(names, text(what)), nil
	case "string":
		if kind(what) == "string" {
			return strings.Contains(text(in), text(what)), nil
		}
		return false, fmt.Errorf("cannot look for %s in a string", articled(what))
	}
	return false, fmt.Errorf("cannot look for anything in %s", articled(in))
}
