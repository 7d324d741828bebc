package template

import (
	"context"
	"errors"
	"fmt"

	minijinja "github.com/mitsuhiko/minijinja/minijinja-go/v2"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"
)

// render is one rendering. Its first error is kept here, since on its way out
// the interpreter may wrap it.
type render struct {
	set   *Set
	funcs Funcs
	at    int // the place entered last, or -1
	err   error
}

type renderKey struct{}

// fail keeps an error and gives it back to the interpreter, which then stops.
func (r *render) fail(err error) (value.Value, error) {
	if r.err == nil {
		r.err = err
	}
	return value.Undefined(), err
}

// fault is an error of the template at a place.
func (r *render) fault(n int, message, hint string) (value.Value, error) {
	return r.fail(r.set.places[n].errorf(message, hint))
}

// wrong places an error of an operation; one that has a place keeps it.
func (r *render) wrong(n int, err error) (value.Value, error) {
	var placed *Error
	if errors.As(err, &placed) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return r.fail(err)
	}
	hint := ""
	if missing, ok := errors.AsType[*missingField](err); ok {
		hint = missing.hint
	}
	return r.fault(n, err.Error(), hint)
}

// operation is a function of this package as translated templates call it: n
// is the number of the place.
type operation func(r *render, n int, state *minijinja.State, args []value.Value, named map[string]value.Value) (value.Value, error)

// register gives an environment everything that translated templates call.
func register(env *minijinja.Environment) {
	add := func(name string, run operation) {
		env.AddFunction("ddc_"+name, func(state *minijinja.State, args []value.Value, named map[string]value.Value) (value.Value, error) {
			r := state.Context().Value(renderKey{}).(*render)
			n, _ := args[0].AsInt()
			r.at = int(n)
			return run(r, int(n), state, args[1:], named)
		})
	}
	env.AddFunction("ddc_raw", func(_ *minijinja.State, args []value.Value, _ map[string]value.Value) (value.Value, error) {
		return value.FromSafeString(text(args[0])), nil
	})
	env.AddFunction("ddc_look", func(state *minijinja.State, args []value.Value, _ map[string]value.Value) (value.Value, error) {
		return variable(state, text(args[0])), nil
	})
	env.AddFunction("ddc_try", func(_ *minijinja.State, args []value.Value, _ map[string]value.Value) (value.Value, error) {
		return take(args[0], args[1]), nil
	})
	add("at", func(*render, int, *minijinja.State, []value.Value, map[string]value.Value) (value.Value, error) {
		return value.True(), nil
	})
	add("var", runVariable)
	add("attr", runField)
	add("item", runField)
	add("each", runEach)
	for name := range functions {
		add(name, runFunction(name))
	}
	for name, apply := range binary {
		add("op_"+name, func(r *render, n int, _ *minijinja.State, args []value.Value, _ map[string]value.Value) (value.Value, error) {
			v, err := apply(args[0], args[1])
			if err != nil {
				return r.wrong(n, err)
			}
			return v, nil
		})
	}
	for name, f := range filters {
		add("f_"+name, func(r *render, n int, _ *minijinja.State, args []value.Value, named map[string]value.Value) (value.Value, error) {
			v, err := f.apply(args[0], f.bind(args[1:], named))
			if err != nil {
				return r.wrong(n, err)
			}
			return v, nil
		})
	}
	for name, f := range tests {
		add("t_"+name, func(r *render, n int, _ *minijinja.State, args []value.Value, named map[string]value.Value) (value.Value, error) {
			is, err := f.holds(args[0], f.bind(args[1:], named))
			if err != nil {
				return r.wrong(n, err)
			}
			return value.FromBool(is), nil
		})
	}
}

// bind gives the arguments in the order of the signature; those not given are
// undefined.
func (s signature) bind(args []value.Value, named map[string]value.Value) []value.Value {
	all := make([]value.Value, len(s.names))
	for i, name := range s.names {
		all[i] = value.Undefined()
		if i < len(args) {
			all[i] = args[i]
		} else if v, ok := named[name]; ok {
			all[i] = v
		}
	}
	return all
}

// variable looks up a variable. Macros and functions are none, though the
// interpreter finds them too; loop is, though it could be called.
func variable(state *minijinja.State, name string) value.Value {
	v := state.Lookup(name)
	if v.Kind() == value.KindCallable && name != "loop" {
		return value.Undefined()
	}
	return v
}

func runVariable(r *render, n int, state *minijinja.State, args []value.Value, _ map[string]value.Value) (value.Value, error) {
	name := text(args[0])
	if v := variable(state, name); !v.IsUndefined() {
		return v, nil
	}
	var known []string
	for _, other := range state.KnownVariables() {
		if !variable(state, other).IsUndefined() && !isModule(state.Lookup(other)) {
			known = append(known, other)
		}
	}
	return r.fault(n, "unknown variable "+quote(name), meant(name, known))
}

