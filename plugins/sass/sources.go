package sass

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/bep/godartsass/v2"

	"ddc/internal/diagnostic"
)

// scheme makes a file's name into the canonical URL that Dart Sass wants.
// ("sass:" is taken by its own modules.)
const scheme = "ddc:///"

// sources are a request's files; they answer the compiler's @use, @forward and
// @import.
type sources map[string]string

var _ godartsass.ImportResolver = sources(nil)

// args are the arguments that compile the sources, beginning with the entry.
func (s sources) args() godartsass.Args {
	return godartsass.Args{Source: s[entry], URL: scheme + entry, OutputStyle: godartsass.OutputStyleExpanded, ImportResolver: s}
}

// CanonicalizeURL finds the file that a rule means: "colors" is colors.scss,
// _colors.scss, the same as .sass or .css, or colors/_index.scss. The compiler
// first asks relative to the importing file, with our scheme, and then relative
// to the root. CanonicalizeURL returns "" if there is no such file.
func (s sources) CanonicalizeURL(reference string) (string, error) {
	name, ours := strings.CutPrefix(reference, scheme)
	if !ours && strings.Contains(reference, ":") {
		return "", nil
	}
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	for _, candidates := range spellings(name) {
		var found []string
		for _, candidate := range candidates {
			if _, ok := s[candidate]; ok {
				found = append(found, candidate)
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return strings.TrimSuffix(scheme, "/") + (&url.URL{Path: "/" + found[0]}).EscapedPath(), nil
		default:
			return "", fmt.Errorf("it's not clear which file to import: %s and %s both fit; remove one", found[0], found[1])
		}
	}
	return "", nil
}

// spellings lists the files that a name may mean, in groups. At most one file
// of a group may exist.
func spellings(name string) [][]string {
	switch path.Ext(name) {
	case ".scss", ".sass", ".css":
		return [][]string{{name, partial(name)}}
	}
	var groups [][]string
	for _, base := range []string{name, path.Join(name, "index")} {
		groups = append(groups,
			[]string{base + ".scss", partial(base + ".scss"), base + ".sass", partial(base + ".sass")},
			[]string{base + ".css", partial(base + ".css")})
	}
	return groups
}

func partial(name string) string {
	directory, file := path.Split(name)
	return directory + "_" + file
}

// Load returns a file's source, in the syntax that its extension says.
func (s sources) Load(canonical string) (godartsass.Import, error) {
	name, source, ok := s.lookup(canonical)
	if !ok {
		return godartsass.Import{}, errors.New("no such file")
	}
	syntax := godartsass.SourceSyntaxSCSS
	switch path.Ext(name) {
	case ".sass":
		syntax = godartsass.SourceSyntaxSASS
	case ".css":
		syntax = godartsass.SourceSyntaxCSS
	}
	return godartsass.Import{Content: source, SourceSyntax: syntax}, nil
}

func (s sources) lookup(canonical string) (name, source string, ok bool) {
	name = strings.TrimPrefix(canonical, scheme)
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	source, ok = s[name]
	return name, source, ok
}

// locate says where an error of the compiler is. The library gives offsets in
// UTF-16, as Dart counts.
func (s sources) locate(fault godartsass.SassError) diagnostic.Problem {
	message := strings.TrimSpace(fault.Message)
	name, source, ok := s.lookup(fault.Span.Url)
	if !ok {
		return diagnostic.Problem{Message: message}
	}
	p := diagnostic.At(source, len(head(source, fault.Span.Start.Offset)), len(head(source, fault.Span.End.Offset)), message)
	p.File = folder + name
	return *p
}

// head is the beginning of text that has so many units of UTF-16.
func head(text string, units int) string {
	for i, r := range text {
		if units <= 0 {
			return text[:i]
		}
		units--
		if r > 0xffff && r <= utf8.MaxRune {
			units--
		}
	}
	return text
}
