package kdl

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// value reads one string, number or keyword.
func (r *reader) value() (Value, error) {
	v, start := Value{Line: r.line, Col: r.col}, r.pos
	if r.values++; r.values > maxValues {
		return v, r.errorf("there are more than %d values; split the file", maxValues)
	}
	var err error
	switch c := r.peek(); {
	case c == '"':
		v.Any, err = r.quoted()
	case c == '#':
		v.Any, err = r.keywordOrRaw()
	case c == 'r' && (r.has(`r"`) || r.has(`r#`)):
		r.next()
		v.Any, err = r.raw()
	default:
		v.Any, err = r.bare()
	}
	line, _, _ := strings.Cut(r.src[start:r.pos], "\n")
	v.Length = utf8.RuneCountInString(line)
	return v, err
}

// bare reads a word or a number, and the keywords of version 1.
func (r *reader) bare() (any, error) {
	line, col, start := r.line, r.col, r.pos
	for !r.eof() && isWord(r.peek()) {
		r.next()
	}
	word := r.src[start:r.pos]
	switch word {
	case "":
		if r.eof() {
			return nil, r.errorf("expected a value, found the end of the file")
		}
		if r.peek() == '[' {
			return nil, r.errorf(`unexpected '[': KDL writes the values of a list one after another, as in: args "run" "--quiet"`)
		}
		return nil, r.errorf("unexpected %q; a value that holds it must stand in quotes", r.peek())
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return nil, nil
	}
	digits := strings.TrimLeft(word, "+-")
	if len(word)-len(digits) <= 1 && digits != "" && digits[0] >= '0' && digits[0] <= '9' {
		number, ok := parseNumber(word)
		if !ok {
			return nil, r.errorAt(line, col, "%q is not a number; put it in quotes if it is text", word)
		}
		return number, nil
	}
	return word, nil
}

func isWord(c rune) bool {
	return !isSpace(c) && !isNewline(c) && !strings.ContainsRune(`\/(){}[];"#=`, c) && c > 0x20 && c != 0x7f && c != '\ufeff'
}

