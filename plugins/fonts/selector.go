package fonts

import (
	"errors"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"

	"ddc/internal/markup"
)

// A selector is matched here, and by cascadia only its parts that are about one
// element, so that steps can be counted: "a b c d" looks at ancestors of
// ancestors of ancestors, and a sheet has a selector like that for nothing.
type selector struct {
	parts []part // the last is about the element itself
	// joins[i] stands between parts[i] and parts[i+1]: ' ', '>', '+' or '~'.
	joins       []byte
	specificity cascadia.Specificity
}

type part struct {
	cascadia.Sel
	counts bool // siblings or children
}

// errNotMatched is the error of a selector that is not looked at: it looks at
// more than an element, its ancestors and its siblings.
var errNotMatched = errors.New("the selector is not looked at")

// parseSelector reads one selector, not a list. An error says that it may match
// anything.
func parseSelector(text string) (*selector, error) {
	whole, err := cascadia.Parse(text)
	if err != nil {
		return nil, err
	}
	s := &selector{specificity: whole.Specificity()}
	for text = strings.TrimSpace(text); ; {
		width := partWidth(text)
		p, err := parsePart(text[:width])
		if err != nil {
			return nil, err
		}
		s.parts = append(s.parts, p)
		rest := strings.TrimLeft(text[width:], " \t\r\n\f")
		if rest == "" {
			return s, nil
		}
		join := byte(' ')
		if strings.IndexByte(">+~", rest[0]) >= 0 {
			join, rest = rest[0], strings.TrimLeft(rest[1:], " \t\r\n\f")
		}
		s.joins = append(s.joins, join)
		text = rest
	}
}

// partWidth is the length of what text says about one element.
func partWidth(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '"' || c == '\'':
			length, _ := markup.QuotedLength(text[i:])
			i += length - 1
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case depth == 0 && strings.IndexByte(" \t\r\n\f>+~", c) >= 0:
			return i
		}
	}
	return len(text)
}

func parsePart(text string) (part, error) {
	lower := strings.ToLower(text)
	for _, wide := range []string{":has", ":contains", ":matches", "#="} {
		if strings.Contains(lower, wide) {
			return part{}, errNotMatched
		}
	}
	if _, inner, negates := strings.Cut(strings.ReplaceAll(lower, ", ", ","), ":not("); negates && strings.ContainsAny(inner, " \t\r\n\f>+~") {
		return part{}, errNotMatched
	}
	matches, err := cascadia.Parse(text)
	if err != nil {
		return part{}, err
	}
	return part{matches, strings.Contains(lower, "-child") || strings.Contains(lower, "-of-type") || strings.Contains(lower, ":empty")}, nil
}

// effort counts what is done for a page.
type effort struct {
	left int
	// children has how many children a node has, once that was asked for.
	children map[*html.Node]int
}

// mostEffort is how many steps are taken for a page, some of 20 ns.
const mostEffort = 20_000_000

func newEffort() *effort { return &effort{left: mostEffort, children: map[*html.Node]int{}} }

// spend takes steps, and says whether there were so many.
func (e *effort) spend(steps int) bool {
	e.left -= steps
	return e.left >= 0
}

func (e *effort) spent() bool { return e.left < 0 }

// count is how many children a node has.
func (e *effort) count(n *html.Node) int {
	if n == nil {
		return 0
	}
	known, is := e.children[n]
	if !is {
		for range n.ChildNodes() {
			known++
		}
		e.left -= known
		e.children[n] = known
	}
	return known
}

// matches says whether a selector matches an element, or true once the effort
// is spent.
func (s *selector) matches(n *html.Node, e *effort) bool { return s.upTo(len(s.parts)-1, n, e) }

func (s *selector) upTo(last int, n *html.Node, e *effort) bool {
	if !s.parts[last].matches(n, e) {
		return e.spent()
	}
	if last == 0 {
		return true
	}
	last--
	switch s.joins[last] {
	case '>':
		return n.Parent != nil && s.upTo(last, n.Parent, e)
	case '+':
		for n = n.PrevSibling; n != nil && n.Type != html.ElementNode && e.spend(1); n = n.PrevSibling {
		}
		return e.spent() || n != nil && s.upTo(last, n, e)
	case '~':
		for n = n.PrevSibling; n != nil; n = n.PrevSibling {
			if s.upTo(last, n, e) {
				return true
			}
		}
	default:
		for n = n.Parent; n != nil; n = n.Parent {
			if s.upTo(last, n, e) {
				return true
			}
		}
	}
	return e.spent()
}

func (p part) matches(n *html.Node, e *effort) bool {
	steps := 1
	for i := range n.Attr {
		steps += 1 + len(n.Attr[i].Val)/16 // of a class, each word is compared
	}
	if p.counts {
		steps += e.count(n.Parent) + e.count(n)
	}
	return e.spend(steps) && p.Match(n)
}
