package fonts

import (
	"regexp"
	"strconv"
	"strings"
)

// split cuts at a separator outside of quotes and parentheses, and trims.
func split(text string, separator byte) (parts []string) {
	depth, start := 0, 0
	var quote byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case c == separator && depth <= 0:
			parts = append(parts, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
	}
	return append(parts, strings.TrimSpace(text[start:]))
}

// states matches the pseudo-classes that hold only at times, the
// pseudo-elements, and the attributes that follow what a reader does.
var states = regexp.MustCompile(`(?i)::[-a-z]+(\([^()]*\))?|:(hover|focus|focus-within|focus-visible|active|visited|link|any-link|target|checked|indeterminate|disabled|enabled|required|optional|valid|invalid|in-range|out-of-range|user-valid|user-invalid|placeholder-shown|autofill|default|read-only|read-write|open|modal|popover-open|fullscreen|defined|before|after|first-line|first-letter)\b|:(dir|lang|state)\([^()]*\)|\[(open|popover|hidden|inert|disabled|aria-(expanded|selected|current|pressed|checked|hidden))(=[^\]]*)?\]`)

// withoutStates drops from a selector what holds only at times, and says
// whether there was any.
func withoutStates(selector string) (string, bool) {
	element := states.ReplaceAllString(selector, "")
	if element == selector {
		return selector, false
	}
	if strings.Contains(element, "()") { // :not(:hover), which does not match less without it but more
		return "", true
	}
	// A state that stood alone ("::selection", "a > :hover") leaves a gap.
	element = strings.TrimSpace(element)
	if element == "" || strings.ContainsRune(" >+~", rune(element[len(element)-1])) {
		element += "*"
	}
	return element, true
}

// shorthand takes the families out of a font declaration: they follow the size.
// The size is the last word before them that begins with a digit, is a
// function, or names a size.
func shorthand(value string) string {
	parts := split(value, ',')
	words := split(parts[0], ' ')
	if len(words) == 1 && len(parts) == 1 {
		return words[0] // inherit, var(--font), or a system font
	}
	first := 0
	for i, word := range words {
		if word != "" && isSize(word) {
			first = i + 1
		}
	}
	if first < len(words) && words[first] == "/" {
		first += 2
	} else if first < len(words) && strings.HasPrefix(words[first], "/") {
		first++
	}
	parts[0] = strings.Join(words[min(first, len(words)):], " ")
	return strings.Join(parts, ",")
}

var size = regexp.MustCompile(`(?i)^([0-9.+-]|(calc|min|max|clamp)\(|((xx?x?-)?(small|large)(er)?|medium)(/|$))`)

func isSize(word string) bool { return size.MatchString(word) || strings.HasSuffix(word, "/") }

// resolve replaces var() by every value that the variable has anywhere, or by
// the fallback if it has none.
func (s *style) resolve(value string, depth int) []string {
	start := strings.Index(strings.ToLower(value), "var(")
	if start < 0 || depth > 10 {
		return []string{value}
	}
	end, open := start+4, 1
	for ; end < len(value) && open > 0; end++ {
		switch value[end] {
		case '(':
			open++
		case ')':
			open--
		}
	}
	inside := strings.TrimSuffix(value[start+4:end], ")")
	name, fallback, _ := strings.Cut(inside, ",")
	choices := s.variables[strings.TrimSpace(name)]
	if len(choices) == 0 {
		choices = []string{strings.TrimSpace(fallback)}
	}
	var all []string
	bytes := 0
	for _, choice := range choices {
		if bytes += len(value) + len(choice); bytes > mostBytes || !s.spend(len(value)+len(choice)) {
			s.cut = true
			break
		}
		all = append(all, s.resolve(value[:start]+choice+value[end:], depth+1)...)
		if len(all) > mostChoices {
			s.cut = true
			break
		}
	}
	return all
}

// resolved is what resolve makes of the value of a content, made once. Choices
// may lack: the strings of all variables are among inVariables.
func (s *style) resolved(value string) []string {
	if known, is := s.values[value]; is {
		return known
	}
	all := s.resolve(value, 0)
	s.values[value] = all
	return all
}

// mostBytes bounds the values that the choices for one variable make.
const mostBytes = 1 << 20

// mostChoices bounds what variables made of variables can multiply to.
const mostChoices = 500

// families lists the names in a font-family value, in order.
func (s *style) families(value string) (names []string) {
	if known, ok := s.lists[value]; ok {
		return known
	}
	defer func() { s.lists[value] = names }()
	s.cut = false
	lists := s.resolve(value, 0)
	if s.cut {
		s.giveUp()
	}
	for _, list := range lists {
		for _, name := range split(list, ',') {
			if name = unquote(name); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// unquote reads a family name: a string, or words with each run of spaces as
// one.
func unquote(name string) string {
	if len(name) >= 2 && (name[0] == '"' || name[0] == '\'') && name[len(name)-1] == name[0] {
		return unescape(name[1 : len(name)-1])
	}
	return unescape(strings.Join(strings.Fields(name), " "))
}

var escape = regexp.MustCompile(`(?s)\\([0-9a-fA-F]{1,6})[ \t\r\n\f]?|\\(\r\n|.)`)

func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	return escape.ReplaceAllStringFunc(text, func(match string) string {
		parts := escape.FindStringSubmatch(match)
		if parts[1] != "" {
			code, err := strconv.ParseUint(parts[1], 16, 32)
			if err != nil || code == 0 || code > 0x10ffff {
				return "\ufffd"
			}
			return string(rune(code))
		}
		return strings.TrimLeft(parts[2], "\r\n\f")
	})
}

var quoted = regexp.MustCompile(`(?s)"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'`)

// literals joins the strings in a value.
func literals(value string) string {
	var text strings.Builder
	for _, match := range quoted.FindAllStringSubmatch(value, -1) {
		text.WriteString(unescape(match[1] + match[2]))
	}
	return text.String()
}

var reference = regexp.MustCompile(`(?is)url\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^)]*?))\s*\)`)

func firstURL(value string) string {
	match := reference.FindStringSubmatch(value)
	if match == nil {
		return ""
	}
	return match[1] + match[2] + match[3]
}
