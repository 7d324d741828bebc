package template

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"ddc/internal/diagnostic"
)

type segmentKind int

const (
	textSegment       segmentKind = iota
	expressionSegment             // {{ ... }}
	tagSegment                    // {% ... %}
)

// segment is a stretch of a template: text, or the tokens between delimiters.
type segment struct {
	kind      segmentKind
	text      string
	tokens    []token // the last is always an endToken
	line, col int
}

type tokenKind int

const (
	endToken tokenKind = iota
	nameToken
	stringToken
	numberToken
	operatorToken
)

// token is one word of the language. The text of a string is what it means,
// not how it is written.
type token struct {
	kind      tokenKind
	text      string
	line, col int
	length    int // in its line
}

// lexer cuts a source into segments, and keeps the line and column of what is
// next.
type lexer struct {
	file      string
	src       string
	pos       int
	line, col int
	segments  []segment
	errors    diagnostic.Errors
	trimNext  bool
	words     *int // how many more tokens there may be
}

// maxFaults is how many faults of one file are reported.
const maxFaults = 100

// scan cuts a whole source. Comments nest and leave no segment; a - inside a
// delimiter trims the white space on its outer side.
func scan(file, source string, words *int) ([]segment, diagnostic.Errors) {
	l := &lexer{file: file, src: strings.TrimPrefix(source, "\ufeff"), line: 1, col: 1, words: words}
	for l.pos < len(l.src) {
		l.segment()
	}
	return l.segments, l.errors
}

func (l *lexer) fail(line, col, length int, message, hint string) {
	l.errors = append(l.errors, diagnostic.Problem{File: l.file, Line: line, Col: col, Length: length, Message: message, Hint: hint})
	if len(l.errors) >= maxFaults {
		l.stop()
	}
}

// stop leaves the rest of the source unread.
func (l *lexer) stop() { l.pos = len(l.src) }

func (l *lexer) has(prefix string) bool { return strings.HasPrefix(l.src[l.pos:], prefix) }

func (l *lexer) skip(n int) {
	for end := min(l.pos+n, len(l.src)); l.pos < end; {
		c, size := utf8.DecodeRuneInString(l.src[l.pos:])
		l.pos += size
		if c == '\n' {
			l.line++
			l.col = 1
		} else {
			l.col++
		}
	}
}

func (l *lexer) segment() {
	switch {
	case l.has("{#"):
		l.comment()
	case l.has("{{"):
		l.delimited(expressionSegment, "{{", "}}")
	case l.has("{%"):
		l.delimited(tagSegment, "{%", "%}")
	default:
		l.text()
	}
}

func (l *lexer) text() {
	end := l.pos
	for end < len(l.src) {
		brace := strings.IndexByte(l.src[end:], '{')
		if brace < 0 {
			end = len(l.src)
			break
		}
		end += brace
		if end+1 < len(l.src) && strings.IndexByte("#{%", l.src[end+1]) >= 0 {
			break
		}
		end++
	}
	l.addText(l.src[l.pos:end])
	l.skip(end - l.pos)
}

func (l *lexer) addText(text string) {
	if l.trimNext {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		l.trimNext = false
	}
	if text != "" {
		l.segments = append(l.segments, segment{kind: textSegment, text: text, line: l.line, col: l.col})
	}
}

// trimBefore drops white space at the end of the text just read.
func (l *lexer) trimBefore() {
	if n := len(l.segments); n > 0 && l.segments[n-1].kind == textSegment {
		l.segments[n-1].text = strings.TrimRightFunc(l.segments[n-1].text, unicode.IsSpace)
	}
}

func (l *lexer) comment() {
	line, col, depth := l.line, l.col, 0
	for l.pos < len(l.src) {
		switch {
		case l.has("{#"):
			l.skip(2)
			if depth++; depth == 1 && l.has("-") {
				l.trimBefore()
			}
		case l.has("#}"):
			trim := l.src[l.pos-1] == '-'
			l.skip(2)
			if depth--; depth == 0 {
				l.trimNext = trim
				return
			}
		default:
			_, size := utf8.DecodeRuneInString(l.src[l.pos:])
			l.skip(size)
		}
	}
	l.fail(line, col, len("{#"), "this {# is never closed", "a comment ends in #}")
}

func (l *lexer) delimited(kind segmentKind, opening, closing string) {
	s := segment{kind: kind, line: l.line, col: l.col}
	l.skip(2)
	l.trimNext = false
	if l.has("-") && !l.has("-"+closing) {
		l.skip(1)
		l.trimBefore()
	}
	depth := 0
	for {
		l.space()
		switch {
		case l.pos >= len(l.src):
			l.fail(s.line, s.col, len(opening), "this "+opening+" is never closed", "it ends in "+closing)
			return
		case depth == 0 && (l.has(closing) || l.has("-") && l.has("-"+closing)):
			s.tokens = append(s.tokens, token{endToken, closing, l.line, l.col, len(closing)})
			l.trimNext = l.has("-")
			l.skip(len(closing))
			if l.trimNext {
				l.skip(1)
			}
			l.close(s)
			return
		case l.has("{"):
			depth++
		case l.has("}"):
			depth--
		}
		if !l.token(&s) {
			l.recover(closing)
			return
		}
	}
}

