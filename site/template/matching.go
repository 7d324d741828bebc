package template

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
)

// maxPattern is how long a regular expression may be.
const maxPattern = 1000

// matchesPerStep is how many instructions of a pattern matching tries in a
// step.
const matchesPerStep = 8

// pattern is a regular expression and how many instructions it is: matching
// takes that many operations for each byte at most.
type pattern struct {
	*regexp.Regexp
	size int
}

// matching is the test of that name.
func matching(r *render, v value, args []value) (bool, error) {
	text, err := r.input(v)
	if err != nil {
		return false, err
	}
	source, err := textOr(args[0], "pat", "")
	if err != nil {
		return false, err
	}
	p, err := r.pattern(source)
	if err != nil {
		return false, err
	}
	if err := r.work(1 + len(text)*p.size/matchesPerStep); err != nil {
		return false, err
	}
	return p.MatchString(text), nil
}

// pattern compiles a regular expression, once a page.
func (w *walker) pattern(source string) (pattern, error) {
	if p, known := w.patterns[source]; known {
		return p, nil
	}
	if len(source) > maxPattern {
		return pattern{}, fmt.Errorf("a regular expression has %d bytes at most", maxPattern)
	}
	// The parser bounds what repetitions stand for.
	parsed, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return pattern{}, wrongPattern(source, err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return pattern{}, wrongPattern(source, err)
	}
	size := len(program.Inst)
	if err := w.spend(entryBytes * size); err != nil {
		return pattern{}, err
	}
	if err := w.work(10 * size); err != nil {
		return pattern{}, err
	}
	compiled, err := regexp.Compile(source)
	if err != nil {
		return pattern{}, wrongPattern(source, err)
	}
	if w.patterns == nil {
		w.patterns = map[string]pattern{}
	}
	w.patterns[source] = pattern{compiled, size}
	return w.patterns[source], nil
}

func wrongPattern(source string, err error) error {
	why := err.Error()
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		why = e.Code.String()
	}
	return &missing{fmt.Sprintf("the regular expression %s cannot be read: %s", quote(source), why),
		`what would mean something else needs a \ before it, as in "\\("; look-around and back references are not there`}
}
