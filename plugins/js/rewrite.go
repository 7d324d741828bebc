package js

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

func rewrite(script string, urls map[string]string) (string, error) {
	paths := newPathSet(urls)
	if !paths.mentioned(script) {
		return script, nil
	}
	chunks, err := scan(script)
	if errors.Is(err, errNoScript) {
		return script, nil
	}
	if err != nil {
		return "", err
	}
	var out strings.Builder
	done := 0
	for _, c := range chunks {
		l := decode(script[c.start:c.end])
		for i := 0; i < len(l.text); {
			path := paths.longestAt(l.text, i)
			if path == "" {
				i++
				continue
			}
			out.WriteString(script[done : c.start+l.source(i)])
			out.WriteString(encode(urls[path], c.quote))
			i += len(path)
			done = c.start + l.source(i)
		}
	}
	out.WriteString(script[done:])
	return out.String(), nil
}

// pathSet finds known paths in a text.
type pathSet struct {
	known map[string]string
	// lengths of the paths, the longest first.
	lengths []int
	first   [256]bool
}

func newPathSet(urls map[string]string) *pathSet {
	lengths := map[int]bool{}
	s := &pathSet{known: urls}
	for path := range urls {
		if path != "" {
			lengths[len(path)] = true
			s.first[path[0]] = true
		}
	}
	s.lengths = slices.SortedFunc(maps.Keys(lengths), func(a, b int) int { return b - a })
	return s
}

// mentioned says quickly that a script names no asset, which is so of most. Escapes can hide a path from it, so with
// those it makes no claim.
func (s *pathSet) mentioned(script string) bool {
	if strings.Contains(script, `\`) {
		return len(s.known) > 0
	}
	for i := range len(script) {
		if s.longestAt(script, i) != "" {
			return true
		}
	}
	return false
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

// continues says whether rest goes on with the path before it. A dot does only before a letter or digit: else it ends a
// sentence.
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
