package markup

// QuotedLength is the length of the string that text begins with, in a style
// sheet, and whether that string ends.
func QuotedLength(text string) (length int, ends bool) {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case text[0]:
			return i + 1, true
		case '\\':
			i++
		}
	}
	return len(text), false
}
