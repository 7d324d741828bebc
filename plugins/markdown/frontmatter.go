package markdown

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"ddc/internal/diagnostic"
	"ddc/internal/notation"
	"ddc/plugins/markdown/markdownpb"
)

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
	f := fields{FrontMatter: &markdownpb.FrontMatter{}}
	answer := &markdownpb.ParseFrontMatterResponse{FrontMatter: f.FrontMatter, Body: cut.body, BodyLine: int32(cut.bodyLine), Keys: map[string]*markdownpb.Place{}}
	table, language, err := cut.table()
	if err == nil {
		answer.Warnings, err = f.take(table, language)
	}
	if err != nil {
		var fault *diagnostic.Problem
		if errors.As(err, &fault) {
			fault.Line += cut.openLine
		}
		return nil, err
	}
	if at := likelyJSON.FindStringIndex(cut.body); cut.fence == "" && at != nil {
		answer.Warnings = append(answer.Warnings, &markdownpb.Warning{Message: "this looks like front matter of JSON, and is shown as text", Hint: "write it as TOML between two lines +++",
			Place: &markdownpb.Place{Line: int32(1 + strings.Count(cut.body[:strings.IndexByte(cut.body, '{')], "\n")), Column: 1, Length: 1}})
	}
	for name, at := range table.Keys {
		answer.Keys[name] = &markdownpb.Place{Line: int32(cut.openLine + at.Line), Column: int32(at.Col), Length: int32(utf8.RuneCountInString(name))}
	}
	for _, w := range answer.Warnings {
		w.Place.Line += int32(cut.openLine)
	}
	if f.extra != nil {
		if f.ExtraJson, err = json.Marshal(f.extra); err != nil {
			return nil, &diagnostic.Problem{Line: cut.openLine, Col: 1, Message: fmt.Sprintf("extra cannot be given to templates: %v", err)}
		}
	}
	return answer, nil
}

// table reads the front matter. A page without one has an empty table.
func (b block) table() (table notation.Table, language string, err error) {
	switch b.fence {
	case "+++":
		language = "TOML"
		table, err = notation.TOMLTable(b.matter, notation.FrontMatter)
	case "---":
		language = "YAML"
		table, err = notation.YAMLTable(b.matter, notation.FrontMatter)
	}
	var fault *diagnostic.Problem
	if errors.As(err, &fault) {
		fault.Message = "front matter is not valid " + language + ": " + fault.Message
	}
	return table, language, err
}

// split cuts a page into its parts.
func split(source string) (block, error) {
	f := notation.FindFences(source)
	switch {
	case f.Fence == "":
		return block{body: source, bodyLine: 1}, nil
	case f.Body > 0:
		return block{fence: f.Fence, openLine: f.Line, matter: source[f.Start:f.End], body: source[f.Body:], bodyLine: f.BodyLine}, nil
	}
	hint := ""
	if f.Fence == "---" {
		hint = "a rule at the top of a page can be written ***"
	}
	return block{}, &diagnostic.Problem{Line: f.Line, Col: 1, Length: len(f.Fence), Hint: hint,
		Message: fmt.Sprintf("front matter that opens with %s is never closed; add a line %s after it", f.Fence, f.Fence)}
}

// likelyJSON finds the front matter that Hugo reads as JSON.
var likelyJSON = regexp.MustCompile(`(?m)\A\s*^\{\s*"[A-Za-z_]+"\s*:`)

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
