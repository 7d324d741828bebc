package template

import (
	"maps"
	"slices"
	"strings"
)

// parser reads expressions and writes them anew as calls. After the first
// fault it says nothing more: what follows would be guesswork.
type parser struct {
	t      *translator
	tokens []token
	pos    int
	err    *Error
	depth  int
}

// maxNesting bounds brackets and operators in one another, so that a hostile
// template cannot exhaust the stack.
const maxNesting = 200

// node is the code of an expression: strict fails if it is undefined, soft
// lets that through. They differ for variables, fields and items only.
type node struct{ strict, soft string }

func plain(code string) node { return node{code, code} }

func (p *parser) fail(at token, message, hint string) {
	if p.err != nil {
		return
	}
	p.t.fail(at.line, at.col, message, hint)
	p.err = p.t.errors[len(p.t.errors)-1]
}

// peek gives the next token; after a fault there is none.
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

// reserved words are no names, and neither is loop, which is a value though.
var reserved = []string{"and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None", "self", "super"}

// end demands that the tag is read whole.
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
	return t.text
}

// place numbers where a token stands.
func (p *parser) place(at token, text string) int {
	p.t.site.places = append(p.t.site.places, place{file: p.t.unit.file(), line: at.line, col: at.col, text: text})
	return len(p.t.site.places) - 1
}

// since gives what was read from a position on, as text.
func (p *parser) since(start int) string {
	return written(p.tokens[min(start, len(p.tokens)):min(p.pos, len(p.tokens))])
}

// written gives tokens back as text, close to how they were written.
func written(tokens []token) string {
	var b strings.Builder
	for i, t := range tokens {
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
	return b.String()
}

// call writes a call of one of this package's functions.
func call(name string, args ...string) string {
	return "ddc_" + name + "(" + strings.Join(args, ", ") + ")"
}

func (p *parser) expression() string { return p.ternary().strict }

// nested guards every way by which expressions contain each other.
func (p *parser) nested(read func() node) node {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxNesting {
		p.fail(p.peek(), "this expression is nested too deeply", "")
		return plain("")
	}
	return read()
}

func (p *parser) ternary() node {
	return p.nested(func() node {
		then := p.or()
		if !p.accept("if") {
			return then
		}
		condition := p.or()
		p.expect("else")
		return plain("(" + then.strict + " if " + condition.strict + " else " + p.ternary().strict + ")")
	})
}

func (p *parser) or() node {
	left := p.and()
	for p.accept("or") {
		left = plain("(" + left.strict + " or " + p.and().strict + ")")
	}
	return left
}

func (p *parser) and() node {
	left := p.not()
	for p.accept("and") {
		left = plain("(" + left.strict + " and " + p.not().strict + ")")
	}
	return left
}

func (p *parser) not() node {
	if p.accept("not") {
		return p.nested(func() node { return plain("(not " + p.not().strict + ")") })
	}
	return p.comparison()
}

var comparisons = map[string]string{"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}

func (p *parser) comparison() node {
	left := p.sum()
	for p.err == nil {
		at := p.peek()
		switch operation, ok := comparisons[at.text]; {
		case ok && at.kind == operatorToken:
			p.next()
			left = plain(call("op_"+operation, itoa(p.place(at, "")), left.strict, p.sum().strict))
		case p.is("in"):
			p.next()
			left = plain(call("op_in", itoa(p.place(at, "")), left.strict, p.sum().strict))
		case p.is("not"):
			p.next()
			p.expect("in")
			left = plain("(not " + call("op_in", itoa(p.place(at, "")), left.strict, p.sum().strict) + ")")
		case p.is("is"):
			p.next()
			left = p.test(left)
		default:
			return left
		}
	}
	return left
}

var arithmetic = map[string]string{"+": "add", "-": "sub", "~": "cat", "*": "mul", "/": "div", "//": "floordiv", "%": "mod"}

func (p *parser) sum() node {
	left := p.product()
	for {
		at, ok := p.acceptAny("+", "-", "~")
		if !ok {
			return left
		}
		left = plain(call("op_"+arithmetic[at.text], itoa(p.place(at, "")), left.strict, p.product().strict))
	}
}

func (p *parser) product() node {
	left := p.unary()
	for {
		at, ok := p.acceptAny("*", "/", "//", "%")
		if !ok {
			return left
		}
		left = plain(call("op_"+arithmetic[at.text], itoa(p.place(at, "")), left.strict, p.unary().strict))
	}
}

func (p *parser) unary() node {
	if at, ok := p.acceptAny("-"); ok {
		return p.nested(func() node {
			return plain(call("op_sub", itoa(p.place(at, "")), "0", p.unary().strict))
		})
	}
	return p.power()
}

func (p *parser) power() node {
	left := p.filtered()
	at, ok := p.acceptAny("**")
	if !ok {
		return left
	}
	return p.nested(func() node {
		return plain(call("op_pow", itoa(p.place(at, "")), left.strict, p.unary().strict))
	})
}

func (p *parser) filtered() node {
	value := p.postfix()
	for p.accept("|") {
		at := p.peek()
		name := p.name("the name of a filter")
		f, ok := filters[name]
		if !ok {
			p.fail(at, "unknown filter "+quote(name), meant(name, slices.Collect(maps.Keys(filters))))
			return value
		}
		input := value.strict
		if f.soft {
			input = value.soft
		}
		value = plain(call("f_"+name, append([]string{itoa(p.place(at, "")), input}, p.optionalArgs(at, "filter "+name, f.signature)...)...))
	}
	return value
}

func (p *parser) test(value node) node {
	negated := p.accept("not")
	at := p.next() // a test may be called none, which is no name elsewhere
	f, ok := tests[at.text]
	if !ok || at.kind != nameToken {
		if at.kind != nameToken {
			p.fail(at, "expected the name of a test, found "+describe(at), "")
		}
		p.fail(at, "unknown test "+quote(at.text), meant(at.text, slices.Collect(maps.Keys(tests))))
		return value
	}
	input := value.strict
	if f.soft {
		input = value.soft
	}
	code := call("t_"+at.text, append([]string{itoa(p.place(at, "")), input}, p.optionalArgs(at, "test "+at.text, f.signature)...)...)
	if negated {
		code = "(not " + code + ")"
	}
	return plain(code)
}
