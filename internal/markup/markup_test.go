package markup

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/net/html"
)

func TestScriptsAndStylesStayInTheirElements(t *testing.T) {
	for text, want := range map[string]string{
		`f("</script>")`:             `f("<\/script>")`,
		`f("</SCRIPT x")`:            `f("<\/SCRIPT x")`,
		`f("</scripted>")`:           `f("<\/scripted>")`,
		`f("<!--<script>")`:          `f("\x3C!--<script>")`,
		`f("<!--</script>")`:         `f("\x3C!--<\/script>")`,
		`f("<!--", "<script")`:       `f("<!--", "<script")`,
		`f("<!--", "<script>")`:      `f("\x3C!--", "<script>")`,
		"<!--\nf()\n-->":             "<!--\nf()\n-->",
		`f("<!--") < 1`:              `f("<!--") < 1`,
		`f("<\/script>", "</style")`: `f("<\/script>", "</style")`,
	} {
		got := Script(text)
		assert.Equal(t, want, got)
		assert.True(t, Contains("script", got), got)
	}
	assert.Equal(t, `a{b:"<\/STYLE>"}`, Style(`a{b:"</STYLE>"}`))
}

func FuzzEscapedScriptStaysInItsElement(f *testing.F) {
	f.Add("<!--<script></script>-->")
	f.Add("</scr</script")
	f.Fuzz(func(t *testing.T, text string) {
		assert.True(t, Contains("script", Script(text)), text)
		assert.True(t, Contains("style", Style(text)), text)
	})
}

// tokens are the kinds and names of a page's tokens, "!" for what is foreign.
func tokens(source string) string {
	var all []string
	p := Page{Source: source}
	p.Walk(func(t Token) {
		name := t.Name
		switch {
		case t.Kind == html.TextToken && t.RawText:
			name = "raw"
		case t.Kind == html.TextToken:
			name = "text"
		case t.Kind == html.EndTagToken:
			name = "/" + name
		case t.Kind == html.CommentToken:
			name = "comment"
		}
		if t.Foreign {
			name += "!"
		}
		all = append(all, name)
	})
	return strings.Join(all, " ")
}

func TestWalkKnowsWhereItIs(t *testing.T) {
	for source, want := range map[string]string{
		"<style>a<b></style>":                                                      "style raw /style",
		"<svg><style>a<b/></style></svg><style>a<b>":                               "svg! style! text! b /style /svg style raw",
		"<svg><title>a<b>c</title></svg>":                                          "svg! title! text b text /title /svg",
		"<svg><title>a<p>b</title></svg><title>c":                                  "svg! title! text p text /title /svg title raw",
		"<body><math></body><title>":                                               "body math! /body! title!",
		"<svg><g><desc><div></g></desc></div></desc><g>":                           "svg! g! desc! div /g /desc /div /desc! g!",
		"<svg><g/><title/><path/></svg>x":                                          "svg! g! title! path! /svg! text",
		"<svg/><title>a</title>":                                                   "svg! title raw /title",
		"<svg><![CDATA[<a>]]></svg><![CDATA[<a>]]>":                                "svg! text! /svg! comment text",
		"<div><svg><g></div><title>x":                                              "div svg! g! /div title raw",
		"<svg></p><title>x":                                                        "svg! /p title raw",
		"<svg></b><g>":                                                             "svg! /b! g!",
		"<svg><g><img><title>x":                                                    "svg! g! img title raw",
		"<svg><font><font size=1><title>x":                                         "svg! font! font title raw",
		"<svg><foreignObject><style>a</style></foreignObject>":                     "svg! foreignobject! style raw /style /foreignobject!",
		"<math><mi><style>a</style><mglyph></mi><mo/>":                             "math! mi! style raw /style mglyph! /mi! mo!",
		"<math><annotation-xml><svg><title></title></svg></annotation-xml></math>": "math! annotation-xml! svg! title! /title! /svg! /annotation-xml! /math!",
		"<math><annotation-xml encoding=text/html><style>a":                        "math! annotation-xml! style raw",
		"<ul><svg><g></li><title>":                                                 "ul svg! g! /li! title!",
		"<mtext><ul><svg></mtext><title>":                                          "mtext ul svg! /mtext! title!",
		"<h1><svg></h2><title>x":                                                   "h1 svg! /h2 title raw",
		"<td><svg></td><title>":                                                    "td svg! /td! title!",
		"<table><td><svg><desc><td><title>x":                                       "table td svg! desc! td title raw",
		"<table><td><svg><desc></table><title>x":                                   "table td svg! desc! /table title raw",
		"<form><svg></form><title>":                                                "form svg! /form! title!",
		"<p><b></p><svg></b><title>x":                                              "p b /p svg! /b title raw",
		"<b><div><svg></b><title>x":                                                "b div svg! /b title raw",
		"<b><object><svg></b><title>":                                              "b object svg! /b! title!",
		"<noscript><a></noscript><script/>a</script>":                              "noscript a /noscript script raw /script",
	} {
		assert.Equal(t, want, tokens(source), source)
	}
}

func TestNoscriptIsOneTextWhereScriptsRun(t *testing.T) {
	p := Page{Source: "<noscript><a></noscript>", Scripting: true}
	count := 0
	p.Walk(func(Token) { count++ })
	assert.Equal(t, 3, count)
}

// A tag of many attributes, and end tags of nothing in deep SVG, cost a search
// for each if nothing is counted.
func BenchmarkHostilePages(b *testing.B) {
	for name, page := range map[string]func(n int) string{
		"attributes": func(n int) string {
			var tag strings.Builder
			for i := range n {
				fmt.Fprintf(&tag, " a%d", i)
			}
			return "<a" + tag.String() + ">"
		},
		"deep": func(n int) string { return strings.Repeat("<svg>", n) + strings.Repeat("</x>", n) },
	} {
		for _, n := range []int{50_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				source := page(n)
				for b.Loop() {
					tokens(source)
				}
			})
		}
	}
}
