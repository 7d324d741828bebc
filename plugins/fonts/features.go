package fonts

import (
	"maps"
	"slices"
	"strings"
)

// features are the OpenType features that style sheets ask for: hb-subset drops
// those that are off by default unless it is told.
type features struct {
	named map[string]bool
	// inVariables are strings in variables that may be features, and
	// ofVariables says that one of them may be asked for.
	inVariables map[string]bool
	ofVariables bool
}

// variants are the features behind the words of font-variant and its parts.
var variants = map[string]string{
	"small-caps": "smcp", "all-small-caps": "smcp c2sc", "petite-caps": "pcap", "all-petite-caps": "pcap c2pc", "unicase": "unic", "titling-caps": "titl",
	"lining-nums": "lnum", "oldstyle-nums": "onum", "proportional-nums": "pnum", "tabular-nums": "tnum",
	"diagonal-fractions": "frac", "stacked-fractions": "afrc", "ordinal": "ordn", "slashed-zero": "zero", "sub": "subs", "super": "sups",
	"discretionary-ligatures": "dlig", "historical-ligatures": "hlig", "historical-forms": "hist", "contextual": "calt",
	"jis78": "jp78", "jis83": "jp83", "jis90": "jp90", "jis04": "jp04", "simplified": "smpl", "traditional": "trad",
	"full-width": "fwid", "proportional-width": "pwid", "ruby": "ruby",
}

// declare reads a declaration.
func (f *features) declare(name, value string) {
	lower := strings.ToLower(value)
	switch {
	case strings.HasPrefix(name, "--"):
		for _, tag := range tags(value) {
			f.inVariables[tag] = true
		}
	case name == "font-feature-settings":
		for _, tag := range tags(value) {
			f.named[tag] = true
		}
	case name == "font-variant-alternates", strings.HasPrefix(name, "font-variant") && strings.Contains(lower, "("):
		f.named["*"] = true // named in @font-feature-values, for each family apart
	case name == "font", strings.HasPrefix(name, "font-variant"):
		for _, word := range strings.Fields(lower) {
			for _, tag := range strings.Fields(variants[word]) {
				f.named[tag] = true
			}
		}
	default:
		return
	}
	f.ofVariables = f.ofVariables || !strings.HasPrefix(name, "--") && strings.Contains(lower, "var(")
}

// tags are the strings of four characters in a value.
func tags(value string) (found []string) {
	for _, match := range quoted.FindAllStringSubmatch(value, -1) {
		if tag := match[1] + match[2]; len(tag) == 4 && !strings.ContainsAny(tag, `, \`) {
			found = append(found, tag)
		}
	}
	return found
}

// asked are the features that the sheets ask for, sorted.
func (s *style) asked() []string {
	f := s.features
	if f.ofVariables {
		maps.Copy(f.named, f.inVariables)
	}
	return slices.Sorted(maps.Keys(f.named))
}
