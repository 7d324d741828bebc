package template

import (
	"maps"
	"slices"
	"strings"

	"ddc/internal/diagnostic"
)

// parser reads the expressions of one tag. It reports only the first fault,
// since all that follows would be guesswork.
type parser struct {
	t      *tree
	tokens []token
	pos    int
	err    *diagnostic.Problem
	depth  int
}

// maxNesting bounds brackets in one another and the like, and maxHeight
// operators in a row, so that a hostile template cannot exhaust the stack.
const maxNesting, maxHeight = 200, 1000

// node makes the node of an expression that has these parts.
func (p *parser) node(at token, parts ...expr) node {
	n := node{place: p.t.place(at), height: 1}
	for _, part := range parts {
		if part != nil {
			n.height = max(n.height, part.at().height+1)
		}
	}
	if n.height > maxHeight {
		p.fail(at, "this expression is nested too deeply", "it has more than "+itoa(maxHeight)+" operators in a row; {% set %} can hold parts of it")
	}
	return n
}

func (p *parser) fail(at token, message, hint string) {
	if p.err != nil {
		return
	}
	p.err = p.t.fail(at, message, hint)
}

// peek gives the next token. After a fault there is none.
func (p *parser) peek() token {
	if p.err != nil {
		return p.tokens[len(p.tokens)-1]
	}
	return p.tokens[min(p.pos, len(p.tokens)-1)]
}

func (p *parser) next() token {
	t := p.peek()
	p.pos++
	return t
}

func (p *parser) skip() { p.pos = len(p.tokens) - 1 }

func (p *parser) is(text string) bool {
	t := p.peek()
	return (t.kind == operatorToken || t.kind == nameToken) && t.text == text
}

func (p *parser) accept(text string) bool {
	if !p.is(text) {
		return false
	}
	p.pos++
	return true
}

// acceptAny takes one of several operators.
func (p *parser) acceptAny(texts ...string) (token, bool) {
	if t := p.peek(); t.kind == operatorToken && slices.Contains(texts, t.text) {
		p.pos++
		return t, true
	}
	return token{}, false
}

func (p *parser) expect(text string) {
	if t := p.peek(); !p.accept(text) {
		p.fail(t, "expected "+text+", found "+describe(t), "")
	}
}

func (p *parser) name(what string) string {
	t := p.next()
	if t.kind != nameToken || t.text == "loop" || slices.Contains(reserved, t.text) {
		p.fail(t, "expected "+what+", found "+describe(t), "")
	}
	return t.text
}

// reserved words cannot be names of variables. Neither can loop, though it is a
// value.
var reserved = []string{"and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None", "self", "super"}

// end reports anything that is left of the tag.
func (p *parser) end() {
	if t := p.peek(); t.kind != endToken {
		p.fail(t, "unexpected "+describe(t), "")
	}
}

func describe(t token) string {
	switch t.kind {
	case endToken:
		return "the end of the tag"
	case stringToken:
		return "the string " + quote(t.text)
	}
	return shortened(t.text)
}

// since gives what was read from a position on.
func (p *parser) since(start int) []token {
	return p.tokens[min(start, len(p.tokens)):min(p.pos, len(p.tokens))]
}

// written gives tokens back as text, close to how they were written.
func written(tokens []token) string {
	var b strings.Builder
	for i, t := range tokens[:min(len(tokens), 100)] {
		text := t.text
		if t.kind == stringToken {
			text = quote(text)
		}
		wordy := func(t token) bool { return t.kind != operatorToken }
		if i > 0 && (wordy(t) && wordy(tokens[i-1]) || strings.Contains("+-*/~<>==!=|", text) && t.kind == operatorToken ||
			strings.Contains("+-*/~<>==!=|,", tokens[i-1].text) && tokens[i-1].kind == operatorToken) {
			b.WriteByte(' ')
		}
		b.WriteString(text)
	}
	return shortened(b.String())
}

func (p *parser) expression() expr {
	var e expr
	p.nested(func() { e = p.ternary() })
	return e
}

// nested bounds every way in which expressions contain each other.
func (p *parser) nested(read func()) {
	p.depth++
	if p.depth > maxNesting {
		p.fail(p.peek(), "this expression is nested too deeply", "")
	} else {
		read()
	}
	p.depth--
}

func (p *parser) ternary() expr {
	at := p.peek()
	then := p.or()
	if !p.accept("if") {
		return then
	}
	condition := p.or()
	p.expect("else")
	otherwise := p.expression()
	return &choice{p.node(at, then, condition, otherwise), then, condition, otherwise}
}

