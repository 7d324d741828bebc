package fonts

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"

	"ddc/plugins/fonts/fontspb"
)

// A style is what the sheets say about fonts.
type style struct {
	rules     []rule
	contents  []rule // rules of pseudo-elements with text of their own
	variables map[string][]string
	faces     []*fontspb.FontFace
	// recased is set if any text may be shown in another case than it is
	// written in. added has the letters that styles add anywhere.
	recased bool
	added   map[rune]struct{}
	// inVariables has the letters of strings in variables, and
	// contentOfVariables says that one of them may be shown.
	inVariables        map[rune]struct{}
	contentOfVariables bool
	features           features
	lists              map[string][]string // what families found, by value
	values             map[string][]string // what resolved found, by value
	// scripted is set while a page with scripts is looked at, which may give
	// any element any class or attribute.
	scripted bool
	// mirrored is set while a page is looked at that may have text from right
	// to left, and leftward if a sheet may make it so.
	mirrored, leftward bool
	// cut is set if resolve has left choices out.
	cut bool
	// effort is that for the page that is looked at.
	effort *effort
	// letters are those of the text that is looked at.
	letters map[rune]struct{}
	// bytes counts down mostSheetBytes, for selectors, and for the values that
	// variables make.
	bytes int
}

// mostSheetBytes bounds the selectors, those that nesting makes among them, and
// what variables of variables make. Reading so many takes some seconds.
// ruleBytes is what a rule counts beside its selector.
const mostSheetBytes, ruleBytes = 8 << 20, 50

// spend takes bytes of the sheets' bound, and says whether there were so many.
func (s *style) spend(bytes int) bool {
	s.bytes -= bytes
	return s.bytes >= 0
}

// giveUp says that not all was looked at that a sheet may mean.
func (s *style) giveUp() { s.bytes = -1 }

// spent says that something was not looked at: the fonts must stay whole.
func (s *style) spent() bool { return s.bytes < 0 || s.effort.spent() }

// A rule is one declaration under one selector.
type rule struct {
	matches     *selector // nil matches everything
	value       string
	important   bool
	specificity cascadia.Specificity
	// maybe is set for rules that hold only at times (:hover, @media), or for a
	// part of the element (::first-line).
	maybe bool
	// loose matches whatever would match if it had other classes and
	// attributes, or is nil.
	loose *selector
}

func newStyle() *style {
	return &style{bytes: mostSheetBytes, effort: newEffort(), variables: map[string][]string{}, lists: map[string][]string{}, values: map[string][]string{}, letters: map[rune]struct{}{}, added: map[rune]struct{}{}, inVariables: map[rune]struct{}{},
		features: features{named: map[string]bool{}, inVariables: map[string]bool{}}}
}

// addLetters notes letters that styles add anywhere.
func (s *style) addLetters(letters string) { addTo(s.added, letters) }

func addTo(set map[rune]struct{}, letters string) {
	for _, r := range letters {
		set[r] = struct{}{}
	}
}

const (
	// maxDepth bounds nested blocks. Anything deeper is not read; the css
	// plugin refuses such sheets.
	maxDepth = 128
	// mostSelectors and longestSelector bound what nested selectors multiply
	// to. A block over these bounds may match anything.
	mostSelectors, longestSelector = 1000, 4096
)

// read reads a sheet. The sheet's number goes into its faces.
func (s *style) read(sheet string, number int) {
	lexer := css.NewLexer(parse.NewInputString(sheet))
	var tokens []token
	for {
		kind, text := lexer.Next()
		if kind == css.ErrorToken {
			break
		}
		if kind != css.CommentToken && kind != css.CDOToken && kind != css.CDCToken {
			tokens = append(tokens, token{kind, string(text)})
		}
	}
	s.block(&tokens, scope{sheet: number})
}

type token struct {
	kind css.TokenType
	text string
}

// A scope is what surrounds a block.
type scope struct {
	selectors []string
	maybe     bool
	face      *fontspb.FontFace
	skip      bool
	sheet     int
	depth     int
}

