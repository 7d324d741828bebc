package js

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"ddc/internal/diagnostic"
	"ddc/plugins/js/jspb"
)

// rewritten is a script with new paths.
type rewritten struct {
	script string
	// unknown are the modules and files that the script names relative to
	// itself, and that the map lacks.
	unknown []*jspb.Reference
	// fault is what is wrong with a script that no browser runs.
	fault *diagnostic.Problem
}

// mostUnknown bounds the list of unknown references, each of which costs a look
// through the script.
const mostUnknown = 100

// rewrite replaces the asset paths of a script. base is where its relative
// specifiers count from, or empty if nobody knows; prefix is the folder that
// the site is below.
func rewrite(script string, urls map[string]string, base, prefix string) (*rewritten, error) {
	chunks, fault, err := scan(script)
	made := &rewritten{script: script, fault: fault}
	if errors.Is(err, errNoScript) {
		return made, nil
	}
	if err != nil {
		return nil, err
	}
	paths := newPathSet(urls)
	e := edit{script: script}
	for _, c := range chunks {
		l := decode(script[c.start:c.end])
		if c.role == scope && prefix != "" && strings.HasPrefix(l.text, "/") && !strings.HasPrefix(l.text, "//") && !strings.HasPrefix(l.text+"/", prefix+"/") {
			e.replace(c.start, c.start, encode(prefix, c.quote))
			continue
		}
		if target, tail := resolve(base, l.text, c.role); target != "" {
			if url, known := urls[target]; known {
				e.replace(c.start, c.end, encode(url+tail, c.quote))
			} else if len(made.unknown) < mostUnknown {
				place := diagnostic.At(script, c.start, c.end, "")
				made.unknown = append(made.unknown, &jspb.Reference{Url: l.text, Path: target, Line: int32(place.Line), Column: int32(place.Col)})
			}
			continue
		}
		for i := 0; i < len(l.text); {
			known := paths.longestAt(l.text, i)
			if known == "" {
				i++
				continue
			}
			e.replace(c.start+l.source(i), c.start+l.source(i+len(known)), encode(urls[known], c.quote))
			i += len(known)
		}
	}
	made.script = e.finish()
	return made, nil
}

// resolve gives the path that a relative specifier stands for, and its query
// and fragment, or "". A name alone is one of an import map, unless it counts
// from the script's own address.
func resolve(base, name string, as role) (target, tail string) {
	relative := strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../")
	if base == "" || as == plain || !relative && (as == specifier || strings.HasPrefix(name, "/")) {
		return "", ""
	}
	to, err := url.Parse(name)
	if err != nil || to.Scheme != "" || to.Host != "" || to.Path == "" {
		return "", ""
	}
	from, err := url.Parse(base)
	if err != nil {
		return "", ""
	}
	if i := strings.IndexAny(name, "?#"); i >= 0 {
		tail = name[i:]
	}
	return (&url.URL{Path: from.Path}).ResolveReference(&url.URL{Path: to.Path}).Path, tail
}

// edit copies a script, with replacements in order.
type edit struct {
	script string
	out    strings.Builder
	done   int
}

func (e *edit) replace(start, end int, text string) {
	e.out.WriteString(e.script[e.done:start])
	e.out.WriteString(text)
	e.done = end
}

func (e *edit) finish() string {
	e.out.WriteString(e.script[e.done:])
	return e.out.String()
}

// pathSet finds known paths in a text.
type pathSet struct {
	known map[string]string
	// lengths has the paths' lengths, the longest first.
	lengths []int
	first   [256]bool
}

func newPathSet(urls map[string]string) *pathSet {
	lengths := map[int]bool{}
	s := &pathSet{known: urls}
	for known := range urls {
		if known != "" {
			lengths[len(known)] = true
			s.first[known[0]] = true
		}
	}
	s.lengths = slices.SortedFunc(maps.Keys(lengths), func(a, b int) int { return b - a })
	return s
}

// longestAt returns the longest known path that stands by itself at i, or "".
func (s *pathSet) longestAt(text string, i int) string {
	if !s.first[text[i]] || i > 0 && inPath(text[i-1]) {
		return ""
	}
	for _, length := range s.lengths {
		if i+length > len(text) {
			continue
		}
		if _, known := s.known[text[i:i+length]]; known && !continues(text[i+length:]) {
			return text[i : i+length]
		}
	}
	return ""
}

// continues says whether rest continues the path before it. A dot does so only
// before a letter or digit; otherwise it ends a sentence.
func continues(rest string) bool {
	if rest == "" {
		return false
	}
	if rest[0] == '.' {
		return len(rest) > 1 && inPath(rest[1])
	}
	return inPath(rest[0])
}

func inPath(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf || strings.IndexByte("_-.~%/@", c) >= 0
}
