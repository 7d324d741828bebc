package css

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"ddc/internal/markup"
)

// blanks are CSS's white space.
const blanks = " \t\r\n\f"

// trimBlanks takes the white space off the end of a bare URL, except a blank
// that ends an escape.
func trimBlanks(bare string) string {
	trimmed := strings.TrimRight(bare, blanks)
	if trimmed == bare || !strings.Contains(trimmed, `\`) {
		return trimmed
	}
	if tail := trimmed[strings.LastIndexByte(trimmed, '\\'):]; len(tail) == 1 {
		return bare[:len(trimmed)+1]
	}
	return trimmed
}

func unquote(text string) (value string, closed bool) {
	length, closed := markup.QuotedLength(text)
	if !closed || length != len(text) {
		return "", false
	}
	return unescape(text[1 : length-1]), true
}

// unescape resolves backslashes as CSS does: up to six hexadecimal digits and
// one blank are a character, a line break is nothing, any other character is
// itself.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		if text[i] != '\\' || i+1 == len(text) {
			out.WriteByte(text[i])
			i++
			continue
		}
		i++
		digits := 0
		for digits < 6 && i+digits < len(text) && isHex(text[i+digits]) {
			digits++
		}
		switch {
		case digits > 0:
			code, _ := strconv.ParseUint(text[i:i+digits], 16, 32)
			if r := rune(code); r == 0 || !utf8.ValidRune(r) {
				out.WriteRune(utf8.RuneError)
			} else {
				out.WriteRune(r)
			}
			i += digits
			if i < len(text) && strings.IndexByte(blanks, text[i]) >= 0 {
				i += lineBreak(text[i:])
			}
		case strings.IndexByte("\r\n\f", text[i]) >= 0:
			i += lineBreak(text[i:])
		default:
			out.WriteByte(text[i])
			i++
		}
	}
	return out.String()
}

// lineBreak is the length of the blank that text begins with; \r\n is one.
func lineBreak(text string) int {
	if strings.HasPrefix(text, "\r\n") {
		return 2
	}
	return 1
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

// quoted writes a URL between quotes, or bare if quote is zero and no character
// forbids it.
func quoted(url string, quote byte) string {
	if quote == 0 {
		if !strings.ContainsFunc(url, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`"'()\`, r) }) {
			return url
		}
		quote = '"'
	}
	var out strings.Builder
	out.WriteByte(quote)
	for i := range len(url) {
		switch c := url[i]; {
		case c == quote || c == '\\':
			out.WriteByte('\\')
			out.WriteByte(c)
		case c < ' ' || c == 0x7f:
			out.WriteString(`\` + strconv.FormatUint(uint64(c), 16) + " ")
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte(quote)
	return out.String()
}
