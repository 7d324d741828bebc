package site

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"ddc/internal/diagnostic"
	"ddc/internal/notation"
	"ddc/internal/query"
	"ddc/internal/suggest"
	"ddc/site/config"
	"ddc/site/content"
	"ddc/site/template"
)

// formats that a data file can have, by its extension.
var formats = []string{"csv", "json", "kdl", "plain", "toml", "yaml", "yml"}

// loadData is the templates' function load_data.
func (v *view) loadData(name, format string, required bool) (any, error) {
	if strings.Contains(name, "://") {
		return nil, &template.Refusal{Message: "a build reads nothing from the network", Hint: "put what is at " + name + " into data/, before the build"}
	}
	file, err := v.findFile(name, "data/")
	if errors.Is(err, fs.ErrNotExist) {
		if !required {
			return nil, nil
		}
		return nil, &template.Refusal{Message: fmt.Sprintf("there is no file %q", name),
			Hint: "paths count from the project's folder, or from that of the content after @/; required=false gives none"}
	}
	if err != nil {
		return nil, err
	}
	if format == "" {
		format = strings.TrimPrefix(path.Ext(file), ".")
		if !slices.Contains(formats, format) {
			format = "plain"
		}
	}
	if !slices.Contains(formats, format) {
		hint := "there are " + strings.Join(formats, ", ")
		if near := suggest.Nearest(format, formats); near != "" {
			hint = "did you mean " + near + "?"
		}
		return nil, &template.Refusal{Message: fmt.Sprintf("there is no format %q", format), Hint: hint}
	}
	return v.loaded.Get(v.ctx, v.ask, format+" "+file)
}

// findFile finds a file of the project. It looks below the project's folder,
// and then below those of static files and content. Place is where one is best
// put.
func (v *view) findFile(name, place string) (string, error) {
	folders := []string{v.folder(), v.cfg.Folder("static"), v.cfg.Content}
	relative, ofContent := strings.CutPrefix(name, "@/")
	if ofContent {
		folders = folders[2:]
	}
	relative = path.Clean(strings.TrimPrefix(relative, "/"))
	if !filepath.IsLocal(relative) {
		return "", &template.Refusal{Message: fmt.Sprintf("%q is not in the project", name), Hint: "copy the file into " + place}
	}
	for part := range strings.SplitSeq(relative, "/") {
		if !content.Visible(part) {
			return "", &template.Refusal{Message: fmt.Sprintf("%q is hidden", name), Hint: "give the file, and its folders, names without a dot before them"}
		}
	}
	for _, folder := range folders {
		full := filepath.Join(folder, filepath.FromSlash(relative))
		if config.Within(v.cfg.Output, full) {
			return "", &template.Refusal{Message: fmt.Sprintf("%q is in the output", name), Hint: "name what it is made of"}
		}
		file := v.name(full)
		switch what, err := v.places.Get(v.ctx, v.ask, file); {
		case err != nil:
			return "", err
		case what == "":
			return file, nil
		case what != absent:
			return "", &template.Refusal{Message: fmt.Sprintf("%q can't be read: %v", name, what), Hint: "name a file that lies in the project"}
		}
	}
	return "", fs.ErrNotExist
}

// load reads a data file: key is its format and its name. What is wrong with it
// is a *Problem.
func (s *renderPhase) load(ctx context.Context, ask *query.Ask, key string) (any, error) {
	format, file, _ := strings.Cut(key, " ")
	text, err := s.texts.Get(ctx, ask, file)
	if err != nil {
		return nil, single(err)
	}
	var value any
	switch format {
	case "plain":
		return text, nil
	case "csv":
		value, err = decodeCSV(text)
	default:
		value, err = decode(file, format, text)
	}
	if err != nil {
		return nil, single(fault("", file, err))
	}
	return value, nil
}

// crowded finds the cell of a CSV file that is one too many. The reader gives
// whole lines, and a line may be a million commas. It reads nothing behind a
// quote that stands where none may, so that what such a quote hides here does
// no harm.
func crowded(text string) *diagnostic.Problem {
	cells, quoted := 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == '\n'):
			if cells++; cells > notation.Data.JSON {
				return diagnostic.At(text, i, i, fmt.Sprintf("there are more than %d values; split the file", notation.Data.JSON))
			}
		}
	}
	return nil
}

// decodeCSV gives the first line as headers, and the others as records.
func decodeCSV(text string) (any, error) {
	if fault := crowded(text); fault != nil {
		return nil, fault
	}
	r := csv.NewReader(strings.NewReader(text))
	var lines []any
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if e, ok := errors.AsType[*csv.ParseError](err); ok {
			return nil, &diagnostic.Problem{Line: e.Line, Col: e.Column, Message: e.Err.Error()}
		}
		if err != nil {
			return nil, err
		}
		line := make([]any, len(record))
		for i, cell := range record {
			line[i] = cell
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		lines = []any{[]any{}}
	}
	return map[string]any{"headers": lines[0], "records": lines[1:]}, nil
}

// single is the first of the site's faults, which keeps its own place.
func single(err error) error {
	if faults := diagnostic.Of(err); len(faults) > 0 {
		return &faults[0]
	}
	return err
}
