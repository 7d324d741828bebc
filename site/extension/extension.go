// Package extension says what the answers of a site's own plugins may be. They
// come from a program that somebody wrote for one site, so each is checked
// before anything is made of it.
//
//	d, err := extension.Described(answer)
//	err = d.Only([]string{"html"})
//	warnings, faults := extension.Problems("shout", answer.Problems, "content/a.md", source)
//
// An error says what is wrong with an answer, as the rest of a sentence that
// begins with the plugin's name.
package extension

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"ddc/internal/diagnostic"
	"ddc/internal/printable"
	"ddc/internal/slug"
	"ddc/proto/sitepb"
)

// Revision is how much of ddc.site.v1 a site knows.
const Revision = 1

// The stages, as a configuration names them.
const (
	Markdown  = "markdown"
	HTML      = "html"
	Shortcode = "shortcode"
	Function  = "function"
	Files     = "files"
	Check     = "check"
)

var stageNames = map[sitepb.Stage]string{
	sitepb.Stage_STAGE_MARKDOWN: Markdown, sitepb.Stage_STAGE_HTML: HTML, sitepb.Stage_STAGE_FILES: Files, sitepb.Stage_STAGE_CHECK: Check,
}

// Bounds of a description.
const (
	mostNames      = 100
	mostParameters = 20
	longestVersion = 100
)

// Description is what a plugin says of itself.
type Description struct {
	Version string
	Order   int32
	// Stages are in the order in which a page comes to them.
	Stages     []string
	Shortcodes []string
	Functions  []*sitepb.Signature
}

// Does says whether the plugin has a part in a stage.
func (d *Description) Does(stage string) bool { return slices.Contains(d.Stages, stage) }

var names = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// Described takes the answer of Describe.
func Described(a *sitepb.DescribeResponse) (*Description, error) {
	switch {
	case a.LeastRevision > Revision:
		return nil, fmt.Errorf("needs revision %d of ddc.site.v1, and this ddc knows %d: take a newer ddc, or an older version of the plugin", a.LeastRevision, Revision)
	case a.MostRevision != 0 && a.MostRevision < Revision:
		return nil, fmt.Errorf("works with revisions up to %d of ddc.site.v1, and this ddc has %d: take a newer version of the plugin", a.MostRevision, Revision)
	case len(a.Version) > longestVersion:
		return nil, fmt.Errorf("has a version of %d bytes; at most %d are shown", len(a.Version), longestVersion)
	case len(a.Shortcodes) > mostNames || len(a.Functions) > mostNames:
		return nil, fmt.Errorf("has %d shortcodes and %d functions; at most %d of each are taken", len(a.Shortcodes), len(a.Functions), mostNames)
	}
	d := &Description{Version: a.Version, Order: a.Order, Shortcodes: a.Shortcodes, Functions: a.Functions}
	has := map[string]bool{Shortcode: len(a.Shortcodes) > 0, Function: len(a.Functions) > 0}
	for _, s := range a.Stages {
		name := stageNames[s]
		if name == "" {
			return nil, fmt.Errorf("has a part in stage %d, which ddc.site.v1 does not have at revision %d", s, Revision)
		}
		has[name] = true
	}
	for _, name := range []string{Markdown, Shortcode, Function, HTML, Files, Check} {
		if has[name] {
			d.Stages = append(d.Stages, name)
		}
	}
	if len(d.Stages) == 0 {
		return nil, errors.New("says that it does nothing: Describe lists no stage, no shortcode and no function")
	}
	return d, errors.Join(d.checkNames("shortcode", d.Shortcodes), d.checkFunctions())
}

func (d *Description) checkNames(what string, all []string) error {
	seen := map[string]bool{}
	for _, name := range all {
		if !names.MatchString(name) {
			return fmt.Errorf("has a %s %q; a name is of letters, digits and _", what, name)
		}
		if seen[name] {
			return fmt.Errorf("has the %s %s twice", what, name)
		}
		seen[name] = true
	}
	return nil
}

func (d *Description) checkFunctions() error {
	var all []string
	for _, f := range d.Functions {
		all = append(all, f.GetName())
		if n := len(f.GetParameters()); n > mostParameters || int(f.GetRequired()) > n || f.GetRequired() < 0 {
			return fmt.Errorf("has a function %s with %d parameters, of which %d must be given; there are at most %d", f.GetName(), n, f.GetRequired(), mostParameters)
		}
		if err := d.checkNames("parameter of "+f.GetName(), f.GetParameters()); err != nil {
			return err
		}
	}
	return d.checkNames("function", all)
}

