package main

import (
	"fmt"
	"strings"
	"testing"
)

const inSheet = `^static/bomb\.css(:\d+:\d+)?: `

// A piece is a part of a long text that is not made before it is needed.
type piece func() string

func repeated(text string, n int) piece { return func() string { return strings.Repeat(text, n) } }

func count(n int, format string) piece { return func() string { return numbered(n, format) } }

func within(n int, open, inner, end string) piece {
	return func() string { return strings.Repeat(open, n) + inner + strings.Repeat(end, n) }
}

// whole joins strings and pieces.
func whole(parts ...any) string {
	var b strings.Builder
	for _, p := range parts {
		if later, is := p.(piece); is {
			p = later()
		}
		b.WriteString(p.(string))
	}
	return b.String()
}

// parts are a piece of strings and pieces.
func parts(of ...any) piece { return func() string { return whole(of...) } }

// file makes a bomb of one file of strings and pieces.
func file(path string, parts ...any) func(*testing.T, string) {
	return func(t *testing.T, site string) { write(t, site, path, whole(parts...)) }
}

// sheet is a style sheet, which may also be too much.
func sheet(name string, parts ...any) bomb {
	return bomb{name: name, mayBuild: true, fault: inSheet, make: file("static/bomb.css", parts...)}
}

// styleBombs are style sheets of the newer kinds of rules and values.
func styleBombs() []bomb {
	return []bomb{
		sheet("pseudo-classes in each other", within(120, ":is(a,:not(b,", "c", "))"), "{d:e}"),
		sheet("nested rules that multiply", "a{", within(100, "&,&{", "b:c", "}"), "}"),
		sheet("nested rules below many selectors", count(1000, ".a%d,"), ".b{", count(50_000, "&.c%d{color:red}"), "}"),
		sheet("variables that double", ":root{--a0:x;", count(50_000, "--b%d:var(--a%[1]d)var(--a%[1]d);"), "}"),
		sheet("a picture of forty megabytes", "a{background:url(data:image/png;base64,", repeated("AAAA", 10<<20), ")}"),
		sheet("half a million transforms", "a{transform:", repeated("translate3d(0px,0px,0px) ", 500_000), "}"),
		sheet("a comment of a style sheet without an end", "a{b:c}/*", repeated("/* ", 5_000_000)),
		{name: "a circle of 500 style sheets", make: chain},
		{name: "style sheets that import each other", make: func(t *testing.T, site string) {
			for _, name := range []string{"a", "b", "c"} {
				write(t, site, "static/"+name+".css", "@import 'a.css';@import 'b.css';@import 'c.css';"+name+"{font-family:b}")
			}
			inFont(`@import "a.css";`, "A")(t, site)
		}},
	}
}

// chain are style sheets that each import the next.
func chain(t *testing.T, site string) {
	for i := range 500 {
		write(t, site, fmt.Sprintf("static/s%d.css", i), fmt.Sprintf("@import \"s%d.css\";", (i+1)%500))
	}
	inFont(`@import "s0.css";`, "A")(t, site)
}

// inFont is a page in a font, whose body only its template has, with more of a
// style sheet.
func inFont(css, body any) func(*testing.T, string) {
	return func(t *testing.T, site string) {
		write(t, site, "static/bomb.ttf", string(trueType([]string{simpleGlyph}, 0)),
			"static/bomb.css", whole(css)+"@font-face{font-family:b;src:url(/bomb.ttf)}\nbody{font-family:b}\n",
			"templates/page.html", `<html><head><title>{{ page.title }}</title><link rel="stylesheet" href="/bomb.css"></head><body>`+whole(body)+`</body></html>`,
			"content/bomb.md", "+++\ntitle = \"bomb\"\n+++\n")
	}
}

// fontBombs are sheets and pages whose letters are hard to find.
func fontBombs() []bomb {
	deep := within(400, "<div>", "<i>a</i>", "</div>")
	return []bomb{
		{name: "a selector that every ancestor matches", quick: true, make: inFont(".x div div div div div div div i{font-family:b}", deep)},
		{name: "a selector that every sibling matches", make: inFont(".x ~ i ~ i ~ i ~ i{font-family:b}", repeated("<i>a</i>", 5_000))},
		{name: "children that are counted", make: inFont("i:nth-last-child(7n){font-family:b}", parts("<p>", repeated("<i>a</i>", 100_000), "</p>"))},
		{name: "elements that have elements", make: inFont(":has(:has(:has(:has(x)))){font-family:b}", deep)},
		{name: "many rules about fonts and many elements", make: inFont(count(20_000, ".a%d{font-family:b}"), repeated("<i>a</i>", 50_000))},
		{name: "rules about fonts below many selectors", make: inFont(parts(count(1000, ".a%d,"), ".b{", count(50_000, "&.c%d{font-family:b}"), "}"), "A")},
		{name: "variables of families that multiply", make: inFont(parts(count(600, ":root{--a:var(--b) f%d}"), ":root{--b:", repeated("g ", 400_000), "}i{font-family:var(--a)}"), "<i>a</i>")},
		{name: "content of variables that multiply", make: inFont(parts(count(600, ":root{--a:var(--b) \"%d\"}"), ":root{--b:\"", repeated("gh", 400_000), "\"}i::before{content:var(--a)}"), repeated("<i>a</i>", 10_000))},
		{name: "attributes of families that multiply", make: inFont(count(600, ":root{--a:f%d}"), count(50_000, "<i style=\"font-family:var(--a),x%d\">a</i>"))},
		{name: "a hundred thousand faces of a font", make: inFont(count(100_000, "@font-face{font-family:b;font-weight:%d;src:url(/bomb.ttf)}"), letters(5_000))},
		{name: "a paragraph of a million syllables", make: inFont("", repeated("한글", 500_000))},
		{name: "elements that each paragraph repeats", make: inFont("", parts(count(400, "<b a=%d>"), repeated("<p>x", 50_000)))},
		{name: "attributes of many roots", make: inFont("", parts("<html ", count(20_000, "a%d "), ">", repeated("<html a><body b>", 20_000)))},
	}
}

// letters are so many that differ.
func letters(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteRune(rune(0x4e00 + i))
	}
	return b.String()
}
