package markup

import "strings"

// IsPlainPath says whether a link is a path from the root in which every
// character stands for itself, as most are: it need not be parsed.
func IsPlainPath(link string) bool {
	if !strings.HasPrefix(link, "/") {
		return false
	}
	before := byte(0)
	for _, c := range []byte(link) {
		switch {
		case c == '/' && before != '/':
		case c == '.' && before != '/', c == '-', c == '_', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		default:
			return false
		}
		before = c
	}
	return true
}
