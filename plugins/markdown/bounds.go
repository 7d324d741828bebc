package markdown

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"ddc/internal/diagnostic"
)

// Goldmark takes quadratic time in some things that a page may have: nested
// quotes and lists, marks in one paragraph, reference definitions in a row,
// footnotes, cells of a table's short rows, attributes of a heading, lines of a
// link's title, addresses that do not end. Each is counted before the page is
// parsed. A step is roughly what goldmark does in 5 ns.
const (
	// maxNesting bounds nested quotes and lists. Each level costs goldmark a
	// stack frame, and each line costs a step for each level.
	maxNesting = 100
	// maxSteps bounds the sum of all quadratic costs: 20,000 marks or lines
	// with links in one paragraph, 20,000 definitions without a blank line
	// between them, 20,000 attributes, 7,000 footnotes or a million cells. It
	// is some three seconds.
	maxSteps = 550_000_000
	// The cost of a footnote's mark and of a cell, in steps.
	stepsOfFootnote, stepsOfCell = 8, 400
)

// checkBounds refuses a page that goldmark would take too long for.
func checkBounds(source []byte, lines lineIndex) error {
	b := bounds{source: source, lines: lines}
	for from := 0; from < len(source); {
		end := len(source)
		if n := bytes.IndexByte(source[from:], '\n'); n >= 0 {
			end = from + n
		}
		if err := b.line(from, string(source[from:end])); err != nil {
			return err
		}
		from = end + 1
	}
	if err := b.endRun(); err != nil {
		return err
	}
	if err := b.spend(0, stepsOfFootnote*b.definitions*bytes.Count(source, []byte("[^")), "footnotes; put some on a page of their own"); err != nil {
		return err
	}
	if b.steps+b.atMost() <= maxSteps {
		return nil
	}
	return b.paragraphs()
}

// bounds goes through a page line by line, then block by block.
type bounds struct {
	source []byte
	lines  lineIndex
	steps  int
	// open are the lists that the next line may be in. It is an upper bound,
	// since a line that ends a list without beginning another is not noticed.
	open []openList
	run  run
	// definitions counts those of footnotes.
	definitions int
}

// openList is a list's item. It lies in so many quotes, and its content begins
// at a column.
type openList struct{ quotes, column int }

// run is a run of lines without a blank one between them.
type run struct {
	start, lines, columns int
	// label is set by a line that may begin a definition. defined is set by the
	// end of the label, on that line or a later one.
	label, defined bool
}

// spend counts steps for what begins at an offset.
func (b *bounds) spend(offset, steps int, what string) error {
	if b.steps += steps; b.steps > maxSteps {
		return b.fault(offset, "there are too many %s", what)
	}
	return nil
}

func (b *bounds) fault(offset int, format string, args ...any) error {
	line, column := b.lines.at(offset)
	return &diagnostic.Problem{Line: line, Col: column, Message: fmt.Sprintf(format, args...)}
}

func (b *bounds) line(offset int, line string) error {
	rest, depth := b.containers(line)
	if depth > maxNesting {
		return b.fault(offset, "quotes and lists are nested more than %d deep", maxNesting)
	}
	if rest == "" {
		return b.endRun()
	}
	if b.run.lines == 0 {
		b.run.start = offset
	}
	b.run.lines++
	b.run.label = b.run.label || rest[0] == '['
	if b.run.label && strings.Contains(rest, "]:") {
		b.run.defined = true
		if strings.HasPrefix(rest, "[^") {
			b.definitions++
		}
	}
	if strings.Contains(rest, "-") && strings.Trim(rest, "|-: \t") == "" {
		b.run.columns = max(b.run.columns, 1+strings.Count(rest, "|"))
	}
	return nil
}

// endRun counts the lines of a run with reference definitions: goldmark looks
// at all of them for each definition, and for each line of its label and title.
// It also counts the cells with which goldmark fills short rows.
func (b *bounds) endRun() error {
	r := b.run
	b.run = run{}
	if r.defined {
		if err := b.spend(r.start, r.lines*r.lines, "definitions of links, or lines beside them; put blank lines between them"); err != nil {
			return err
		}
	}
	return b.spend(r.start, stepsOfCell*r.columns*r.lines, "cells in this table; divide it")
}

// containers takes the marks of quotes and lists off a line. depth is how many
// of these the rest may stand in, at most.
func (b *bounds) containers(line string) (rest string, depth int) {
	quotes, column := 0, 0
	for {
		trimmed := strings.TrimLeft(line, " \t")
		for _, blank := range line[:len(line)-len(trimmed)] {
			if column++; blank == '\t' {
				column = (column + 3) / 4 * 4
			}
		}
		line = trimmed
		if strings.HasPrefix(line, ">") {
			quotes, column, line = quotes+1, 0, line[1:]
			continue
		}
		width := listMark(line)
		if width == 0 {
			return line, quotes + len(b.open)
		}
		for len(b.open) > 0 {
			last := b.open[len(b.open)-1]
			if last.quotes < quotes || last.quotes == quotes && last.column <= column {
				break
			}
			b.open = b.open[:len(b.open)-1]
		}
		column += width
		b.open = append(b.open, openList{quotes, column})
		if len(b.open)+quotes > maxNesting {
			return "", len(b.open) + quotes
		}
		line = line[width:]
	}
}

