package content

import (
	"path"
	"regexp"
	"strings"
	"unicode"

	"ddc/internal/slug"
)

// NewNode derives from a source's path whether it is a section, its route, and
// its date if its name begins with one:
//
//	guide/intro.md           /guide/intro
//	guide/_index.md          /guide, a section
//	guide/intro/index.md     /guide/intro, a page with files beside it
//	My Notes/a b.md          /my-notes/a-b
//	blog/2024-05-01-hello.md /blog/hello
//
// A part of a path that an address can have stays as it is, capitals and all.
func NewNode(source string) *Node {
	n := &Node{Path: source, Section: path.Base(source) == "_index.md"}
	name := strings.TrimSuffix(source, ".md")
	folder, base := path.Split(name)
	switch {
	case n.Section, base == "index" && folder != "":
		name = strings.TrimSuffix(folder, "/")
	}
	folder, base = path.Split(name)
	if found := dated.FindStringSubmatch(base); found != nil && !n.Section {
		n.Date, base = found[1], found[2]
	}
	parts := strings.Split(folder+base, "/")
	for i, part := range parts {
		parts[i] = segment(part)
	}
	n.Route = path.Clean("/" + strings.Join(parts, "/"))
	return n
}

// dated is a name with a date before it.
var dated = regexp.MustCompile(`^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[-_ ]+(.+)$`)

// Bundle says whether a source is a page with files beside it.
func Bundle(source string) bool {
	return path.Base(source) == "index.md" && path.Dir(source) != "."
}

// segment is a part of an address: the name itself, if it needs no escape, or
// else its slug.
func segment(name string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r) || strings.ContainsRune("-._~", r)
	}
	if strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	if made := slug.Of(name); made != "" {
		return made
	}
	return name
}

// Move gives a node another address: address is the whole of it, slug only its
// last part. Either may be empty.
func (n *Node) Move(address, slug string) {
	switch {
	case address != "":
		n.Route = path.Clean("/" + address)
	case slug != "" && n.Route != "/":
		n.Route = path.Join(path.Dir(n.Route), slug)
	}
}
