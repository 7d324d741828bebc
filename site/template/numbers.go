package template

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The filters of numbers.

func absolute(_ *render, v value, _ []value) (value, error) {
	if n, ok := v.is.(int64); ok && n != math.MinInt64 {
		return value{is: max(n, -n)}, nil
	}
	return value{is: math.Abs(real(v))}, numeric(v)
}

func round(r *render, v value, args []value) (value, error) {
	if err := numeric(v); err != nil {
		return undefined, err
	}
	method, err := textOr(args[0], "method", "common")
	if err != nil {
		return undefined, err
	}
	precision, err := wholeOr(args[1], "precision", 0)
	if err != nil {
		return undefined, err
	}
	const most = 15 // digits of a number that are exact
	if precision < 0 || precision > most {
		return undefined, fmt.Errorf("precision is 0 to %d", most)
	}
	methods := map[string]func(float64) float64{"common": math.Round, "ceil": math.Ceil, "floor": math.Floor}
	to, ok := methods[method]
	if !ok {
		return undefined, &missing{"round knows no method " + quote(method), meant(method, []string{"common", "ceil", "floor"})}
	}
	if _, ok := v.is.(int64); ok {
		return v, nil
	}
	scale := math.Pow10(int(precision))
	scaled := real(v) * scale
	if math.IsInf(scaled, 0) { // it has no digits behind the point
		return v, nil
	}
	return value{is: to(scaled) / scale}, nil
}

func toInt(r *render, v value, args []value) (value, error) {
	base, err := wholeOr(args[1], "base", 10)
	if err != nil {
		return undefined, err
	}
	if base < 2 || base > 36 {
		return undefined, fmt.Errorf("base is 2 to 36, not %d", base)
	}
	if n, ok := v.is.(int64); ok {
		return value{is: n}, nil
	}
	f, ok := v.is.(float64)
	if kind(v) == "string" {
		text, err := r.input(v)
		if err != nil {
			return undefined, err
		}
		text = strings.TrimSpace(text)
		if n, err := strconv.ParseInt(withoutPrefix(text, base), int(base), 64); err == nil {
			return value{is: n}, nil
		}
		f, err = strconv.ParseFloat(text, 64)
		ok = err == nil && base == 10
	}
	if ok && math.Abs(f) < 1<<63 {
		return value{is: int64(f)}, nil
	}
	return otherwise(args[0], whole(0)), nil
}

// withoutPrefix is a number without the 0x, 0o or 0b of its base.
func withoutPrefix(text string, base int64) string {
	prefix := map[int64]string{2: "0b", 8: "0o", 16: "0x"}[base]
	sign := ""
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		sign, text = "-", rest
	}
	if prefix != "" && len(text) > 2 && strings.EqualFold(text[:2], prefix) {
		text = text[2:]
	}
	return sign + text
}

func toFloat(r *render, v value, args []value) (value, error) {
	if kind(v) == "number" {
		return value{is: real(v)}, nil
	}
	if kind(v) == "string" {
		text, err := r.input(v)
		if err != nil {
			return undefined, err
		}
		if f, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return value{is: f}, nil
		}
	}
	return otherwise(args[0], value{is: 0.0}), nil
}

// otherwise is an argument, or what stands for one that is not given.
func otherwise(arg, standard value) value {
	if arg.absent() {
		return standard
	}
	return arg
}

func pluralize(r *render, v value, args []value) (value, error) {
	if err := numeric(v); err != nil {
		return undefined, err
	}
	if math.Abs(real(v)) == 1 {
		return otherwise(args[0], textual("")), nil
	}
	return otherwise(args[1], textual("s")), nil
}

// fileSize has two digits behind the point at most, and none that say nothing.
func fileSize(_ *render, v value, args []value) (value, error) {
	if err := numeric(v); err != nil {
		return undefined, err
	}
	binary, err := flagOr(args[0], "binary", false)
	if err != nil {
		return undefined, err
	}
	step, units := 1000.0, []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	if binary {
		step, units = 1024, []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	}
	size := real(v)
	if size < 0 {
		return undefined, fmt.Errorf("a file cannot have %s bytes", scalar(v))
	}
	i := 0
	for size >= step && i < len(units)-1 {
		size /= step
		i++
	}
	digits := strconv.FormatFloat(size, 'f', 2, 64)
	return textual(strings.TrimSuffix(digits, ".00") + " " + units[i]), nil
}
