package js

import (
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// rewrite returns the script with its asset paths replaced. The script lies at
// file below the site's root. If file is no script file, the text stands in a
// page, and relative specifiers are left alone.
func rewrite(file, script string, urls map[string]string) (string, error) {
	paths := newPathSet(urls)
	if !paths.mentioned(script) && !strings.Contains(script, "./") {
		return script, nil
	}
	chunks, err := scan(script)
	if errors.Is(err, errNoScript) {
		return script, nil
	}
	if err != nil {
		return "", err
	}
	e := edit{script: script}
	for _, c := range chunks {
		l := decode(script[c.start:c.end])
		if c.specifier {
			if target := module(file, l.text); target != "" {
				if url, known := urls[target]; known {
					e.replace(c.start, c.end, encode(url, c.quote))
				}
				continue
			}
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
	return e.finish(), nil
}

// module is the path that a relative specifier in a script file stands for, or "".
func module(file, specifier string) string {
	if !strings.HasPrefix(specifier, "./") && !strings.HasPrefix(specifier, "../") {
		return ""
	}
	if ext := path.Ext(file); ext != ".js" && ext != ".mjs" {
		return ""
	}
	return path.Join("/", path.Dir(file), specifier)
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

// mentioned says quickly whether a script may name an asset; most scripts name
// none. It says yes if there are escapes, which can hide a path.
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
