package syntax_highlight

import (
	"regexp"
	"strconv"
	"strings"
)

// info is what stands behind the fence of a piece of code:
//
//	rust,linenos,hl_lines=2 4-5
//	toml title="Cargo.toml" {1,3}
type info struct {
	// language is as it was written, or empty. The words copy and linenos may
	// stand before it, or alone.
	language string
	title    string
	// marked and hidden are lines of the code, from 1.
	marked, hidden []lineRange
	numbered       bool
	// copied says that a page is to have a button that copies the code.
	copied bool
	// first is the number of the first line.
	first int
}

// lineRange are the lines from one to another, both counted.
type lineRange struct{ from, to int }

var (
	// attribute is a word, or a name with a value, which may be quoted.
	attribute = regexp.MustCompile(`^([^\s,={}"]+)(?:=("[^"]*"|'[^']*'|[^\s,]*))?`)
	braced    = regexp.MustCompile(`^\{([^}]*)\}`)
	lines     = regexp.MustCompile(`^(\d{1,9})(?:-(\d{1,9}))?$`)
)

// longestInfo is how much of an info string is read: looking for the end of a
// bracket takes time for each byte that follows.
const longestInfo = 1000

// parseInfo reads an info string. What it does not know has no effect: others
// may mean something by it.
func parseInfo(written string) info {
	if len(written) > longestInfo {
		written = strings.ToValidUTF8(written[:longestInfo], "")
	}
	i := info{first: 1}
	var ranges *[]lineRange // of the name before, which may have several, with blanks between
	begun := false          // a word has come that may not stand before the language
	for rest := written; ; {
		rest = strings.TrimLeft(rest, " \t,")
		if rest == "" {
			return i
		}
		if found := braced.FindStringSubmatch(rest); found != nil {
			rest, begun = rest[len(found[0]):], true
			for word := range strings.FieldsFuncSeq(found[1], func(r rune) bool { return r == ',' || r == ' ' }) {
				addRange(&i.marked, word)
			}
			continue
		}
		found := attribute.FindStringSubmatch(rest)
		if found == nil { // a stray bracket or quote
			rest = rest[1:]
			continue
		}
		name, value := found[1], strings.Trim(found[2], `"'`)
		hasValue := len(found[0]) > len(name)
		rest = rest[len(found[0]):]
		switch {
		case ranges != nil && !hasValue && addRange(ranges, name):
		case !hasValue && (name == "copy" || name == "linenos"):
			ranges = i.set(name, value)
		case !begun && !hasValue:
			i.language, begun = name, true
		default:
			ranges, begun = i.set(name, value), true
		}
	}
}

// set reads one attribute. It returns where the ranges that follow belong.
func (i *info) set(name, value string) *[]lineRange {
	switch name {
	case "title", "name":
		i.title = value
	case "copy":
		i.copied = value != "false"
	case "linenos":
		i.numbered = value != "false"
	case "linenostart":
		if n, err := strconv.Atoi(value); err == nil && n >= 0 && n < 1_000_000_000 {
			i.numbered, i.first = true, n
		}
	case "hl_lines":
		return withRanges(&i.marked, value)
	case "hide_lines":
		return withRanges(&i.hidden, value)
	}
	return nil
}

func withRanges(into *[]lineRange, value string) *[]lineRange {
	for word := range strings.FieldsSeq(strings.Trim(value, "[]")) {
		addRange(into, word)
	}
	return into
}

func addRange(into *[]lineRange, word string) bool {
	found := lines.FindStringSubmatch(word)
	if found == nil {
		return false
	}
	from, _ := strconv.Atoi(found[1])
	to := from
	if found[2] != "" {
		to, _ = strconv.Atoi(found[2])
	}
	*into = append(*into, lineRange{from, to})
	return true
}

// decorated says whether lines are shown otherwise than as they come.
func (i info) decorated() bool { return i.numbered || len(i.marked) > 0 || len(i.hidden) > 0 }

// within gives for each of n lines whether it is in one of the ranges.
func within(ranges []lineRange, n int) []bool {
	// A range adds one at its first line and takes it away behind its last, so
	// that many long ranges take no more time than short ones.
	steps := make([]int, n+2)
	for _, r := range ranges {
		if from, to := max(r.from, 1), min(r.to, n); from <= to {
			steps[from]++
			steps[to+1]--
		}
	}
	in, depth := make([]bool, n), 0
	for line := 1; line <= n; line++ {
		depth += steps[line]
		in[line-1] = depth > 0
	}
	return in
}
