package markup

import "golang.org/x/net/html"

// mostRepeated is how many elements and attributes a parser may make of a page
// beyond those of its tags: they take some 100 MB.
const mostRepeated = 500_000

// Multiplies reports whether a parser may make far more of a page than it has
// tags. Formatting elements that a paragraph or a cell left open are opened
// again in the next one: 400 <b> and 50,000 <p>, 200 KB, are 20 million
// elements. And the attributes of each further <html> or <body> are looked up
// among those of the first.
//
// It counts from above, and so may be wrong about a page that never closes its
// formatting.
func Multiplies(page string) bool {
	p := Page{Source: page}
	r := repeats{source: page}
	p.Walk(r.token)
	return r.sum > mostRepeated
}

// repeats counts what a parser makes again.
type repeats struct {
	source string
	open   []reopened
	weight int // of those
	// closed says that some of them may not be open any more, since another
	// element ended.
	closed bool
	roots  int // attributes of <html> and <body>
	sum    int
}

// reopened is an element that is opened again where it was not closed.
type reopened struct {
	name, tag string
	weight    int // one, and one for each attribute
}

// A parser keeps three elements that are equal, and nests no deeper than
// mostOpen.
const mostEqual, mostOpen = 3, 512

func (r *repeats) token(t Token) {
	switch {
	case t.Foreign, t.Kind == html.CommentToken, t.Kind == html.DoctypeToken:
		return
	case t.Kind == html.EndTagToken:
		if isFormatting(t.Name) {
			r.end(t.Name)
		} else {
			r.closed = true
		}
		return
	}
	if r.closed {
		r.sum += r.weight
		r.closed = false
	}
	if t.Kind != html.StartTagToken {
		return
	}
	switch {
	case t.Name == "html" || t.Name == "body":
		r.sum += r.roots
		r.roots += len(t.Attributes.List)
	case isFormatting(t.Name):
		r.begin(reopened{t.Name, r.source[t.Start:t.End], 1 + len(t.Attributes.List)})
	case t.Name != "span" && t.Name != "br" && t.Name != "img":
		r.closed = true // it may end a paragraph, or an item
	}
}

func (r *repeats) begin(f reopened) {
	if f.name == "a" || f.name == "nobr" {
		r.end(f.name) // which holds none of its kind
	}
	equal := 0
	for _, o := range r.open {
		if o.name == f.name && o.tag == f.tag {
			equal++
		}
	}
	if equal == mostEqual || len(r.open) == mostOpen {
		return
	}
	r.open = append(r.open, f)
	r.weight += f.weight
}

// end closes the last element of a name.
func (r *repeats) end(name string) {
	for i := len(r.open) - 1; i >= 0; i-- {
		if r.open[i].name == name {
			r.weight -= r.open[i].weight
			r.open = append(r.open[:i], r.open[i+1:]...)
			return
		}
	}
}