// block reads declarations and nested rules up to the closing brace. A sheet is
// such a block, without declarations.
func (s *style) block(tokens *[]token, in scope) {
	var item []token
	depth := 0
	for len(*tokens) > 0 {
		t := (*tokens)[0]
		*tokens = (*tokens)[1:]
		switch t.kind {
		case css.LeftParenthesisToken, css.FunctionToken, css.LeftBracketToken:
			depth++
		case css.RightParenthesisToken, css.RightBracketToken:
			depth = max(0, depth-1)
		case css.SemicolonToken:
			if depth == 0 {
				s.declare(item, in)
				item = nil
				continue
			}
		case css.LeftBraceToken:
			if in.depth == maxDepth {
				skipBlock(tokens)
				item, depth = nil, 0
				continue
			}
			s.block(tokens, s.enter(item, in))
			item, depth = nil, 0
			continue
		case css.RightBraceToken:
			s.declare(item, in)
			s.finish(in)
			return
		}
		item = append(item, t)
	}
	s.declare(item, in)
	s.finish(in)
}

// skipBlock goes to the end of a block that has been entered.
func skipBlock(tokens *[]token) {
	for open := 1; open > 0 && len(*tokens) > 0; *tokens = (*tokens)[1:] {
		switch (*tokens)[0].kind {
		case css.LeftBraceToken:
			open++
		case css.RightBraceToken:
			open--
		}
	}
}

// enter makes the scope of the block that a prelude opens.
func (s *style) enter(prelude []token, outer scope) scope {
	text := join(prelude)
	inner := scope{selectors: outer.selectors, maybe: outer.maybe, sheet: outer.sheet, skip: outer.skip, depth: outer.depth + 1}
	if !strings.HasPrefix(text, "@") {
		inner.selectors = s.nest(outer.selectors, split(text, ','))
		return inner
	}
	name := strings.ToLower(text)
	if end := strings.IndexAny(name, " (\"'"); end >= 0 {
		name = name[:end]
	}
	switch name {
	case "@font-face":
		inner.face = &fontspb.FontFace{Sheet: int32(outer.sheet)}
	case "@media", "@supports", "@container", "@layer", "@scope", "@starting-style":
		inner.maybe = true
	default: // @keyframes, @page, @property ...: no selectors inside
		inner.skip = true
	}
	return inner
}

// anything stands for a selector that is not looked at, and so may match any
// element.
const anything = "*:hover"

// nest combines selectors with those around them.
func (s *style) nest(outer, inner []string) (all []string) {
	if len(outer) == 0 {
		return inner
	}
	if len(outer)*len(inner) > mostSelectors {
		return []string{anything}
	}
	for _, parent := range outer {
		for _, child := range inner {
			if !s.spend(len(parent) + len(child)) {
				return []string{anything}
			}
			switch {
			case len(child)+strings.Count(child, "&")*len(parent) > longestSelector:
				all = append(all, anything)
			case strings.Contains(child, "&"):
				all = append(all, strings.ReplaceAll(child, "&", parent))
			default:
				all = append(all, parent+" "+child)
			}
		}
	}
	return all
}

func (s *style) finish(in scope) {
	if in.face != nil && in.face.Family != "" {
		s.faces = append(s.faces, in.face)
	}
}

