package svgo

import (
	"context"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/fixture"
	"ddc/plugins/svgo/svgopb"
)

const open = `<svg xmlns="http://www.w3.org/2000/svg">`

func optimised(t *testing.T, source string) string {
	t.Helper()
	res, err := New().Optimise(context.Background(), &svgopb.OptimiseRequest{Path: "a.svg", Svg: source})
	require.NoError(t, err)
	return res.GetSvg()
}

// drawings are the SVG files of the fixture, and of the real sites that are
// there.
func drawings(t *testing.T) map[string]string {
	t.Helper()
	drawings := map[string]string{}
	for _, site := range fixture.Sites("dodeca-docs/docs", "sample-site") {
		for name, text := range fixture.Folder(t, site, "static") {
			if path.Ext(name) == ".svg" {
				drawings[site.Name+"/"+name] = text
			}
		}
	}
	return drawings
}

func TestDrawingsShrinkAndStayWhenDoneAgain(t *testing.T) {
	for name, source := range drawings(t) {
		small := optimised(t, source)
		assert.Less(t, len(small), len(source)*95/100, name)
		assert.Equal(t, small, optimised(t, small), name)
	}
}

func TestWhatIsShortened(t *testing.T) {
	for source, want := range map[string]string{
		// Invisible content is removed.
		open + "\n <!-- note -->\n <g>\n </g>\n</svg>\n":                                                                                              open + `<g/></svg>`,
		`<?xml version="1.0" encoding="latin1"?><!DOCTYPE svg>` + open + `</svg>`:                                                                     `<svg xmlns="http://www.w3.org/2000/svg"/>`,
		open + `<metadata>x</metadata><defs/></svg>`:                                                                                                  `<svg xmlns="http://www.w3.org/2000/svg"/>`,
		`<svg xmlns="http://www.w3.org/2000/svg" version="1.1" baseProfile="full"><g/></svg>`:                                                         open + `<g/></svg>`,
		`<svg xmlns="http://www.w3.org/2000/svg" xmlns:i="http://www.inkscape.org/namespaces/inkscape" i:version="1"><i:page/><g i:label="L"/></svg>`: open + `<g/></svg>`,
		`<!DOCTYPE svg [<!ENTITY c "red">]>` + open + `<g fill="&c;"/></svg>`:                                                                         open + `<g fill="red"/></svg>`,
		// Values get shorter.
		open + `<rect x="1.50px" y="0.50" width="010" height="1000000" rx="5%" ry="2.0em"/></svg>`: open + `<rect x="1.5" y=".5" width="10" height="1e6" rx="5%" ry="2em"/></svg>`,
		open + `<g fill="#FF0000" stroke="#aabbcc" color="black"/></svg>`:                          open + `<g fill="red" stroke="#abc" color="#000"/></svg>`,
		open + `<polygon points=" 0,0  10.0 , 5.50 "/></svg>`:                                      open + `<polygon points="0 0 10 5.5"/></svg>`,
		open + `<g transform=" translate( 1.0 , 2 )  rotate(45.00)"/></svg>`:                       open + `<g transform="translate(1 2)rotate(45)"/></svg>`,
		open + `<path d="M 10.0 10.0 L 20.0 10.0 L 20.0 20.0 Z"/></svg>`:                           open + `<path d="M10 10H20V20z"/></svg>`,
		open + `<g style=" fill : #ff0000 ; "/></svg>`:                                             open + `<g style="fill:red"/></svg>`,
		open + "<style type=\"text/css\">\n a > b { fill: #ff0000 }\n</style></svg>":               open + `<style type="text/css">a>b{fill:red}</style></svg>`,
		open + `<style><![CDATA[ a { b: url("x?a&b") } ]]></style></svg>`:                          open + `<style>a{b:url(x?a&amp;b)}</style></svg>`,
		"\ufeff" + open + "<g></g></svg>":                                                          open + `<g/></svg>`,
	} {
		assert.Equal(t, want, optimised(t, source))
	}
}

func TestWhatMattersStays(t *testing.T) {
	for name, source := range map[string]string{
		"ids and classes":         open + `<g id="01" class="1.0 b"/><use href="#01"/></svg>`,
		"viewBox":                 `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"/>`,
		"text":                    open + "<text>one <tspan>two</tspan> three</text></svg>",
		"preserved space":         open + `<text xml:space="preserve">  a  b  </text></svg>`,
		"title":                   open + "<title>A drawing </title><desc> of it</desc></svg>",
		"xlink":                   `<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink"><use x:href="#a"/></svg>`,
		"prefix in a value":       `<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink"><set attributeName="x:href"/></svg>`,
		"prefixed SVG":            `<s:svg xmlns:s="http://www.w3.org/2000/svg"><s:g/></s:svg>`,
		"style sheet instruction": `<?xml-stylesheet href="a.css"?>` + open + `<g fill="#ff0000"/></svg>`,
		"style sheet imported":    open + `<style>@import "a.css";</style><g fill="#ff0000"/></svg>`,
		"default attributes":      `<!DOCTYPE svg [<!ATTLIST g fill CDATA "red">]>` + open + `<g/></svg>`,
		"script":                  open + "<script>\n  // one\n  two(\"  \")\n</script><g fill=\"#ff0000\"/></svg>",
		"attribute selector":      open + `<style>[x="1.0"]{fill:#ff0000}</style><g x="1.0"/><defs/></svg>`,
		"HTML inside":             open + `<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">a <b>b</b> c</p></foreignObject></svg>`,
		"dot of a round cap":      open + `<path stroke-linecap="round" d="M 5 5 L 5 5"/></svg>`,
		"broken path":             open + `<path d="M 5 5 L 6 x 7"/></svg>`,
		"animated path":           open + `<path d="M 0 0 L 5 5"><animate attributeName="d" to="M 0 0 L 9 9"/></path></svg>`,
		"unknown transform":       open + `<g transform="translate(1 2) $"/></svg>`,
		"broken CSS":              open + `<style>a{b:c} }}{ (</style></svg>`,
		"other style language":    open + `<style type="text/less">a { b }</style></svg>`,
		"defs with an id":         open + `<defs id="a"/></svg>`,
		"length with odd unit":    open + `<rect width="1.0vw"/></svg>`,
	} {
		assert.Equal(t, source, optimised(t, source), name)
	}
}

