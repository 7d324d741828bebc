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
// the contrast was under 4.5 to 1. It has no light variant: on a page that is
// always dark, readers who prefer light would get light blocks, which is worse
// than dark blocks on a light page.
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
// a page of any colour. It applies only to highlighted blocks.
func stylesheet() string {
	var out strings.Builder
	writeTheme(&out, tokyoNight())
	out.WriteString("pre:has(>code>span)>code{background:none;color:inherit}\n")
	out.WriteString("pre>code :is(.c,.c1,.ch,.cm,.cs,.ge){font-style:italic}\npre>code .gs{font-weight:bold}\npre>code .gl{text-decoration:underline}\n")
	return out.String()
}

func writeTheme(out *strings.Builder, t theme) {
	fmt.Fprintf(out, "pre:has(>code>span){background:%s;color:%s}\n", t.background, t.text)
	for _, i := range []ink{keywordInk, nameInk, functionInk, kindInk, textInk, numberInk, quietInk, addedInk, removedInk} {
		fmt.Fprintf(out, "pre>code :is(%s){color:%s}\n", strings.Join(selectors(i), ","), t.colours[i])
	}
}

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
