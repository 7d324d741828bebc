package template

import (
	"slices"
	"strconv"
	"strings"
)

// translator turns the dialect of one template into the interpreter's.
//
// A translated template is its {% extends %}, then its imports and macros, so
// that they are defined wherever they are used, then the rest.
type translator struct {
	site   *site
	unit   *unit
	errors Errors

	macros, body strings.Builder
	open         []opened
	blocks       map[string]bool
	started      bool // something but white space came before
}

// opened is a tag that waits for its end.
type opened struct {
	tag       string // if, for, block or macro
	name      string // of a block or macro
	line, col int
	elsed     bool
}

func translate(s *site, u *unit) *translator {
	t := &translator{site: s, unit: u, blocks: map[string]bool{}}
	for _, segment := range u.segments {
		switch segment.kind {
		case textSegment:
			if strings.TrimSpace(segment.text) != "" {
				t.started = true
			}
			t.text(segment.text)
		case expressionSegment:
			t.started = true
			p := t.parser(segment.tokens)
			code := p.expression()
			p.end()
			t.emit("{{ " + code + " }}")
		case tagSegment:
			t.tag(segment)
			t.started = true
		}
	}
	for _, o := range t.open {
		t.fail(o.line, o.col, "this "+o.tag+" is never closed", "it ends in {% end"+o.tag+" %}")
	}
	return t
}

// whole is the translated template.
func (t *translator) whole() string {
	if t.unit.extends != "" {
		return "{% extends " + literal(t.unit.extends) + " %}" + t.macros.String() + t.body.String()
	}
	return t.macros.String() + t.body.String()
}

func (t *translator) fail(line, col int, message, hint string) {
	t.errors = append(t.errors, &Error{File: t.unit.file(), Line: line, Col: col, Message: message, Hint: hint})
}

func (t *translator) parser(tokens []token) *parser { return &parser{t: t, tokens: tokens} }

func (t *translator) inside(tag string) bool {
	return slices.ContainsFunc(t.open, func(o opened) bool { return o.tag == tag })
}

// emit writes to the macro or the body that is being translated. What a
// template that extends another has outside of its blocks is never shown.
func (t *translator) emit(code string) {
	switch {
	case t.inside("macro"):
		t.macros.WriteString(code)
	case t.unit.extends == "" || t.inside("block"):
		t.body.WriteString(code)
	}
}

// text writes text; what looks like a delimiter in it came from {% raw %}.
func (t *translator) text(text string) {
	if strings.Contains(text, "{{") || strings.Contains(text, "{%") || strings.Contains(text, "{#") {
		t.emit("{{ ddc_raw(" + literal(text) + ") }}")
		return
	}
	t.emit(text)
}

var tags = []string{"if", "elif", "else", "endif", "for", "endfor", "block", "endblock", "extends", "include",
	"set", "import", "macro", "endmacro", "continue", "break", "raw"}

func (t *translator) tag(s segment) {
	p := t.parser(s.tokens)
	head := p.next()
	switch head.text {
	case "if":
		t.push(head, "")
		t.emit("{% if " + p.expression() + " %}")
	case "elif":
		if t.top(head, "if") {
			t.emit("{% elif " + p.expression() + " %}")
		}
	case "else":
		if o := t.branch(head); o != nil {
			o.elsed = true
			t.emit("{% else %}")
		}
	case "for":
		t.loop(head, p)
	case "set":
		name := p.name("a variable to set")
		p.expect("=")
		t.emit("{% set " + name + " = " + p.expression() + " %}")
	case "block":
		t.block(head, p)
	case "macro":
		t.macro(head, p)
	case "endif", "endfor", "endblock", "endmacro":
		t.end(head, p)
	case "continue", "break":
		if !t.inLoop() {
			t.fail(head.line, head.col, head.text+" stands in no loop", "")
		}
		t.emit("{% " + head.text + " %}")
	case "extends":
		if t.started {
			t.fail(head.line, head.col, "extends must be the first thing in a template", "")
		}
		t.template(p)
	case "include":
		t.emit("{% include " + literal(t.template(p)) + " %}")
	case "import":
		t.importing(p)
	case "raw", "endraw":
		t.fail(head.line, head.col, head.text+" stands alone here", "")
		return
	default:
		if head.kind == endToken {
			t.fail(s.line, s.col, "this tag is empty", "")
			return
		}
		t.fail(head.line, head.col, "unknown tag "+quote(head.text), meant(head.text, tags))
		return
	}
	p.end()
}

func (t *translator) push(head token, name string) {
	t.open = append(t.open, opened{tag: head.text, name: name, line: head.line, col: head.col})
}

// top demands that the innermost open tag is the one that head belongs to.
func (t *translator) top(head token, tag string) bool {
	if n := len(t.open); n > 0 && t.open[n-1].tag == tag {
		if head.text == "elif" && t.open[n-1].elsed {
			t.fail(head.line, head.col, "elif stands behind else", "")
		}
		return true
	}
	t.stray(head, tag)
	return false
}

func (t *translator) stray(head token, tag string) {
	if n := len(t.open); n > 0 {
		o := t.open[n-1]
		t.fail(head.line, head.col, head.text+" stands in the "+o.tag+" of line "+itoa(o.line), "that one ends in end"+o.tag)
		return
	}
	t.fail(head.line, head.col, head.text+" has no "+tag+" to belong to", "")
}