func (s *style) declare(item []token, in scope) {
	name, value, ok := strings.Cut(join(item), ":")
	if !ok || strings.HasPrefix(name, "@") {
		return
	}
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !strings.HasPrefix(name, "--") {
		name = strings.ToLower(name)
	}
	s.shownSomewhere(name, value)
	s.features.declare(name, value)
	if in.skip {
		return
	}
	if in.face != nil {
		face(in.face, name, value)
		return
	}
	value, important := strings.CutSuffix(value, "important")
	if important {
		value = strings.TrimRight(value, " !")
	}
	lower := strings.ToLower(value)
	switch {
	case strings.HasPrefix(name, "--"):
		// No more than mostChoices are looked at.
		if known := s.variables[name]; len(known) <= mostChoices && !slices.Contains(known, value) {
			s.variables[name] = append(s.variables[name], value)
		}
	case name == "font-family", name == "font":
		if name == "font" {
			value = shorthand(value)
		}
		s.rules = append(s.rules, s.rulesOf(in, value, important, false)...)
	case name == "content" && lower != "none" && lower != "normal":
		s.contents = append(s.contents, s.rulesOf(in, value, important, true)...)
	}
	s.recased = s.recased || strings.Contains(lower, "small-caps") ||
		name == "text-transform" && lower != "none"
	switch name {
	case "text-overflow":
		s.addLetters("…")
	case "hyphens":
		s.addLetters("-\u2010")
	case "direction":
		s.leftward = s.leftward || lower != "ltr"
	case "list-style-type", "list-style", "content":
		s.addLetters(counterLetters(lower))
	}
	if strings.Contains(name, "text-emphasis") {
		s.addLetters(emphasis)
	}
	if name == "text-transform" && strings.Contains(lower, "full-") {
		s.addLetters(span('！', '～') + "　")
	}
}

// shownSomewhere notes the strings that a declaration may show in any element:
// scripts set classes and attributes, readers open a <details>, and animations
// have a content of their own.
func (s *style) shownSomewhere(name, value string) {
	switch {
	case strings.HasPrefix(name, "--"):
		addTo(s.inVariables, literals(value))
	case showsStrings(name):
		s.addLetters(literals(value))
		if strings.HasSuffix(name, "symbols") { // which may stand without quotes
			s.addLetters(unescape(value))
		}
		s.contentOfVariables = s.contentOfVariables || strings.Contains(strings.ToLower(value), "var(")
	}
}

// face notes what a @font-face rule declares.
func face(f *fontspb.FontFace, name, value string) {
	switch name {
	case "font-family":
		f.Family = unquote(value)
	case "font-weight":
		f.Weight = value
	case "font-style":
		f.Style = value
	case "src":
		f.Src = firstURL(value)
	}
}

var errLongSelector = errors.New("the selector is too long")

// rulesOf makes one rule for each selector that is around a declaration.
func (s *style) rulesOf(in scope, value string, important, ofPart bool) (list []rule) {
	for _, text := range in.selectors {
		if !s.spend(ruleBytes + len(text)) {
			return list
		}
		r := rule{value: value, important: important, maybe: in.maybe}
		element, partly := withoutStates(text)
		if partly && !ofPart {
			r.maybe = true
		}
		var matches *selector
		err := errLongSelector
		if len(element) <= longestSelector {
			matches, err = parseSelector(element)
		}
		if err != nil {
			// A selector that is not understood may match anything.
			r.maybe = true
		} else {
			r.matches, r.specificity = matches, matches.specificity
			r.loose = loosely(element)
		}
		list = append(list, r)
	}
	return list
}

// conditions matches the parts of a selector that a script can make true.
var conditions = regexp.MustCompile(`\.(?:[-\w]|[^\x00-\x7f]|\\.)+|\[[^\]]*\]`)

// loosely is a selector without its conditions, or nil if it has none or what
// is left means nothing.
func loosely(element string) *selector {
	loose := conditions.ReplaceAllString(element, "")
	if loose == element {
		return nil
	}
	parts := strings.Fields(loose)
	for i, part := range parts {
		if part[0] == ':' || part[0] == '#' { // a compound that began with a condition
			parts[i] = "*" + part
		}
	}
	loose = strings.Join(parts, " ")
	if loose == "" || strings.ContainsRune(">+~", rune(loose[len(loose)-1])) {
		loose += " *"
	}
	matches, err := parseSelector(loose)
	if err != nil {
		return nil
	}
	return matches
}

func join(tokens []token) string {
	var text strings.Builder
	for _, t := range tokens {
		if t.kind == css.WhitespaceToken {
			text.WriteByte(' ')
		} else {
			text.WriteString(t.text)
		}
	}
	return strings.TrimSpace(text.String())
}
