package fonts

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"ddc/internal/markup"
)

// usage has the spelling and the shown characters of each family, by its name
// in lower case.
type usage map[string]*shown

type shown struct {
	family     string
	characters map[rune]struct{}
	// searched is set if a box that one types into, or what a search finds, is
	// shown in the family.
	searched bool
}

func (u usage) of(family string) *shown {
	key := strings.ToLower(family)
	if u[key] == nil {
		u[key] = &shown{family: family, characters: map[rune]struct{}{' ': {}}}
	}
	return u[key]
}

// add adds a text's letters to families.
func (s *style) add(families []string, text string, used usage) {
	clear(s.letters)
	for _, r := range text {
		if !unicode.IsControl(r) && r != unicode.ReplacementChar {
			s.letters[r] = struct{}{}
		}
	}
	if !s.effort.spend(len(text)/letterSteps + len(families)*(1+letterSteps*len(s.letters))) {
		return
	}
	for _, family := range families {
		maps.Copy(used.of(family).characters, s.letters)
	}
}

// letterSteps is what it costs to add a letter to a family.
const letterSteps = 8

func (u usage) merge(others usage) {
	for _, other := range others {
		f := u.of(other.family)
		maps.Copy(f.characters, other.characters)
		f.searched = f.searched || other.searched
	}
}

// mostLetters is how many letters all families may have together.
const mostLetters = 2_000_000

// characters spells families as the faces do; the case may differ. Each family
// also gets the letters that styles add anywhere. It is false if those are too
// many.
func (s *style) characters(used usage) (map[string]string, bool) {
	if s.contentOfVariables {
		maps.Copy(s.added, s.inVariables)
	}
	typed := s.typed(used)
	all := map[string]string{}
	if (len(used)+len(s.faces))*(len(s.added)+len(typed)) > mostLetters || used.letters() > mostLetters {
		return nil, false
	}
	for _, f := range used {
		maps.Copy(f.characters, s.added)
		if f.searched {
			maps.Copy(f.characters, typed)
		}
		characters := make([]rune, 0, len(f.characters))
		for r := range f.characters {
			characters = append(characters, r)
		}
		slices.Sort(characters)
		all[f.family] = string(characters)
	}
	for _, face := range s.faces {
		if f := used[strings.ToLower(face.GetFamily())]; f != nil && f.family != face.GetFamily() {
			all[face.GetFamily()] = all[f.family]
		}
	}
	bytes := 0
	for _, characters := range all {
		bytes += len(characters)
	}
	return all, bytes <= 2*mostLetters
}

// letters counts those of all families.
func (u usage) letters() (sum int) {
	for _, f := range u {
		sum += len(f.characters)
	}
	return sum
}

// collect adds a page's text to used.
func (s *style) collect(page string, used usage) {
	s.effort = newEffort()
	if markup.Multiplies(page) {
		s.effort.spend(mostEffort + 1)
		return
	}
	document, err := html.ParseWithOptions(strings.NewReader(page), html.ParseOptionEnableScripting(false))
	if err != nil {
		s.collectAll(page, used)
		return
	}
	lower := strings.ToLower(page)
	s.scripted = strings.Contains(lower, "<script")
	s.mirrored = s.leftward || runsLeft(page)
	own := usage{}
	s.walk(document, []string{"serif"}, own)
	// Pagefind puts its box, and excerpts of other pages, anywhere.
	if strings.Contains(lower, "pagefind") {
		for _, f := range own {
			f.searched = true
		}
	}
	used.merge(own)
}

// collectAll is for a page that the parser refuses, as one nested more than 512
// deep. Any of its characters, and any that an element or a style may add, may
// be shown in any font.
func (s *style) collectAll(page string, used usage) {
	families := []string{"serif", "monospace"}
	for _, face := range s.faces {
		families = append(families, face.GetFamily())
	}
	s.mirrored = true
	var text strings.Builder
	text.WriteString(page)
	text.WriteString(html.UnescapeString(page))
	for _, element := range []atom.Atom{atom.Li, atom.Summary, atom.Q} {
		text.WriteString(s.generated(&html.Node{Type: html.ElementNode, DataAtom: element, Data: element.String()}))
	}
	text.WriteString("●abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	for _, r := range s.contents {
		text.WriteString(s.content(r.value, &html.Node{}))
	}
	s.show(families, text.String(), used)
}

func (s *style) walk(node *html.Node, families []string, used usage) {
	if !s.effort.spend(1) {
		return
	}
	switch node.Type {
	case html.TextNode:
		if text := strings.TrimSpace(node.Data); text != "" {
			s.show(families, text, used)
		}
		return
	case html.ElementNode:
		switch node.DataAtom {
		case atom.Head, atom.Script, atom.Style, atom.Template:
			return
		}
		families = s.computed(node, families)
		s.show(families, s.generated(node), used)
		if isTypedInto(node) {
			for _, family := range families {
				used.of(family).searched = true
			}
		}
	}
	for child := node.FirstChild; child != nil; child = child.NextSibling {
		s.walk(child, families, used)
	}
}

