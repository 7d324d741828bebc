package notation

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"ddc/internal/diagnostic"
)

// TOML reads a document into what into points to. A fault's message is that of
// go-toml, without its name.
func TOML(text string, into any, within Bounds) error {
	scan := tomlScan{most: within.Values}
	if fault := scan.scan(text); fault != nil {
		return fault
	}
	err := toml.Unmarshal([]byte(text), into)
	var bad *toml.DecodeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &bad):
		line, col := bad.Position()
		return diagnostic.InLine(text, line, col, 0, strings.TrimPrefix(bad.Error(), "toml: "))
	default:
		return &diagnostic.Problem{Line: 1, Col: 1, Message: strings.TrimPrefix(err.Error(), "toml: ")}
	}
}

// TOMLTable reads a document. Its strings are Text; other values are those of
// go-toml. The place of a table is that of its name.
func TOMLTable(text string, within Bounds) (Table, error) {
	t := newTable()
	if err := TOML(text, &t.Values, within); err != nil {
		return Table{}, err
	}
	for key, value := range t.Values {
		if written, is := value.(string); is {
			t.Values[key] = Text{written, written}
		}
	}
	var p unstable.Parser
	p.Reset([]byte(text))
	places := placer{text: text}
	top := true
	for p.NextExpression() {
		e := p.Expression()
		top = top && e.Kind == unstable.KeyValue
		name := e.Key()
		if e.Kind == unstable.KeyValue && !top || !name.Next() {
			continue
		}
		key := string(name.Node().Data)
		if _, again := t.Keys[key]; again {
			continue
		}
		offset := int(name.Node().Raw.Offset)
		t.Keys[key] = places.at(offset)
		if end := strings.IndexByte(text[offset:], '='); top && end >= 0 {
			after := text[offset+end+1:]
			offset += end + 1 + len(after) - len(strings.TrimLeft(after, " \t"))
		}
		t.Places[key] = places.at(offset)
	}
	return t, nil
}

// placer gives the places of offsets, of which each lies behind the one before:
// the text is looked through once.
type placer struct {
	text string
	// offset is the last that was asked for; lines end before it, and the last
	// of them ends at start.
	offset, lines, start int
}

func (p *placer) at(offset int) Place {
	if offset < p.offset {
		*p = placer{text: p.text} // slower, and right
	}
	passed := p.text[p.offset:offset]
	if end := strings.LastIndexByte(passed, '\n'); end >= 0 {
		p.lines += strings.Count(passed, "\n")
		p.start = p.offset + end + 1
	}
	p.offset = offset
	return Place{1 + p.lines, 1 + utf8.RuneCountInString(p.text[p.start:offset])}
}

// maxLookups bounds what looking for keys that are given twice costs go-toml:
// it compares each key with all before it, but for those of the same list of
// tables. So it is the number of pairs that counts: some 14,000 keys beside one
// another.
const maxLookups = 100_000_000

// tomlScan counts the values of a document, and the pairs of keys that go-toml
// will compare.
type tomlScan struct {
	most                   int
	depth, values, lookups int
	// known are the keys that the next one is compared with.
	known int
	// lists has how many were known before the present element of a list of
	// tables, by its key.
	lists map[string]int
}

// scan goes through a document once. A text that the parser refuses is left to
// say so when it is read.
func (s *tomlScan) scan(text string) *diagnostic.Problem {
	var p unstable.Parser
	p.Reset([]byte(text))
	for p.NextExpression() {
		e := p.Expression()
		at := s.keys(e)
		switch e.Kind {
		case unstable.ArrayTable:
			s.list(e)
		case unstable.KeyValue:
			s.value(e.Value(), 1)
		}
		switch {
		case s.depth > MaxDepth:
			return faultAt(text, at, tooDeep, MaxDepth)
		case s.values > s.most:
			return faultAt(text, at, tooMany, s.most)
		case s.lookups > maxLookups:
			return faultAt(text, at, "there are too many keys beside one another; make them a list of tables, or split the file")
		}
	}
	return nil
}

// keys counts the parts of an expression's key and says where it stands.
func (s *tomlScan) keys(e *unstable.Node) (offset int) {
	parts := 0
	for it := e.Key(); it.Next(); parts++ {
		offset = int(it.Node().Raw.Offset)
	}
	s.count(parts)
	s.depth = max(s.depth, parts)
	return offset
}

func (s *tomlScan) count(keys int) {
	s.values += keys
	s.known += keys
	s.lookups += keys * s.known
}

// list begins another element of a list of tables: the keys of the one before
// it are compared no more.
func (s *tomlScan) list(e *unstable.Node) {
	var name strings.Builder
	for it := e.Key(); it.Next(); {
		name.Write(it.Node().Data)
		name.WriteByte(0)
	}
	before, again := s.lists[name.String()]
	if !again {
		if s.lists == nil {
			s.lists = map[string]int{}
		}
		s.lists[name.String()] = s.known
		return
	}
	s.lookups += s.known // go-toml looks at all to find those
	s.known = min(s.known, before)
}

// value counts a value and all in it. The parser itself refuses to go deeper
// than 10,000.
func (s *tomlScan) value(n *unstable.Node, depth int) {
	s.values++
	s.depth = max(s.depth, depth)
	if depth > MaxDepth || s.values > s.most {
		return
	}
	for it := n.Children(); it.Next(); {
		child := it.Node()
		if child.Kind == unstable.KeyValue {
			s.keys(child)
			child = child.Value()
		}
		s.value(child, depth+1)
	}
}
