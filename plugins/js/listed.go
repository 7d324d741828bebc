package js

import "strings"

// deepest is how deep the parser reads.
const deepest = 1000

// listed estimates how many names the parser lists in scopes, from above where
// the lexer guesses right. What it takes for a regular expression may be none;
// so scopes in there are taken for ones that never end.
func listed(script string) (sum int) {
	l := &lexer{script: script}
	l.isExpression = l.guess
	depth := map[string]int{} // of each name, the largest
	arrows := []int{0}        // functions without braces, for each bracket that is open and for none
	within, hidden := 0, 0
	for l.at < len(script) {
		before := len(l.tokens)
		if l.next() != nil {
			return atWorst(script)
		}
		for len(arrows) <= len(l.open) {
			arrows = append(arrows, 0)
		}
		for ; len(arrows) > len(l.open)+1; arrows = arrows[:len(arrows)-1] {
			within -= arrows[len(arrows)-1]
		}
		if len(l.tokens) == before {
			continue
		}
		last := len(arrows) - 1
		switch t := l.tokens[before]; {
		case t.kind == word && (t.text[0] < '0' || t.text[0] > '9'):
			depth[t.text] = max(depth[t.text], min(len(l.open)+within+hidden, deepest))
		case t.kind == expression:
			hidden += scopes(t.text)
		case t.text == ">" && l.is(before-1, "=") && l.tokens[before-1].end == t.start:
			arrows[last]++
			within++
		case t.text == "," || t.text == ";":
			within, arrows[last] = within-arrows[last], 0
		}
	}
	for _, d := range depth {
		sum += d
	}
	return sum
}

// atWorst is listed for a script that the lexer cannot read: each name may be
// in all scopes.
func atWorst(script string) int {
	names := map[string]bool{}
	for _, name := range strings.FieldsFunc(script, func(r rune) bool { return r < 0x80 && !isWord(byte(r)) }) {
		names[name] = true
	}
	return len(names) * min(scopes(script), deepest)
}

// scopes counts what may begin a scope.
func scopes(text string) int { return strings.Count(text, "{") + strings.Count(text, "=>") }
