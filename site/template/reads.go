package template

import (
	"strconv"
	"strings"
	"unicode"
)

// path is one value that a template can read, in the tree of all that a
// rendering has come by. Each path is told to the recorder once. A nil path
// is of a value that the template made itself, or of any where nobody records.
type path struct {
	record func(path string)
	text   string
	level  int
	fields map[string]*path
	told   bool
}

// A path that is longer than this ends in **, which stands for all below it.
const maxPathLevel, maxPathName = 32, 200

// read tells that a value was looked at: what it is, or that it is absent; of a
// list how many items there are and which, of a dict which fields it has.
func (p *path) read() {
	if p != nil && !p.told {
		p.told = true
		p.record(p.text)
	}
}

// field is the path of a field of a value.
func (p *path) field(name string) *path {
	if p == nil {
		return nil
	}
	if len(name) > maxPathName {
		return p.below("", ".**")
	}
	if isName(name) {
		return p.below(name, "."+name)
	}
	return p.below(name, "["+strconv.Quote(name)+"]")
}

// items is the path of all items of a list, and of all values of a dict that a
// loop goes over.
func (p *path) items() *path {
	if p == nil {
		return nil
	}
	return p.below("[*]", "[*]")
}

// below gives the path that a step leads to, which the key tells from others.
func (p *path) below(key, step string) *path {
	if p.told && strings.HasSuffix(p.text, "**") {
		return p
	}
	if p.level >= maxPathLevel {
		key, step = "", ".**"
	}
	if next := p.fields[key]; next != nil {
		return next
	}
	next := &path{record: p.record, text: p.text + step, level: p.level + 1}
	if p.text == "" {
		next.text = strings.TrimPrefix(step, ".")
	}
	if p.fields == nil {
		p.fields = map[string]*path{}
	}
	p.fields[key] = next
	if step == ".**" {
		next.read()
	}
	return next
}

// call is the path of what a function gave, which is thereby read.
func (p *path) call(name, argument string) *path {
	if p == nil {
		return nil
	}
	text := name + "(" + strconv.Quote(argument) + ")"
	next := p.below(text, "."+text)
	next.read()
	return next
}

func isName(text string) bool {
	for i, c := range text {
		if c != '_' && !unicode.IsLetter(c) && (i == 0 || !unicode.IsDigit(c)) {
			return false
		}
	}
	return text != ""
}
