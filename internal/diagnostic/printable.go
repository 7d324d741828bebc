package diagnostic

import (
	"slices"
	"unicode/utf8"

	"ddc/internal/printable"
)

// Printable is the problem with all its texts fit to be shown to people, for
// whoever lays it out otherwise than String and Layout do: a page in a browser,
// say. Lengths and the columns of excerpts are those of the lines as they are
// shown then, so that a mark stands below what is at fault.
func (p Problem) Printable() Problem {
	p.File, p.Message, p.Hint, p.Page = printable.Line(p.File), printable.Text(p.Message), printable.Line(p.Hint), printable.Line(p.Page)
	p.Excerpt, p.Length = p.Excerpt.printable(p.Col, p.Length)
	p.Files = slices.Clone(p.Files)
	for i, file := range p.Files {
		p.Files[i] = printable.Line(file)
	}
	p.Related = slices.Clone(p.Related)
	for i := range p.Related {
		n := &p.Related[i]
		n.File, n.Message = printable.Line(n.File), printable.Line(n.Message)
		n.Excerpt, n.Length = n.Excerpt.printable(n.Col, n.Length)
	}
	return p
}

// printable is the excerpt as it is shown, and the length of what is marked in
// it.
func (e *Excerpt) printable(col, length int) (*Excerpt, int) {
	if e == nil {
		return nil, length
	}
	if col == 0 { // nothing is marked
		return &Excerpt{Text: printable.Text(e.Text), Col: e.Col}, length
	}
	begin := after(e.Text, 0, col-e.Col)
	end := after(e.Text, begin, max(length, 1))
	before, marked := printable.Text(e.Text[:begin]), printable.Text(e.Text[begin:end])
	shown := &Excerpt{Text: before + marked + printable.Text(e.Text[end:]), Col: e.Col}
	if shown.Text == e.Text {
		return shown, length
	}
	shown.Col = col - utf8.RuneCountInString(before)
	return shown, max(utf8.RuneCountInString(marked), 1)
}