// Undescribed is the description of a plugin that has no Describe, by the
// stages that a configuration names.
func Undescribed(stages []string) (*Description, error) {
	for _, named := range []string{Shortcode, Function} {
		if slices.Contains(stages, named) {
			return nil, fmt.Errorf("has no Describe, which is to name its %ss", named)
		}
	}
	if len(stages) == 0 {
		return nil, errors.New("has no Describe, and the configuration names no stage")
	}
	d := &Description{}
	for _, name := range []string{Markdown, HTML, Files, Check} {
		if slices.Contains(stages, name) {
			d.Stages = append(d.Stages, name)
		}
	}
	return d, nil
}

// Only leaves out all stages but those that a configuration names.
func (d *Description) Only(stages []string) error {
	for _, name := range stages {
		if !d.Does(name) {
			return fmt.Errorf("has no part in the stage %s, only in %s", name, strings.Join(d.Stages, ", "))
		}
	}
	d.Stages = slices.DeleteFunc(d.Stages, func(name string) bool { return !slices.Contains(stages, name) })
	if !d.Does(Shortcode) {
		d.Shortcodes = nil
	}
	if !d.Does(Function) {
		d.Functions = nil
	}
	return nil
}

// mostProblems bounds what is told of one answer.
const mostProblems = 200

// Problems takes what a plugin has found. File is what it was asked about, with
// its source: a line that this does not have is left out.
func Problems(plugin string, found []*sitepb.Problem, file, source string) (warnings, faults diagnostic.Errors) {
	lines := 1 + strings.Count(source, "\n")
	for i, f := range found {
		if i == mostProblems {
			faults = append(faults, diagnostic.Problem{File: file, Message: fmt.Sprintf("%s: and %d more", plugin, len(found)-i)})
			break
		}
		p := diagnostic.Problem{File: f.GetFile(), Line: max(int(f.GetLine()), 0), Col: max(int(f.GetColumn()), 0), Length: max(int(f.GetLength()), 0),
			Message: plugin + ": " + short(f.GetMessage()), Hint: short(f.GetHint())}
		if !filepath.IsLocal(p.File) || p.File == "." {
			p.File = file
		}
		if p.Line == 0 || p.File == file && p.Line > lines {
			p.Line, p.Col, p.Length = 0, 0, 0
		}
		if f.GetWarning() {
			warnings = append(warnings, p)
		} else {
			faults = append(faults, p)
		}
	}
	return warnings, faults
}

// short is a text of a problem as long as people read one. A longer one becomes
// a line that says how much was cut.
func short(text string) string {
	if len(text) <= printable.LineBytes {
		return text
	}
	return printable.Line(text)
}

// mostFiles bounds how many files and pages one plugin adds.
const mostFiles = 100_000

// Added checks the answer of Files.
func Added(a *sitepb.FilesResponse) error {
	if n := len(a.Files) + len(a.Pages); n > mostFiles {
		return fmt.Errorf("adds %d files and pages; at most %d are taken", n, mostFiles)
	}
	seen := map[string]bool{}
	once := func(name string) error {
		if seen[name] {
			return fmt.Errorf("adds %q twice", name)
		}
		seen[name] = true
		return nil
	}
	for _, f := range a.Files {
		if err := errors.Join(checkPath(f.GetPath()), once(f.GetPath())); err != nil {
			return err
		}
	}
	for _, p := range a.Pages {
		inner, opened := strings.CutPrefix(p.GetUrl(), "/")
		inner, closed := strings.CutSuffix(inner, "/")
		if len(inner) > slug.LongestPath {
			return checkPath(inner)
		}
		if !opened || !closed || strings.ContainsAny(inner, "?#%") {
			return fmt.Errorf("adds a page at %q; an address begins and ends with a slash, as in \"/words/\", and has no ?, # and %%", p.GetUrl())
		}
		if err := errors.Join(checkPath(inner), once(p.GetUrl())); err != nil {
			return err
		}
	}
	return nil
}

// checkPath says what is wrong with a path below the output folder.
func checkPath(name string) error {
	switch {
	case len(name) > slug.LongestPath || slug.Trouble(name) != "" && !strings.ContainsRune(name, 0): // first, as no error quotes a path of any length
		return fmt.Errorf("adds a path of %d bytes; a name in it has at most %d, the whole at most %d", len(name), slug.LongestName, slug.LongestPath)
	case name == "" || !filepath.IsLocal(name) || path.Clean(name) != name || name == ".":
		return fmt.Errorf("adds %q, which is no path below the output folder", name)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(c rune) bool { return c == '\\' || unicode.IsControl(c) }):
		return fmt.Errorf("adds %q, which has a backslash or a control character", name)
	}
	return nil
}
