package markdown

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"ddc/internal/diagnostic"
	"ddc/plugins/markdown/markdownpb"
)

// maxCalls bounds the shortcodes of a text, maxTags those in their bodies too,
// and maxWarnings those of others that are told.
const maxCalls, maxTags, maxWarnings = 10_000, 100_000, 100

const literalCall = `\{(?:\{/\*([ \t\n]*[A-Za-z_][A-Za-z0-9_]*\([^{}]*)\*/\}|%/\*([ \t\n]*(?:end\b|[A-Za-z_][A-Za-z0-9_]*\()[^{}]*)\*/%)\}`

var (
	callStart = regexp.MustCompile(`^\{([{%])-?[ \t\n]*([A-Za-z_][A-Za-z0-9_]*)([ \t\n]*)\(`)
	// literal is a call, or an end, that is shown as text, in code too.
	literal     = regexp.MustCompile(literalCall)
	literalHere = regexp.MustCompile(`^` + literalCall)
	bodyEnd     = regexp.MustCompile(`\{%-?[ \t\n]*(?:(end)[ \t\n]*-?%\}|([A-Za-z_][A-Za-z0-9_]*)([ \t\n]*)\()`)
)

// calls looks for shortcodes in a text.
type calls struct {
	body  string
	lines lineIndex
	names []string
	// code has the parts of the text that are code, in order.
	code  [][2]int
	found []*markdownpb.Shortcode
	// warnings are of calls as others write them.
	warnings []*markdownpb.Warning
	bodies   *bodies
	runs     backticks
}

func shortcodes(req *markdownpb.ShortcodesRequest) (*markdownpb.ShortcodesResponse, error) {
	if err := checkUTF8(req.GetBody()); err != nil {
		return nil, err
	}
	source := []byte(req.GetBody())
	c := &calls{body: req.GetBody(), lines: newLineIndex(source, int(req.GetBodyLine())), names: req.GetNames()}
	if err := checkBounds(source, c.lines); err != nil {
		return nil, err
	}
	if err := c.findCode(source); err != nil {
		return nil, err
	}
	if err := c.scan(); err != nil {
		return nil, err
	}
	if err := c.literals(); err != nil {
		return nil, err
	}
	return &markdownpb.ShortcodesResponse{Calls: c.found, Warnings: c.warnings}, nil
}

// findCode notes the blocks of code.
func (c *calls) findCode(source []byte) error {
	return ast.Walk(blocks().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n.(type) {
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			if lines := n.Lines(); entering && lines.Len() > 0 {
				c.code = append(c.code, [2]int{lines.At(0).Start, lines.At(lines.Len() - 1).Stop})
			}
		}
		return ast.WalkContinue, nil
	})
}

// scan goes through the text once. Code in a line ends at a run of as many
// backticks, in the same paragraph.
func (c *calls) scan() error {
	blocks := c.code
	for at := 0; at < len(c.body); {
		for len(blocks) > 0 && blocks[0][1] <= at {
			blocks = blocks[1:]
		}
		if len(blocks) > 0 && at >= blocks[0][0] {
			at = blocks[0][1]
			continue
		}
		switch c.body[at] {
		case '`':
			at = c.codeSpan(at)
		case '\\':
			at += 2
		case '{':
			end, err := c.call(at)
			if err != nil {
				return err
			}
			at = end
		default:
			at++
		}
	}
	return nil
}

// literals adds the calls that are shown as text. One in the body of a call is
// found when that is looked through.
func (c *calls) literals() error {
	var all []*markdownpb.Shortcode
	next := c.found
	for _, at := range literal.FindAllStringSubmatchIndex(c.body, maxCalls+1) {
		for len(next) > 0 && int(next[0].End) <= at[0] {
			all, next = append(all, next[0]), next[1:]
		}
		if len(next) > 0 && int(next[0].Start) < at[1] {
			continue
		}
		text := c.body[at[0]:at[1]]
		text = strings.Replace(strings.Replace(text, "/*", "", 1), "*/", "", 1)
		line, column := c.lines.at(at[0])
		all = append(all, &markdownpb.Shortcode{Start: int32(at[0]), End: int32(at[1]), Line: int32(line), Column: int32(column), Literal: &text})
	}
	if c.found = append(all, next...); len(c.found) > maxCalls {
		return c.fault(0, "divide the page", "there are more than %d shortcodes", maxCalls)
	}
	return nil
}

// inCode says whether an offset lies in a block of code.
func (c *calls) inCode(at int) bool {
	i, _ := slices.BinarySearchFunc(c.code, at, func(block [2]int, at int) int { return block[1] - at })
	return i < len(c.code) && c.code[i][0] <= at && at < c.code[i][1]
}

