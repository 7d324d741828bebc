package diagnostic

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"ddc/internal/printable"
)

// Severity is how bad a problem is.
type Severity int

const (
	// Warning is for a site that is built nevertheless.
	Warning Severity = iota
	// Error is for a site that is not.
	Error
)

func (s Severity) String() string {
	if s == Error {
		return "error"
	}
	return "warning"
}

func (s Severity) style() printable.Style {
	if s == Error {
		return printable.Red
	}
	return printable.Yellow
}

const (
	// leastWidth is the width of the narrowest terminal that anything is laid
	// out for.
	leastWidth = 40
	// mostWidth bounds what is shown of a line, however wide the terminal is.
	mostWidth = 200
	// tabStop is how far apart the stops of tabs are shown.
	tabStop = 4
)

// Layout shows a problem on a terminal that has so many columns: its place and
// message, the line with what is at fault marked, then the hint, the pages and
// the related places.
func Layout(s Severity, p Problem, width int) []printable.Span {
	l := layout{width: min(max(width, leastWidth), mostWidth), mark: s.style()}
	l.add(s.style(), s.String()+": ")
	l.add(printable.Bold, place(p.File, p.Line, p.Col))
	l.add(printable.Bold, printable.Message(p.Message)+"\n")
	l.excerpt(p.Excerpt, p.Line, p.Col, p.Length)
	if p.Hint != "" {
		l.add(printable.Cyan, "  hint: ")
		l.add(printable.Plain, printable.Line(p.Hint)+"\n")
	}
	if on := p.on(); on != "" {
		l.add(printable.Cyan, "  note: ")
		l.add(printable.Plain, on+"\n")
	}
	for _, n := range p.Related {
		l.add(printable.Cyan, "  note: ")
		l.add(printable.Plain, place(n.File, n.Line, n.Col)+printable.Line(n.Message)+"\n")
		l.mark = printable.Cyan
		l.excerpt(n.Excerpt, n.Line, n.Col, n.Length)
	}
	return l.spans
}

type layout struct {
	width int
	mark  printable.Style
	spans []printable.Span
}

func (l *layout) add(style printable.Style, text string) {
	if text != "" {
		l.spans = append(l.spans, printable.Span{Style: style, Text: text})
	}
}

// excerpt shows a line, and marks below it what is at fault. Without a column
// nothing is marked.
func (l *layout) excerpt(e *Excerpt, line, col, length int) {
	if e == nil {
		return
	}
	number := fmt.Sprintf("%5d", line)
	cells := cellsOf(e, col, max(length, 1))
	cells, more, before := window(cells, l.width-len(number)-len(" | "))
	l.add(printable.Blue, number+" | ")
	text, marks := strings.Builder{}, strings.Builder{}
	if before {
		text.WriteString(ellipsis)
		marks.WriteString(" ")
	}
	for _, c := range cells {
		text.WriteString(c.text)
		mark := " "
		if c.marked {
			mark = "^"
		}
		marks.WriteString(strings.Repeat(mark, c.width))
	}
	if more {
		text.WriteString(ellipsis)
	}
	l.add(printable.Plain, strings.TrimRight(text.String(), " ")+"\n")
	if col > 0 {
		l.add(printable.Blue, strings.Repeat(" ", len(number))+" | ")
		l.add(l.mark, strings.TrimRight(marks.String(), " ")+"\n")
	}
}

const ellipsis = "…"

// cell is a character as a terminal shows it: several runes that are one for a
// reader, a tab, or the escape of what may not be shown.
type cell struct {
	text   string
	width  int
	marked bool
}

// cellsOf cuts a line into cells. If the place is at its end or beyond, one
// more stands for it.
func cellsOf(e *Excerpt, col, length int) []cell {
	var cells []cell
	at, rune := 0, e.Col
	marked := false
	rest, state := e.Text, -1
	for rest != "" {
		var cluster string
		var width int
		cluster, rest, width, state = uniseg.FirstGraphemeClusterInString(rest, state)
		c := cell{text: cluster, width: width}
		if cluster == "\t" {
			c.width = tabStop - at%tabStop
			c.text = strings.Repeat(" ", c.width)
		} else if shown := printable.Line(cluster); shown != cluster || width == 0 {
			c.text, c.width = shown, uniseg.StringWidth(shown)
		}
		runes := utf8.RuneCountInString(cluster)
		c.marked = col > 0 && rune < col+length && rune+runes > col
		marked = marked || c.marked
		at, rune = at+c.width, rune+runes
		cells = append(cells, c)
	}
	if col > 0 && !marked {
		cells = append(cells, cell{text: " ", width: 1, marked: true})
	}
	return cells
}

// window leaves as many cells as fit, the first that is marked among them, and
// says whether some were cut after and before them.
func window(cells []cell, width int) (kept []cell, after, before bool) {
	total, first, lead := 0, 0, 0
	for i := len(cells) - 1; i >= 0; i-- {
		total += cells[i].width
		if cells[i].marked {
			first = i
		}
	}
	if total <= width {
		return cells, false, false
	}
	for _, c := range cells[:first] {
		lead += c.width
	}
	begin := 0
	for lead > width/3 && total > width-1 { // what comes before the mark, and no more of it than a reader needs
		lead, total = lead-cells[begin].width, total-cells[begin].width
		begin++
	}
	room := width - 1
	if begin > 0 {
		room--
	}
	end := begin
	for end < len(cells) && cells[end].width <= room {
		room -= cells[end].width
		end++
	}
	return cells[begin:end], end < len(cells), begin > 0
}