func (p *parser) or() expr {
	left := p.and()
	for at := p.peek(); p.accept("or"); at = p.peek() {
		right := p.and()
		left = &logic{p.node(at, left, right), left, right, true}
	}
	return left
}

func (p *parser) and() expr {
	left := p.not()
	for at := p.peek(); p.accept("and"); at = p.peek() {
		right := p.not()
		left = &logic{p.node(at, left, right), left, right, false}
	}
	return left
}

func (p *parser) not() expr {
	at := p.peek()
	if !p.accept("not") {
		return p.comparison()
	}
	var e expr
	p.nested(func() {
		of := p.not()
		e = &not{p.node(at, of), of}
	})
	return e
}

var comparisons = []string{"==", "!=", "<", "<=", ">", ">="}

func (p *parser) comparison() expr {
	left := p.sum()
	for p.err == nil {
		at, isOperator := p.acceptAny(comparisons...)
		switch {
		case isOperator:
			left = p.operation(at, at.text, left, p.sum())
		case p.is("in"):
			left = p.operation(p.next(), "in", left, p.sum())
		case p.is("not"):
			at := p.next()
			p.expect("in")
			is := p.operation(at, "in", left, p.sum())
			left = &not{p.node(at, is), is}
		case p.is("is"):
			p.next()
			left = p.test(left)
		default:
			return left
		}
	}
	return left
}

func (p *parser) operation(at token, name string, left, right expr) expr {
	return &operation{p.node(at, left, right), binary[name], left, right}
}

func (p *parser) sum() expr {
	left := p.product()
	for at, ok := p.acceptAny("+", "-", "~"); ok; at, ok = p.acceptAny("+", "-", "~") {
		left = p.operation(at, at.text, left, p.product())
	}
	return left
}

func (p *parser) product() expr {
	left := p.unary()
	for at, ok := p.acceptAny("*", "/", "//", "%"); ok; at, ok = p.acceptAny("*", "/", "//", "%") {
		left = p.operation(at, at.text, left, p.unary())
	}
	return left
}

// unary reads a number's sign, which binds before filters: -3 | abs is 3.
func (p *parser) unary() expr {
	at, ok := p.acceptAny("-")
	if !ok {
		return p.raised(p.filtered())
	}
	var e expr
	p.nested(func() {
		e = p.raised(p.filters(p.negative(at), false))
	})
	return e
}

// negative reads what stands behind a minus, without its filters.
func (p *parser) negative(minus token) expr {
	var of expr
	if at, ok := p.acceptAny("-"); ok {
		p.nested(func() { of = p.negative(at) })
	} else {
		of = p.raised(p.postfix())
	}
	return p.operation(minus, "-", &constant{p.node(minus), whole(0)}, of)
}

// raised reads the ** that may stand behind a value.
func (p *parser) raised(left expr) expr {
	if at, ok := p.acceptAny("**"); ok {
		p.nested(func() { left = p.operation(at, "**", left, p.unary()) })
	}
	return left
}

func (p *parser) filtered() expr { return p.filters(p.postfix(), false) }

// unescaped marks a text as HTML: what a template prints has been escaped where
// it had to be.
func (p *parser) unescaped(e expr) expr {
	return &filtered{node{place: e.at().place, height: e.at().height + 1}, e, filters["safe"], nil}
}

// filters reads those that stand behind a value. The first has no | before it
// if the tag has begun with it.
func (p *parser) filters(e expr, begun bool) expr {
	for begun || p.accept("|") {
		begun = false
		at := p.peek()
		name := p.name("the name of a filter")
		f, ok := filters[name]
		if instead, known := missingFilters[name]; !ok && known {
			p.fail(at, "there is no filter "+name+" here", instead)
			return e
		}
		if !ok {
			p.fail(at, "unknown filter "+quote(name), meant(name, slices.Collect(maps.Keys(filters))))
			return e
		}
		args := p.optionalArgs(at, "filter "+name, f.signature)
		e = &filtered{p.node(at, append(args, e)...), e, f, args}
	}
	return e
}

func (p *parser) test(of expr) expr {
	negated := p.accept("not")
	at := p.next() // a test may be called none, which is no name elsewhere
	f, ok := tests[at.text]
	if !ok || at.kind != nameToken {
		if at.kind != nameToken {
			p.fail(at, "expected the name of a test, found "+describe(at), "")
		}
		if instead, known := missingTests[at.text]; known {
			p.fail(at, "there is no test "+at.text+" here", instead)
		}
		p.fail(at, "unknown test "+quote(at.text), meant(at.text, slices.Collect(maps.Keys(tests))))
		return of
	}
	args := p.optionalArgs(at, "test "+at.text, f.signature)
	return &tested{p.node(at, append(args, of)...), of, f, args, negated}
}
