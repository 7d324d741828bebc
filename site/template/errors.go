package template

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ddc/internal/suggest"
)

// Error is one fault of a template: of its syntax when it comes from Load, of
// what it does with its values when it comes from Render.
type Error struct {
	// File is the template's name below the site's folder: templates/NAME.
	File      string
	Line, Col int
	Message   string
	// Hint says what was probably meant, or what there is; it may be empty.
	Hint string

	over bool // a budget; see ErrOverBudget
}

// Is says that an error is ErrOverBudget.
func (e *Error) Is(target error) bool { return e.over && target == ErrOverBudget }

func (e *Error) Error() string {
	text := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Message)
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// Errors are all faults that Load found, by file, line and column.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), a.Line-b.Line, a.Col-b.Col)
	})
}

// No name that a person mistyped is longer, and no list of names that one could
// have meant.
const maxWord, maxKnown = 64, 1000

// meant guesses what a wrong name stands for, and else lists what there is.
func meant(word string, known []string) string {
	if len(word) > maxWord || len(known) > maxKnown {
		return ""
	}
	known = slices.DeleteFunc(slices.Sorted(slices.Values(known)), func(name string) bool { return len(name) > maxWord })
	if near := suggest.Nearest(word, known); near != "" {
		return "did you mean " + near + "?"
	}
	if len(known) == 0 {
		return ""
	}
	// A list that nobody would read to its end helps nobody.
	const most = 12
	if len(known) > most {
		return "there are " + strings.Join(known[:most], ", ") + " and others"
	}
	return "there are " + strings.Join(known, ", ")
}

func quote(text string) string { return strconv.Quote(shortened(text)) }

// shortened is a text as it fits into an error.
func shortened(text string) string {
	const most = 100
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

func itoa(n int) string { return strconv.Itoa(n) }
