// Package kdl reads KDL, the document language of a site's configuration and
// data, and of the descriptions of systems under suspicion.
//
// It reads version 2 of the language whole, and of version 1 the bare words
// true, false and null and the r"raw" strings, which configuration files in
// the wild still use. Every error names file, line and column. A document is
// read into memory at once; the caller bounds its size.
package kdl

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"ddc/internal/diagnostic"
)

// Node is one node of a document with everything written on it.
type Node struct {
	Name     string
	Args     []Value
	Props    []Property
	Children []*Node
	// Line and Col are where the name stands, and Length is how long it is.
	Line, Col, Length int
}

// Value is an argument or the value of a property: a string, int64, float64,
// bool or nil, and where it stands.
type Value struct {
	Any               any
	Line, Col, Length int
}

// Property is a key and its value, in the order written.
type Property struct {
	Key   string
	Value Value
}

// Prop gives the last value written for a key, as the language asks.
func (n *Node) Prop(key string) (Value, bool) {
	for i := len(n.Props) - 1; i >= 0; i-- {
		if n.Props[i].Key == key {
			return n.Props[i].Value, true
		}
	}
	return Value{}, false
}

// maxDepth bounds nested children and comments, so that a hostile document
// cannot exhaust the stack.
const maxDepth = 128

// maxValues bounds the names, arguments, keys and values of a document: a data
// file is KDL too.
const maxValues = 500_000

// Parse reads a document; file is its name in errors, each a
// *diagnostic.Problem.
func Parse(file, source string) ([]*Node, error) {
	source = strings.TrimPrefix(source, "\ufeff")
	r := &reader{file: file, src: source, line: 1, col: 1}
	if !utf8.ValidString(source) {
		return nil, r.errorf("the file is not UTF-8 text")
	}
	nodes, err := r.nodes(0)
	if err != nil {
		return nil, err
	}
	if !r.eof() {
		return nil, r.errorf("unexpected %q: no { is open here", r.peek())
	}
	return nodes, nil
}

// reader walks the source and knows the line and column of what comes next.
type reader struct {
	file      string
	src       string
	pos       int
	line, col int
	values    int
}

func (r *reader) eof() bool { return r.pos >= len(r.src) }

func (r *reader) peek() rune {
	if r.eof() {
		return -1
	}
	c, _ := utf8.DecodeRuneInString(r.src[r.pos:])
	return c
}

func (r *reader) has(prefix string) bool { return strings.HasPrefix(r.src[r.pos:], prefix) }

func (r *reader) next() rune {
	c, size := utf8.DecodeRuneInString(r.src[r.pos:])
	r.pos += size
	// CRLF is one newline: it is counted at its LF.
	if isNewline(c) && !(c == '\r' && r.has("\n")) {
		r.line++
		r.col = 1
	} else {
		r.col++
	}
	return c
}

func (r *reader) skip(n int) {
	for end := r.pos + n; r.pos < end; {
		r.next()
	}
}

func (r *reader) errorf(format string, args ...any) error {
	return r.errorAt(r.line, r.col, format, args...)
}

func (r *reader) errorAt(line, col int, format string, args ...any) error {
	return &diagnostic.Problem{File: r.file, Line: line, Col: col, Message: fmt.Sprintf(format, args...)}
}

// errorOf is about a value.
func (r *reader) errorOf(v Value, format string, args ...any) error {
	return &diagnostic.Problem{File: r.file, Line: v.Line, Col: v.Col, Length: v.Length, Message: fmt.Sprintf(format, args...)}
}

func isNewline(c rune) bool {
	switch c {
	case '\r', '\n', '\u0085', '\v', '\f', '\u2028', '\u2029':
		return true
	}
	return false
}

func isSpace(c rune) bool {
	switch c {
	case '\t', ' ', '\u00a0', '\u1680', '\u202f', '\u205f', '\u3000':
		return true
	}
	return c >= '\u2000' && c <= '\u200a'
}

// nodes reads nodes up to the end of the file or of the block they stand in.
func (r *reader) nodes(depth int) ([]*Node, error) {
	if depth > maxDepth {
		return nil, r.errorf("children are nested more than %d deep", maxDepth)
	}
	var nodes []*Node
	for {
		if err := r.blank(true); err != nil {
			return nil, err
		}
		switch {
		case r.eof() || r.peek() == '}':
			return nodes, nil
		case r.peek() == ';':
			r.next()
			continue
		}
		dropped, err := r.slashdash()
		if err != nil {
			return nil, err
		}
		node, err := r.node(depth)
		if err != nil {
			return nil, err
		}
		if !dropped {
			nodes = append(nodes, node)
		}
	}
}

// slashdash eats a /- and the blank after it.
func (r *reader) slashdash() (bool, error) {
	if !r.has("/-") {
		return false, nil
	}
	r.skip(2)
	return true, r.blank(true)
}