func parseNumber(word string) (any, bool) {
	if strings.HasSuffix(word, "_") || strings.Contains(word, "._") {
		return nil, false
	}
	text := strings.ReplaceAll(word, "_", "")
	unsigned := strings.TrimLeft(text, "+-")
	if len(unsigned) > 1 && unsigned[0] == '0' && strings.ContainsRune("xob", rune(unsigned[1])) {
		base := map[byte]int{'x': 16, 'o': 8, 'b': 2}[unsigned[1]]
		n, err := strconv.ParseInt(text[:len(text)-len(unsigned)]+unsigned[2:], base, 64)
		return n, err == nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	if strings.Trim(unsigned, "0123456789.eE+-") != "" {
		return nil, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}

// keywordOrRaw reads #true and its kin, or a raw string.
func (r *reader) keywordOrRaw() (any, error) {
	hashes := 0
	for strings.HasPrefix(r.src[r.pos+hashes:], "#") {
		hashes++
	}
	if strings.HasPrefix(r.src[r.pos+hashes:], `"`) {
		return r.raw()
	}
	line, col := r.line, r.col
	r.next()
	start := r.pos
	for !r.eof() && isWord(r.peek()) {
		r.next()
	}
	switch word := r.src[start:r.pos]; word {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return nil, nil
	case "inf":
		return math.Inf(1), nil
	case "-inf":
		return math.Inf(-1), nil
	case "nan":
		return math.NaN(), nil
	default:
		return nil, r.errorAt(line, col, "unknown keyword #%s; there are #true, #false, #null, #inf, #-inf and #nan", word)
	}
}

// raw reads #"..."# with any number of hashes, or the """ form of it.
func (r *reader) raw() (any, error) {
	line, col := r.line, r.col
	hashes := 0
	for r.peek() == '#' {
		r.next()
		hashes++
	}
	quotes := `"`
	if r.has(`"""`) {
		quotes = `"""`
	}
	if !r.has(quotes) {
		return nil, r.errorAt(line, col, "expected a quote after the # of a raw string")
	}
	r.skip(len(quotes))
	end := quotes + strings.Repeat("#", hashes)
	length := strings.Index(r.src[r.pos:], end)
	if length < 0 {
		return nil, r.errorAt(line, col, "this raw string is never closed; it must end in %s", end)
	}
	text := r.src[r.pos : r.pos+length]
	r.skip(length + len(end))
	if quotes == `"""` {
		return r.dedent(line, col, text)
	}
	return text, nil
}

// quoted reads "..." or the """ form of it.
func (r *reader) quoted() (any, error) {
	line, col := r.line, r.col
	multi := r.has(`"""`)
	if !multi {
		r.next()
		text, err := r.escaped(line, col, `"`)
		return text, err
	}
	r.skip(3)
	start := *r
	// The indentation goes first, the escapes after it, as the language asks:
	// an escaped newline is not the end of a line.
	for !r.eof() && !r.has(`"""`) {
		if r.peek() == '\\' {
			r.next()
			if r.eof() {
				break
			}
		}
		r.next()
	}
	if r.eof() {
		return nil, r.errorAt(line, col, `this string is never closed; it must end in """`)
	}
	text, err := r.dedent(line, col, r.src[start.pos:r.pos])
	if err != nil {
		return nil, err
	}
	r.skip(3)
	inner := &reader{file: r.file, src: text, line: start.line, col: start.col}
	return inner.escaped(line, col, "")
}

// escaped reads text with escapes up to an end; an empty end means all there
// is.
func (r *reader) escaped(line, col int, end string) (string, error) {
	var b strings.Builder
	for {
		switch c := r.peek(); {
		case end == "" && r.eof():
			return b.String(), nil
		case r.eof() || end == `"` && isNewline(c):
			return "", r.errorAt(line, col, "this string is never closed on its line")
		case end != "" && r.has(end):
			r.skip(len(end))
			return b.String(), nil
		case c == '\\':
			if err := r.escape(&b); err != nil {
				return "", err
			}
		default:
			b.WriteRune(r.next())
		}
	}
}

// escape reads one escape sequence.
func (r *reader) escape(b *strings.Builder) error {
	line, col := r.line, r.col
	r.next()
	if r.eof() {
		return r.errorAt(line, col, `nothing follows this \`)
	}
	if isSpace(r.peek()) || isNewline(r.peek()) {
		for !r.eof() && (isSpace(r.peek()) || isNewline(r.peek())) {
			r.next()
		}
		return nil
	}
	simple := map[rune]rune{'n': '\n', 'r': '\r', 't': '\t', '\\': '\\', '"': '"', 'b': '\b', 'f': '\f', 's': ' ', '/': '/'}
	c := r.next()
	if replacement, ok := simple[c]; ok {
		b.WriteRune(replacement)
		return nil
	}
	if c != 'u' || r.peek() != '{' {
		return r.errorAt(line, col, `unknown escape \%c; a backslash itself is written \\`, c)
	}
	length := strings.IndexByte(r.src[r.pos:], '}')
	if length < 2 || length > 7 {
		return r.errorAt(line, col, `\u needs one to six hexadecimal digits in braces, as in \u{e9}`)
	}
	code, err := strconv.ParseUint(r.src[r.pos+1:r.pos+length], 16, 32)
	if err != nil || !utf8.ValidRune(rune(code)) {
		return r.errorAt(line, col, `\u%s is not a character`, r.src[r.pos:r.pos+length+1])
	}
	r.skip(length + 1)
	b.WriteRune(rune(code))
	return nil
}

// dedent takes from a multi-line string its first and last line and the
// indentation that the last line shows.
func (r *reader) dedent(line, col int, text string) (string, error) {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if len(lines) < 2 || strings.TrimFunc(lines[0], isSpace) != "" {
		return "", r.errorAt(line, col, `a newline must follow the opening """`)
	}
	indent := lines[len(lines)-1]
	if strings.TrimFunc(indent, isSpace) != "" {
		return "", r.errorAt(line, col, `the closing """ must stand on a line of its own`)
	}
	body := lines[1 : len(lines)-1]
	for i, text := range body {
		switch {
		case strings.TrimFunc(text, isSpace) == "":
			body[i] = ""
		case strings.HasPrefix(text, indent):
			body[i] = text[len(indent):]
		default:
			return "", r.errorAt(line+1+i, 1, `this line is indented less than the closing """`)
		}
	}
	return strings.Join(body, "\n"), nil
}
