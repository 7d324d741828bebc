package svgo

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"ddc/internal/diagnostic"
)

// document is a parsed file: everything before the root, and the root.
type document struct {
	prolog []node
	root   *element
}

// node is an element, a text or markup that is passed on as it is.
type node interface{ isNode() }

type element struct {
	prefix, name string
	space        string // namespace that the prefix stands for
	attributes   []attribute
	children     []node
	scope        *scope
}

type attribute struct {
	prefix, name, value string
}

// text is character data, entities resolved.
type text string

// markup is a processing instruction or a document type, in full.
type markup string

func (*element) isNode() {}
func (text) isNode()     {}
func (markup) isNode()   {}

// scope is what prefixes stand for inside an element.
type scope struct {
	outer    *scope
	prefixes map[string]string
}

func (s *scope) lookup(prefix string) (string, bool) {
	for ; s != nil; s = s.outer {
		if space, ok := s.prefixes[prefix]; ok {
			return space, true
		}
	}
	return "", prefix == ""
}

// parser builds the tree. encoding/xml would resolve prefixes and lose them, so
// its raw tokens are used, and the nesting is checked here.
type parser struct {
	decoder *xml.Decoder
	open    []*element
	result  document
	source  string
}

const (
	// maxDepth bounds nested elements: each is a stack frame, and namespaces
	// are looked up through all of them.
	maxDepth = 256
	// growth and freeGrowth bound what entities may make of a file: growth
	// times its size, and freeGrowth more.
	growth, freeGrowth = 10, 1 << 20
)

func parse(source string) (*document, error) {
	p := &parser{decoder: xml.NewDecoder(strings.NewReader(strings.TrimPrefix(source, "\ufeff"))), source: source}
	// A message holds UTF-8 whatever the declaration says.
	p.decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for {
		begin := p.decoder.InputOffset()
		token, err := p.decoder.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, p.fault(err)
		}
		if err := p.take(token); err != nil {
			return nil, p.at(begin, err.Error())
		}
	}
	end := p.decoder.InputOffset()
	if len(p.open) > 0 {
		return nil, p.at(end, fmt.Sprintf("<%s> is never closed", p.open[len(p.open)-1].tag()))
	}
	if p.result.root == nil {
		return nil, p.at(end, "there is no <svg> in the file")
	}
	return &p.result, nil
}

// fault is the decoder's error at the place where it stopped.
func (p *parser) fault(err error) error {
	message := err.Error()
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		message = "not well-formed XML: " + syntax.Msg
	}
	return p.at(p.decoder.InputOffset(), message)
}

// at is a fault in what the decoder has read since it was at begin.
func (p *parser) at(begin int64, message string) error {
	return diagnostic.At(strings.TrimPrefix(p.source, "\ufeff"), int(begin), int(p.decoder.InputOffset()), message)
}

func (p *parser) take(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return p.start(t)
	case xml.EndElement:
		return p.end(t)
	case xml.CharData:
		return p.text(string(t))
	case xml.ProcInst:
		if t.Target != "xml" { // the declaration says nothing that is not so without it
			p.add(markup("<?" + strings.TrimSpace(t.Target+" "+string(t.Inst)) + "?>"))
		}
	case xml.Directive:
		return p.directive(string(t))
	}
	return nil
}

