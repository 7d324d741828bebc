package syntax_highlight

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/chroma/v2"
)

// theme is one set of colours.
type theme struct {
	background, text string
	colours          map[ink]string
}

// ink is a colour's role in a theme. There are few inks: readers tell six
// colours apart, not eighty token types.
type ink string

const (
	plainInk    ink = ""
	keywordInk  ink = "keyword"
	nameInk     ink = "name"
	functionInk ink = "function"
	kindInk     ink = "kind"
	textInk     ink = "text"
	numberInk   ink = "number"
	quietInk    ink = "quiet"
	addedInk    ink = "added"
	removedInk  ink = "removed"
)

// tokyoNight follows the theme that these sites had, but with paler inks where
// the contrast was under 4.5 to 1. By itself it has no light variant: on a page
// that is always dark, readers who prefer light would get light blocks, which
// is worse than dark blocks on a light page.
func tokyoNight() theme {
	return theme{"#1a1b26", "#c0caf5", map[ink]string{
		keywordInk: "#bb9af7", nameInk: "#7dcfff", functionInk: "#7aa2f7", kindInk: "#2ac3de", textInk: "#9ece6a", numberInk: "#ff9e64", quietInk: "#868eb5",
		addedInk: "#9ece6a", removedInk: "#f7768e",
	}}
}

// inkOf gives a token type its ink. A type without one has its parent type's.
func inkOf(t chroma.TokenType) ink {
	for ; t != 0; t = t.Parent() {
		switch t {
		case chroma.Keyword, chroma.OperatorWord, chroma.NameTag, chroma.GenericHeading, chroma.GenericSubheading, chroma.StringInterpol:
			return keywordInk
		case chroma.NameFunction, chroma.NameFunctionMagic, chroma.NameDecorator, chroma.NameBuiltin:
			return functionInk
		case chroma.KeywordType, chroma.NameClass, chroma.NameException, chroma.NameNamespace:
			return kindInk
		case chroma.NameAttribute, chroma.NameProperty, chroma.NameVariable, chroma.NameBuiltinPseudo, chroma.NameEntity, chroma.NameLabel:
			return nameInk
		case chroma.LiteralString:
			return textInk
		case chroma.LiteralNumber, chroma.LiteralDate, chroma.NameConstant, chroma.KeywordConstant, chroma.LiteralStringEscape, chroma.LiteralStringSymbol:
			return numberInk
		case chroma.Comment, chroma.GenericPrompt, chroma.GenericOutput:
			return quietInk
		case chroma.GenericInserted:
			return addedInk
		case chroma.GenericDeleted, chroma.GenericError:
			return removedInk
		}
	}
	return plainInk
}

// stylesheet sets background and text together, so that a block is readable on
// a page of any colour. It applies only to highlighted blocks. A theme that is
// not known is replaced by one of its kind, and named.
func stylesheet(light, dark string) (css string, unknown []string) {
	var out strings.Builder
	find := func(name, otherwise string) theme {
		t, known := themeOf(name)
		if !known {
			unknown = append(unknown, name)
			t, _ = themeOf(otherwise)
		}
		return t
	}
	switch {
	case light == "" && dark == "":
		writeTheme(&out, "", tokyoNight().legible())
	case light == "" || dark == "":
		writeTheme(&out, "", find(light+dark, map[bool]string{true: "tokyo-night", false: "github-light"}[light == ""]))
	default:
		// A page may choose by itself, with data-theme on its root; else the
		// reader's system does.
		writeTheme(&out, "", find(light, "github-light"))
		night := find(dark, "tokyo-night")
		out.WriteString("@media (prefers-color-scheme:dark){\n")
		writeTheme(&out, ":root:not([data-theme=light]) ", night)
		out.WriteString("}\n")
		writeTheme(&out, ":root[data-theme=dark] ", night)
	}
	out.WriteString("pre:has(>code>span)>code{background:none;color:inherit}\n")
	out.WriteString("pre>code :is(.c,.c1,.ch,.cm,.cs,.ge){font-style:italic}\npre>code .gs{font-weight:bold}\npre>code .gl{text-decoration:underline}\n")
	out.WriteString(decorations)
	return out.String(), unknown
}

// writeTheme writes a theme's rules, each selector with a prefix.
func writeTheme(out *strings.Builder, prefix string, t theme) {
	fmt.Fprintf(out, "%spre:has(>code>span){background:%s;color:%s}\n", prefix, t.background, t.text)
	for _, i := range inks {
		fmt.Fprintf(out, "%spre>code :is(%s){color:%s}\n", prefix, strings.Join(selectors(i), ","), t.colours[i])
	}
}

// inks are those that a theme has colours for.
var inks = []ink{keywordInk, nameInk, functionInk, kindInk, textInk, numberInk, quietInk, addedInk, removedInk}

// selectors are the classes of an ink, sorted.
func selectors(i ink) []string {
	var classes []string
	for t, class := range chroma.StandardTypes {
		if class != "" && inkOf(t) == i {
			classes = append(classes, "."+class)
		}
	}
	slices.Sort(classes)
	return classes
}
