package template

import (
	"slices"
	"strings"

	"ddc/internal/diagnostic"
)

// tree is a template while its statements are being read: a stack of the open
// tags, and what they hold so far.
type tree struct {
	site   *site
	unit   *unit
	errors diagnostic.Errors
	open   []opened
	// started is set once anything but white space has come. stopped is set
	// after a fault that makes the rest guesswork.
	started, stopped bool
	refused          []string // the ends of tags that are not there, and were told
}

// opened is a tag that waits for its end.
type opened struct {
	head  token
	name  string  // of a block or macro
	into  *[]stmt // where statements go
	of    stmt    // an *ifStmt or *forStmt
	elsed bool
}

// maxOpen is how deep statements may lie in each other.
const maxOpen, maxParameters = 100, 100

// parse reads the statements of a template and checks them against the site.
func parse(s *site, u *unit) diagnostic.Errors {
	t := &tree{site: s, unit: u}
	for _, segment := range u.segments {
		if t.stopped {
			break
		}
		t.segment(segment)
	}
	u.segments = nil
	if !t.stopped {
		for _, o := range t.open {
			t.fail(o.head, "this "+o.head.text+" is never closed", "it ends in {% end"+o.head.text+" %}")
		}
	}
	return t.errors
}

func (t *tree) segment(s segment) {
	start := token{line: s.line, col: s.col, length: len("{{")}
	switch s.kind {
	case textSegment:
		t.started = t.started || strings.TrimSpace(s.text) != ""
		t.emit(&textStmt{t.place(start), s.text})
	case expressionSegment:
		t.started = true
		p := &parser{t: t, tokens: s.tokens}
		e := p.expression()
		p.end()
		t.emit(&outputStmt{t.place(start), e})
	case tagSegment:
		t.tag(start, &parser{t: t, tokens: s.tokens})
		t.started = true
	}
}

func (t *tree) place(at token) place { return place{t.unit, at.line, at.col, at.length} }

func (t *tree) fail(at token, message, hint string) *diagnostic.Problem {
	fault := t.place(at).errorf(message, hint)
	t.errors = append(t.errors, *fault)
	t.stopped = t.stopped || len(t.errors) >= maxFaults
	return fault
}

// see adds a related place to the last fault.
func (t *tree) see(at place, message string) {
	fault := &t.errors[len(t.errors)-1]
	fault.Related = append(fault.Related, at.note(message))
}

func (t *tree) inside(tag string) bool {
	return slices.ContainsFunc(t.open, func(o opened) bool { return o.head.text == tag })
}

// emit adds a statement to the tag that is open.
func (t *tree) emit(s stmt) {
	into := &t.unit.body
	if n := len(t.open); n > 0 {
		into = t.open[n-1].into
	}
	*into = append(*into, s)
}

func (t *tree) push(o opened) {
	if len(t.open) >= maxOpen && !t.stopped {
		t.fail(o.head, "this "+o.head.text+" is nested too deeply", itoa(maxOpen)+" tags are open here; {% include %} can hold parts of it")
		t.stopped = true
	}
	t.open = append(t.open, o)
}

var tags = []string{"if", "elif", "else", "endif", "for", "endfor", "block", "endblock", "extends", "include",
	"set", "endset", "set_global", "endset_global", "filter", "endfilter", "import", "macro", "endmacro", "continue", "break", "raw"}

func (t *tree) tag(start token, p *parser) {
	head := p.next()
	at := t.place(head)
	switch head.text {
	case "if":
		b := &branch{condition: p.expression()}
		s := &ifStmt{place: at, branches: []*branch{b}}
		t.emit(s)
		t.push(opened{head: head, of: s, into: &b.body})
	case "elif":
		if o := t.top(head, "if"); o != nil {
			b := &branch{condition: p.expression()}
			s := o.of.(*ifStmt)
			s.branches = append(s.branches, b)
			o.into = &b.body
		}
	case "else":
		t.otherwise(head)
		if p.is("if") {
			p.fail(p.peek(), "unexpected if", missingTags["elseif"])
		}
	case "for":
		t.loop(head, p)
	case "set", "set_global":
		t.set(head, p)
	case "filter":
		c := &captured{node: node{place: at, height: 1}}
		t.emit(&outputStmt{at, p.unescaped(p.filters(c, true))})
		t.push(opened{head: head, into: &c.body})
	case "block":
		t.block(head, p)
	case "macro":
		t.macro(head, p)
	case "endif", "endfor", "endblock", "endmacro", "endset", "endset_global", "endfilter":
		t.end(head, p)
	case "continue", "break":
		if !t.inLoop() {
			t.fail(head, head.text+" stands in no loop", "")
		}
		t.emit(&jumpStmt{at, map[string]flow{"continue": continuing, "break": breaking}[head.text]})
	case "extends":
		if t.started {
			t.fail(head, "extends must be the first thing in a template", "")
		}
		t.template(p)
	case "include":
		t.include(at, p)
	case "import":
		t.importing(p)
	default:
		t.noTag(start, head)
		return
	}
	p.end()
}

