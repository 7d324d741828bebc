package css

import (
	"net/url"
	"strings"
)

// rewrite replaces each reference that the map knows and leaves every other byte alone.
// It says how many blocks the sheet has.
func rewrite(sheet string, urls map[string]string, base string) (rewritten string, blocks int, err error) {
	sheet = strings.TrimPrefix(sheet, "\ufeff")
	s, err := scan(sheet)
	if err != nil {
		return "", 0, err
	}
	var out strings.Builder
	done := 0
	for _, ref := range s.found {
		replacement, known := lookUp(ref.value, urls, base)
		if !known {
			continue
		}
		out.WriteString(sheet[done:ref.start])
		out.WriteString(quoted(replacement, ref.quote))
		done = ref.end
	}
	out.WriteString(sheet[done:])
	return out.String(), s.blocks, nil
}

// lookUp finds the new URL of a URL as written, or else of the path that it
// leads to from base. A query or fragment (font.eot?#iefix, sprite.svg#icon) is
// kept after the new URL.
func lookUp(written string, urls map[string]string, base string) (string, bool) {
	if replacement, known := urls[written]; known {
		return replacement, true
	}
	ref, err := url.Parse(written)
	if err != nil || ref.IsAbs() || ref.Host != "" || ref.Path == "" {
		return "", false
	}
	from, err := url.Parse(base)
	if err != nil {
		return "", false
	}
	tail := ""
	if i := strings.IndexAny(written, "?#"); i >= 0 {
		tail = written[i:]
	}
	target := from.ResolveReference(&url.URL{Path: ref.Path, RawPath: ref.RawPath})
	for _, key := range []string{target.String(), target.Path} {
		if replacement, known := urls[key]; known {
			return replacement + tail, true
		}
	}
	return "", false
}
