package template

import (
	"context"
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

// Purse is a budget that several renderings share, as those of a page's
// shortcodes do. They come one after another.
type Purse struct {
	budget       Budget
	steps, bytes int64 // what is left
}

// NewPurse is a purse with a whole budget in it.
func NewPurse(b Budget) *Purse {
	b = b.orDefault()
	return &Purse{b, b.Steps, b.Bytes}
}

// Take takes from the purse for what is done and made besides rendering. The
// error is what rendering would say.
func (p *Purse) Take(steps, bytes int) error {
	p.steps -= int64(steps)
	p.bytes -= int64(bytes)
	switch {
	case p.steps < 0:
		return p.budget.tooManySteps()
	case p.bytes < 0:
		return p.budget.tooManyBytes()
	}
	return nil
}

func (b Budget) tooManySteps() error {
	return &exhausted{fmt.Sprintf("this page takes more than %d steps", b.Steps),
		"look for loops within loops, and for what repeats itself"}
}

func (b Budget) tooManyBytes() error {
	return &exhausted{fmt.Sprintf("this page makes more than %s of output, texts and lists", size(b.Bytes)),
		"look for a text or a list that is added to itself, and for a loop that prints too much"}
}

// meter is what a rendering may still do and make.
type meter struct {
	ctx                context.Context
	budget             Budget
	steps, bytes, fuel int64 // what is left; see work
	depth              int
}

// work takes steps from the budget. Steps are taken lookEvery at a time, so
// that the common case is one subtraction.
func (m *meter) work(n int) error {
	if m.fuel -= int64(n); m.fuel >= 0 {
		return nil
	}
	m.steps += m.fuel // what this piece of work takes beyond the fuel
	if err := m.ctx.Err(); err != nil {
		return err
	}
	if m.steps < 0 {
		return m.budget.tooManySteps()
	}
	m.fuel = min(lookEvery, m.steps)
	m.steps -= m.fuel
	return nil
}

// scan takes the steps of looking through so many bytes.
func (m *meter) scan(n int) error { return m.work(1 + n/bytesPerStep) }

// spend takes bytes from the budget, before they are made.
func (m *meter) spend(n int) error {
	if m.bytes -= int64(n); m.bytes >= 0 {
		return nil
	}
	return m.budget.tooManyBytes()
}

func size(bytes int64) string {
	if bytes >= 1<<20 && bytes%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d bytes", bytes)
}

// enter begins a call: of a macro, an include, a block or its parent.
func (m *meter) enter() error {
	if m.depth >= m.budget.Depth {
		return &exhausted{fmt.Sprintf("recursion limit exceeded: this goes more than %d levels deep", m.budget.Depth),
			"a macro or an include calls itself without an end"}
	}
	m.depth++
	return m.work(1)
}
