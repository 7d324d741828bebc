package site

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"ddc/internal/diagnostic"
	"ddc/internal/notation"
	"ddc/internal/suggest"
	"ddc/site/config"
	"ddc/site/content"
	"ddc/site/template"
)

// dataFiles are the files that templates load, each read once a build, whichever
// pages ask for it.
type dataFiles struct {
	mu    sync.Mutex
	files map[dataFile]func() (any, error)
}

// dataFile is a file, as a person calls it, and what it is read as.
type dataFile struct{ name, format string }

func newDataFiles() *dataFiles { return &dataFiles{files: map[dataFile]func() (any, error){}} }

// formats that a data file can have, by its extension.
var formats = []string{"csv", "json", "kdl", "plain", "toml", "yaml", "yml"}

// load is the templates' function load_data.
func (d *dataFiles) load(b *build, name, format string, required bool) (any, error) {
	if strings.Contains(name, "://") {
		return nil, &template.Refusal{Message: "a build reads nothing from the network", Hint: "put what is at " + name + " into data/, before the build"}
	}
	file, err := b.findData(name)
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
		format = strings.TrimPrefix(path.Ext(file.Name), ".")
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
	key := dataFile{file.Name, format}
	d.mu.Lock()
	read := d.files[key]
	if read == nil {
		read = sync.OnceValues(func() (any, error) { return b.readData(file, format) })
		d.files[key] = read
	}
	d.mu.Unlock()
	return read()
}

// findData finds a file of the project. It looks below the project's folder, and
// then below those of static files and content.
func (b *build) findData(name string) (content.File, error) {
	folders := []string{b.folder(), b.cfg.Folder("static"), b.cfg.Content}
	relative, ofContent := strings.CutPrefix(name, "@/")
	if ofContent {
		folders = folders[2:]
	}
	relative = path.Clean(strings.TrimPrefix(relative, "/"))
	if !filepath.IsLocal(relative) {
		return content.File{}, &template.Refusal{Message: fmt.Sprintf("%q is not in the project", name), Hint: "copy the file into data/"}
	}
	for part := range strings.SplitSeq(relative, "/") {
		if !content.Visible(part) {
			return content.File{}, &template.Refusal{Message: fmt.Sprintf("%q is hidden", name), Hint: "give the file, and its folders, names without a dot before them"}
		}
	}
	for _, folder := range folders {
		full := filepath.Join(folder, filepath.FromSlash(relative))
		if config.Within(b.cfg.Output, full) {
			return content.File{}, &template.Refusal{Message: fmt.Sprintf("%q is in the output", name), Hint: "load what it is made of"}
		}
		file, err := b.project.Find(b.name(full))
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return content.File{}, &template.Refusal{Message: fmt.Sprintf("%q can't be read: %v", name, err), Hint: "load a file that lies in the project"}
		}
	}
	return content.File{}, fs.ErrNotExist
}

// readData reads a data file. What is wrong with it is a *Problem.
func (b *build) readData(file content.File, format string) (any, error) {
	text, err := b.source(file)
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
		value, err = decode(file.Name, format, text)
	}
	if err != nil {
		return nil, single(fault("", file.Name, err))
	}
	return value, nil
}

// decodeCSV gives the first line as headers, and the others as records.
func decodeCSV(text string) (any, error) {
	r := csv.NewReader(strings.NewReader(text))
	var lines []any
	cells := 0
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
		if cells += len(record); cells > notation.Data.JSON {
			line, _ := r.FieldPos(0)
			return nil, &diagnostic.Problem{Line: line, Col: 1, Message: fmt.Sprintf("there are more than %d values; split the file", notation.Data.JSON)}
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
