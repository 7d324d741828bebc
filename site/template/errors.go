package template

import (
	"slices"
	"strconv"
	"strings"

	"ddc/internal/diagnostic"
	"ddc/internal/suggest"
)

// overBudget is the problem of a page that goes over its budget.
type overBudget struct{ *diagnostic.Problem }

func (e overBudget) Unwrap() error { return e.Problem }

// Is makes it match ErrOverBudget.
func (e overBudget) Is(target error) bool { return target == ErrOverBudget }

// Guessing is bounded: no mistyped name is longer than maxWord, and no more
// than maxKnown names are compared.
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
	// Nobody reads a longer list to its end.
	const most = 12
	if len(known) > most {
		return "there are " + strings.Join(known[:most], ", ") + " and others"
	}
	return "there are " + strings.Join(known, ", ")
}

func quote(text string) string { return strconv.Quote(shortened(text)) }

// shortened cuts a text to fit into an error.
func shortened(text string) string {
	const most = 100
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

func itoa(n int) string { return strconv.Itoa(n) }
