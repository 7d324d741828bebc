package notation

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"ddc/internal/diagnostic"
)

// JSON reads one value. Numbers are json.Number, as written.
func JSON(text string, within Bounds) (any, error) {
	if fault := scanJSON(text, within.JSON); fault != nil {
		return nil, fault
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var value any
	err := d.Decode(&value)
	if err == nil && d.More() {
		err = errors.New("there is something after the value")
	}
	if err != nil {
		offset := d.InputOffset()
		var bad *json.SyntaxError
		switch {
		case errors.As(err, &bad):
			offset = bad.Offset
		case errors.Is(err, io.ErrUnexpectedEOF):
			offset = int64(len(text))
		}
		return nil, faultAt(text, int(offset)-1, "%v", err)
	}
	return value, nil
}

// scanJSON counts what a text holds, without asking whether it is JSON: each
// value but the first follows a bracket, a colon or a comma.
func scanJSON(text string, most int) *diagnostic.Problem {
	depth, values := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			depth++
			values++
		case ']', '}':
			depth--
		case ',', ':':
			values++
		}
		if depth > MaxDepth {
			return faultAt(text, i, tooDeep, MaxDepth)
		}
		if values > most {
			return faultAt(text, i, tooMany, most)
		}
	}
	return nil
}
