package js

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a piece of a script that is neither blank nor comment.
type token struct {
	kind       tokenKind
	start, end int
	text       string
}

type tokenKind int

const (
	word       tokenKind = iota // a name, a keyword or a number
	sign                        // one character of punctuation
	str                         // a string, with its quotes
	template                    // a piece of a template, from ` or } to ${ or `
	expression                  // a regular expression
)

// badToken is a string, comment or template that never ends.
type badToken struct {
	start, end int
	message    string
}

func (e *badToken) Error() string { return e.message }

// lexer splits a script into tokens. It is used where the parser knows which
// slashes begin regular expressions, and where the parser cannot read the
// script and the lexer has to guess.
type lexer struct {
	script string
	at     int
	tokens []token
	// isExpression says whether the slash at an offset begins a regular
	// expression.
	isExpression func(offset int) bool
	// open are the brackets that are open: the token of each, and for a brace
	// that of a template, the byte '`'.
	open []opened
	// closed is the bracket that the last token closed.
	closed opened
	// newLine says that a line has ended since the last token.
	newLine bool
	// unsure says that a slash, or a letter before one, may mean something else
	// to the parser, and so all that follows.
	unsure bool
	// unended counts slashes that would begin regular expressions without an
	// end.
	unended int
	// exports says that an export declares variables.
	exports bool
}

type opened struct {
	token int  // its index among the tokens
	kind  byte // '(', '[', '{', or '`' for ${
}

// newLexer makes a lexer that guesses.
func newLexer(script string) *lexer {
	l := &lexer{script: script, newLine: true}
	l.isExpression = l.guess
	if strings.HasPrefix(script, "#!") {
		l.line()
	}
	return l
}

// lex gives the tokens of a script. A nil function guesses.
func lex(script string, isExpression func(int) bool) ([]token, error) {
	l := newLexer(script)
	if isExpression != nil {
		l.isExpression = isExpression
	}
	for l.at < len(script) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	return l.tokens, nil
}

func (l *lexer) next() error {
	rest := l.script[l.at:]
	if blank := blankLength(rest); blank > 0 {
		l.newLine = l.newLine || l.lineEnds()
		l.at += blank
		return nil
	}
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "<!--"):
		l.unsure = l.unsure || l.is(len(l.tokens)-1, "<") // which the parser takes together
		l.line()
	case strings.HasPrefix(rest, "//"), strings.HasPrefix(rest, "-->") && l.newLine:
		l.line()
	case strings.HasPrefix(rest, "/*"):
		length := strings.Index(rest[2:], "*/")
		if length < 0 {
			return &badToken{l.at, len(l.script), "comment is never closed"}
		}
		l.newLine = l.newLine || strings.ContainsAny(rest[2:2+length], "\n\r\u2028\u2029")
		l.at += length + 4
	case c == '"' || c == '\'':
		return l.str(c)
	case c == '`':
		return l.template()
	case c == '}' && len(l.open) > 0 && l.open[len(l.open)-1].kind == '`':
		l.open = l.open[:len(l.open)-1]
		return l.template()
	case c == '/':
		return l.slash()
	case isWord(c):
		l.word(rest)
	default:
		l.sign(c)
	}
	return nil
}

func (l *lexer) add(kind tokenKind, length int) {
	l.tokens = append(l.tokens, token{kind, l.at, l.at + length, l.script[l.at : l.at+length]})
	l.at += length
	l.newLine = false
}

func (l *lexer) word(rest string) {
	length := wordLength(rest)
	text := rest[:length]
	n := len(l.tokens)
	switch text {
	case "var", "let", "const":
		l.exports = l.exports || l.is(n-1, "export")
	}
	// An escape has braces that are none, and a wrong letter ends the parser's
	// word.
	l.unsure = l.unsure || strings.ContainsAny(text, "\\@\ufffd") || strings.LastIndexByte(text, '#') > 0
	l.add(word, length)
}

// wordLength is how many bytes of a word text begins with.
func wordLength(text string) (length int) {
	for length < len(text) && isWord(text[length]) && (text[length] < utf8.RuneSelf || blankLength(text[length:]) == 0) {
		length++
	}
	return length
}

// blankLength is how many bytes of blanks, or of ends of lines, text begins
// with.
func blankLength(text string) int {
	switch c := text[0]; {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f':
		return 1
	case c < utf8.RuneSelf:
		return 0
	}
	r, length := utf8.DecodeRuneInString(text)
	if r == '\u2028' || r == '\u2029' || r == '\ufeff' || unicode.Is(unicode.Zs, r) {
		return length
	}
	return 0
}

// sign reads one character, and follows which brackets are open.
func (l *lexer) sign(c byte) {
	switch c {
	case '(', '[', '{':
		l.open = append(l.open, opened{len(l.tokens), c})
	case ')', ']', '}':
		l.closed = opened{}
		if n := len(l.open); n > 0 && l.open[n-1].kind != '`' {
			l.closed = l.open[n-1]
			l.open = l.open[:n-1]
		}
	}
	l.add(sign, 1)
}

// line goes to the end of the line.
func (l *lexer) line() {
	for l.at < len(l.script) && !l.lineEnds() {
		l.at++
	}
}

func (l *lexer) lineEnds() bool {
	c := l.script[l.at]
	return c == '\n' || c == '\r' || c == 0xe2 && (strings.HasPrefix(l.script[l.at:], "\u2028") || strings.HasPrefix(l.script[l.at:], "\u2029"))
}