// isModule tells imports, which stand among the variables, from those.
func isModule(v value.Value) bool {
	object, ok := v.AsObject()
	if !ok {
		return false
	}
	switch object.(type) {
	case *dict:
		return false
	case value.MapObject:
		return true
	case interface{ Map() map[string]value.Value }:
		return true
	}
	return false
}

// loopFields are what a loop's own variable has.
var loopFields = []string{"index", "index0", "first", "last", "length"}

// take gives a field or an item, or undefined.
func take(from, key value.Value) value.Value {
	if kind(key) == "number" {
		if kind(from) == "dict" || !key.IsActualInt() {
			return value.Undefined()
		}
		return from.GetItem(key)
	}
	if kind(key) == "string" && kind(from) != "list" {
		if v := from.GetAttr(text(key)); v.Kind() != value.KindCallable {
			return v
		}
	}
	return value.Undefined()
}

// missingField is the error of taking what is not there.
type missingField struct{ message, hint string }

func (e *missingField) Error() string { return e.message }

// field takes a field or an item, or says why there is none; what names the
// value it is taken from.
func field(from, key value.Value, what string) (value.Value, error) {
	if v := take(from, key); !v.IsUndefined() {
		return v, nil
	}
	names, isDict := keys(from)
	switch {
	case kind(key) == "number" && (kind(from) == "list" || kind(from) == "string"):
		return value.Undefined(), &missingField{message: fmt.Sprintf("%s has no item %s; it has %d", what, text(key), len(from.Iter()))}
	case isDict:
		if len(names) == 0 {
			return value.Undefined(), &missingField{fmt.Sprintf("%s has no field %q", what, text(key)), "it is empty"}
		}
		return value.Undefined(), &missingField{fmt.Sprintf("%s has no field %q", what, text(key)), meant(text(key), names)}
	case what == "loop":
		return value.Undefined(), &missingField{fmt.Sprintf("loop has no field %q", text(key)), meant(text(key), loopFields)}
	case kind(key) == "string":
		return value.Undefined(), &missingField{message: fmt.Sprintf("%s is %s and has no field %q", what, articled(from), text(key))}
	}
	return value.Undefined(), &missingField{message: fmt.Sprintf("%s is %s and has no item %s", what, articled(from), text(key))}
}

func runField(r *render, n int, _ *minijinja.State, args []value.Value, _ map[string]value.Value) (value.Value, error) {
	v, err := field(args[0], args[1], r.set.places[n].text)
	if err != nil {
		return r.wrong(n, err)
	}
	return v, nil
}

// runEach gives what a loop with so many names goes over.
func runEach(r *render, n int, state *minijinja.State, args []value.Value, _ map[string]value.Value) (value.Value, error) {
	if err := state.Context().Err(); err != nil {
		return r.fail(err)
	}
	list, what := args[0], r.set.places[n].text
	count, _ := args[1].AsInt()
	if names, ok := keys(list); ok {
		items := make([]value.Value, len(names))
		for i, name := range names {
			switch count {
			case 1:
				items[i] = value.FromMap(map[string]value.Value{"key": value.FromString(name), "value": list.GetAttr(name)})
			case 2:
				items[i] = value.FromSlice([]value.Value{value.FromString(name), list.GetAttr(name)})
			default:
				return r.fault(n, "a loop over a dict has one name or two, not "+itoa(int(count)), "")
			}
		}
		return value.FromSlice(items), nil
	}
	if kind(list) != "list" && kind(list) != "string" {
		return r.fault(n, "cannot loop over "+what+": it is "+articled(list), "")
	}
	items := list.Iter()
	for i, item := range items {
		if count > 1 && (kind(item) != "list" || len(item.Iter()) != int(count)) {
			return r.fault(n, fmt.Sprintf("item %d of %s is no list of %d, as the names of this loop want", i, what, count), "")
		}
	}
	return value.FromSlice(items), nil
}

// functions are what templates may call, with their parameters.
var functions = map[string]signature{
	"get_url":     {names: []string{"path"}, required: 1},
	"get_section": {names: []string{"path"}, required: 1},
}

func runFunction(name string) operation {
	return func(r *render, n int, _ *minijinja.State, args []value.Value, named map[string]value.Value) (value.Value, error) {
		path := functions[name].bind(args, named)[0]
		if kind(path) != "string" {
			return r.fault(n, name+" needs a path in text, not "+articled(path), "")
		}
		var result any
		err := errors.New("this site has no function " + name)
		switch {
		case name == "get_url" && r.funcs.GetURL != nil:
			result, err = r.funcs.GetURL(text(path))
		case name == "get_section" && r.funcs.GetSection != nil:
			result, err = r.funcs.GetSection(text(path))
		}
		if err != nil {
			return r.wrong(n, fmt.Errorf("%s: %w", name, err))
		}
		return wrap(result), nil
	}
}
