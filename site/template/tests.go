package template

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"
)

// test is what stands behind is.
type test struct {
	signature
	soft  bool // takes what is undefined
	holds func(v value.Value, args []value.Value) (bool, error)
}

// kindTest holds for some kinds of values.
func kindTest(kinds ...string) test {
	return test{holds: func(v value.Value, _ []value.Value) (bool, error) { return slices.Contains(kinds, kind(v)), nil }}
}

// absent makes a test of whether there is no value. None counts as absent: it
// is what a page has for an extra that it leaves out.
func absent(want bool) test {
	return test{soft: true, holds: func(v value.Value, _ []value.Value) (bool, error) {
		return (v.IsUndefined() || v.IsNone()) == want, nil
	}}
}

func orderTest(holds func(int) bool) test {
	return test{signature: signature{names: []string{"value"}, required: 1}, holds: func(v value.Value, args []value.Value) (bool, error) {
		c, err := compare(v, args[0])
		return err == nil && holds(c), err
	}}
}

func equalTest(want bool) test {
	return test{signature: signature{names: []string{"value"}, required: 1}, holds: func(v value.Value, args []value.Value) (bool, error) {
		return equal(v, args[0]) == want, nil
	}}
}

// textTest is of a string and another.
func textTest(holds func(s, part string) bool) test {
	return test{signature: signature{names: []string{"text"}, required: 1}, holds: func(v value.Value, args []value.Value) (bool, error) {
		if kind(v) != "string" || kind(args[0]) != "string" {
			return false, nil
		}
		return holds(text(v), text(args[0])), nil
	}}
}

// wholeTest is of a whole number; no other is odd or even.
func wholeTest(holds func(int64) bool) test {
	return test{holds: func(v value.Value, _ []value.Value) (bool, error) {
		n, ok := v.AsInt()
		return ok && v.IsActualInt() && holds(n), nil
	}}
}

// tests by name. It is never changed.
var tests = map[string]test{
	"defined":       absent(false),
	"undefined":     absent(true),
	"none":          kindTest("none"),
	"string":        kindTest("string"),
	"number":        kindTest("number"),
	"integer":       wholeTest(func(int64) bool { return true }),
	"float":         {holds: func(v value.Value, _ []value.Value) (bool, error) { return v.IsActualFloat(), nil }},
	"mapping":       kindTest("dict"),
	"dict":          kindTest("dict"),
	"iterable":      kindTest("list", "string", "dict"),
	"sequence":      kindTest("list", "string", "dict"),
	"odd":           wholeTest(func(n int64) bool { return n%2 != 0 }),
	"even":          wholeTest(func(n int64) bool { return n%2 == 0 }),
	"truthy":        {holds: func(v value.Value, _ []value.Value) (bool, error) { return v.IsTrue(), nil }},
	"falsy":         {holds: func(v value.Value, _ []value.Value) (bool, error) { return !v.IsTrue(), nil }},
	"empty":         {holds: isEmpty},
	"eq":            equalTest(true),
	"equalto":       equalTest(true),
	"sameas":        equalTest(true),
	"ne":            equalTest(false),
	"lt":            orderTest(func(c int) bool { return c < 0 }),
	"lessthan":      orderTest(func(c int) bool { return c < 0 }),
	"le":            orderTest(func(c int) bool { return c <= 0 }),
	"gt":            orderTest(func(c int) bool { return c > 0 }),
	"greaterthan":   orderTest(func(c int) bool { return c > 0 }),
	"ge":            orderTest(func(c int) bool { return c >= 0 }),
	"starting_with": textTest(strings.HasPrefix),
	"startswith":    textTest(strings.HasPrefix),
	"ending_with":   textTest(strings.HasSuffix),
	"endswith":      textTest(strings.HasSuffix),
	"containing":    containing,
	"contains":      containing,
}

var containing = test{signature: signature{names: []string{"value"}, required: 1}, holds: func(v value.Value, args []value.Value) (bool, error) {
	is, err := contains(v, args[0])
	return err == nil && is, nil
}}

func isEmpty(v value.Value, _ []value.Value) (bool, error) {
	switch kind(v) {
	case "none":
		return true, nil
	case "string":
		return text(v) == "", nil
	case "list":
		return len(v.Iter()) == 0, nil
	case "dict":
		names, _ := keys(v)
		return len(names) == 0, nil
	}
	return false, nil
}

// applyTest runs a test that is named by a value, for selectattr.
func applyTest(name string, v value.Value, arg value.Value) (bool, error) {
	f, ok := tests[name]
	switch {
	case !ok:
		return false, &missingField{"unknown test " + quote(name), meant(name, testNames())}
	case f.required > 0 && arg.IsUndefined():
		return false, fmt.Errorf("the test %s needs %s", name, f.names[0])
	case len(f.names) == 0 && !arg.IsUndefined():
		return false, errors.New("the test " + name + " takes no argument")
	case v.IsUndefined() && !f.soft: // there is nothing, which is false
		return name == "falsy", nil
	}
	return f.holds(v, f.bind([]value.Value{arg}, nil))
}

func testNames() []string {
	names := make([]string, 0, len(tests))
	for name := range tests {
		names = append(names, name)
	}
	return names
}
