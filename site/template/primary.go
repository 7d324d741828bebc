package template

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// postfix reads a value and the .fields and [items] taken from it.
func (p *parser) postfix() node {
	start := p.pos
	value := p.primary()
	for p.err == nil {
		text := p.since(start)
		at := p.peek()
		switch {
		case p.accept("."):
			at = p.peek()
			field := p.next()
			if field.kind != nameToken {
				p.fail(field, "expected the name of a field, found "+describe(field), "")
				return value
			}
			n, name := itoa(p.place(at, text)), literal(field.text)
			value = node{call("attr", n, value.strict, name), call("try", value.soft, name)}
		case p.accept("["):
			index := p.expression()
			p.expect("]")
			n := itoa(p.place(at, text))
			value = node{call("item", n, value.strict, index), call("try", value.soft, index)}
		case p.is("("):
			p.fail(at, text+" cannot be called; only functions and macros can", "")
		default:
			return value
		}
	}
	return value
}

func (p *parser) primary() node {
	t := p.next()
	switch t.kind {
	case stringToken:
		return plain(literal(t.text))
	case numberToken:
		return p.number(t)
	case nameToken:
		return p.named(t)
	case operatorToken:
		switch t.text {
		case "(":
			inner := p.ternary()
			p.expect(")")
			return node{"(" + inner.strict + ")", "(" + inner.soft + ")"}
		case "[":
			return p.list()
		case "{":
			return p.dict()
		}
	}
	p.fail(t, "expected a value, found "+describe(t), "")
	return plain("")
}

func (p *parser) number(t token) node {
	text := strings.ReplaceAll(t.text, "_", "")
	if strings.Contains(text, ".") {
		return plain(text)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		p.fail(t, "the number "+t.text+" is too large", "")
	}
	return plain(strconv.FormatInt(n, 10))
}

func (p *parser) list() node {
	var items []string
	for !p.accept("]") && p.err == nil {
		if len(items) > 0 {
			if p.expect(","); p.accept("]") {
				break
			}
		}
		items = append(items, p.expression())
	}
	return plain("[" + strings.Join(items, ", ") + "]")
}

func (p *parser) dict() node {
	var entries []string
	for !p.accept("}") && p.err == nil {
		if len(entries) > 0 {
			if p.expect(","); p.accept("}") {
				break
			}
		}
		key := p.expression()
		p.expect(":")
		entries = append(entries, key+": "+p.expression())
	}
	return plain("{ " + strings.Join(entries, ", ") + " }")
}

// named reads what begins with a name: a constant, a call or a variable.
func (p *parser) named(t token) node {
	switch t.text {
	case "true", "True":
		return plain("true")
	case "false", "False":
		return plain("false")
	case "none", "None":
		return plain("none")
	}
	switch {
	case p.is("::"):
		return p.macro(t)
	case p.is("("):
		return p.function(t)
	case slices.Contains(reserved, t.text):
		p.fail(t, "expected a value, found "+t.text, "")
	}
	return node{call("var", itoa(p.place(t, t.text)), literal(t.text)), call("look", literal(t.text))}
}

func (p *parser) function(t token) node {
	if t.text == "super" {
		p.expect("(")
		p.expect(")")
		if !p.t.inside("block") {
			p.fail(t, "super() stands in no block", "")
		}
		return plain("(" + call("at", itoa(p.place(t, ""))) + " and super())")
	}
	params, ok := functions[t.text]
	if !ok {
		hint := meant(t.text, slices.Collect(maps.Keys(functions)))
		if _, ok := p.t.unit.macros[t.text]; ok {
			hint = "to call the macro of this file write self::" + t.text + "(...)"
		}
		p.fail(t, "unknown function "+quote(t.text), hint)
		return plain("")
	}
	return plain(call(t.text, append([]string{itoa(p.place(t, ""))}, p.args(t, "function "+t.text, params)...)...))
}

// macro reads self::name(...) or alias::name(...).
func (p *parser) macro(space token) node {
	p.expect("::")
	at := p.peek()
	name := p.name("the name of a macro")
	u, prefix := p.t.unit, ""
	if space.text != "self" {
		if u = p.t.site.imported(p.t.unit, space.text); u == nil {
			p.unknownImport(space)
			return plain("")
		}
		prefix = p.t.unit.alias(space.text) + "."
	}
	params, ok := u.macros[name]
	if !ok {
		p.fail(at, u.file()+" has no macro "+quote(name), meant(name, slices.Collect(maps.Keys(u.macros))))
		return plain("")
	}
	args := p.args(at, "macro "+name, signature{names: params})
	return plain("(" + call("at", itoa(p.place(at, ""))) + " and " + prefix + u.macro(name) + "(" + strings.Join(args, ", ") + "))")
}

func (p *parser) unknownImport(space token) {
	aliases := []string{"self"}
	for _, i := range p.t.unit.imports {
		if i.alias == space.text {
			p.err = &Error{} // the import itself is reported; that is enough
			return
		}
		aliases = append(aliases, i.alias)
	}
	p.fail(space, "nothing is imported as "+quote(space.text), meant(space.text, aliases))
}

// signature is what a filter, test, function or macro takes.
type signature struct {
	names    []string
	required int
}

func (p *parser) optionalArgs(at token, what string, s signature) []string {
	if p.is("(") {
		return p.args(at, what, s)
	}
	if s.required > 0 {
		p.fail(at, "the "+what+" needs "+s.names[0], "")
	}
	return nil
}

// args reads (a, b, name=c) and gives them in that form.
func (p *parser) args(at token, what string, s signature) []string {
	p.expect("(")
	var all []string
	given := map[string]bool{}
	named := false
	for !p.accept(")") && p.err == nil {
		if len(all) > 0 {
			if p.expect(","); p.accept(")") {
				break
			}
		}
		first := p.peek()
		name := ""
		if first.kind == nameToken && p.pos+1 < len(p.tokens) && p.tokens[p.pos+1].text == "=" && p.tokens[p.pos+1].kind == operatorToken {
			name = first.text
			p.pos += 2
			if !slices.Contains(s.names, name) {
				p.fail(first, "the "+what+" takes no "+quote(name), meant(name, s.names))
			}
			named = true
			all = append(all, name+"="+p.expression())
		} else {
			switch {
			case named:
				p.fail(first, "arguments without a name must stand before those with one", "")
			case len(all) >= len(s.names):
				p.fail(first, "the "+what+" takes "+counted(len(s.names))+" at most", "")
			default:
				name = s.names[len(all)]
			}
			all = append(all, p.expression())
		}
		if given[name] {
			p.fail(first, quote(name)+" is given twice", "")
		}
		given[name] = true
	}
	for _, name := range s.names[:s.required] {
		if !given[name] {
			p.fail(at, "the "+what+" needs "+name, "")
		}
	}
	return all
}

func counted(n int) string {
	switch n {
	case 0:
		return "no argument"
	case 1:
		return "one argument"
	}
	return itoa(n) + " arguments"
}