func (r *reader) node(depth int) (*Node, error) {
	if err := r.annotation(); err != nil {
		return nil, err
	}
	node := &Node{Line: r.line, Col: r.col}
	if c := r.peek(); c == '{' || c == '}' || c == ';' || c == -1 {
		return nil, r.errorf("expected the name of a node")
	}
	name, err := r.value()
	if err != nil {
		return nil, err
	}
	text, ok := name.Any.(string)
	if !ok {
		return nil, r.errorOf(name, "the name of a node must be a word or a string; put it in quotes")
	}
	node.Name, node.Length = text, name.Length
	return node, r.entries(node, depth)
}

// entries reads what follows a node's name: arguments, properties, children.
func (r *reader) entries(node *Node, depth int) error {
	seenChildren := false
	for {
		before := r.pos
		if err := r.blank(false); err != nil {
			return err
		}
		c := r.peek()
		if c == -1 || c == '}' || c == ';' || isNewline(c) {
			return nil
		}
		dropped, err := r.slashdash()
		if err != nil {
			return err
		}
		if r.peek() == '{' {
			children, err := r.block(depth)
			if err != nil {
				return err
			}
			if !dropped {
				if seenChildren {
					return r.errorAt(node.Line, node.Col, "node %q has two blocks of children", node.Name)
				}
				node.Children, seenChildren = children, true
			}
			continue
		}
		if before == r.pos {
			return r.errorf("unexpected %q after %q: a space is missing, or quotes", r.peek(), node.Name)
		}
		if seenChildren {
			return r.errorf("arguments and properties of %q must stand before its children", node.Name)
		}
		if err := r.entry(node, dropped); err != nil {
			return err
		}
	}
}

func (r *reader) block(depth int) ([]*Node, error) {
	line, col := r.line, r.col
	r.next()
	children, err := r.nodes(depth + 1)
	if err != nil {
		return nil, err
	}
	if r.peek() != '}' {
		return nil, r.errorAt(line, col, "this { is never closed")
	}
	r.next()
	return children, nil
}

// entry reads one argument or key=value.
func (r *reader) entry(node *Node, dropped bool) error {
	typed := r.peek() == '('
	if err := r.annotation(); err != nil {
		return err
	}
	first, err := r.value()
	if err != nil {
		return err
	}
	mark := *r
	if err := r.blank(false); err != nil {
		return err
	}
	if r.peek() != '=' {
		*r = mark
		if !dropped {
			node.Args = append(node.Args, first)
		}
		return nil
	}
	key, ok := first.Any.(string)
	if !ok || typed {
		return r.errorOf(first, "the key of a property must be a word or a string")
	}
	r.next()
	if err := r.blank(false); err != nil {
		return err
	}
	if err := r.annotation(); err != nil {
		return err
	}
	value, err := r.value()
	if err != nil {
		return err
	}
	if !dropped {
		node.Props = append(node.Props, Property{Key: key, Value: value})
	}
	return nil
}

// annotation eats a (type); types mean nothing in a configuration.
func (r *reader) annotation() error {
	if r.peek() != '(' {
		return nil
	}
	line, col := r.line, r.col
	r.next()
	if err := r.blank(false); err != nil {
		return err
	}
	if _, err := r.value(); err != nil {
		return err
	}
	if err := r.blank(false); err != nil {
		return err
	}
	if r.peek() != ')' {
		return r.errorAt(line, col, "this ( is never closed")
	}
	r.next()
	return r.blank(false)
}

// blank eats white space, comments and continued lines; newlines too when
// asked.
func (r *reader) blank(newlines bool) error {
	for !r.eof() {
		c := r.peek()
		switch {
		case isSpace(c) || newlines && isNewline(c):
			r.next()
		case r.has("//"):
			for !r.eof() && !isNewline(r.peek()) {
				r.next()
			}
		case r.has("/*"):
			if err := r.blockComment(); err != nil {
				return err
			}
		case c == '\\':
			if err := r.continuation(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

func (r *reader) blockComment() error {
	line, col := r.line, r.col
	depth := 0
	for !r.eof() {
		switch {
		case r.has("/*"):
			r.skip(2)
			depth++
		case r.has("*/"):
			r.skip(2)
			if depth--; depth == 0 {
				return nil
			}
		default:
			r.next()
		}
	}
	return r.errorAt(line, col, "this comment is never closed")
}

// continuation eats a backslash that joins a line to the next.
func (r *reader) continuation() error {
	line, col := r.line, r.col
	r.next()
	for !r.eof() && !isNewline(r.peek()) {
		switch {
		case isSpace(r.peek()):
			r.next()
		case r.has("//"):
			for !r.eof() && !isNewline(r.peek()) {
				r.next()
			}
		case r.has("/*"):
			if err := r.blockComment(); err != nil {
				return err
			}
		default:
			return r.errorAt(line, col, `only a comment may follow a \ that continues a line`)
		}
	}
	if !r.eof() {
		if r.has("\r\n") {
			r.next()
		}
		r.next()
	}
	return nil
}