// branch finds the if or for that an else belongs to.
func (t *translator) branch(head token) *opened {
	if n := len(t.open); n > 0 && (t.open[n-1].tag == "if" || t.open[n-1].tag == "for") {
		if t.open[n-1].elsed {
			t.fail(head.line, head.col, "this is the second else of the "+t.open[n-1].tag+" of line "+itoa(t.open[n-1].line), "")
			return nil
		}
		return &t.open[n-1]
	}
	t.stray(head, "if or for")
	return nil
}

func (t *translator) inLoop() bool {
	for _, o := range slices.Backward(t.open) {
		switch o.tag {
		case "for":
			return true
		case "block", "macro":
			return false
		}
	}
	return false
}

func (t *translator) loop(head token, p *parser) {
	names := []string{p.name("a name for what the loop goes over")}
	for p.accept(",") {
		names = append(names, p.name("a name"))
	}
	p.expect("in")
	at, start := p.peek(), p.pos
	list := p.expression()
	n := p.place(at, p.since(start))
	t.push(head, "")
	t.emit("{% for " + strings.Join(names, ", ") + " in ddc_each(" + itoa(n) + ", " + list + ", " + itoa(len(names)) + ") %}")
}

func (t *translator) block(head token, p *parser) {
	name := p.name("the name of the block")
	switch {
	case t.inside("macro"):
		t.fail(head.line, head.col, "a block cannot stand in a macro", "")
	case t.blocks[name]:
		t.fail(head.line, head.col, "the block "+name+" is there already", "")
	}
	t.blocks[name] = true
	outermost := len(t.open) == 0
	t.push(head, name)
	t.emit("{% block " + name + " %}")
	if t.unit.extends != "" && outermost {
		t.emit(t.reimport())
	}
}

// reimport repeats the imports of a template that extends another within each
// of its blocks: the interpreter shows a block only what the templates at the
// two ends of a chain import, and each file may call its imports as it likes.
func (t *translator) reimport() string {
	var b strings.Builder
	for _, i := range t.unit.imports {
		b.WriteString(t.importCode(i))
	}
	return b.String()
}

func (t *translator) importCode(i importing) string {
	return "{% import " + literal(macrosOf(i.name)) + " as " + t.unit.alias(i.alias) + " %}"
}

func (t *translator) importing(p *parser) {
	name := t.template(p)
	p.expect("as")
	alias := p.name("a name for the import")
	for _, i := range t.unit.imports {
		if i.alias == alias && i.name != name {
			at := p.tokens[1]
			t.fail(at.line, at.col, "the name "+alias+" stands for "+quote(i.name)+" already", "")
		}
	}
	code := t.importCode(importing{alias: alias, name: name})
	if len(t.open) == 0 {
		t.macros.WriteString(code)
	} else {
		t.emit(code)
	}
}

// template reads the quoted name of a template, which must exist.
func (t *translator) template(p *parser) string {
	at := p.next()
	if at.kind != stringToken {
		p.fail(at, "expected the name of a template in quotes, found "+describe(at), "")
		return ""
	}
	if t.site.units[at.text] == nil {
		var names []string
		for name := range t.site.units {
			if name != t.unit.name {
				names = append(names, name)
			}
		}
		p.fail(at, "there is no template "+quote(at.text), meant(at.text, names))
	}
	return at.text
}

func (t *translator) macro(head token, p *parser) {
	name := p.name("the name of the macro")
	if len(t.open) > 0 {
		o := t.open[len(t.open)-1]
		t.fail(head.line, head.col, "a macro must stand at the top level, not in the "+o.tag+" of line "+itoa(o.line), "")
	}
	p.expect("(")
	var names, params []string
	defaults := false
	for !p.accept(")") && p.err == nil {
		if len(params) > 0 {
			p.expect(",")
		}
		at := p.peek()
		param := p.name("a parameter")
		if slices.Contains(names, param) {
			p.fail(at, "the parameter "+param+" is there already", "")
		}
		names = append(names, param)
		if p.accept("=") {
			defaults = true
			params = append(params, param+"="+p.expression())
			continue
		}
		if defaults {
			p.fail(at, "the parameter "+param+" needs a default, since one before it has one", "")
		}
		params = append(params, param)
	}
	t.push(head, name)
	t.emit("{% macro " + t.unit.macro(name) + "(" + strings.Join(params, ", ") + ") %}")
	if t.unit.extends != "" {
		t.emit(t.reimport())
	}
}

func (t *translator) end(head token, p *parser) {
	tag := strings.TrimPrefix(head.text, "end")
	if !t.top(head, tag) {
		p.skip()
		return
	}
	o := t.open[len(t.open)-1]
	if at := p.peek(); (tag == "block" || tag == "macro") && at.kind == nameToken {
		p.next()
		if at.text != o.name {
			p.fail(at, "this ends "+at.text+", but the "+tag+" of line "+itoa(o.line)+" is "+o.name, "")
		}
	}
	t.emit("{% " + head.text + " %}")
	t.open = t.open[:len(t.open)-1]
}

func itoa(n int) string { return strconv.Itoa(n) }

// literal writes a string for the interpreter.
func literal(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`).Replace(text) + `"`
}
