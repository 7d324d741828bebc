package template

import (
	"errors"
	"fmt"
)

// Budget bounds what rendering one page may cost. A zero field means its
// default. Going over gives a problem at the place that went over, for which
// errors.Is(err, ErrOverBudget) holds.
type Budget struct {
	// Steps are operations. Each statement and each part of an expression is
	// one. So is each item that a filter or a test goes over, and each 64 bytes
	// that it looks through. The default is 10 million, half a second of work.
	Steps int64
	// Bytes are what rendering makes: output, texts and lists. They are counted
	// before they are made, and never given back. The default is 64 MiB.
	Bytes int64
	// Depth is how many statements, expressions and calls may nest while
	// rendering. Calls of macros, includes and blocks check it; loading bounds
	// what one file can nest. The default is 5000.
	Depth int
}

// ErrOverBudget says that a page costs too much.
var ErrOverBudget = errors.New("over budget")

// The default Budget.
const (
	DefaultSteps = 10_000_000
	DefaultBytes = 64 << 20
	DefaultDepth = 5000
)

const (
	// lookEvery is how many steps rendering takes between two looks at its
	// context.
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

// exhausted is the error of going over a budget, before it has a place.
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

// scan takes the steps of looking through so many bytes.
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
