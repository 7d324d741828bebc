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
}

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

// meant guesses what a wrong name stands for, and else lists what there is.
func meant(word string, known []string) string {
	if near := suggest.Nearest(word, known); near != "" {
		return "did you mean " + near + "?"
	}
	if len(known) == 0 {
		return ""
	}
	known = slices.Sorted(slices.Values(known))
	// A list that nobody would read to its end helps nobody.
	const most = 12
	if len(known) > most {
		return "there are " + strings.Join(known[:most], ", ") + " and others"
	}
	return "there are " + strings.Join(known, ", ")
}

func quote(text string) string { return strconv.Quote(text) }
