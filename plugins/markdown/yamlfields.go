package markdown

import (
	"fmt"
	"math"

	"ddc/internal/diagnostic"
	"ddc/internal/notation"
)

// take sets the fields from a YAML mapping. Where a text is wanted, a number or
// a date counts as one. null counts as missing.
func (f *fields) take(table notation.Table) error {
	for name, set := range map[string]func(any) string{
		"title":          func(v any) string { return setText(v, &f.Title) },
		"weight":         f.setWeight,
		"description":    func(v any) string { return setOptional(v, &f.Description, setText) },
		"template":       func(v any) string { return setOptional(v, &f.Template, setText) },
		"draft":          func(v any) string { return setBool(v, &f.Draft) },
		"extra":          f.setExtra,
		"code_execution": func(v any) string { return setOptional(v, &f.CodeExecution, setBool) },
	} {
		value, given := table.Values[name]
		if text, scalar := value.(notation.Text); scalar && text.Value == nil || !given {
			continue
		}
		if wanted := set(value); wanted != "" {
			at := table.Places[name]
			return &diagnostic.Problem{Line: at.Line, Col: at.Col, Message: fmt.Sprintf("front matter is not valid YAML: %s stands where %s is wanted", kindOf(value), wanted)}
		}
	}
	return nil
}

// setOptional sets a field that may be missing.
func setOptional[T any](v any, into **T, set func(any, *T) string) (wanted string) {
	*into = new(T)
	return set(v, *into)
}

func setText(v any, into *string) (wanted string) {
	text, ok := v.(notation.Text)
	if !ok {
		return "text"
	}
	*into = text.Written
	return ""
}

func setBool(v any, into *bool) (wanted string) {
	text, _ := v.(notation.Text)
	is, ok := text.Value.(bool)
	if !ok {
		return "true or false"
	}
	*into = is
	return ""
}

func (f *fields) setWeight(v any) (wanted string) {
	text, _ := v.(notation.Text)
	n, ok := text.Value.(int64)
	if !ok || n < math.MinInt32 || n > math.MaxInt32 {
		return "a whole number"
	}
	f.Weight = int32(n)
	return ""
}

func (f *fields) setExtra(v any) (wanted string) {
	table, ok := v.(map[string]any)
	if !ok {
		return "a table"
	}
	f.Extra = table
	return ""
}

// kindOf names a value's kind for people who write pages.
func kindOf(v any) string {
	text, scalar := v.(notation.Text)
	switch {
	case !scalar:
		if _, list := v.([]any); list {
			return "a list"
		}
		return "a table"
	default:
		switch text.Value.(type) {
		case bool:
			return text.Written
		case string:
			return "string"
		}
		return "the number " + text.Written
	}
}