func (t *tree) noTag(start, head token) {
	switch {
	case head.text == "raw" || head.text == "endraw":
		t.fail(head, head.text+" stands alone here", "")
	case head.kind == endToken:
		t.fail(start, "this tag is empty", "")
	case missingTags[head.text] != "":
		t.fail(head, "there is no tag "+head.text+" here", missingTags[head.text])
		t.refused = append(t.refused, "end"+head.text)
	case slices.Contains(t.refused, head.text): // the end of one that was told
	default:
		t.fail(head, "unknown tag "+quote(head.text), meant(head.text, tags))
	}
}

// top gives the innermost open tag, if it is the one that head belongs to.
func (t *tree) top(head token, tag string) *opened {
	if n := len(t.open); n > 0 && t.open[n-1].head.text == tag {
		if head.text == "elif" && t.open[n-1].elsed {
			t.fail(head, "elif stands behind else", "")
		}
		return &t.open[n-1]
	}
	t.stray(head, tag)
	return nil
}

func (t *tree) stray(head token, tag string) {
	if n := len(t.open); n > 0 {
		o := t.open[n-1].head
		t.fail(head, head.text+" stands in the "+o.text+" of line "+itoa(o.line), "that one ends in end"+o.text)
		t.see(t.place(o), "it begins here")
		return
	}
	t.fail(head, head.text+" has no "+tag+" to belong to", "")
}

// otherwise begins the else of an if or for.
func (t *tree) otherwise(head token) {
	n := len(t.open)
	if n == 0 || t.open[n-1].of == nil {
		t.stray(head, "if or for")
		return
	}
	o := &t.open[n-1]
	if o.elsed {
		t.fail(head, "this is the second else of the "+o.head.text+" of line "+itoa(o.head.line), "")
		t.see(t.place(o.head), "it begins here")
		return
	}
	o.elsed = true
	switch s := o.of.(type) {
	case *ifStmt:
		o.into = &s.otherwise
	case *forStmt:
		o.into = &s.otherwise
	}
}

func (t *tree) inLoop() bool {
	for _, o := range slices.Backward(t.open) {
		switch o.head.text {
		case "for":
			return true
		case "block", "macro", "set", "set_global", "filter":
			return false
		}
	}
	return false
}

func (t *tree) loop(head token, p *parser) {
	names := []string{p.name("a name for what the loop goes over")}
	for p.accept(",") {
		names = append(names, p.name("a name"))
	}
	p.expect("in")
	first, start := p.peek(), p.pos
	list := p.expression()
	s := &forStmt{place: t.place(first), names: names, list: list, tokens: p.since(start)}
	t.emit(s)
	t.push(opened{head: head, of: s, into: &s.body})
}

// set reads {% set x = value %}, or what {% set x %} begins, up to its end.
func (t *tree) set(head token, p *parser) {
	name := p.name("a variable to set")
	s := &setStmt{place: t.place(head), name: name, global: head.text == "set_global"}
	t.emit(s)
	if p.err != nil {
		return
	}
	if !p.is("|") && p.peek().kind != endToken {
		p.expect("=")
		s.to = p.expression()
		return
	}
	c := &captured{node: node{place: s.place, height: 1}}
	if s.to = expr(c); p.is("|") {
		s.to = p.unescaped(p.filters(c, false))
	}
	t.push(opened{head: head, into: &c.body})
}

