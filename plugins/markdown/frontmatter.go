package markdown

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"ddc/internal/diagnostic"
	"ddc/internal/notation"
	"ddc/plugins/markdown/markdownpb"
)

// fields is what a page's front matter may say. Keys of other generators are
// allowed, so that pages can be shared with them.
type fields struct {
	Title         string         `toml:"title"`
	Weight        int32          `toml:"weight"`
	Description   *string        `toml:"description"`
	Template      *string        `toml:"template"`
	Draft         bool           `toml:"draft"`
	Extra         map[string]any `toml:"extra"`
	CodeExecution *bool          `toml:"code_execution"`
}

// block is a page cut into its parts. The opening fence stands on openLine; the
// front matter begins on the line after it.
type block struct {
	fence    string
	openLine int
	matter   string
	body     string
	bodyLine int
}

func parseFrontMatter(source string) (*markdownpb.ParseFrontMatterResponse, error) {
	if err := checkUTF8(source); err != nil {
		return nil, err
	}
	cut, err := split(unixLines(source))
	if err != nil {
		return nil, err
	}
	var f fields
	switch cut.fence {
	case "+++":
		err = decodeTOML(cut.matter, &f)
	case "---":
		err = decodeYAML(cut.matter, &f)
	}
	if err != nil {
		var fault *diagnostic.Problem
		if errors.As(err, &fault) {
			fault.Line += cut.openLine
		}
		return nil, err
	}
	matter := &markdownpb.FrontMatter{
		Title: f.Title, Weight: f.Weight, Description: f.Description, Template: f.Template, Draft: f.Draft, CodeExecution: f.CodeExecution,
	}
	if f.Extra != nil {
		if matter.ExtraJson, err = json.Marshal(f.Extra); err != nil {
			return nil, &diagnostic.Problem{Line: cut.openLine, Col: 1, Message: fmt.Sprintf("extra cannot be given to templates: %v", err)}
		}
	}
	return &markdownpb.ParseFrontMatterResponse{FrontMatter: matter, Body: cut.body, BodyLine: int32(cut.bodyLine)}, nil
}

// split finds the fences. Blank lines may come before the first. A fence stands
// alone on its line, so that a value may contain "+++".
func split(source string) (block, error) {
	whole := block{body: source, bodyLine: 1}
	fence, open := "", 0
	number, offset, matter := 0, 0, 0
	for line := range strings.Lines(source) {
		number++
		begin := offset
		offset += len(line)
		switch line = strings.TrimRight(line, " \t\n"); {
		case fence == "" && strings.TrimSpace(line) == "":
		case fence == "" && line != "+++" && line != "---":
			return whole, nil
		case fence == "":
			fence, open, matter = line, number, offset
		case line == fence:
			return block{fence: fence, openLine: open, matter: source[matter:begin], body: source[offset:], bodyLine: number + 1}, nil
		}
	}
	if fence == "" {
		return whole, nil
	}
	hint := ""
	if fence == "---" {
		hint = "a rule at the top of a page can be written ***"
	}
	return block{}, &diagnostic.Problem{Line: open, Col: 1, Length: len(fence), Hint: hint,
		Message: fmt.Sprintf("front matter that opens with %s is never closed; add a line %s after it", fence, fence)}
}

func decodeTOML(text string, f *fields) error {
	err := notation.TOML(text, f, notation.FrontMatter)
	var fault *diagnostic.Problem
	if errors.As(err, &fault) {
		fault.Message = "front matter is not valid TOML: " + inWords(fault.Message)
	}
	return err
}

func decodeYAML(text string, f *fields) error {
	table, err := notation.YAMLTable(text, notation.FrontMatter)
	var fault *diagnostic.Problem
	if errors.As(err, &fault) {
		fault.Message = "front matter is not valid YAML: " + fault.Message
	}
	if err != nil {
		return err
	}
	return f.take(table)
}

// inWords translates a decoder's message, such as "cannot decode TOML string
// into struct field markdown.fields.Weight of type int32", for people who write
// pages, not Go.
func inWords(message string) string {
	message = strings.TrimPrefix(message, "toml: ")
	what, rest, found := strings.Cut(message, " into ")
	_, goType, typed := strings.Cut(rest, " of type ")
	if !found || !typed {
		return message
	}
	wanted := map[string]string{
		"string": "text", "*string": "text", "int32": "a whole number", "bool": "true or false", "*bool": "true or false",
		"map[string]interface {}": "a table",
	}[goType]
	if wanted == "" {
		return message
	}
	for _, verb := range []string{"cannot decode TOML ", "cannot unmarshal "} {
		what = strings.TrimPrefix(what, verb)
	}
	return fmt.Sprintf("%s stands where %s is wanted", what, wanted)
}

// unixLines drops a byte order mark, and makes every line end in \n. Lines keep
// their numbers.
func unixLines(text string) string {
	text = strings.TrimPrefix(text, "\ufeff")
	return strings.ReplaceAll(text, "\r\n", "\n")
}

func checkUTF8(text string) error {
	if utf8.ValidString(text) {
		return nil
	}
	line, column := 1, 1
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		if column++; r == '\n' {
			line, column = line+1, 1
		}
		i += size
	}
	return &diagnostic.Problem{Line: line, Col: column, Message: "this byte is not UTF-8; save the file as UTF-8"}
}