var endRaw = regexp.MustCompile(`\A\{%-*[ \t\r\n]*endraw[ \t\r\n]*(-*)%\}`)

// close adds a segment, and after {% raw %} its text up to {% endraw %}.
func (l *lexer) close(s segment) {
	if s.kind != tagSegment || len(s.tokens) != 2 || s.tokens[0].text != "raw" {
		l.segments = append(l.segments, s)
		return
	}
	rest := l.src[l.pos:]
	for offset := 0; ; {
		i := strings.Index(rest[offset:], "{%")
		if i < 0 {
			l.fail(s.line, s.col, len("{%"), "this raw is never closed", "it ends in {% endraw %}")
			l.skip(len(rest))
			return
		}
		offset += i
		if m := endRaw.FindStringSubmatchIndex(rest[offset:]); m != nil {
			l.addText(rest[:offset])
			l.skip(offset + m[1])
			l.trimNext = m[2] < m[3]
			return
		}
		offset += 2
	}
}

// recover goes on after a fault, behind the delimiter that ends the faulty
// segment, so that later faults are found too.
func (l *lexer) recover(closing string) {
	if i := strings.Index(l.src[l.pos:], closing); i >= 0 {
		l.skip(i + len(closing))
	} else {
		l.skip(len(l.src) - l.pos)
	}
}

func (l *lexer) space() {
	for l.pos < len(l.src) && strings.IndexByte(" \t\r\n", l.src[l.pos]) >= 0 {
		l.skip(1)
	}
}

// operators, the longest first.
var operators = []string{
	"::", "**", "//", "==", "!=", "<=", ">=",
	"+", "-", "*", "/", "%", "~", "<", ">", "=", "|", ".", ",", ":", "(", ")", "[", "]", "{", "}",
}

func (l *lexer) token(s *segment) bool {
	if *l.words--; *l.words < 0 {
		if *l.words == -1 { // the first file that has too many tells it for all
			l.fail(l.line, l.col, 1, "the tags of this site's templates have more than "+itoa(maxWords)+" words together", "lists as long as that belong into a data file")
		}
		l.stop()
		return false
	}
	t := token{line: l.line, col: l.col}
	rest := l.src[l.pos:]
	switch c, _ := utf8.DecodeRuneInString(rest); {
	case c == '"' || c == '\'' || c == '`':
		text, ok := l.quoted()
		if !ok {
			return false
		}
		t.kind, t.text = stringToken, text
	case c >= '0' && c <= '9':
		t.kind, t.text = numberToken, number(rest)
		l.skip(len(t.text))
	case c == '_' || unicode.IsLetter(c):
		end := strings.IndexFunc(rest, func(c rune) bool { return c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) })
		if end < 0 {
			end = len(rest)
		}
		t.kind, t.text = nameToken, rest[:end]
		l.skip(end)
	default:
		for _, operator := range operators {
			if strings.HasPrefix(rest, operator) {
				t.kind, t.text = operatorToken, operator
				break
			}
		}
		if t.kind == endToken {
			l.fail(t.line, t.col, 1, "unexpected "+quote(string(c)), "")
			return false
		}
		l.skip(len(t.text))
	}
	t.length = onItsLine(rest[:len(rest)-len(l.src)+l.pos])
	s.tokens = append(s.tokens, t)
	return true
}

// onItsLine is how many characters a text has on its first line.
func onItsLine(text string) int {
	text, _, _ = strings.Cut(text, "\n")
	return utf8.RuneCountInString(text)
}

// number gives the digits at the start of a text: 12, 1_000, 1.5.
func number(text string) string {
	digits := func(from int) int {
		for from < len(text) && (text[from] >= '0' && text[from] <= '9' || text[from] == '_') {
			from++
		}
		return from
	}
	end := digits(0)
	if end+1 < len(text) && text[end] == '.' && text[end+1] >= '0' && text[end+1] <= '9' {
		end = digits(end + 1)
	}
	return text[:end]
}

func (l *lexer) quoted() (string, bool) {
	line, col := l.line, l.col
	quotes := l.src[l.pos]
	l.skip(1)
	var b strings.Builder
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == quotes:
			l.skip(1)
			return b.String(), true
		case c == '\\' && quotes != '`' && l.pos+1 < len(l.src):
			escape := l.src[l.pos+1]
			meant := strings.IndexByte(`ntr\"'`, escape)
			if meant < 0 {
				l.fail(l.line, l.col, 2, `unknown escape \`+string(rune(escape)), `a backslash itself is written \\`)
				return "", false
			}
			b.WriteByte("\n\t\r\\\"'"[meant])
			l.skip(2)
		default:
			_, size := utf8.DecodeRuneInString(l.src[l.pos:])
			b.WriteString(l.src[l.pos : l.pos+size])
			l.skip(size)
		}
	}
	l.fail(line, col, 1, "this string is never closed", "")
	return "", false
}