func TestFileThatIsNoSVGIsRefusedWithThePlace(t *testing.T) {
	for source, want := range map[string]string{
		open + "\n<g>\n</svg>":      "a.svg:3:1: </svg> where </g> should be",
		open + "\n<g":               "a.svg:2:3: not well-formed XML",
		open + "<g a=1/></svg>":     "a.svg:1:47: not well-formed XML",
		open + "\n  <g a='' a=''/>": "a.svg:2:3: attribute a is there twice",
		open + "&nbsp;</svg>":       "a.svg:1:47: not well-formed XML: invalid character entity",
		open + "<g>":                "a.svg:1:44: <g> is never closed",
		open + "</svg><svg/>":       "a.svg:1:47: a second root element",
		open + "</svg> x":           "a.svg:1:47: text outside of <svg>",
		"</svg>":                    "a.svg:1:1: </svg> closes nothing",
		open + "<x:g/></svg>":       "a.svg:1:41: prefix of <x:g> is not declared",
		open + "<g x:a='1'/></svg>": "a.svg:1:41: prefix of attribute x:a is not declared",
		"<html/>":                   "a.svg:1:1: not an SVG: the root element is <html>",
		"":                          "a.svg:1:1: there is no <svg> in the file",
		"no XML at all":             "a.svg:1:1: text outside of <svg>",
	} {
		_, err := New().Optimise(context.Background(), &svgopb.OptimiseRequest{Path: "a.svg", Svg: source})
		assert.Equal(t, codes.InvalidArgument, status.Code(err), source)
		assert.ErrorContains(t, err, want)
	}
}

func TestSegmentsAreReadAsBrowsersDo(t *testing.T) {
	for shorter, longer := range map[string]string{
		"M1 2 3 4":                 "M1,2L3,4",
		"m1 2 3 4":                 "M1 2L4 6",
		"M0 0h5v5z":                "M0 0L5 0L5 5Z",
		"M0 0c1 1 2 2 3 3s2 2 3 3": "M0 0C1 1 2 2 3 3C4 4 5 5 6 6",
		"M0 0q1 1 2 0t2 0":         "M0 0Q1 1 2 0Q3 -1 4 0",
		"M0 0a1 1 0 01.5.5":        "M0 0A1 1 0 0 1 .5 .5",
		"M1 1zm2 2l1 1":            "M1 1ZM3 3L4 4",
		"M.5.5-1-1":                "M0.5 0.5 L -1 -1",
		"M0 0t1 1":                 "M0 0L1 1",
		"M0 0 1e1 1e-1":            "M0 0L10 0.1",
	} {
		a, ok := segments(shorter)
		require.True(t, ok, shorter)
		b, ok := segments(longer)
		require.True(t, ok, longer)
		assert.True(t, sameSegments(a, b), "%s is %s: %v, %v", shorter, longer, a, b)
	}
	for _, broken := range []string{"L1 1", "M1", "M1 1 L", "M1 1 x", "M1 1 A1 1 0 2 0 1 1", "1 1", "M1 1z2 2", "M,1 1x"} {
		_, ok := segments(broken)
		assert.False(t, ok, broken)
	}
}

func FuzzOptimisedStaysWellFormedAndStable(f *testing.F) {
	f.Add(open + `<g a="&amp;'"><text> a <b/>]]&gt;</text><style>a{b:c}</style></g></svg>`)
	f.Add(open + `<path d="M0 0L1 1 2 2z" transform="scale(2)"/><rect x="1.0"/></svg>`)
	f.Fuzz(func(t *testing.T, source string) {
		if strings.Contains(source, "\r") {
			return
		}
		res, err := New().Optimise(context.Background(), &svgopb.OptimiseRequest{Svg: source})
		if err != nil {
			assert.Equal(t, codes.InvalidArgument, status.Code(err))
			return
		}
		_, err = parse(res.GetSvg())
		assert.NoError(t, err, res.GetSvg())
	})
}

func BenchmarkLogo(b *testing.B) {
	source := fixture.Read(b, fixture.RealOrSkip(b, "dodeca-docs/docs"), "static/logo.svg")
	service := New()
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		if _, err := service.Optimise(context.Background(), &svgopb.OptimiseRequest{Svg: source}); err != nil {
			b.Fatal(err)
		}
	}
}