func (l *lexer) str(quote byte) error {
	for i := l.at + 1; i < len(l.script); i++ {
		switch l.script[i] {
		case quote:
			l.add(str, i+1-l.at)
			return nil
		case '\\':
			if i++; i+1 < len(l.script) && l.script[i] == '\r' && l.script[i+1] == '\n' {
				i++
			}
		case '\n', '\r':
			return &badToken{l.at, i, "string is not closed on its line"}
		}
	}
	return &badToken{l.at, len(l.script), "string is never closed"}
}

// template reads a piece of a template up to its end, or to the next ${.
func (l *lexer) template() error {
	for i := l.at + 1; i < len(l.script); i++ {
		switch {
		case l.script[i] == '\\':
			i++
		case l.script[i] == '`':
			l.add(template, i+1-l.at)
			return nil
		case strings.HasPrefix(l.script[i:], "${"):
			l.open = append(l.open, opened{len(l.tokens), '`'})
			l.add(template, i+2-l.at)
			return nil
		}
	}
	return &badToken{l.at, len(l.script), "template is never closed"}
}

// mostUnended bounds how often the rest of a line is looked through for the end
// of a regular expression in vain. In a script that a browser runs it is never.
const mostUnended = 100

func (l *lexer) slash() error {
	if l.isExpression(l.at) {
		if l.regularExpression() {
			return nil
		}
		if l.unended++; l.unended > mostUnended {
			return &badToken{l.at, l.at + 1, "regular expression is not closed on its line"}
		}
	}
	l.sign('/')
	return nil
}

// regularExpression reads one, and says whether it ends on its line.
func (l *lexer) regularExpression() bool {
	begin, inClass := l.at, false
	for l.at++; l.at < len(l.script) && !l.lineEnds(); l.at++ {
		switch c := l.script[l.at]; {
		case c == '\\':
			l.at++
			if l.at == len(l.script) || l.lineEnds() {
				l.at = begin
				return false
			}
		case c == '[':
			inClass = true
		case c == ']':
			inClass = false
		case c == '/' && !inClass:
			end := l.at + 1
			end += wordLength(l.script[end:])
			l.at = begin
			l.add(expression, end-begin)
			return true
		}
	}
	l.at = begin
	return false
}

// guess says whether a slash begins a regular expression, from the token before
// it. It is wrong only about code that people do not write, such as a division
// of a function or an object by something; and where it could be wrong, it is
// unsure.
func (l *lexer) guess(int) bool {
	n := len(l.tokens)
	if n == 0 {
		return true
	}
	switch last := l.tokens[n-1]; {
	case last.kind == word:
		l.unsure = l.unsure || l.newLine || l.mayEnd(n-1)
		return beforeExpression(last.text) && !l.is(n-2, ".")
	case last.kind == template && strings.HasSuffix(last.text, "${"):
		return true
	case last.kind != sign:
		l.unsure = l.unsure || l.newLine || l.is(n-2, "from") || l.is(n-2, "import")
		return false
	case last.text == ")":
		return l.closed.kind == '(' && l.headAt(l.closed.token-1)
	case last.text == "}":
		l.unsure = true
		return l.closed.kind == '{' && l.blockAt(l.closed.token-1)
	case last.text == "]":
		l.unsure = l.unsure || l.newLine
		return false
	case last.text == "+" || last.text == "-": // a++ / 2
		twice := l.is(n-2, last.text) && l.tokens[n-2].end == last.start
		l.unsure = l.unsure || twice
		return !twice
	case last.text == "." && !l.is(n-2, "."): // 1./2
		l.unsure = true
		return false
	}
	return true
}

// mayEnd says whether the word at i may end a statement, so that an expression
// may follow on the same line, or may be a keyword in one place and a name in
// another.
func (l *lexer) mayEnd(i int) bool {
	switch l.tokens[i].text {
	case "break", "continue", "debugger", "of", "await", "yield":
		return true
	}
	switch before := l.tokens[max(i-1, 0)].text; before {
	case "break", "continue":
		return true
	case ".":
		return l.is(i-2, ".") || i > 1 && isDigit(l.tokens[i-2].text[0]) // not of a name, but of a list or a number
	case "var", "let", "const", ",":
		return l.exports
	}
	return false
}

func (l *lexer) is(i int, text string) bool { return i >= 0 && l.tokens[i].text == text }

// headAt says whether the word before a parenthesis begins a statement.
func (l *lexer) headAt(i int) bool {
	if i < 0 || l.is(i-1, ".") {
		return false
	}
	switch l.tokens[i].text {
	case "if", "while", "for", "with":
		return true
	case "await":
		return l.is(i-1, "for") && !l.is(i-2, ".")
	}
	return false
}

// blockAt says whether a brace after this token opens a block, and no object.
func (l *lexer) blockAt(i int) bool {
	if i < 0 {
		return true
	}
	switch before := l.tokens[i]; before.kind {
	case word:
		return !beforeExpression(before.text) || before.text == "else" || before.text == "do"
	case sign:
		return strings.Contains(";{})", before.text) || before.text == ">" && l.is(i-1, "=")
	}
	return false
}

// beforeExpression knows the keywords that an expression follows.
func beforeExpression(word string) bool {
	switch word {
	case "await", "case", "default", "delete", "do", "else", "extends", "in", "instanceof", "new", "of", "return", "throw", "typeof", "void", "yield":
		return true
	}
	return false
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c == '\\' || c == '#' || c == '@' || c >= utf8.RuneSelf
}