// backticks are the runs of a paragraph, which ends at an offset: where they
// begin, by their length.
type backticks struct {
	end    int
	starts map[int][]int
}

// codeSpan is the end of the code that begins with a run of backticks, or of
// the run, if nothing ends it.
func (c *calls) codeSpan(at int) int {
	after := at + runOf(c.body[at:], '`')
	if after > c.runs.end {
		c.findRuns(after)
	}
	run := after - at
	starts := c.runs.starts[run]
	for len(starts) > 0 && starts[0] < after {
		starts = starts[1:]
	}
	if c.runs.starts[run] = starts; len(starts) == 0 {
		return after
	}
	return starts[0] + run
}

// findRuns notes the runs from an offset to the end of its paragraph.
func (c *calls) findRuns(from int) {
	c.runs = backticks{len(c.body), map[int][]int{}}
	if length := strings.Index(c.body[from:], "\n\n"); length >= 0 {
		c.runs.end = from + length
	}
	for from < c.runs.end {
		next := strings.IndexByte(c.body[from:c.runs.end], '`')
		if next < 0 {
			return
		}
		from += next
		length := runOf(c.body[from:c.runs.end], '`')
		c.runs.starts[length] = append(c.runs.starts[length], from)
		from += length
	}
}

func runOf(text string, of byte) int {
	return len(text) - len(strings.TrimLeft(text, string(of)))
}

