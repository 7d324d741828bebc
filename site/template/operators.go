package template

import (
	"math"
	"math/bits"
)

// operator is what stands between two values. Arithmetic is of numbers.
type operator func(r *render, a, b value) (value, error)

// binary has the operators by how they are written. It is never changed.
var binary = map[string]operator{
	"+":  add,
	"-":  arithmeticOf(func(a, b int64) (int64, bool) { c := a - b; return c, (a < b) == (c < 0) }, func(a, b float64) float64 { return a - b }),
	"*":  arithmeticOf(multiply, func(a, b float64) float64 { return a * b }),
	"/":  divide(func(a, b float64) float64 { return a / b }, nil),
	"//": divide(func(a, b float64) float64 { return math.Floor(a / b) }, floorDivide),
	"%":  divide(func(a, b float64) float64 { return a - b*math.Floor(a/b) }, func(a, b int64) int64 { return a - b*floorDivide(a, b) }),
	"**": arithmeticOf(power, math.Pow),
	"~":  tilde,
	"==": equality(true),
	"!=": equality(false),
	"<":  ordering(func(c int) bool { return c < 0 }),
	"<=": ordering(func(c int) bool { return c <= 0 }),
	">":  ordering(func(c int) bool { return c > 0 }),
	">=": ordering(func(c int) bool { return c >= 0 }),
	"in": func(r *render, what, in value) (value, error) {
		is, err := r.contains(in, what)
		return value{is: is}, err
	},
}

// tilde is the ~ operator.
func tilde(r *render, a, b value) (value, error) {
	left, err := r.text(a)
	if err != nil {
		return undefined, err
	}
	right, err := r.text(b)
	if err != nil {
		return undefined, err
	}
	return r.concatenate(left, right)
}

func (w *walker) concatenate(a, b string) (value, error) {
	if err := w.spend(len(a) + len(b)); err != nil {
		return undefined, err
	}
	return textual(a + b), nil
}

var sum = arithmeticOf(func(a, b int64) (int64, bool) { c := a + b; return c, (b < 0) == (c < a) },
	func(a, b float64) float64 { return a + b })

func add(r *render, a, b value) (value, error) {
	if x, ok := a.is.(string); ok {
		if y, ok := b.is.(string); ok {
			return r.concatenate(x, y)
		}
	}
	x, left := listed(a)
	y, right := listed(b)
	if !left || !right {
		return sum(r, a, b)
	}
	if err := r.room(x.length + y.length); err != nil {
		return undefined, err
	}
	items := make([]value, 0, x.length+y.length)
	for i := range x.length {
		items = append(items, x.item(i))
	}
	for i := range y.length {
		items = append(items, y.item(i))
	}
	return made(items), nil
}

func equality(want bool) operator {
	return func(r *render, a, b value) (value, error) {
		same, err := r.equal(a, b, 0)
		return value{is: same == want}, err
	}
}

func ordering(holds func(int) bool) operator {
	return func(r *render, a, b value) (value, error) {
		c, err := r.compare(a, b)
		return value{is: err == nil && holds(c)}, err
	}
}

// arithmeticOf keeps to whole numbers as long as both sides are whole and the
// result fits.
func arithmeticOf(whole func(a, b int64) (int64, bool), decimal func(a, b float64) float64) operator {
	return func(_ *render, a, b value) (value, error) {
		for _, side := range []value{a, b} {
			if err := calculable(side); err != nil {
				return undefined, err
			}
		}
		x, isWhole := a.is.(int64)
		y, both := b.is.(int64)
		if isWhole && both {
			if z, ok := whole(x, y); ok {
				return value{is: z}, nil
			}
		}
		return value{is: decimal(real(a), real(b))}, nil
	}
}

// calculable says why there is no arithmetic with a value.
func calculable(v value) error {
	switch kind(v) {
	case "number":
		return nil
	case "string":
		return &missing{"arithmetic needs numbers, not a string", "| int and | float make a number of a text; ~ puts texts together"}
	case "bool":
		return &missing{"arithmetic needs numbers, not a bool", "write 1 if value else 0"}
	case "undefined", "none":
		return &missing{"arithmetic needs numbers, and this value is " + kind(v), "write value | default(value=0)"}
	}
	return &missing{"arithmetic needs numbers, not " + articled(v), "| length counts its items; + puts a list behind a list"}
}

func divide(decimal func(a, b float64) float64, whole func(a, b int64) int64) operator {
	quotient := arithmeticOf(func(a, b int64) (int64, bool) {
		if whole == nil || a == math.MinInt64 && b == -1 {
			return 0, false
		}
		return whole(a, b), true
	}, decimal)
	return func(r *render, a, b value) (value, error) {
		if kind(a) == "number" && kind(b) == "number" && real(b) == 0 {
			return undefined, &missing{"division by zero", "ask before: {% if n != 0 %}"}
		}
		return quotient(r, a, b)
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