func (s *style) show(families []string, text string, used usage) {
	if text == "" {
		return
	}
	s.add(families, text, used)
	if more := s.alsoShown(text); more != "" {
		s.add(families, more, used)
	}
}

// computed applies the cascade. It gives the value of the strongest rule that
// always holds, or else the inherited value, and the values of all rules that
// may hold.
func (s *style) computed(node *html.Node, inherited []string) []string {
	var best *rule
	var possible []string
	own := s.inlineRules(node)
	for _, rules := range [][]rule{s.rules, own} {
		for i := range rules {
			r := &rules[i]
			switch {
			case !s.effort.spend(1):
				return nil
			case r.matches != nil && !r.matches.matches(node, s.effort):
				if s.scripted && r.loose != nil && r.loose.matches(node, s.effort) {
					possible = append(possible, s.families(r.value)...)
				}
			case r.maybe:
				possible = append(possible, s.families(r.value)...)
			case best == nil || !weaker(r, best):
				best = r
			}
		}
	}
	families := inherited
	if list := attribute(node, "font-family"); list != "" { // of SVG, weaker than any rule
		families = s.families(list)
	} else if list := attribute(node, "face"); list != "" && node.DataAtom == atom.Font {
		families = s.families(list)
	}
	switch node.DataAtom {
	case atom.Code, atom.Pre, atom.Kbd, atom.Samp, atom.Tt:
		families = []string{"monospace"}
	}
	if best != nil {
		switch strings.ToLower(best.value) {
		case "inherit", "unset", "revert", "revert-layer":
			families = inherited
		case "initial":
			families = []string{"serif"}
		default:
			families = s.families(best.value)
		}
	}
	if len(possible) == 0 {
		return families
	}
	if !s.effort.spend(letterSteps * len(possible)) {
		return nil
	}
	all := slices.Concat(families, possible)
	slices.Sort(all)
	return slices.Compact(all)
}

// weaker says whether a loses against b, which came earlier.
func weaker(a, b *rule) bool {
	if a.important != b.important {
		return b.important
	}
	return a.specificity.Less(b.specificity)
}

// inlineRules reads the style attribute, which is stronger than any selector.
func (s *style) inlineRules(node *html.Node) []rule {
	text := attribute(node, "style")
	if !strings.Contains(strings.ToLower(text), "font") {
		return nil
	}
	inline := newStyle()
	inline.bytes = s.bytes
	inline.read("*{"+text+"}", 0)
	s.bytes = inline.bytes
	for i := range inline.rules {
		inline.rules[i].specificity = [3]int{1 << 20}
	}
	return inline.rules
}

// generated is the text that an element shows beside its text nodes.
func (s *style) generated(node *html.Node) string {
	var text strings.Builder
	switch node.DataAtom {
	case atom.Img, atom.Area:
		text.WriteString(attribute(node, "alt"))
	case atom.Input:
		if kind := strings.ToLower(attribute(node, "type")); kind != "hidden" {
			text.WriteString(attribute(node, "value") + attribute(node, "placeholder") + attribute(node, "alt"))
		}
		if strings.EqualFold(attribute(node, "type"), "password") {
			text.WriteString("•●")
		}
	case atom.Textarea:
		text.WriteString(attribute(node, "placeholder"))
	case atom.Optgroup, atom.Option:
		text.WriteString(attribute(node, "label"))
	case atom.Li:
		text.WriteString("•◦▪0123456789.-")
		if node.Parent != nil && attribute(node.Parent, "type") != "" {
			text.WriteString("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
		}
	case atom.Summary:
		text.WriteString("▸▾")
	case atom.Q:
		text.WriteString(quoteMarks)
	case atom.Details:
		text.WriteString("Details▸▾")
	}
	for i := range s.contents {
		r := &s.contents[i]
		if !s.effort.spend(1) {
			break
		}
		if r.matches == nil || r.matches.matches(node, s.effort) {
			text.WriteString(s.content(r.value, node))
		}
	}
	return text.String()
}

// content is the text that a content declaration makes for an element.
func (s *style) content(value string, node *html.Node) string {
	var text strings.Builder
	for _, value := range s.resolved(value) {
		if !s.effort.spend(1 + len(value)) {
			break
		}
		text.WriteString(literals(value))
		lower := strings.ToLower(value)
		if _, rest, ok := strings.Cut(lower, "attr("); ok {
			name, _, _ := strings.Cut(rest, ")")
			text.WriteString(attribute(node, strings.TrimSpace(name)))
		}
		if strings.Contains(lower, "counter") {
			text.WriteString("0123456789.-")
		}
		if strings.Contains(lower, "quote") {
			text.WriteString(quoteMarks)
		}
	}
	return text.String()
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// styleElements joins the contents of a page's <style> elements.
func styleElements(page string) (string, error) {
	document, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return "", fmt.Errorf("parse: %w", err)
	}
	var sheets []string
	for node := range document.Descendants() {
		if node.DataAtom == atom.Style && node.FirstChild != nil {
			sheets = append(sheets, node.FirstChild.Data)
		}
	}
	return strings.Join(sheets, "\n"), nil
}
