package js

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// deepest is how deep the parser reads.
const deepest = 1000

// mostListed bounds what the parser lists: each name once in each scope around
// it that does not declare it. For so many it takes a second, and 200 MB, and
// about as long again for the script itself.
func mostListed(script string) int { return 1<<20 + len(script) }

// listsTooMuch says whether the parser might list more than it may. It counts
// from above: names in strings, in no expression, and in brackets that are no
// scope. Where the lexer is not sure that it sees the tokens that the parser
// sees, each name may be in all scopes.
func listsTooMuch(script string) bool { return listed(script) > mostListed(script) }

// listed is what listsTooMuch compares. It counts no further than is needed.
func listed(script string) (sum int) {
	l := newLexer(script)
	n := nesting{}
	last := map[string]int{} // which token a name was last
	for l.at < len(script) && sum <= mostListed(script) {
		at := len(l.tokens)
		if l.next() != nil || l.unsure {
			return atWorst(script)
		}
		if len(l.tokens) == at {
			continue
		}
		n.follow(l, at)
		t := l.tokens[at]
		if t.kind != word || isDigit(t.text[0]) {
			continue
		}
		before, known := last[t.text]
		if !known {
			before = -1
		}
		last[t.text] = at
		sum += n.since(before)
	}
	return sum
}

// nesting are the scopes around a token, those that began first in front.
type nesting []scoped

// scoped is what may be a scope: brackets, and functions and loops whose body
// is an expression or a statement.
type scoped struct {
	kind  byte // '(', '{', or '>' and 'f' for those without a bracket of their own
	token int  // which began it
	open  int  // how many brackets were open
}

// since counts those that began after a token. The parser comes to no more than
// it reads.
func (n nesting) since(token int) int {
	n = n[:min(len(n), deepest)]
	return len(n) - sort.Search(len(n), func(i int) bool { return n[i].token > token })
}

// end ends the innermost scopes that begin where so many brackets are open, if
// they are of one of these kinds.
func (n *nesting) end(open int, kinds string) {
	for s := *n; len(s) > 0 && s[len(s)-1].open == open && strings.IndexByte(kinds, s[len(s)-1].kind) >= 0; s = *n {
		*n = s[:len(s)-1]
	}
}

// follow takes the lexer's last token.
func (n *nesting) follow(l *lexer, at int) {
	t, open := l.tokens[at], len(l.open)
	begin := func(kind byte, open int) { *n = append(*n, scoped{kind, at, open}) }
	for s := *n; len(s) > 0 && s[len(s)-1].open > open; s = *n {
		*n = s[:len(s)-1]
	}
	switch {
	case t.kind == word:
		if l.is(at-1, "}") && !goesOn(t.text) {
			n.end(open, ">f")
		}
		if t.text == "for" {
			begin('f', open)
		}
	case t.kind != sign:
	case t.text == "(" || t.text == "{":
		begin(t.text[0], open)
	case t.text == ">" && l.is(at-1, "=") && l.tokens[at-1].end == t.start:
		begin('>', open)
	case t.text == ",":
		n.end(open, ">")
	case t.text == ";":
		n.end(open, ">f")
	}
}

// goesOn says whether a word after a brace may be part of the same statement.
func goesOn(word string) bool {
	switch word {
	case "else", "catch", "finally", "while", "in", "instanceof", "of", "as", "from":
		return true
	}
	return false
}

// atWorst is listed for a script that the lexer can't read: each word is a name
// in all scopes that there may be.
func atWorst(script string) int {
	names := strings.FieldsFunc(script, func(r rune) bool {
		return r < utf8.RuneSelf && !isWord(byte(r)) || r >= utf8.RuneSelf && blankLength(string(r)) > 0
	})
	return len(names) * min(scopes(script), deepest)
}

// scopes counts what may begin a scope.
func scopes(text string) (sum int) {
	for _, beginning := range []string{"{", "(", "=>", "for"} {
		sum += strings.Count(text, beginning)
	}
	return sum
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
