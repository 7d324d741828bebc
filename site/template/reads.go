package template

import (
	"strconv"
	"unicode"
)

// path stands for one value that a template can read, in the tree of all values
// that a rendering has met. The recorder hears of each path once. The path is
// nil for a value that the template made itself, and for all values if nobody
// records.
type path struct {
	record func(path string)
	later  func(Later) any // Page.Make
	text   string
	level  int
	fields map[string]*path
	item   *path // what stands for all items
	rest   *path // what stands for all below that has no path of its own
	told   bool
	all    bool // is the rest of another
	room   *int // how many paths more the rendering may tell apart
}

// A path with more levels or longer names than these ends in **. So do those
// beyond maxPaths: who records does work for each.
const maxPathLevel, maxPathName, maxPaths = 32, 200, 20_000

func newPath(record func(string), later func(Later) any) *path {
	room := maxPaths
	return &path{record: record, later: later, room: &room}
}

// read tells the recorder that a value was looked at: what it is, or that it is
// absent; for a list which items it has and how many, for a dict which fields.
func (p *path) read() {
	if p != nil && !p.told {
		p.told = true
		p.record(p.text)
	}
}

// field is the path of a field of a value, or of a variable.
func (p *path) field(name string) *path {
	if p == nil || p.all {
		return p
	}
	if next := p.fields[name]; next != nil {
		return next
	}
	switch {
	case p.level == 0: // a template has so many names as it has
		return p.keep(name, p.step(name))
	case p.level >= maxPathLevel || len(name) > maxPathName || *p.room <= 0:
		return p.others()
	case isName(name):
		return p.keep(name, p.step("."+name))
	}
	return p.keep(name, p.step("["+strconv.Quote(name)+"]"))
}

// items is the path of all items of a list, and of all values of a dict that a
// loop goes over.
func (p *path) items() *path {
	if p == nil || p.all {
		return p
	}
	if p.level >= maxPathLevel {
		return p.others()
	}
	if p.item == nil {
		p.item = p.step("[*]")
	}
	return p.item
}

// others is the path of all that lies below. It counts as read.
func (p *path) others() *path {
	if p.rest == nil {
		p.rest = p.step(".**")
		p.rest.all = true
		p.rest.read()
	}
	return p.rest
}

// call is the path of a function's answer, which counts as read. The arguments
// are as a template could write them. The receiver is the root.
func (p *path) call(name, arguments string) *path {
	if p == nil {
		return nil
	}
	text := name + "(" + arguments + ")"
	next := p.fields[text]
	full := next == nil && *p.room <= 0
	if full {
		text = name + "(**)" // whatever it was asked for
		next = p.fields[text]
	}
	if next == nil {
		next = p.keep(text, p.step(text))
		next.all = full
	}
	next.read()
	return next
}

// make makes a value that was left for later; where nobody can it is none.
func (p *path) make(v Later) any {
	if p == nil || p.later == nil {
		return nil
	}
	return p.later(v)
}

func (p *path) step(text string) *path {
	return &path{record: p.record, later: p.later, text: p.text + text, level: p.level + 1, room: p.room}
}

func (p *path) keep(key string, next *path) *path {
	if p.fields == nil {
		p.fields = map[string]*path{}
	}
	p.fields[key] = next
	*p.room--
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