func (t *tree) block(head token, p *parser) {
	name := p.name("the name of the block")
	switch {
	case t.inside("macro"):
		t.fail(head, "a block cannot stand in a macro", "")
	case t.unit.blocks[name] != nil:
		t.fail(head, "the block "+shortened(name)+" is there already", "")
		t.see(t.unit.blocks[name].place, "it stands here")
	}
	s := &blockStmt{place: t.place(head), name: name}
	t.unit.blocks[name] = s
	t.emit(s)
	t.push(opened{head: head, name: name, into: &s.body})
}

func (t *tree) importing(p *parser) {
	t.template(p)
	p.expect("as")
	alias := p.name("a name for the import")
	if p.err != nil {
		return
	}
	if name, there := t.unit.imports[alias]; there && name != p.tokens[1].text {
		t.fail(p.tokens[1], "the name "+shortened(alias)+" stands for "+quote(name)+" already", "")
	}
}

// template reads the quoted name of a template, which must exist.
func (t *tree) template(p *parser) {
	at := p.next()
	if at.kind != stringToken {
		p.fail(at, "expected the name of a template in quotes, found "+describe(at), "")
		return
	}
	if t.site.units[at.text] == nil {
		t.noTemplate(p, at)
	}
}

func (t *tree) noTemplate(p *parser, at token) {
	var names []string
	for name := range t.site.units {
		if name != t.unit.name {
			names = append(names, name)
		}
	}
	p.fail(at, "there is no template "+quote(at.text), meant(at.text, names))
}

// include reads the name of a template, or a list of which the first that is
// there counts. It ends in "ignore missing" if none may be.
func (t *tree) include(at place, p *parser) {
	if !p.is("[") && p.peek().kind != stringToken {
		t.template(p) // says what is wrong
		return
	}
	var names []token
	if p.accept("[") {
		for !p.is("]") && p.peek().kind == stringToken {
			names = append(names, p.next())
			if !p.accept(",") {
				break
			}
		}
		p.expect("]")
	} else {
		names = append(names, p.next())
	}
	mayMiss := p.accept("ignore")
	if mayMiss {
		p.expect("missing")
	}
	for _, name := range names {
		if u := t.site.units[name.text]; u != nil {
			t.emit(&includeStmt{at, u})
			return
		}
	}
	if !mayMiss && len(names) > 0 {
		t.noTemplate(p, names[0])
	}
}

func (t *tree) macro(head token, p *parser) {
	name := p.name("the name of the macro")
	if len(t.open) > 0 {
		o := t.open[len(t.open)-1].head
		t.fail(head, "a macro must stand at the top level, not in the "+o.text+" of line "+itoa(o.line), "")
		t.see(t.place(o), "it begins here")
	}
	p.expect("(")
	var names []string
	var defaults []expr
	optional := false
	for !p.accept(")") && p.err == nil {
		if len(names) > 0 {
			p.expect(",")
		}
		at := p.peek()
		param := p.name("a parameter")
		if slices.Contains(names, param) {
			p.fail(at, "the parameter "+shortened(param)+" is there already", "")
		}
		if len(names) == maxParameters {
			p.fail(at, "a macro has "+itoa(maxParameters)+" parameters at most", "a dict can hold more")
		}
		names, defaults = append(names, param), append(defaults, nil)
		if p.accept("=") {
			optional = true
			defaults[len(names)-1] = p.expression()
		} else if optional {
			p.fail(at, "the parameter "+shortened(param)+" needs a default, since one before it has one", "")
		}
	}
	m := &macro{unit: t.unit}
	if p.err == nil { // of two macros of a name the second counts
		m = t.unit.macros[name]
		m.names, m.defaults, m.body = names, defaults, nil
	}
	t.push(opened{head: head, name: name, into: &m.body})
}

func (t *tree) end(head token, p *parser) {
	tag := strings.TrimPrefix(head.text, "end")
	o := t.top(head, tag)
	if o == nil {
		p.skip()
		return
	}
	if at := p.peek(); (tag == "block" || tag == "macro") && at.kind == nameToken {
		p.next()
		if at.text != o.name {
			p.fail(at, "this ends "+shortened(at.text)+", but the "+tag+" of line "+itoa(o.head.line)+" is "+shortened(o.name), "")
		}
	}
	t.open = t.open[:len(t.open)-1]
}