func (p *parser) start(t xml.StartElement) error {
	if len(p.open) == maxDepth {
		return fmt.Errorf("elements are nested more than %d deep", maxDepth)
	}
	if len(p.open) == 0 && p.result.root != nil {
		return errors.New("a second root element")
	}
	e := &element{prefix: t.Name.Space, name: t.Name.Local, scope: &scope{prefixes: map[string]string{}}}
	if len(p.open) > 0 {
		e.scope.outer = p.open[len(p.open)-1].scope
	} else {
		e.scope.prefixes["xml"] = xmlSpace
	}
	seen := map[xml.Name]bool{}
	for _, a := range t.Attr {
		if seen[a.Name] {
			return fmt.Errorf("attribute %s is there twice", joinName(a.Name.Space, a.Name.Local))
		}
		seen[a.Name] = true
		e.attributes = append(e.attributes, attribute{a.Name.Space, a.Name.Local, a.Value})
		switch {
		case a.Name.Space == "xmlns":
			e.scope.prefixes[a.Name.Local] = a.Value
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			e.scope.prefixes[""] = a.Value
		}
	}
	var ok bool
	if e.space, ok = e.scope.lookup(e.prefix); !ok {
		return fmt.Errorf("prefix of <%s> is not declared: add xmlns:%s", e.tag(), e.prefix)
	}
	for _, a := range e.attributes {
		if _, ok := e.scope.lookup(a.prefix); !ok && a.prefix != "xmlns" {
			return fmt.Errorf("prefix of attribute %s is not declared: add xmlns:%s", joinName(a.prefix, a.name), a.prefix)
		}
	}
	if len(p.open) == 0 {
		if e.name != "svg" || !e.isSVG() {
			return fmt.Errorf("not an SVG: the root element is <%s>", e.tag())
		}
		p.result.root = e
	} else {
		p.add(e)
	}
	p.open = append(p.open, e)
	return nil
}

func (p *parser) end(t xml.EndElement) error {
	if len(p.open) == 0 {
		return fmt.Errorf("</%s> closes nothing", joinName(t.Name.Space, t.Name.Local))
	}
	last := p.open[len(p.open)-1]
	if last.prefix != t.Name.Space || last.name != t.Name.Local {
		return fmt.Errorf("</%s> where </%s> should be", joinName(t.Name.Space, t.Name.Local), last.tag())
	}
	p.open = p.open[:len(p.open)-1]
	return nil
}

func (p *parser) text(s string) error {
	if len(p.open) > 0 {
		p.add(text(s))
	} else if strings.TrimSpace(s) != "" {
		return errors.New("text outside of <svg>")
	}
	return nil
}

func (p *parser) add(n node) {
	if len(p.open) > 0 {
		last := p.open[len(p.open)-1]
		last.children = append(last.children, n)
	} else if p.result.root == nil {
		p.result.prolog = append(p.result.prolog, n)
	}
}

var entityDeclaration = regexp.MustCompile(`<!ENTITY\s+([\w.:-]+)\s+(?:"([^"]*)"|'([^']*)')\s*>`)

// directive notes the entities that a document type declares, so that they need
// not be declared in the output. A document type that gives attributes default
// values has to stay.
func (p *parser) directive(content string) error {
	if len(p.decoder.Entity) > 0 {
		return errors.New("a second document type")
	}
	p.decoder.Entity = map[string]string{}
	for _, found := range entityDeclaration.FindAllStringSubmatch(content, -1) {
		p.decoder.Entity[found[1]] = found[2] + found[3]
	}
	if strings.Contains(content, "<!ATTLIST") {
		p.add(markup("<!" + content + ">"))
	}
	return p.checkGrowth()
}

var entityUse = regexp.MustCompile(`&([\w.:-]+);`)

// checkGrowth refuses a file whose entities expand to too much, before the
// decoder puts the expansions in one text.
func (p *parser) checkGrowth() error {
	left := growth*len(p.source) + freeGrowth
	if len(p.decoder.Entity) == 0 {
		return nil
	}
	for rest := p.source; ; {
		use := entityUse.FindStringSubmatchIndex(rest)
		if use == nil {
			return nil
		}
		if left -= len(p.decoder.Entity[rest[use[2]:use[3]]]); left < 0 {
			return fmt.Errorf("entities make more than %d times as much of the file: write out what they stand for", growth)
		}
		rest = rest[use[1]:]
	}
}

func joinName(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + ":" + name
}

func (e *element) tag() string { return joinName(e.prefix, e.name) }
