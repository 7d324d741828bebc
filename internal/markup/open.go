package markup

// openElements is the standard's stack of open elements (13.2.4.2), with the
// list of those formatting elements that are begun again where something else
// ended them (13.2.4.3). Both are bounded: a parser lets no more than 512
// elements be open, and of one formatting element's kind three are kept.
type openElements struct {
	open       []openElement
	formatting []formatting
	form       bool // a <form> is open: another begins nothing
	body       bool // the page's head is over
	made       int  // elements so far, which tells them apart
}

type openElement struct {
	name string
	// space is "svg" or "math", or empty for an element of HTML.
	space string
	// integration is set where HTML goes on inside the element.
	integration bool
	id          int
}

// formatting is an entry of the list, or, without a name, a mark that a cell or
// the like left there: what is before it does not go on behind it.
type formatting struct {
	name string
	id   int
}

const (
	maxOpen = 512
	alike   = 3
)

func (o *openElements) last() openElement {
	if len(o.open) == 0 {
		return openElement{}
	}
	return o.open[len(o.open)-1]
}

func (o *openElements) push(e openElement) {
	if len(o.open) >= 2*maxOpen {
		o.open = append(o.open[:0], o.open[len(o.open)-maxOpen:]...)
	}
	o.made++
	e.id = o.made
	o.open = append(o.open, e)
}

// find is the place of the innermost element of HTML that is wanted, or -1 if
// there is none or an element that ends the search is further in.
func (o *openElements) find(wanted, ends func(openElement) bool) int {
	for i := len(o.open) - 1; i >= max(0, len(o.open)-maxOpen); i-- {
		switch e := o.open[i]; {
		case e.space == "" && wanted(e):
			return i
		case ends(e):
			return -1
		}
	}
	return -1
}

func named(name string) func(openElement) bool {
	return func(e openElement) bool { return e.name == name }
}

// cut ends the element at a place, with all that is in it.
func (o *openElements) cut(at int) {
	for i := len(o.open) - 1; i >= at; i-- {
		if e := o.open[i]; e.space == "" && isMarker(e.name) {
			o.forgetToMarker()
		}
	}
	o.open = o.open[:at]
}

// close ends the innermost wanted element, if there is one.
func (o *openElements) close(wanted, ends func(openElement) bool) bool {
	at := o.find(wanted, ends)
	if at >= 0 {
		o.cut(at)
	}
	return at >= 0
}

func (o *openElements) forgetToMarker() {
	for len(o.formatting) > 0 {
		last := o.formatting[len(o.formatting)-1]
		o.formatting = o.formatting[:len(o.formatting)-1]
		if last.name == "" {
			return
		}
	}
}

// remember adds the last element to the list.
func (o *openElements) remember(name string) {
	same, first := 0, 0
	for i := len(o.formatting) - 1; i >= 0 && o.formatting[i].name != ""; i-- {
		if o.formatting[i].name == name {
			same, first = same+1, i
		}
	}
	if same >= alike {
		o.forget(first)
	}
	o.note(formatting{name, o.last().id})
}

func (o *openElements) note(f formatting) {
	if len(o.formatting) >= 4*maxOpen {
		o.formatting = append(o.formatting[:0], o.formatting[len(o.formatting)-2*maxOpen:]...)
	}
	o.formatting = append(o.formatting, f)
}

func (o *openElements) forget(entry int) {
	o.formatting = append(o.formatting[:entry], o.formatting[entry+1:]...)
}

// place is that of the element of an id, or -1.
func (o *openElements) place(id int) int {
	for i := len(o.open) - 1; i >= 0; i-- {
		if o.open[i].id == id {
			return i
		}
	}
	return -1
}

// entry is the last entry of a name that goes on here, or -1.
func (o *openElements) entry(name string) int {
	for i := len(o.formatting) - 1; i >= 0 && o.formatting[i].name != ""; i-- {
		if o.formatting[i].name == name {
			return i
		}
	}
	return -1
}

// reconstruct begins formatting elements again that something else ended.
func (o *openElements) reconstruct() {
	from := len(o.formatting)
	for from > 0 && o.formatting[from-1].name != "" && o.place(o.formatting[from-1].id) < 0 {
		from--
	}
	for i := from; i < len(o.formatting); i++ {
		o.push(openElement{name: o.formatting[i].name})
		o.formatting[i].id = o.last().id
	}
}

// adopt is what the end tag of a formatting element does, the standard's
// adoption agency: what is special in the element stays open, the element goes
// on in it for a moment, and ends with all that is in it there.
func (o *openElements) adopt(name string) {
	if e := o.last(); e.space == "" && e.name == name && !o.remembers(e.id) {
		o.cut(len(o.open) - 1)
		return
	}
	for range 8 {
		entry := o.entry(name)
		if entry < 0 {
			o.closeOther(name)
			return
		}
		at := o.place(o.formatting[entry].id)
		if at < 0 {
			o.forget(entry)
			return
		}
		if o.find(func(e openElement) bool { return e.id == o.open[at].id }, endsScope) < 0 {
			return
		}
		block := at + 1
		for block < len(o.open) && !isSpecial(o.open[block]) {
			block++
		}
		if block == len(o.open) {
			o.cut(at)
			o.forget(entry)
			return
		}
		o.moveInto(at, block, entry)
	}
}

// remembers tells whether an element goes on here.
func (o *openElements) remembers(id int) bool {
	for i := len(o.formatting) - 1; i >= 0 && o.formatting[i].name != ""; i-- {
		if o.formatting[i].id == id {
			return true
		}
	}
	return false
}

// moveInto makes the formatting element at a place the first in the block. What
// is between stays open if it is a formatting element, of the three next to the
// block.
func (o *openElements) moveInto(at, block, entry int) {
	var kept []openElement
	for i := at + 1; i < block; i++ {
		if o.remembers(o.open[i].id) && block-i <= 3 {
			kept = append(kept, o.open[i])
		}
	}
	o.made++
	again := openElement{name: o.open[at].name, id: o.made}
	o.formatting[entry].id = again.id
	rest := append([]openElement{o.open[block], again}, o.open[block+1:]...)
	o.open = append(append(o.open[:at], kept...), rest...)
}

// closeOther is what an end tag does that has no rule of its own.
func (o *openElements) closeOther(name string) { o.close(named(name), isSpecial) }
