package css

import (
	"net/url"
	"strings"

	"ddc/internal/diagnostic"
	"ddc/plugins/css/csspb"
)

// rewritten is a sheet with new URLs.
type rewritten struct {
	sheet string
	// selectors counts what is before braces: of a list each.
	selectors int
	// unknown are the references to the sheet's own site that the map lacks.
	unknown []*csspb.Reference
}

// mostUnknown bounds the list of unknown references, each of which costs a look
// through the sheet.
const mostUnknown = 100

// rewrite replaces each reference that the map knows and leaves every other
// byte alone.
func rewrite(sheet string, urls map[string]string, base string) (*rewritten, error) {
	sheet = strings.TrimPrefix(sheet, "\ufeff")
	s, err := scan(sheet)
	if err != nil {
		return nil, err
	}
	made := &rewritten{selectors: s.selectors}
	var out strings.Builder
	done := 0
	for _, ref := range s.found {
		replacement, path := lookUp(ref.value, urls, base)
		if replacement == "" {
			if path != "" && len(made.unknown) < mostUnknown {
				place := diagnostic.At(sheet, ref.start, ref.end, "")
				made.unknown = append(made.unknown, &csspb.Reference{Url: ref.value, Path: path, Line: int32(place.Line), Column: int32(place.Col)})
			}
			continue
		}
		out.WriteString(sheet[done:ref.start])
		out.WriteString(quoted(replacement, ref.quote))
		done = ref.end
	}
	out.WriteString(sheet[done:])
	made.sheet = out.String()
	return made, nil
}

// lookUp finds the new URL of a URL as written, or else of the path that it
// leads to from base. A query or fragment (font.eot?#iefix, sprite.svg#icon) is
// kept after the new URL. If there is none, it gives that path, or "" if the
// URL leads to no file of the site.
func lookUp(written string, urls map[string]string, base string) (replacement, path string) {
	if replacement, known := urls[written]; known {
		return replacement, ""
	}
	ref, err := url.Parse(written)
	if err != nil || ref.Opaque != "" || ref.Path == "" {
		return "", ""
	}
	from, err := url.Parse(base)
	if err != nil || ref.Host != "" && ref.Host != from.Host || ref.Host == "" && ref.Scheme != "" {
		return "", ""
	}
	tail := ""
	if i := strings.IndexAny(written, "?#"); i >= 0 {
		tail = written[i:]
	}
	target := (&url.URL{Path: from.Path, RawPath: from.RawPath}).ResolveReference(&url.URL{Path: ref.Path, RawPath: ref.RawPath})
	for _, key := range []string{target.String(), target.Path} {
		if replacement, known := urls[key]; known {
			return replacement + tail, ""
		}
	}
	return "", target.Path
}
