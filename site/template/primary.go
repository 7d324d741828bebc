package template

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ddc/internal/diagnostic"
)

// postfix reads a value and the .fields and [items] taken from it.
func (p *parser) postfix() expr {
	start := p.pos
	e := p.primary()
	for p.err == nil {
		tokens := p.since(start)
		at := p.peek()
		switch {
		case p.accept("."):
			field := p.next()
			if field.kind == numberToken { // Tera's way to write [0]; .0.1 is one token
				for n := range strings.SplitSeq(field.text, ".") {
					part := field
					part.text = n
					index := p.number(part)
					e = &itemOf{p.node(field, e, index), e, index, tokens}
				}
				continue
			}
			if field.kind != nameToken {
				p.fail(field, "expected the name of a field, found "+describe(field), "")
				return e
			}
			e = &fieldOf{p.node(field, e), e, field.text, tokens}
		case p.accept("["):
			index := p.expression()
			p.expect("]")
			e = &itemOf{p.node(at, e, index), e, index, tokens}
		case p.is("("):
			p.fail(at, written(tokens)+" cannot be called; only functions and macros can", "")
		default:
			return e
		}
	}
	return e
}

func (p *parser) primary() expr {
	t := p.next()
	switch t.kind {
	case stringToken:
		return &constant{p.node(t), textual(t.text)}
	case numberToken:
		return p.number(t)
	case nameToken:
		return p.named(t)
	case operatorToken:
		switch t.text {
		case "(":
			inner := p.expression()
			p.expect(")")
			return inner
		case "[":
			items := p.several("]", p.expression)
			return &listOf{p.node(t, items...), items}
		case "{":
			return p.dict(t)
		}
	}
	p.fail(t, "expected a value, found "+describe(t), "")
	return nil
}

func (p *parser) number(t token) expr {
	text := strings.ReplaceAll(t.text, "_", "")
	var v value
	var err error
	if strings.Contains(text, ".") {
		v.is, err = strconv.ParseFloat(text, 64)
	} else {
		v.is, err = strconv.ParseInt(text, 10, 64)
	}
	if err != nil {
		p.fail(t, "the number "+shortened(t.text)+" is too large", "")
	}
	return &constant{p.node(t), v}
}

// several reads the parts between commas, up to a closing bracket.
func (p *parser) several(closing string, read func() expr) []expr {
	var all []expr
	for !p.accept(closing) && p.err == nil {
		if len(all) > 0 {
			if p.expect(","); p.accept(closing) {
				break
			}
		}
		all = append(all, read())
	}
	return all
}

func (p *parser) dict(t token) expr {
	var keys []expr
	values := p.several("}", func() expr {
		keys = append(keys, p.expression())
		p.expect(":")
		return p.expression()
	})
	return &dictOf{p.node(t, append(slices.Clone(keys), values...)...), keys, values}
}

// named reads what begins with a name: a constant, a call or a variable.
func (p *parser) named(t token) expr {
	switch t.text {
	case "true", "True":
		return &constant{p.node(t), value{is: true}}
	case "false", "False":
		return &constant{p.node(t), value{is: false}}
	case "none", "None":
		return &constant{p.node(t), value{}}
	}
	switch {
	case p.is("::"):
		return p.macro(t)
	case p.is("("):
		return p.function(t)
	case slices.Contains(reserved, t.text):
		p.fail(t, "expected a value, found "+t.text, "")
	}
	return &variable{p.node(t), t.text}
}

func (p *parser) function(t token) expr {
	if t.text == "super" {
		p.expect("(")
		p.expect(")")
		if !p.t.inside("block") {
			p.fail(t, "super() stands in no block", "")
		}
		return &superCall{p.node(t)}
	}
	f, ok := p.t.site.functions[t.text]
	if instead, known := missingFunctions[t.text]; !ok && known {
		p.fail(t, "there is no function "+t.text+" here", instead)
		return nil
	}
	if !ok {
		hint := meant(t.text, slices.Collect(maps.Keys(p.t.site.functions)))
		if _, ok := p.t.unit.macros[t.text]; ok {
			hint = "to call the macro of this file write self::" + t.text + "(...)"
		}
		p.fail(t, "unknown function "+quote(t.text), hint)
		return nil
	}
	args := p.args(t, "function "+t.text, f.signature)
	return &functionCall{p.node(t, args...), t.text, f, args}
}

// macro reads self::name(...) or alias::name(...).
func (p *parser) macro(space token) expr {
	p.expect("::")
	at := p.peek()
	name := p.name("the name of a macro")
	u := p.t.unit
	if space.text != "self" {
		from := p.t.site.imported(u, space.text)
		if len(from) > 1 {
			p.fail(space, quote(space.text)+" stands for "+quote(from[0])+" where one template includes this one, and for "+quote(from[1])+" where another does",
				"import it in this template too")
			return nil
		}
		if u = nil; len(from) == 1 {
			u = p.t.site.units[from[0]]
		}
		if u == nil {
			p.unknownImport(space)
			return nil
		}
	}
	m, ok := u.macros[name]
	if !ok {
		p.fail(at, u.file()+" has no macro "+quote(name), meant(name, slices.Collect(maps.Keys(u.macros))))
		return nil
	}
	args := p.args(at, "macro "+name, m.signature)
	return &macroCall{p.node(at, args...), m, args}
}

func (p *parser) unknownImport(space token) {
	if len(p.t.site.imported(p.t.unit, space.text)) > 0 {
		p.err = &diagnostic.Problem{} // the import itself is reported; that is enough
		return
	}
	if file := p.t.site.importedAbove(p.t.unit, space.text); file != "" {
		p.fail(space, "nothing is imported as "+quote(space.text)+" in this template", "its parent's imports are not its own: write {% import "+strconv.Quote(file)+" as "+space.text+" %} behind the extends")
		return
	}
	aliases := append(slices.Collect(maps.Keys(p.t.unit.imports)), "self")
	p.fail(space, "nothing is imported as "+quote(space.text), meant(space.text, aliases))
}

func (p *parser) optionalArgs(at token, what string, s signature) []expr {
	if p.is("(") {
		return p.args(at, what, s)
	}
	if s.required > 0 {
		p.fail(at, "the "+what+" needs "+s.names[0], "")
	}
	return make([]expr, len(s.names))
}

// args reads (a, b, name=c) and gives them in the order of the signature, with
// nil for each that is not given.
func (p *parser) args(at token, what string, s signature) []expr {
	given := make([]expr, len(s.names))
	count, named := 0, false
	p.expect("(")
	p.several(")", func() expr {
		first := p.peek()
		place := count
		count++
		if first.kind == nameToken && p.pos+1 < len(p.tokens) && p.tokens[p.pos+1].text == "=" && p.tokens[p.pos+1].kind == operatorToken {
			p.pos += 2
			named = true
			if place = slices.Index(s.names, first.text); place < 0 {
				p.fail(first, "the "+what+" takes no "+quote(first.text), cmp.Or(missingArguments[what][first.text], meant(first.text, s.names)))
			}
		} else {
			switch {
			case named:
				p.fail(first, "arguments without a name must stand before those with one", "")
			case place >= len(s.names):
				p.fail(first, "the "+what+" takes "+counted(len(s.names))+" at most", "")
			}
		}
		e := p.expression()
		if p.err != nil {
			return e
		}
		if given[place] != nil {
			p.fail(first, quote(s.names[place])+" is given twice", "")
		}
		given[place] = e
		return e
	})
	for i, name := range s.names[:s.required] {
		if given[i] == nil {
			p.fail(at, "the "+what+" needs "+name, "")
		}
	}
	return given
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