// listMark is the length of the mark that begins a list's item, or 0.
func listMark(line string) int {
	digits := 0
	for digits < len(line) && digits < 10 && line[digits] >= '0' && line[digits] <= '9' {
		digits++
	}
	marks := "-+*"
	if digits > 0 {
		marks = ".)"
	}
	if digits == len(line) || !strings.Contains(marks, line[digits:digits+1]) {
		return 0
	}
	if after := line[digits+1:]; after != "" && after[0] != ' ' && after[0] != '\t' {
		return 0
	}
	return digits + 1
}

// blocks parses a page into blocks, and leaves their text as it is. The first
// page makes it, as with engine.
var blocks = sync.OnceValue(func() parser.Parser {
	return parser.NewParser(
		parser.WithBlockParsers(append(parser.DefaultBlockParsers(), util.Prioritized(extension.NewFootnoteBlockParser(), 999),
			util.Prioritized(extension.NewDefinitionListParser(), 101), util.Prioritized(extension.NewDefinitionDescriptionParser(), 102))...),
		parser.WithParagraphTransformers(append(parser.DefaultParagraphTransformers(), util.Prioritized(extension.NewTableParagraphTransformer(), 200))...),
	)
})

// atMost is what all texts of a page together can cost, however they are
// divided. For most pages that is little, and they need not be parsed to be
// counted.
func (b *bounds) atMost() int {
	marks, attributes, lines := inlineMarks.in(b.source), attributeMarks.in(b.source), 1+bytes.Count(b.source, []byte("\n"))
	addresses := bytes.Count(b.source, []byte("](")) * len(b.source)
	// Twice as much leaves room for tabs, and for text that belongs to two
	// blocks.
	return 4 * (marks*marks + attributes*attributes + lines*lines + addresses)
}

// paragraphs counts the costs of each text.
func (b *bounds) paragraphs() error {
	doc := blocks().Parse(text.NewReader(b.source))
	return ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering || n.Type() == ast.TypeInline || n.IsRaw() || n.Lines().Len() == 0 {
			return ast.WalkContinue, nil
		}
		if n.Kind() == ast.KindHeading {
			if err := b.attributes(n.Lines()); err != nil {
				return ast.WalkStop, err
			}
		}
		return ast.WalkContinue, b.marks(n.Lines())
	})
}

// attributes counts the attributes of a heading, since goldmark compares each
// with all others. Each attribute has one of "=.#". Goldmark begins anew at
// each "{".
func (b *bounds) attributes(lines *text.Segments) error {
	last := lines.At(lines.Len() - 1)
	line := last.Value(b.source)
	at := bytes.IndexByte(line, '{')
	if at < 0 {
		return nil
	}
	n := attributeMarks.in(line[at:])
	return b.spend(last.Start, n*n, "attributes on one heading")
}

// marks counts the marks of a paragraph, heading or cell: goldmark looks for a
// mark's partner among all the others. For each link, and for each line of its
// title, it looks at all the lines.
func (b *bounds) marks(lines *text.Segments) error {
	marks, links, addresses := 0, 0, 0
	for i := range lines.Len() {
		segment := lines.At(i)
		line := segment.Value(b.source)
		marks += inlineMarks.in(line)
		links += bytes.Count(line, []byte("]"))
		addresses += addressBytes(line)
	}
	start := lines.At(0).Start
	if err := b.spend(start, marks*marks, "marks such as * and [ in one paragraph; divide it"); err != nil {
		return err
	}
	if links == 0 {
		return nil
	}
	if err := b.spend(start, addresses, "links whose addresses do not end in one paragraph; divide it"); err != nil {
		return err
	}
	return b.spend(start, lines.Len()*lines.Len(), "lines in one paragraph with links; divide it")
}

// marks are some bytes.
type marks [256]uint8

var inlineMarks, attributeMarks = marksOf("*_~[]`<!"), marksOf("=.#{[")

func marksOf(bytes string) (m marks) {
	for _, c := range []byte(bytes) {
		m[c] = 1
	}
	return m
}

// in counts them in a text.
func (m *marks) in(text []byte) (n int) {
	for _, c := range text {
		n += int(m[c])
	}
	return n
}

// addressBytes counts the bytes that goldmark reads for the addresses of links
// on a line: from each "](" to the next space, or from "](<" to the next ">".
func addressBytes(line []byte) (n int) {
	space, angle := len(line), len(line)
	for i := len(line) - 1; i >= 0; i-- {
		switch c := line[i]; {
		case util.IsSpace(c):
			space = i
		case c == '>' && (i == 0 || line[i-1] != '\\'):
			angle = i
		case c == ']' && bytes.HasPrefix(line[i+1:], []byte("(")):
			from := i + 2
			for from < len(line) && util.IsSpace(line[from]) {
				from++
			}
			switch {
			case from < len(line) && line[from] == '<':
				n += angle - from
			case from == i+2: // behind a space no two share a byte
				n += space - from
			}
		}
	}
	return n
}
