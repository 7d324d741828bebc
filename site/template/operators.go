package template

import (
	"math"
	"math/bits"

	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"
)

// binary are the operators with two sides. Arithmetic with what are no
// numbers gives none, as does dividing by zero.
var binary = map[string]func(a, b value.Value) (value.Value, error){
	"add":      add,
	"sub":      arithmeticOf(func(a, b int64) (int64, bool) { c := a - b; return c, (a < b) == (c < 0) }, func(a, b float64) float64 { return a - b }),
	"mul":      arithmeticOf(multiply, func(a, b float64) float64 { return a * b }),
	"div":      divide(func(a, b float64) float64 { return a / b }, nil),
	"floordiv": divide(func(a, b float64) float64 { return math.Floor(a / b) }, floorDivide),
	"mod":      divide(func(a, b float64) float64 { return a - b*math.Floor(a/b) }, func(a, b int64) int64 { return a - b*floorDivide(a, b) }),
	"pow":      arithmeticOf(power, math.Pow),
	"cat": func(a, b value.Value) (value.Value, error) {
		return value.FromString(text(a) + text(b)), nil
	},
	"eq": func(a, b value.Value) (value.Value, error) { return value.FromBool(equal(a, b)), nil },
	"ne": func(a, b value.Value) (value.Value, error) { return value.FromBool(!equal(a, b)), nil },
	"lt": ordering(func(c int) bool { return c < 0 }),
	"le": ordering(func(c int) bool { return c <= 0 }),
	"gt": ordering(func(c int) bool { return c > 0 }),
	"ge": ordering(func(c int) bool { return c >= 0 }),
	"in": func(what, in value.Value) (value.Value, error) {
		is, err := contains(in, what)
		return value.FromBool(is), err
	},
}

func add(a, b value.Value) (value.Value, error) {
	if kind(a) == kind(b) {
		switch kind(a) {
		case "string":
			return value.FromString(text(a) + text(b)), nil
		case "list":
			return value.FromSlice(append(append([]value.Value{}, a.Iter()...), b.Iter()...)), nil
		}
	}
	return arithmeticOf(func(a, b int64) (int64, bool) { c := a + b; return c, (b < 0) == (c < a) },
		func(a, b float64) float64 { return a + b })(a, b)
}

func ordering(holds func(int) bool) func(a, b value.Value) (value.Value, error) {
	return func(a, b value.Value) (value.Value, error) {
		c, err := compare(a, b)
		return value.FromBool(err == nil && holds(c)), err
	}
}

// arithmeticOf keeps to whole numbers as long as both sides are and the result
// fits.
func arithmeticOf(whole func(a, b int64) (int64, bool), real func(a, b float64) float64) func(a, b value.Value) (value.Value, error) {
	return func(a, b value.Value) (value.Value, error) {
		if kind(a) != "number" || kind(b) != "number" {
			return value.None(), nil
		}
		if a.IsActualInt() && b.IsActualInt() {
			x, _ := a.AsInt()
			y, _ := b.AsInt()
			if z, ok := whole(x, y); ok {
				return value.FromInt(z), nil
			}
		}
		x, _ := a.AsFloat()
		y, _ := b.AsFloat()
		return value.FromFloat(real(x, y)), nil
	}
}

func divide(real func(a, b float64) float64, whole func(a, b int64) int64) func(a, b value.Value) (value.Value, error) {
	return func(a, b value.Value) (value.Value, error) {
		if zero, ok := b.AsFloat(); !ok || zero == 0 {
			return value.None(), nil
		}
		return arithmeticOf(func(a, b int64) (int64, bool) {
			if whole == nil || a == math.MinInt64 && b == -1 {
				return 0, false
			}
			return whole(a, b), true
		}, real)(a, b)
	}
}

func floorDivide(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func multiply(a, b int64) (int64, bool) {
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	if high != 0 || low > math.MaxInt64 {
		return 0, false
	}
	return a * b, true
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

func power(base, exponent int64) (int64, bool) {
	if exponent < 0 {
		return 0, false
	}
	result, ok := int64(1), true
	// After 64 steps only 0, 1 and -1 still fit, and those repeat.
	for i := int64(0); i < min(exponent, 64+exponent%2) && ok; i++ {
		result, ok = multiply(result, base)
	}
	return result, ok
}
