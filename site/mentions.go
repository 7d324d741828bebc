package site

import (
	"html"
	"iter"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// mentions finds which of many paths a text may name, so that a plugin is sent
// only those. Otherwise a site of 10,000 pages, or assets, would send 10,000
// paths with each of 10,000 calls. It goes by the last part of a path, which is
// the same however relative the path is written. A path too many costs some
// bytes; one too few would make a dead link.
type mentions struct {
	// byBase has paths by their last part, with all escapes undone.
	byBase map[string][]string
	bases  lengths
	// undotted says that some of them have no dot, as the name of a file does.
	undotted bool
	// odd are the paths that may not stand whole in a text: those with blanks
	// or quotes.
	odd []string
}

func newMentions(paths []string) *mentions {
	m := &mentions{byBase: make(map[string][]string, len(paths))}
	for _, p := range paths {
		plain, err := url.PathUnescape(p)
		base := path.Base(plain)
		if err != nil || strings.HasSuffix(base, ".") || strings.Contains(base, "%") || strings.IndexFunc(base, endsName) >= 0 {
			m.odd = append(m.odd, p)
			continue
		}
		m.byBase[base] = append(m.byBase[base], p)
		m.bases.add(base)
		m.undotted = m.undotted || !strings.Contains(base, ".")
	}
	return m
}

// in gives the paths that a text may name. The text is Markdown, CSS,
// JavaScript, or addresses.
func (m *mentions) in(text string) []string {
	found := slices.Clone(m.odd)
	if len(m.byBase) == 0 {
		return found
	}
	seen := map[string]bool{}
	add := func(name string) {
		if !m.bases.have(name) {
			return
		}
		if _, known := m.byBase[name]; known && !seen[name] {
			seen[name] = true
			found = append(found, m.byBase[name]...)
		}
	}
	for _, reading := range readings(text) {
		for name := range likelyNames(reading, &inNames, m.undotted) {
			add(name)
			if strings.HasSuffix(name, ".") { // the end of a sentence
				add(strings.TrimRight(name, "."))
			}
			if strings.IndexByte(name, '%') < 0 {
				continue
			}
			if plain, err := url.PathUnescape(name); err == nil && plain != name {
				add(path.Base(plain))
			}
		}
	}
	return found
}

// lengths are those that words have that begin with some byte, up to 63: most
// words of a text so need not be looked up.
type lengths [256]uint64

func (l *lengths) add(word string) {
	if word != "" {
		l[word[0]] |= 1 << min(len(word), 63)
	}
}

func (l *lengths) have(word string) bool {
	return word != "" && l[word[0]]&(1<<min(len(word), 63)) != 0
}

// characters of ASCII.
type ascii [utf8.RuneSelf]bool

// inNames and inPaths are what names, and addresses, are made of.
var inNames, inPaths = asciiOf(endsName), asciiOf(endsPath)

// asciiOf has the characters that are inside, of which ends says false.
func asciiOf(ends func(rune) bool) (inside ascii) {
	for r := range inside {
		inside[r] = !ends(rune(r))
	}
	return inside
}

// words are the pieces of a text between what is not inside. All characters
// that are not ASCII are, but for what is no character.
func words(text string, inside *ascii) iter.Seq[string] {
	return func(yield func(string) bool) {
		begun := -1
		for i := 0; i < len(text); {
			var in bool
			size := 1
			if c := text[i]; c < utf8.RuneSelf {
				in = inside[c]
			} else {
				var r rune
				r, size = utf8.DecodeRuneInString(text[i:])
				in = r != utf8.RuneError
			}
			switch {
			case in && begun < 0:
				begun = i
			case !in && begun >= 0:
				if !yield(text[begun:i]) {
					return
				}
				begun = -1
			}
			i += size
		}
		if begun >= 0 {
			yield(text[begun:])
		}
	}
}

// likelyNames are the words of a text that may be names: all, or those with a
// dot that is not at their end, or that may have one in other letters.
func likelyNames(text string, inside *ascii, undotted bool) iter.Seq[string] {
	if undotted || strings.IndexByte(text, '%') >= 0 {
		return words(text, inside)
	}
	return func(yield func(string) bool) {
		for at := 0; ; {
			dot := strings.IndexByte(text[at:], '.')
			if dot < 0 {
				return
			}
			begin := at + dot
			at = begin + 1
			if strings.HasPrefix(text[at:], ".") || inside.first(text[at:]) == 0 {
				continue
			}
			for n := inside.last(text[:begin]); n > 0; n = inside.last(text[:begin]) {
				begin -= n
			}
			for n := inside.first(text[at:]); n > 0; n = inside.first(text[at:]) {
				at += n
			}
			if !yield(text[begin:at]) {
				return
			}
		}
	}
}

// first is the length of a text's first character if it is inside, or 0.
func (a *ascii) first(text string) int {
	if text == "" {
		return 0
	}
	return a.size(text[0], func() (rune, int) { return utf8.DecodeRuneInString(text) })
}

// last is first, of the last character.
func (a *ascii) last(text string) int {
	if text == "" {
		return 0
	}
	return a.size(text[len(text)-1], func() (rune, int) { return utf8.DecodeLastRuneInString(text) })
}

func (a *ascii) size(c byte, decode func() (rune, int)) int {
	if c < utf8.RuneSelf {
		if a[c] {
			return 1
		}
		return 0
	}
	if r, size := decode(); r != utf8.RuneError {
		return size
	}
	return 0
}

// endsName reports whether a character stands beside a name rather than in it.
func endsName(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r >= utf8.RuneSelf && r != utf8.RuneError:
		return false
	}
	return !strings.ContainsRune("_-.~@%", r)
}

var (
	escapesOfCSS = regexp.MustCompile(`\\([0-9a-fA-F]{1,6})(?:\r\n|[ \t\r\n\f])?|\\(\r\n|(?s:.))`)
	escapesOfJS  = regexp.MustCompile(`\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|(?s:.)))`)
)

// readings are what a text may mean in each language: as it is, and with the
// escapes of CSS, of JavaScript, and of HTML undone. Markdown's escapes are
// among JavaScript's.
func readings(text string) []string {
	all := []string{text}
	if strings.Contains(text, `\`) {
		all = append(all, unescape(escapesOfCSS, text), unescape(escapesOfJS, text))
	}
	if strings.Contains(text, "&") {
		for _, one := range slices.Clone(all) {
			all = append(all, html.UnescapeString(one))
		}
	}
	return all
}

// unescape undoes escapes. The last group of the pattern is a character that
// stands for itself, or the end of a line, which is dropped; the other groups
// are codes.
func unescape(escapes *regexp.Regexp, text string) string {
	return escapes.ReplaceAllStringFunc(text, func(escape string) string {
		groups := escapes.FindStringSubmatch(escape)
		last := len(groups) - 1
		for _, code := range groups[1:last] {
			if n, err := strconv.ParseUint(code, 16, 32); err == nil {
				return string(rune(n))
			}
		}
		return strings.Trim(groups[last], "\r\n\f")
	})
}
