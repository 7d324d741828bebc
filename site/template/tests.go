package template

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// test is what comes after is. Its value and arguments count as read: the
// length of a list, the field names of a dict. To look deeper, a test uses the
// render's methods, which pay for that and tell the recorder.
type test struct {
	signature
	doc   string // a line for the reference
	soft  bool   // takes what is undefined
	holds func(r *render, v value, args []value) (bool, error)
}

func (t test) of(names ...string) test {
	t.signature = takes(len(names), names...)
	return t
}

// says gives a test its line for the reference.
func (t test) says(doc string) test {
	t.doc = doc
	return t
}

// simple makes a test that only looks at the value.
func simple(holds func(v value) bool) test {
	return test{holds: func(_ *render, v value, _ []value) (bool, error) { return holds(v), nil }}
}

// kindTest holds for some kinds of values.
func kindTest(kinds ...string) test {
	return simple(func(v value) bool { return slices.Contains(kinds, kind(v)) })
}

// presence makes a test of whether there is a value. None counts as absent,
// since a page has none for what it leaves out.
func presence(want bool) test {
	t := simple(func(v value) bool { return (v.is != nil && !v.absent()) == want })
	t.soft = true
	return t
}

func orderTest(holds func(int) bool) test {
	return test{holds: func(r *render, v value, args []value) (bool, error) {
		c, err := r.compare(v, args[0])
		return err == nil && holds(c), err
	}}.of("value")
}

func equalTest(want bool) test {
	return test{holds: func(r *render, v value, args []value) (bool, error) {
		same, err := r.equal(v, args[0], 0)
		return same == want, err
	}}.of("value")
}

// textTest makes a test of two strings.
func textTest(holds func(s, part string) bool) test {
	return test{holds: func(r *render, v value, args []value) (bool, error) {
		text, ok := v.is.(string)
		part, too := args[0].is.(string)
		if !ok || !too {
			return false, nil
		}
		return holds(text, part), r.scan(len(part))
	}}.of("text")
}

// wholeTest makes a test of a whole number. Nothing else is odd or even.
func wholeTest(holds func(int64) bool) test {
	return simple(func(v value) bool {
		n, ok := v.is.(int64)
		return ok && holds(n)
	})
}

// wholeWith is of a whole number and another.
func wholeWith(holds func(n, by int64) bool) test {
	return test{holds: func(_ *render, v value, args []value) (bool, error) {
		n, ok := v.is.(int64)
		by, too := args[0].is.(int64)
		return ok && too && holds(n, by), nil
	}}.of("divisor")
}

// containing is the operator in, but false instead of an error if the value can
// hold nothing.
func containing(r *render, v value, args []value) (bool, error) {
	switch kind(v) {
	case "list", "dict":
		return r.contains(v, args[0])
	case "string":
		return kind(args[0]) == "string" && strings.Contains(v.is.(string), args[0].is.(string)), r.scan(len(v.is.(string)))
	}
	return false, nil
}

// within is the operator in, with its sides turned around.
func within(r *render, v value, args []value) (bool, error) {
	return containing(r, args[0], []value{v})
}

// applyTest runs a test that is named by a value, for selectattr.
func applyTest(r *render, name string, v, arg value) (bool, error) {
	f, ok := tests[name]
	switch {
	case !ok:
		return false, &missing{"unknown test " + quote(name), meant(name, slices.Collect(maps.Keys(tests)))}
	case f.required > 0 && arg.absent():
		return false, fmt.Errorf("the test %s needs %s", name, f.names[0])
	case len(f.names) == 0 && !arg.absent():
		return false, errors.New("the test " + name + " takes no argument")
	}
	v.from.read()
	if v.absent() && !f.soft { // there is nothing, which is false
		return name == "falsy", nil
	}
	return f.holds(r, v, []value{arg})
}
