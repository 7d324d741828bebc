package template

import (
	"errors"
	"fmt"
)

// Budget bounds what rendering one page may cost. A zero field means its
// default; going over is an *Error at the place that went over, for which
// errors.Is(err, ErrOverBudget) holds.
type Budget struct {
	// Steps are operations: each statement and each part of an expression is
	// one, so is each item that a filter or a test goes over, and so are 64
	// bytes that it looks through. By default 10 million, half a second of work.
	Steps int64
	// Bytes are what rendering makes: output, texts and lists, counted before
	// they are made and never given back. By default 64 MiB.
	Bytes int64
	// Depth is how many statements, expressions and calls may be under way
	// within each other. Calls of macros, includes and blocks look at it; what
	// one file can nest is bounded when it is loaded. By default 5000.
	Depth int
}

// ErrOverBudget is what an *Error is for a page that costs too much.
var ErrOverBudget = errors.New("over budget")

// The default Budget.
const (
	DefaultSteps = 10_000_000
	DefaultBytes = 64 << 20
	DefaultDepth = 5000
)

const (
	// lookEvery is how many steps rendering takes between looks at its context.
	lookEvery = 1024
	// itemBytes and entryBytes are what an item of a list and an entry of a
	// dict take.
	itemBytes, entryBytes = 40, 100
	// bytesPerStep is how much text an operation looks through in a step.
	bytesPerStep = 64
	// maxWalk bounds lists in lists that are printed or compared.
	maxWalk = 1000
)

func (b Budget) orDefault() Budget {
	if b.Steps <= 0 {
		b.Steps = DefaultSteps
	}
	if b.Bytes <= 0 {
		b.Bytes = DefaultBytes
	}
	if b.Depth <= 0 {
		b.Depth = DefaultDepth
	}
	return b
}

// exhausted is the error of a budget, before it has a place.
type exhausted struct{ message, hint string }

func (e *exhausted) Error() string { return e.message }

// work takes steps from the budget. Steps are taken lookEvery at a time, so
// that the common case is one subtraction.
func (r *render) work(n int) error {
	if r.fuel -= int64(n); r.fuel >= 0 {
		return nil
	}
	r.steps += r.fuel // what this piece of work takes beyond the fuel
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.steps < 0 {
		return &exhausted{fmt.Sprintf("this page takes more than %d steps", r.budget.Steps),
			"look for loops within loops, and for what repeats itself"}
	}
	r.fuel = min(lookEvery, r.steps)
	r.steps -= r.fuel
	return nil
}

// scan is the work of looking through so many bytes.
func (r *render) scan(n int) error { return r.work(1 + n/bytesPerStep) }

// spend takes bytes from the budget, before they are made.
func (r *render) spend(n int) error {
	if r.bytes -= int64(n); r.bytes >= 0 {
		return nil
	}
	return &exhausted{fmt.Sprintf("this page makes more than %s of output, texts and lists", size(r.budget.Bytes)),
		"look for a text or a list that is added to itself, and for a loop that prints too much"}
}

func size(bytes int64) string {
	if bytes >= 1<<20 && bytes%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d bytes", bytes)
}

// enter begins a call: of a macro, an include, a block or its parent.
func (r *render) enter() error {
	if r.depth >= r.budget.Depth {
		return &exhausted{fmt.Sprintf("recursion limit exceeded: this goes more than %d levels deep", r.budget.Depth),
			"a macro or an include calls itself without an end"}
	}
	r.depth++
	return r.work(1)
}
