// Package notation reads YAML, TOML and JSON that come from outside, within
// bounds of depth and of the number of values.
//
//	value, err := notation.YAML(text, notation.Data)
//	for _, fault := range diagnostic.Of(err) {
//		// fault.Line, fault.Col, fault.Message
//	}
//
// The bounds hold for what a text means, not for what it says: 500 bytes of
// YAML whose anchors name each other mean a billion values. They hold before
// the work is done: a text is counted before a library reads it where the
// library would build everything first, or takes quadratic time. Reading costs
// 1 to 5 µs a value, so none of the bounds is more than half a second away.
package notation

import (
	"fmt"

	"ddc/internal/diagnostic"
)

// MaxDepth is how deep lists and tables may be nested.
const MaxDepth = 128

// Bounds are how many values a text may have, keys among them: what aliases and
// merge keys of YAML stand for counts each time.
type Bounds struct {
	// JSON is for JSON alone; Values for YAML and TOML, whose libraries take
	// ten times as long for a value.
	JSON, Values int
}

var (
	// Data are the bounds of a data file.
	Data = Bounds{JSON: 500_000, Values: 100_000}
	// FrontMatter are the bounds of what a page says of itself.
	FrontMatter = Bounds{JSON: 10_000, Values: 10_000}
)

// faultAt is a fault at an offset of a text.
func faultAt(text string, offset int, format string, args ...any) *diagnostic.Problem {
	return diagnostic.At(text, offset, offset, fmt.Sprintf(format, args...))
}

const (
	tooDeep = "lists and tables are nested more than %d deep"
	tooMany = "there are more than %d values; split the file"
)