func (c *calls) fault(offset int, hint, format string, args ...any) error {
	line, column := c.lines.at(offset)
	return &diagnostic.Problem{Line: line, Col: column, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// isName says whether a word before a bracket begins a call. Behind a blank,
// one that is no shortcode's name is a template's, as in {% if (a) %}.
func (c *calls) isName(word, blank string) bool {
	return blank == "" || slices.Contains(c.names, word)
}

// call reads what may be a call at an offset, and says where to go on.
func (c *calls) call(at int) (next int, err error) {
	start := callStart.FindStringSubmatch(c.body[at:])
	if start == nil || !c.isName(start[2], start[3]) {
		c.elsewhere(at)
		return at + 1, nil
	}
	line, column := c.lines.at(at)
	s := &markdownpb.Shortcode{Name: start[2], Start: int32(at), Line: int32(line), Column: int32(column)}
	if len(c.found) == maxCalls {
		return 0, c.fault(at, "divide the page", "there are more than %d shortcodes", maxCalls)
	}
	if c.found = append(c.found, s); !slices.Contains(c.names, s.Name) {
		s.Unknown = true
		s.End = int32(at + len(start[0]))
		return int(s.End), nil
	}
	a := &arguments{text: c.body, at: at + len(start[0])}
	values, problem := a.read()
	if problem != "" {
		return 0, c.fault(a.at, `write {{ `+s.Name+`(name="value", n=3) }}`, "the shortcode %s: %s", s.Name, problem)
	}
	if s.ArgumentsJson, err = json.Marshal(values); err != nil {
		return 0, fmt.Errorf("write the arguments of %s: %w", s.Name, err)
	}
	closing := map[string]string{"{": "}}", "%": "%}"}[start[1]]
	a.blank()
	rest := strings.TrimPrefix(c.body[a.at:], "-")
	if !strings.HasPrefix(rest, closing) {
		return 0, c.fault(a.at, "write "+closing+" behind the arguments", "the shortcode %s is not closed", s.Name)
	}
	end := len(c.body) - len(rest) + len(closing)
	if start[1] == "%" {
		if c.bodies == nil {
			if err := c.findBodies(); err != nil {
				return 0, err
			}
		}
		var inner int
		if inner, end = c.bodies.end(end); end < 0 {
			return 0, c.fault(at, "write {% end %} behind its text", "the shortcode %s has no end", s.Name)
		}
		from := len(c.body) - len(rest) + len(closing)
		body := c.body[from:inner]
		bodyLine, _ := c.lines.at(from)
		s.Body, s.BodyLine = &body, int32(bodyLine)
	}
	s.End = int32(end)
	return end, nil
}

// bodies are the tags that begin and end the bodies of calls, in order: where
// they stand, how many bodies are open before each, and which of them are ends,
// by how many are open behind them.
type bodies struct {
	starts, stops, open []int
	ends                map[int][]int
}

// findBodies looks for those tags once, however many calls there are.
func (c *calls) findBodies() error {
	b := &bodies{ends: map[int][]int{}}
	open := 0
	for at := 0; ; {
		rest := c.body[at:]
		found := bodyEnd.FindStringSubmatchIndex(rest)
		if found == nil {
			break
		}
		start, stop, isEnd := at+found[0], at+found[1], found[2] >= 0
		at = stop
		if c.inCode(start) || !isEnd && !c.isName(rest[found[4]:found[5]], rest[found[6]:found[7]]) {
			continue
		}
		if len(b.starts) == maxTags {
			return c.fault(start, "divide the page", "there are more than %d shortcodes and ends of them", maxTags)
		}
		b.starts, b.stops, b.open = append(b.starts, start), append(b.stops, stop), append(b.open, open)
		if !isEnd { // another with a body
			open++
			continue
		}
		open--
		b.ends[open] = append(b.ends[open], len(b.starts)-1)
	}
	c.bodies = b
	return nil
}

// end is that of a body which begins at an offset: where the body ends, and
// where the tag does; -1 if there is none.
func (b *bodies) end(from int) (inner, stop int) {
	first, _ := slices.BinarySearch(b.starts, from)
	if first == len(b.starts) {
		return -1, -1
	}
	ends := b.ends[b.open[first]-1]
	i, _ := slices.BinarySearch(ends, first)
	if i == len(ends) {
		return -1, -1
	}
	return b.starts[ends[i]], b.stops[ends[i]]
}

// arguments reads what stands between the brackets of a call.
type arguments struct {
	text string
	at   int
}

func (a *arguments) blank() {
	a.at = len(a.text) - len(strings.TrimLeft(a.text[a.at:], " \t\n"))
}

func (a *arguments) has(text string) bool {
	if !strings.HasPrefix(a.text[a.at:], text) {
		return false
	}
	a.at += len(text)
	return true
}

var (
	argumentName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`)
	argumentWord = regexp.MustCompile(`^(?:true|false|-?[0-9]+(?:\.[0-9]+)?)\b`)
)

// read gives the values by their names, or says what is wrong at a.at.
func (a *arguments) read() (values map[string]any, problem string) {
	values = map[string]any{}
	for a.blank(); !a.has(")"); a.blank() {
		if len(values) > 0 {
			if !a.has(",") {
				return nil, "a comma or a closing bracket is expected here"
			}
			if a.blank(); a.has(")") {
				break
			}
		}
		name := argumentName.FindString(a.text[a.at:])
		if name == "" {
			return nil, "an argument's name is expected here"
		}
		if _, twice := values[name]; twice {
			return nil, "the argument " + name + " is given twice"
		}
		a.at += len(name)
		if a.blank(); !a.has("=") {
			return nil, "= and a value are expected here"
		}
		if values[name], problem = a.value(0); problem != "" {
			return nil, problem
		}
	}
	return values, ""
}

func (a *arguments) value(depth int) (any, string) {
	a.blank()
	for _, quote := range []string{`"`, `'`, "`"} {
		if a.has(quote) {
			return a.quoted(quote[0])
		}
	}
	if a.has("[") {
		if depth > 0 {
			return nil, "a list in a list is not possible here"
		}
		list := []any{}
		for a.blank(); !a.has("]"); a.blank() {
			if len(list) > 0 {
				if !a.has(",") {
					return nil, "a comma or ] is expected here"
				}
				if a.blank(); a.has("]") {
					break
				}
			}
			item, problem := a.value(1)
			if problem != "" {
				return nil, problem
			}
			list = append(list, item)
		}
		return list, ""
	}
	word := argumentWord.FindString(a.text[a.at:])
	if word == "" {
		return nil, "a text in quotes, a number, true, false or a list is expected here"
	}
	a.at += len(word)
	return json.RawMessage(number(word)), ""
}

// number takes away the zeros that JSON does not have.
func number(word string) string {
	digits := strings.TrimPrefix(word, "-")
	for len(digits) > 1 && digits[0] == '0' && digits[1] != '.' {
		digits = digits[1:]
	}
	return word[:len(word)-len(strings.TrimPrefix(word, "-"))] + digits
}

func (a *arguments) quoted(quote byte) (any, string) {
	var out strings.Builder
	for i := a.at; i < len(a.text); i++ {
		switch ch := a.text[i]; {
		case ch == quote:
			a.at = i + 1
			return out.String(), ""
		case ch == '\\' && i+1 < len(a.text) && (a.text[i+1] == quote || a.text[i+1] == '\\'):
			i++
			out.WriteByte(a.text[i])
		default:
			out.WriteByte(ch)
		}
	}
	return nil, "this text has no closing quote"
}
